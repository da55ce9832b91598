import torch
import triton
import triton.language as tl

SIZES = {'block': 8}


class Settings:
    block = SIZES['block']


@triton.jit
def _settle(x_ptr, out_ptr, n, BLOCK: tl.constexpr):
    at = tl.arange(0, BLOCK)
    x = tl.load(x_ptr + at, mask=at < n)
    tl.store(out_ptr + at, x * 2, mask=at < n)


def settle(x):
    out = torch.empty_like(x)
    _settle[(1,)](x, out, x.numel(), BLOCK=Settings.block)
    return out

##################################################################################################################################################

import torch

def test_settle():
    results = {}
    results['test_case_1'] = settle(torch.tensor([-1.0, 0.5, 2.0, 3.0, -4.0], device='cuda'))
    return results

result_gold = test_settle()
