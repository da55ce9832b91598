import torch
import triton
import triton.language as tl


@triton.jit
def _negate(x_ptr, out_ptr, n, BLOCK: tl.constexpr):
    at = tl.arange(0, BLOCK)
    x = tl.load(x_ptr + at, mask=at < n)
    tl.store(out_ptr + at, -x, mask=at < n)


def negate(x):
    out = torch.empty_like(x)
    _negate[(1,)](x, out, x.numel(), BLOCK=triton.next_power_of_2(x.numel()))
    return out

##################################################################################################################################################

import torch

def test_negate():
    results = {}
    results['test_case_1'] = negate(torch.tensor([1.0, 2.0], device='cuda'))
    return results

result_gold = test_negate()
