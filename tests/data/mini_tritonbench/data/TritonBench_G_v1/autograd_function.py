import torch
import triton
import triton.language as tl


@triton.jit
def _twice_of(x_ptr, out_ptr, n, BLOCK: tl.constexpr):
    at = tl.arange(0, BLOCK)
    x = tl.load(x_ptr + at, mask=at < n)
    tl.store(out_ptr + at, x * 2, mask=at < n)


def twice_of(x):
    out = torch.empty_like(x)
    _twice_of[(1,)](x, out, x.numel(), BLOCK=triton.next_power_of_2(x.numel()))
    return out


class Twice(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return twice_of(x)

    @staticmethod
    def backward(ctx, grad):
        return twice_of(grad.contiguous())

##################################################################################################################################################

import torch

def test_Twice():
    results = {}
    x = torch.tensor([-1.0, 0.5, 2.0, 3.0, -4.0], device='cuda').requires_grad_()
    y = Twice.apply(x)
    y.sum().backward()
    results['test_case_1'] = y
    return results

result_gold = test_Twice()
