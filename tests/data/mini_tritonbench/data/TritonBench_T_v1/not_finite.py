import torch


def logarithm(x):
    return torch.log(x)

##################################################################################################################################################

import torch

def test_logarithm():
    results = {}
    results['test_case_1'] = logarithm(torch.tensor([-1.0, 0.0, 1.0, 2.0], device='cuda'))
    return results

test_results = test_logarithm()
