import torch


def prose_around(x):
    return x * 2

##################################################################################################################################################

import torch

def test_prose_around():
    results = {}
    results['test_case_1'] = prose_around(torch.tensor([-1.0, 0.5, 2.0, 3.0, -4.0], device='cuda'))
    return results

test_results = test_prose_around()
