import torch


def second_answer(x):
    return x * 2

##################################################################################################################################################

import torch

def test_second_answer():
    results = {}
    results['test_case_1'] = second_answer(torch.tensor([-1.0, 0.5, 2.0, 3.0, -4.0], device='cuda'))
    return results

test_results = test_second_answer()
