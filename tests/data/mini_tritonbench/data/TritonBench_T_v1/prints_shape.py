import torch


def shaped_double(x):
    return x * 2

##################################################################################################################################################

import torch

def test_shaped_double():
    results = {}
    results['test_case_1'] = shaped_double(torch.tensor([-1.0, 0.5, 2.0, 3.0, -4.0], device='cuda'))
    print(results['test_case_1'].shape)
    return results

test_results = test_shaped_double()
