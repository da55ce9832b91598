"""Inputs in another order, the same one in every process."""

import pytest
import torch

from pytest_tritonbench.judge.timed_reference import Turns
from pytest_tritonbench.sandbox.turning import LARGEST_SHUFFLED, turn

SIZES = (2, LARGEST_SHUFFLED, LARGEST_SHUFFLED + 1, 3 * LARGEST_SHUFFLED)


def turned(source: torch.Tensor, number: int) -> torch.Tensor:
    """A copy in another order."""
    target = torch.empty_like(source)
    turn(target, source, number)
    return target


@pytest.mark.parametrize("size", SIZES)
def test_the_elements_stay_the_same(size: int) -> None:
    """None is lost and none is twice there."""
    source = torch.arange(size)
    assert torch.equal(turned(source, 12345).sort().values, source)


def test_small_tensors_have_more_orders_than_elements() -> None:
    """A hundred numbers give a hundred orders of eight elements, or nearly."""
    source = torch.arange(8)
    assert len({tuple(turned(source, number).tolist()) for number in range(1, 101)}) > 90


@pytest.mark.parametrize("size", SIZES)
def test_the_reference_sees_what_the_candidate_sees(size: int) -> None:
    """Turned in place from one number to the next, and back, it is as if copied afresh."""
    first = torch.arange(size)
    kept = first.clone()
    turns = Turns({"x": kept, "n": size})
    for number in (7, 1 << 61, 3):
        turns.turn({"x": number})
        assert torch.equal(kept, turned(first, number))
    turns.turn({})
    assert torch.equal(kept, first)
