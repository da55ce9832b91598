import torch
import triton
import triton.language as tl


@triton.jit
def _scale_random(x_ptr, out_ptr, n, BLOCK: tl.constexpr):
    at = tl.arange(0, BLOCK)
    x = tl.load(x_ptr + at, mask=at < n)
    tl.store(out_ptr + at, x * 2, mask=at < n)


def scale_random(x):
    out = torch.empty_like(x)
    _scale_random[(1,)](x, out, x.numel(), BLOCK=triton.next_power_of_2(x.numel()))
    return out

##################################################################################################################################################

import torch

def test_scale_random():
    results = {}
    for n in (3, 6):
        x = torch.randn(n, device='cuda')
        results[f'test_case_{n}'] = scale_random(x)
    return results

result_gold = test_scale_random()
