import torch
import triton
import triton.language as tl


@triton.jit
def _clip_(x_ptr, out_ptr, n, BLOCK: tl.constexpr):
    at = tl.arange(0, BLOCK)
    x = tl.load(x_ptr + at, mask=at < n)
    tl.store(out_ptr + at, tl.maximum(x, 0.0), mask=at < n)


def clip_(x):
    out = x
    _clip_[(1,)](x, out, x.numel(), BLOCK=triton.next_power_of_2(x.numel()))
    return x

##################################################################################################################################################

import torch

def test_clip_():
    results = {}
    x = torch.tensor([-1.0, 0.5, 2.0, 3.0, -4.0], device='cuda')
    results['test_case_1'] = clip_(x)
    return results

result_gold = test_clip_()
