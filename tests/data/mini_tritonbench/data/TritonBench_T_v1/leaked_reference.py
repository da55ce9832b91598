import torch


def leaky(x):
    return x * 2

##################################################################################################################################################

import torch

def reference(x):
    return x * 2

def test_leaky():
    results = {}
    results['test_case_1'] = reference(torch.tensor([-1.0, 0.5, 2.0, 3.0, -4.0], device='cuda'))
    return results

test_results = test_leaky()
