"""Peaks are measured, here on a CPU, which tries all of it but the events."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from pytest_tritonbench.timing import peak_measurement
from pytest_tritonbench.timing.peak_measurement import measure
from pytest_tritonbench.timing.peaks import Peaks

CPU = torch.device("cpu")


def _broken(*_: object, **__: object) -> Any:
    raise RuntimeError("not supported on this device")


def test_everything_is_measured() -> None:
    """Bandwidths and products of every dtype are above 0 and are read as peaks."""
    peaks = Peaks.from_json(measure(CPU))
    assert {"float16", "bfloat16", "float32", "tf32", "int8"} <= set(peaks.tflops)
    assert min(peaks.gbs, peaks.read_gbs or 0, peaks.write_gbs or 0, *peaks.tflops.values()) > 0


@pytest.mark.parametrize(("name", "lost"), [("_int_mm", "int8"), ("_scaled_mm", "float8_e4m3fn")])
def test_product_that_is_not_supported_is_left_out(
    monkeypatch: pytest.MonkeyPatch, name: str, lost: str
) -> None:
    """Where torch refuses a product or has none, the others are measured all the same."""
    before = set(measure(CPU)["tflops"])
    monkeypatch.setattr(torch, name, _broken)
    assert set(measure(CPU)["tflops"]) == before - {lost}
    monkeypatch.delattr(torch, name)
    assert set(measure(CPU)["tflops"]) == before - {lost}


def test_precision_of_float32_is_left_as_it_was() -> None:
    """TF32 is allowed for its own product and for nothing after it."""
    before = torch.get_float32_matmul_precision()
    seen = []
    product = torch.mm

    def watched(*arguments: Any, **named: Any) -> Any:
        seen.append((arguments[0].dtype, torch.get_float32_matmul_precision()))
        return product(*arguments, **named)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(torch, "mm", watched)
        measure(CPU)
    assert torch.get_float32_matmul_precision() == before
    assert {p for dtype, p in seen if dtype == torch.float32} == {"highest", "high"}
    assert {p for dtype, p in seen if dtype != torch.float32} == {"highest"}


def test_a_gpu_that_is_nearly_full_is_measured_with_less(monkeypatch: pytest.MonkeyPatch) -> None:
    """Source and target of the copy together take half of what is free, and at most 1 GiB each."""
    cuda = torch.device("cuda")
    for free, taken in ((80 << 30, 1 << 30), (1 << 30, 1 << 28), (4100, 1024)):
        monkeypatch.setattr(torch.cuda, "mem_get_info", lambda _, free=free: (free, 80 << 30))
        assert peak_measurement._copied_bytes(cuda) == taken


def test_best_of_several_calls_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    """One slow call among several, such as the first, does not lower a peak."""
    times = iter([9.0, 3.0, 2.0, *[4.0] * 50])
    monkeypatch.setattr(peak_measurement, "_by_host", lambda *_: next(times))
    assert peak_measurement._best(lambda: None, CPU) == 2.0
