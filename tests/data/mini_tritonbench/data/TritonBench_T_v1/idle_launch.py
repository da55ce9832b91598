import torch


def idle_launch(x):
    return x * 2

##################################################################################################################################################

import torch

def test_idle_launch():
    results = {}
    results['test_case_1'] = idle_launch(torch.tensor([-1.0, 0.5, 2.0, 3.0, -4.0], device='cuda'))
    return results

test_results = test_idle_launch()
