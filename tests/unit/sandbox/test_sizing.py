"""Timing scripts of a published benchmark, run on the candidate's own functions."""

from __future__ import annotations

import sys
from typing import Any

import pytest
import torch

from pytest_tritonbench.sandbox import sizing

SCRIPT = """
import os, sys
sys.path.append(os.path.abspath(os.path.join(os.path.dirname(__file__), "..")))
from TritonBench_v1.twice import twice
from performance_utils import Performance_Metrics, do_bench_config
import torch

class performance_metrics(Performance_Metrics):
    def __init__(self, dtype=None, is_backward=False, **kwargs):
        super().__init__("twice", dtype=dtype, is_backward=is_backward, **kwargs)

    def get_input_tensors(self):
        self.input_tensors = []
        for i in range(3):
            self.input_tensors.append((torch.rand(2 ** i, 4), 0.5))

    def to_cuda(self, inputs):
        return inputs

    def call_op(self, inputs):
        return twice(*inputs)

    def get_gbps(self, inputs, runtime):
        return inputs[0].numel() / (runtime / 1000)

    def get_tflops(self, inputs, runtime):
        raise NotImplementedError

if __name__ == "__main__":
    performance_metrics().run_benchmark()
"""


@pytest.fixture
def on_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine without a GPU has no memory of one to give back."""
    monkeypatch.setattr(sizing, "_empty_cache", lambda: None)


@pytest.mark.usefixtures("on_cpu")
def test_every_size_is_timed_on_the_candidates_function() -> None:
    """Each size has its shapes, its times, and what a millisecond is worth."""
    seen: list[Any] = []

    def twice(x: torch.Tensor, factor: float) -> torch.Tensor:
        seen.append(x.shape)
        return x * 2 * factor

    found = sizing.measure(SCRIPT, "twice", {"twice": twice}, "cpu")
    assert [size["input_size"] for size in found] == [[[n, 4], 0.5] for n in (1, 2, 4)]
    assert all(size["ms"] and min(size["ms"]) > 0 for size in found)
    assert [size["gbs"] for size in found] == [4000.0, 8000.0, 16000.0]
    assert [size["tflops"] for size in found] == [None] * 3
    assert {tuple(shape) for shape in seen} == {(1, 4), (2, 4), (4, 4)}
    assert not any(name.startswith("TritonBench_v1") for name in sys.modules)


@pytest.mark.usefixtures("on_cpu")
def test_a_size_that_fails_is_told_and_the_next_is_timed() -> None:
    """One failure is a size's, two in a row end the run."""

    def one_bad(x: torch.Tensor, factor: float) -> torch.Tensor:
        if len(x) == 2:
            raise RuntimeError("no room")
        return x * factor

    found = sizing.measure(SCRIPT, "twice", {"twice": one_bad}, "cpu")
    assert [size.get("error") for size in found] == [None, "RuntimeError: no room", None]

    def bad(x: torch.Tensor, factor: float) -> torch.Tensor:
        raise ValueError(factor, x)

    assert len(sizing.measure(SCRIPT, "twice", {"twice": bad}, "cpu")) == 2


@pytest.mark.usefixtures("on_cpu")
def test_inputs_of_both_runs_are_the_same() -> None:
    """What the gold is timed on is what the answer is timed on."""
    given: list[list[float]] = [[], []]
    for values in given:

        def keep(x: torch.Tensor, _factor: float, values: list[float] = values) -> torch.Tensor:
            values.append(float(x.sum()))
            return x

        sizing.measure(SCRIPT, "twice", {"twice": keep}, "cpu")
    assert set(given[0]) == set(given[1])
    assert len(set(given[0])) == 3
