import torch


def small(x):
    return x < 100

##################################################################################################################################################

import torch

def test_small():
    results = {}
    results['test_case_1'] = small(torch.tensor([-1.0, 0.5, 2.0, 3.0, -4.0], device='cuda'))
    return results

test_results = test_small()
