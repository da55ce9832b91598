import torch


def some(x):
    return x * 2

##################################################################################################################################################

import torch

def test_some():
    results = {}
    results['test_case_1'] = some(torch.zeros(0, 3, device='cuda'))
    results['test_case_2'] = some(torch.tensor([-1.0, 0.5, 2.0, 3.0, -4.0], device='cuda'))
    return results

test_results = test_some()
