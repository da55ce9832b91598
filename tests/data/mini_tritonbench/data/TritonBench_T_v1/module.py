import torch


class Scaler(torch.nn.Module):
    def __init__(self, factor):
        super().__init__()
        self.factor = torch.nn.Parameter(torch.tensor(factor))

    def forward(self, x):
        return x * 2 * self.factor

##################################################################################################################################################

import torch

def test_Scaler():
    results = {}
    results['test_case_1'] = Scaler(3.0).cuda()(torch.tensor([-1.0, 0.5, 2.0, 3.0, -4.0], device='cuda'))
    return results

test_results = test_Scaler()
