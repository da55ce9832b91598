import torch


def twofold(x, *, out=None):
    return torch.mul(x, 2, out=out)

##################################################################################################################################################

import torch

def test_twofold():
    results = {}
    x = torch.tensor([-1.0, 0.5, 2.0, 3.0, -4.0], device='cuda')
    out = torch.zeros_like(x)
    twofold(x, out=out)
    results['test_case_1'] = out
    return results

test_results = test_twofold()
