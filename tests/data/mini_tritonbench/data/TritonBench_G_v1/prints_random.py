import torch
import triton
import triton.language as tl


@triton.jit
def _twice(x_ptr, out_ptr, n, BLOCK: tl.constexpr):
    at = tl.arange(0, BLOCK)
    x = tl.load(x_ptr + at, mask=at < n)
    tl.store(out_ptr + at, x * 2, mask=at < n)


def twice(x):
    out = torch.empty_like(x)
    _twice[(1,)](x, out, x.numel(), BLOCK=triton.next_power_of_2(x.numel()))
    return out

##################################################################################################################################################

import torch

def test_twice():
    results = {}
    x = torch.randn(5, device='cuda')
    results['test_case_1'] = twice(x)
    print(results)
    return results

result_gold = test_twice()
