import torch
import triton
import triton.language as tl


@triton.jit
def _drop(x_ptr, out_ptr, n, p, seed, BLOCK: tl.constexpr):
    at = tl.arange(0, BLOCK)
    x = tl.load(x_ptr + at, mask=at < n)
    kept = tl.rand(seed, at) > p
    tl.store(out_ptr + at, tl.where(kept, x / (1 - p), 0.0), mask=at < n)


def seeded_dropout(x, p, seed):
    out = torch.empty_like(x)
    _drop[(1,)](x, out, x.numel(), p, seed, BLOCK=triton.next_power_of_2(x.numel()))
    return out

##################################################################################################################################################

import torch

def test_seeded_dropout():
    results = {}
    x = torch.rand(256, device='cuda') + 1
    results['test_case_1'] = seeded_dropout(x, 0.5, 123)
    return results

result_gold = test_seeded_dropout()
