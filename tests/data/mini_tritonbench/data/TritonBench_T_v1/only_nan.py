import torch


def root(x):
    return torch.sqrt(x)

##################################################################################################################################################

import torch

def test_root():
    results = {}
    results['test_case_1'] = root(torch.tensor([-1.0, -2.0, -3.0], device='cuda'))
    return results

test_results = test_root()
