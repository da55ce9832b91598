import torch


def open_fence(x):
    return x * 2

##################################################################################################################################################

import torch

def test_open_fence():
    results = {}
    results['test_case_1'] = open_fence(torch.tensor([-1.0, 0.5, 2.0, 3.0, -4.0], device='cuda'))
    return results

test_results = test_open_fence()
