import torch


def two_blocks(x):
    return x * 2

##################################################################################################################################################

import torch

def test_two_blocks():
    results = {}
    results['test_case_1'] = two_blocks(torch.tensor([-1.0, 0.5, 2.0, 3.0, -4.0], device='cuda'))
    return results

test_results = test_two_blocks()
