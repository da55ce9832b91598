import time

import torch
import triton
import triton.language as tl


@triton.jit
def _hanging(x_ptr, out_ptr, n, BLOCK: tl.constexpr):
    at = tl.arange(0, BLOCK)
    x = tl.load(x_ptr + at, mask=at < n)
    tl.store(out_ptr + at, x * 2, mask=at < n)


def hanging(x):
    time.sleep(3600)
    out = torch.empty_like(x)
    _hanging[(1,)](x, out, x.numel(), BLOCK=triton.next_power_of_2(x.numel()))
    return out

##################################################################################################################################################

import torch

def test_hanging():
    results = {}
    results['test_case_1'] = hanging(torch.tensor([-1.0, 0.5, 2.0, 3.0, -4.0], device='cuda'))
    return results

result_gold = test_hanging()
