"""The default generator of a GPU that is not there."""

import torch

from pytest_tritonbench.sandbox.interpreter.cuda_stubs import DefaultGenerator


def test_state_is_seed_and_offset() -> None:
    """The state holds the process's seed and an offset that whoever draws puts forward."""
    generator = DefaultGenerator()
    before = torch.get_rng_state()
    try:
        torch.default_generator.manual_seed(5)
        state = generator.get_state()
        assert state.view(torch.int64).tolist() == [5, 0]
        state.view(torch.int64)[1] += 8
        generator.set_state(state)
        assert generator.get_state().view(torch.int64).tolist() == [5, 8]
        torch.default_generator.manual_seed(6)
        assert generator.get_state().view(torch.int64).tolist() == [6, 0]
    finally:
        torch.set_rng_state(before)
