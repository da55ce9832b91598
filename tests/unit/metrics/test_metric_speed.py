"""Speedup and efficiency, on this GPU and as published."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import pytest

from pytest_tritonbench.report.metrics.efficiency import datasheet, efficiency, peak_efficiency
from pytest_tritonbench.report.metrics.outcomes import gather
from pytest_tritonbench.report.metrics.published_speed import PublishedSpeed, published_speed
from pytest_tritonbench.report.metrics.speedup import speedup
from pytest_tritonbench.report.metrics.timings import Size, Timed, golden_results, timed


def times(task: str, *pairs: tuple[float, float], **more: Any) -> Timed:
    """Times of an answer: pairs of its and the gold's milliseconds."""
    sizes = tuple(
        Size([i], ms, gold_ms, gbs=1000.0, tflops=10.0) for i, (ms, gold_ms) in enumerate(pairs)
    )
    return Timed(task, "NVIDIA H200", sizes, **more)


def test_speedup_is_geometric_over_sizes_and_tasks() -> None:
    """Sizes weigh alike whatever they last, and so do tasks."""
    found = speedup([times("a", (1, 4), (100, 100)), times("b", (2, 1))], ["a", "b"])
    assert found.tasks == pytest.approx({"a": 2.0, "b": 0.5})
    assert found.mean is not None
    assert found.mean.value == pytest.approx(1.0)
    assert found.sizes["a"] == (([0], 4.0), ([1], 1.0))


def test_wrong_and_unpaired_answers_are_named() -> None:
    """Times of wrong answers, and times without the gold's, are dropped by name."""
    alone = Timed("b", "NVIDIA H200", (Size([1], 1.0),))
    found = speedup([times("a", (1, 4)), alone], ["b"])
    assert found.mean is None
    assert [(drop.task, drop.reason) for drop in found.dropped] == [
        ("a", "the answer is not right"),
        ("b", "the gold was not timed beside it"),
    ]


def test_bench_records_become_times() -> None:
    """Sizes of imported tasks and the one time of a bundled task are read alike."""
    common = {"suite": "TritonBench-G", "model": "m", "phase": "bench", "outcome": "passed"}
    environment = {"device": "NVIDIA H200"}
    size = {"input_size": [[4]], "ms": 2.0, "gold_ms": 1.0, "gbs": 3.0, "tflops": 4.0}
    listed = {**common, "task": "a", "timing": {"sizes": [size], "speedup": 0.5}}
    alone = {**common, "task": "b", "case": {"m": 4, "dtype": "float32"}}
    alone["timing"] = {"median_ms": 1.0, "reference_ms": 3.0, "speedup": 3.0}
    a, b = (timed(x) for x in gather([{**r, "environment": environment} for r in (listed, alone)]))
    assert a is not None
    assert b is not None
    assert (a.device, a.speedup, a.sizes[0].gbs) == ("NVIDIA H200", 0.5, 3.0)
    assert b.speedup == pytest.approx(3.0)
    assert b.sizes[0].dtype == "float32"


@pytest.mark.parametrize(
    ("device", "name", "gbs"),
    [
        ("NVIDIA H200", "NVIDIA H200", 4800),
        ("NVIDIA H200 NVL", "NVIDIA H200 NVL", 4800),
        ("NVIDIA H100 80GB HBM3", "NVIDIA H100 SXM", 3350),
        ("NVIDIA H100 PCIe", "NVIDIA H100 PCIe", 2000),
        ("NVIDIA A100-SXM4-80GB", "NVIDIA A100 80GB SXM", 2039),
        ("NVIDIA A100-SXM4-40GB", "NVIDIA A100 40GB", 1555),
        ("NVIDIA A100 80GB PCIe", "NVIDIA A100 80GB PCIe", 1935),
        ("Tesla T4", "NVIDIA T4", 300),
        ("NVIDIA L40S", "NVIDIA L40S", 864),
    ],
)
def test_datasheet_of_a_device(device: str, name: str, gbs: float) -> None:
    """The name that a driver gives leads to the right datasheet, form factor included."""
    found = datasheet(device)
    assert found is not None
    assert (found.name, found.gbs) == (name, gbs)
    assert found.source


def test_unknown_device_has_no_peaks() -> None:
    """A GPU that is not listed is dropped by name; no other GPU's peaks are taken."""
    assert datasheet("cpu (interpreter)") is None
    unknown = Timed("a", "Voodoo 2", (Size([1], 1.0, gbs=1.0),))
    found = efficiency([unknown], ["a"])
    assert found is not None
    assert found.mean is None
    assert found.dropped[0].reason == "no datasheet is known of Voodoo 2"


