import torch
import triton
import triton.language as tl


@triton.jit
def _measure(x_ptr, out_ptr, n, BLOCK: tl.constexpr):
    at = tl.arange(0, BLOCK)
    x = tl.load(x_ptr + at, mask=at < n)
    tl.store(out_ptr + at, x * 2, mask=at < n)


def measure(x):
    out = torch.empty_like(x)
    _measure[(1,)](x, out, x.numel(), BLOCK=triton.next_power_of_2(x.numel()))
    return tuple(out.shape)

##################################################################################################################################################

import torch

def test_measure():
    results = {}
    results['test_case_1'] = measure(torch.tensor([-1.0, 0.5, 2.0, 3.0, -4.0], device='cuda'))
    return results

result_gold = test_measure()
