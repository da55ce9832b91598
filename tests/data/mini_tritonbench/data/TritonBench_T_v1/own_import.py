import torch


def imported_double(x):
    return x * 2

##################################################################################################################################################

import torch
from own_import import imported_double

def test_imported_double():
    results = {}
    results['test_case_1'] = imported_double(torch.tensor([-1.0, 0.5, 2.0, 3.0, -4.0], device='cuda'))
    return results

test_results = test_imported_double()
