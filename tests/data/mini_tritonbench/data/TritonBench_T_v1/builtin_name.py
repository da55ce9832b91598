import torch


def abs(x):
    return torch.abs(x)

##################################################################################################################################################

import torch

def test_abs():
    results = {}
    results['test_case_1'] = abs(torch.tensor([-1.0, 0.5, 2.0, 3.0, -4.0], device='cuda'))
    return results

test_results = test_abs()
