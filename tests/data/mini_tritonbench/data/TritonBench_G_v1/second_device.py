import torch
import triton
import triton.language as tl


@triton.jit
def _double_there(x_ptr, out_ptr, n, BLOCK: tl.constexpr):
    at = tl.arange(0, BLOCK)
    x = tl.load(x_ptr + at, mask=at < n)
    tl.store(out_ptr + at, x * 2, mask=at < n)


def double_there(x):
    out = torch.empty_like(x)
    _double_there[(1,)](x, out, x.numel(), BLOCK=triton.next_power_of_2(x.numel()))
    return out

##################################################################################################################################################

import torch

def test_double_there():
    results = {}
    x = torch.tensor([1.0, 2.0, 3.0], device='cuda:1')
    results['test_case_1'] = double_there(x)
    return results

result_gold = test_double_there()