def test_efficiency_is_the_best_of_bandwidth_and_arithmetic() -> None:
    """Each size counts by what it comes nearest to, the task by its best size, per dtype."""
    peaks = datasheet("NVIDIA H200")
    assert peaks is not None
    memory = Size([1], 1.0, gbs=2400.0, tflops=1.0)
    compute = Size([2], 1.0, gbs=10.0, tflops=67.0, dtype="float32")
    assert peak_efficiency([memory], peaks) == pytest.approx(50.0)
    assert peak_efficiency([memory, compute], peaks) == pytest.approx(100.0)
    assert peak_efficiency([Size([1], 1.0)], peaks) is None


def test_measured_peaks_are_used_and_excess_is_named() -> None:
    """Against what was measured, a task above 100 % is kept and named."""
    fast = times("a", (1, 1), peaks={"gbs": 800.0, "tflops": 700.0})
    found = efficiency([fast], ["a"], measured=True)
    assert found is not None
    assert found.mean is not None
    assert found.mean.value == pytest.approx(125.0)
    assert found.above == ("a",)
    assert found.peaks == "NVIDIA H200, measured"


def published(
    channel: Literal["G", "T"], gen: Sequence[float], ref: Sequence[float], gbs: float = 1000.0
) -> PublishedSpeed:
    """Upstream's numbers for one task, by milliseconds of the answer and of the A100 file."""
    sizes = tuple(Size([i], ms, gbs=gbs, tflops=10.0) for i, ms in enumerate(gen))
    golden = {"a": [Size([i], ms) for i, ms in enumerate(ref)]}
    return published_speed(channel, [Timed("a", "x", sizes)], ["a"], golden)


def test_published_speedup_divides_sums() -> None:
    """Upstream divides the sums over sizes, so that the longest size decides; then it rounds."""
    assert published("T", [1.0, 100.0], [4.0, 100.0]).speedup == 1.03
    assert published("T", [1.0, 100.0], [4.0, 100.0]).speedups == {"a": 1.0297}


@pytest.mark.parametrize(
    ("channel", "ref", "kept"),
    [
        ("G", 10.0, False),
        ("G", 9.9999, True),
        ("G", 0.05, True),
        ("T", 10.0, False),
        ("T", 9.9999, True),
        ("T", 0.1, False),
        ("T", 0.1001, True),
    ],
)
def test_published_cut_offs(channel: Literal["G", "T"], ref: float, *, kept: bool) -> None:
    """G loses tasks from 10 times on, T also those at a tenth and below; both without a word."""
    found = published(channel, [1.0], [ref])
    assert (found.speedup is not None) == kept
    assert [drop.task for drop in found.dropped] == ([] if kept else ["a"])


def test_published_efficiency_is_of_an_a100() -> None:
    """2039 GB/s is 100 % on any GPU, where the task is dropped; half of it is 50 %."""
    assert published("G", [1.0], [1.0], gbs=1019.5).efficiency == 50.0
    full = published("G", [1.0], [1.0], gbs=2039.0)
    assert (full.efficiency, full.speedup) == (None, None)
    assert "100 % is at or above the cut-off" in full.dropped[0].reason
    assert published("T", [1.0], [1.0], gbs=1019.5).efficiency is None


def test_published_sizes_that_differ() -> None:
    """With fewer sizes than the A100 file, G drops the task and T compares the common ones."""
    assert "1 sizes were timed" in published("G", [1.0], [1.0, 9.0]).dropped[0].reason
    assert published("T", [1.0], [2.0, 9.0]).speedup == 2.0


def test_published_without_a100_times() -> None:
    """A task that upstream ships no times of, or that it does not count, is dropped by name."""
    found = published_speed("T", [times("a", (1, 1)), times("b", (1, 1))], ["a"], {})
    assert [(drop.task, drop.reason) for drop in found.dropped] == [
        ("a", "upstream has no A100 times of it"),
        ("b", "not executed correctly, as published"),
    ]


def test_golden_results_with_misspelt_names(tmp_path: Path) -> None:
    """Upstream's files are found under the misspelt names that its own scripts gave them."""
    point = [{"input_size": [[4]], "ms": 0.5, "GB/s": 7.0, "TFLOPS": 0.1}]
    for name in ("add.json", "lu.py.json", "solve..json"):
        (tmp_path / name).write_text(json.dumps(point))
    found = golden_results(tmp_path, ["add", "lu", "solve", "grid"])
    assert list(found) == ["add", "lu", "solve"]
    assert (found["lu"][0].ms, found["lu"][0].gbs, found["lu"][0].tflops) == (0.5, 7.0, 0.1)
