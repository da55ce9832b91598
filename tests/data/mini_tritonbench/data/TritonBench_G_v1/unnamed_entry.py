import torch
import triton
import triton.language as tl


@triton.jit
def _halve_all(x_ptr, out_ptr, n, BLOCK: tl.constexpr):
    at = tl.arange(0, BLOCK)
    x = tl.load(x_ptr + at, mask=at < n)
    tl.store(out_ptr + at, x / 2, mask=at < n)


def halve_all(x):
    out = torch.empty_like(x)
    _halve_all[(1,)](x, out, x.numel(), BLOCK=triton.next_power_of_2(x.numel()))
    return out

##################################################################################################################################################

import torch

def test_halve_all():
    results = {}
    results['test_case_1'] = halve_all(torch.tensor([-1.0, 0.5, 2.0, 3.0, -4.0], device='cuda'))
    return results

result_gold = test_halve_all()
