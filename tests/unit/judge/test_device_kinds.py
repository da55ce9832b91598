"""The device of an answer, with and without a GPU."""

from __future__ import annotations

import pytest
import torch

from pytest_tritonbench.judge.finding import Fault
from pytest_tritonbench.judge.nest import HOST, Value, kind_of
from pytest_tritonbench.judge.structure import structure


@pytest.mark.parametrize(
    ("said", "on_gpu", "kind"),
    [
        ("cuda:0", True, "cuda"),
        ("cpu", True, "cpu"),
        ("cuda:0", False, "cpu"),
        ("cpu", False, HOST),
    ],
)
def test_kind_of_device(said: str, kind: str, *, on_gpu: bool) -> None:
    """Without a GPU what passes for one on it is on the CPU, as references are there."""
    assert kind_of(said, on_gpu=on_gpu) == kind


@pytest.mark.parametrize(("mine", "theirs"), [("cpu", "cuda"), (HOST, "cpu")])
def test_tensor_of_the_cpu_is_on_the_wrong_device(mine: str, theirs: str) -> None:
    """An answer on the CPU is told in the same words whether there is a GPU or not."""
    got, want = (Value(torch.ones(2), (1,), device) for device in (mine, theirs))
    verdict = structure("output", got, want)
    assert verdict is not None
    assert verdict.fault == Fault.WRONG_DEVICE
    assert verdict.summary == "output is on cpu, the reference gives it on cuda"
