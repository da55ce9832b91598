import torch
import triton
import triton.language as tl


@triton.jit
def _redefined(x_ptr, out_ptr, n, BLOCK: tl.constexpr):
    at = tl.arange(0, BLOCK)
    x = tl.load(x_ptr + at, mask=at < n)
    tl.store(out_ptr + at, x * 2, mask=at < n)


def redefined(x):
    out = torch.empty_like(x)
    _redefined[(1,)](x, out, x.numel(), BLOCK=triton.next_power_of_2(x.numel()))
    return out

##################################################################################################################################################

import torch

def redefined(x):
    return x * 2

def test_redefined():
    results = {}
    results['test_case_1'] = redefined(torch.tensor([-1.0, 0.5, 2.0, 3.0, -4.0], device='cuda'))
    return results

result_gold = test_redefined()
