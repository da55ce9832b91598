import torch
import triton
import triton.language as tl


@triton.jit
def _run(x_ptr, out_ptr, n, BLOCK: tl.constexpr):
    at = tl.arange(0, BLOCK)
    x = tl.load(x_ptr + at, mask=at < n)
    tl.store(out_ptr + at, x * 2, mask=at < n)


def run(n):
    x = torch.randn(n, device='cuda')
    out = torch.empty_like(x)
    _run[(1,)](x, out, n, BLOCK=triton.next_power_of_2(n))
    return out

##################################################################################################################################################

import torch

def test_run():
    results = {}
    for n in (3, 4):
        results[f'test_case_{n}'] = run(n)
    return results

result_gold = test_run()
