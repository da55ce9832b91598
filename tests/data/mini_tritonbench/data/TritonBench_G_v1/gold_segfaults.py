import ctypes

import torch
import triton
import triton.language as tl


@triton.jit
def _crashing(x_ptr, out_ptr, n, BLOCK: tl.constexpr):
    at = tl.arange(0, BLOCK)
    x = tl.load(x_ptr + at, mask=at < n)
    tl.store(out_ptr + at, x * 2, mask=at < n)


def crashing(x):
    ctypes.string_at(0)
    out = torch.empty_like(x)
    _crashing[(1,)](x, out, x.numel(), BLOCK=triton.next_power_of_2(x.numel()))
    return out

##################################################################################################################################################

import torch

def test_crashing():
    results = {}
    results['test_case_1'] = crashing(torch.tensor([-1.0, 0.5, 2.0, 3.0, -4.0], device='cuda'))
    return results

result_gold = test_crashing()
