import torch
import triton
import triton.language as tl


@triton.jit
def _double_empty(x_ptr, out_ptr, n, BLOCK: tl.constexpr):
    at = tl.arange(0, BLOCK)
    x = tl.load(x_ptr + at, mask=at < n)
    tl.store(out_ptr + at, x * 2, mask=at < n)


def double_empty(x):
    out = torch.empty_like(x)
    _double_empty[(1,)](x, out, x.numel(), BLOCK=triton.next_power_of_2(x.numel()))
    return out

##################################################################################################################################################

import torch

def test_double_empty():
    results = {}
    results['test_case_1'] = double_empty(torch.empty(6, device='cuda'))
    return results

result_gold = test_double_empty()
