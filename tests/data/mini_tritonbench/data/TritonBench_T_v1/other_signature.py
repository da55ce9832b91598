import torch


def blend(x, other, w):
    return x + (other - x) * w

##################################################################################################################################################

import torch

def test_blend():
    results = {}
    x = torch.tensor([-1.0, 0.5, 2.0, 3.0, -4.0], device='cuda')
    results['test_case_1'] = blend(x, other=x * x, w=0.25)
    return results

test_results = test_blend()
