import torch


def told(x):
    return x * 2

##################################################################################################################################################

import torch

def test_told():
    results = {}
    x = torch.tensor([-1.0, 0.5, 2.0, 3.0, -4.0], device='cuda')
    try:
        results['test_case_1'] = told(x)
    except Exception as error:
        results['test_case_1'] = str(error)
    return results

test_results = test_told()
