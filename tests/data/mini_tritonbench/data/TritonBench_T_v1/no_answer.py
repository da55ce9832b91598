import torch


def no_answer(x):
    return x * 2

##################################################################################################################################################

import torch

def test_no_answer():
    results = {}
    results['test_case_1'] = no_answer(torch.tensor([-1.0, 0.5, 2.0, 3.0, -4.0], device='cuda'))
    return results

test_results = test_no_answer()
