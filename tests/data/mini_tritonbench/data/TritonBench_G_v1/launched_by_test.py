import torch
import triton
import triton.language as tl


@triton.jit
def double_kernel(x_ptr, out_ptr, n, BLOCK: tl.constexpr):
    at = tl.arange(0, BLOCK)
    x = tl.load(x_ptr + at, mask=at < n)
    tl.store(out_ptr + at, x * 2, mask=at < n)

##################################################################################################################################################

import torch

def test_double_kernel():
    results = {}
    x = torch.tensor([-1.0, 0.5, 2.0, 3.0, -4.0], device='cuda')
    out = torch.zeros_like(x)
    double_kernel[(1,)](x, out, 5, BLOCK=8)
    results['test_case_1'] = out
    return results

result_gold = test_double_kernel()
