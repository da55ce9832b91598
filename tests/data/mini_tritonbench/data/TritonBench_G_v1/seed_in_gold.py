import torch
import triton
import triton.language as tl

torch.manual_seed(7)


@triton.jit
def _seeded_double(x_ptr, out_ptr, n, BLOCK: tl.constexpr):
    at = tl.arange(0, BLOCK)
    x = tl.load(x_ptr + at, mask=at < n)
    tl.store(out_ptr + at, x * 2, mask=at < n)


def seeded_double(x):
    out = torch.empty_like(x)
    _seeded_double[(1,)](x, out, x.numel(), BLOCK=triton.next_power_of_2(x.numel()))
    return out

##################################################################################################################################################

import torch

def test_seeded_double():
    results = {}
    results['test_case_1'] = seeded_double(torch.randn(5, device='cuda'))
    return results

result_gold = test_seeded_double()
