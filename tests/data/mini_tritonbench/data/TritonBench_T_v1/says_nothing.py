import torch


def says_nothing(x):
    return x * 2

##################################################################################################################################################

import torch

def test_says_nothing():
    results = {}
    results['test_case_1'] = says_nothing(torch.tensor([-1.0, 0.5, 2.0, 3.0, -4.0], device='cuda'))
    return results

test_results = test_says_nothing()
