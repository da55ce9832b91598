import torch
import triton
import triton.language as tl


@triton.jit
def _into(x_ptr, out_ptr, n, BLOCK: tl.constexpr):
    at = tl.arange(0, BLOCK)
    x = tl.load(x_ptr + at, mask=at < n)
    tl.store(out_ptr + at, x * 2, mask=at < n)


def into(x, out):
    _into[(1,)](x, out, x.numel(), BLOCK=triton.next_power_of_2(x.numel()))
    return out

##################################################################################################################################################

import torch

def test_into():
    results = {}
    out = torch.zeros(3, device='cuda')
    results['test_case_1'] = into(torch.tensor([-1.0, -2.0, 3.0], device='cuda'), out)
    results['test_case_2'] = into(torch.tensor([4.0, 5.0, 6.0], device='cuda'), out)
    return results

result_gold = test_into()
