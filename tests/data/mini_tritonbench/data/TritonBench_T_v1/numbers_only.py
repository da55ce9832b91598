import torch


def total(x):
    return x.sum().item()

##################################################################################################################################################

import torch

def test_total():
    results = {}
    results['test_case_1'] = total(torch.tensor([-1.0, 0.5, 2.0, 3.0, -4.0], device='cuda'))
    return results

test_results = test_total()
