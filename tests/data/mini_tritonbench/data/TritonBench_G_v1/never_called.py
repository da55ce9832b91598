import torch
import triton
import triton.language as tl


@triton.jit
def _fill(x_ptr, out_ptr, n, BLOCK: tl.constexpr):
    at = tl.arange(0, BLOCK)
    x = tl.load(x_ptr + at, mask=at < n)
    tl.store(out_ptr + at, x * 2, mask=at < n)


def fill(x, out):
    _fill[(1,)](x, out, x.numel(), BLOCK=triton.next_power_of_2(x.numel()))

##################################################################################################################################################

import torch

def test_fill():
    results = {}
    x = torch.tensor([-1.0, 0.5, 2.0, 3.0, -4.0], device='cuda')
    out = torch.zeros_like(x)
    results['test_case_1'] = fill(x, out)
    return results
