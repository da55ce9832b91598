import torch
import triton
import triton.language as tl


@triton.jit
def _overrun(x_ptr, out_ptr, n, BLOCK: tl.constexpr):
    at = tl.arange(0, BLOCK)
    x = tl.load(x_ptr + at)
    tl.store(out_ptr, tl.sum(x, axis=0))


def overrun(x):
    out = torch.empty((), device=x.device)
    _overrun[(1,)](x, out, x.numel(), BLOCK=triton.next_power_of_2(x.numel()))
    return out

##################################################################################################################################################

import torch

def test_overrun():
    results = {}
    results['test_case_1'] = overrun(torch.tensor([-1.0, 0.5, 2.0, 3.0, -4.0], device='cuda'))
    return results

result_gold = test_overrun()
