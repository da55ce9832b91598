import torch


def none_of_them(x):
    return x * 2

##################################################################################################################################################

import torch

def test_none_of_them():
    results = {}
    results['test_case_1'] = none_of_them(torch.zeros(0, 3, device='cuda'))
    return results

test_results = test_none_of_them()
