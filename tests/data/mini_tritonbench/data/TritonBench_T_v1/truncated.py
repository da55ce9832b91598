import torch


def truncated(x):
    return x * 2

##################################################################################################################################################

import torch

def test_truncated():
    results = {}
    results['test_case_1'] = truncated(torch.tensor([-1.0, 0.5, 2.0, 3.0, -4.0], device='cuda'))
    return results

test_results = test_truncated()
