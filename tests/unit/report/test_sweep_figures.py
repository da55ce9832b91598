"""Records become figures: whose times, of what, against what."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pytest_tritonbench.report.sweep.figures import Kind, Unit
from pytest_tritonbench.report.sweep.gathering import figures
from tests.unit.report.sweep_records import GBS, TFLOPS, attention, bench, matmul, softmax


def _case(n: int, **more: Any) -> dict[str, Any]:
    return bench("f", {"n": n, "dtype": "float16"}, flops=n, nbytes=1e9, **more)


def test_one_figure_for_each_task_dtype_and_gpu() -> None:
    """Half and single precision, two GPUs, a cold and a warm cache are not mixed."""
    records = [
        *matmul(),
        *matmul(dtype="float32"),
        *softmax(),
        *softmax(environment={"device": "NVIDIA H100"}),
        *softmax(timing={"l2": "warm"}),
    ]
    found = [(f.task, f.dtype, f.device, f.l2) for f in figures(records)]
    assert found == [
        ("matmul", "float16", "NVIDIA H200", "cold"),
        ("matmul", "float32", "NVIDIA H200", "cold"),
        ("softmax", "float16", "NVIDIA H100", "cold"),
        ("softmax", "float16", "NVIDIA H200", "cold"),
        ("softmax", "float16", "NVIDIA H200", "warm"),
    ]


def test_unit_is_what_bounds() -> None:
    """A product is drawn in TFLOP/s although small ones are bound by memory, a softmax in GB/s."""
    [product] = figures(matmul())
    [soft] = figures(softmax())
    assert {need.bound for need in product.needs} == {"memory", "compute"}
    assert (product.unit, soft.unit) == (Unit.TFLOPS, Unit.GBS)


@pytest.mark.parametrize(
    ("lost", "unit"),
    [(("tflops",), Unit.GBS), (("gbs", "bound"), Unit.TFLOPS), (("tflops", "gbs"), Unit.MS)],
)
def test_what_was_not_counted_is_not_drawn(lost: tuple[str, ...], unit: Unit) -> None:
    """Without operations it is bytes, without bytes operations, without both the time itself."""
    records = list(matmul())
    for record in records:
        for name in lost:
            del record["timing"][name]
    [figure] = figures(records)
    assert figure.unit is unit
    [candidate] = figure.candidates
    assert figure.needs[0].rate(candidate.points[0].ms, unit) is not None


def test_everyone_is_drawn_by_the_same_work() -> None:
    """PyTorch's TFLOP/s come of the same operations in its own time, and so do the others'."""
    [record] = matmul((4096,), compiled=0.8, then=0.7)
    [figure] = figures([record])
    timing = record["timing"]
    times = {
        "kernels/matmul.py": timing["median_ms"],
        "PyTorch": timing["reference_ms"],
        "torch.compile": timing["compile"]["median_ms"],
        "at v1.2": timing["against"]["v1.2"]["median_ms"],
    }
    assert [one.name for one in figure.series] == list(times)
    assert [one.kind for one in figure.series] == list(Kind)
    for one in figure.series:
        value = figure.needs[0].rate(one.points[0].ms, Unit.TFLOPS)
        assert value == pytest.approx(2 * 4096**3 / times[one.name] / 1e9)


def test_roofline_is_the_lower_of_two() -> None:
    """Small products lie under the slope of the memory, large ones under the flat of the peak."""
    [figure] = figures(matmul((256, 8192)))
    slope = 2 * 256**3 / (3 * 2 * 256**2) * GBS / 1e3
    assert figure.roofline(0) == pytest.approx(slope)
    assert figure.roofline(1) == pytest.approx(TFLOPS["float16"])
    [candidate] = figure.candidates
    point = candidate.points[1]
    reached = figure.needs[1].rate(point.ms, Unit.TFLOPS)
    assert reached is not None
    assert figure.share(point) == pytest.approx(reached / TFLOPS["float16"])


def test_without_peaks_there_is_no_roofline() -> None:
    """Where nothing was measured of the GPU, the figure has no roofline and no share."""
    [record] = softmax((1024,))
    del record["timing"]["roofline"]
    [figure] = figures([record])
    assert figure.roofline(0) is None
    assert figure.share(figure.candidates[0].points[0]) is None


def test_bar_is_the_interval_of_the_ratio() -> None:
    """A ratio of 2 between 1.9 and 2.2 makes a bar from 95 % to 110 % of the time."""
    interval = {"value": 2.0, "low": 1.9, "high": 2.2, "level": 0.95, "samples": 9}
    [figure] = figures([_case(1, timing={"median_ms": 10.0, "interval": interval})])
    point = figure.candidates[0].points[0]
    assert [point.low_ms, point.high_ms] == pytest.approx([9.5, 11.0])
    assert (point.low, point.high, point.level) == (1.9, 2.2, 0.95)


@pytest.mark.parametrize(
    "interval",
    [None, {}, {"value": 2.0}, {"value": 2.0, "low": 3.0, "high": 4.0}, [1, 2], {"value": "2"}],
    ids=str,
)
def test_without_an_interval_the_bar_is_the_spread(interval: Any) -> None:
    """A missing or garbled interval leaves the tenth and the ninetieth percentile."""
    times = {"median_ms": 10.0, "p10_ms": 9.0, "p90_ms": 13.0, "interval": interval}
    [figure] = figures([_case(1, timing=times)])
    point = figure.candidates[0].points[0]
    assert (point.low_ms, point.high_ms, point.low) == (9.0, 13.0, None)
    reference = next(one for one in figure.series if one.kind is Kind.REFERENCE).points[0]
    assert reference.low_ms < reference.ms < reference.high_ms


def test_the_run_that_began_last_counts() -> None:
    """An older run of the same kernel on the same GPU is gone, whatever the order of the files."""
    old = [_case(n, run="2026-01-01T00:00:00Z", timing={"median_ms": 9.0}) for n in (1, 2, 4)]
    new = [_case(n, run="2026-02-01T00:00:00Z", timing={"median_ms": 5.0}) for n in (1, 2)]
    for records in (old + new, new + old):
        [figure] = figures(records)
        assert [point.ms for point in figure.candidates[0].points.values()] == [5.0, 5.0]


def test_a_run_on_another_gpu_replaces_nothing() -> None:
    """Each GPU keeps its last run."""
    elsewhere = {"environment": {"device": "NVIDIA L4"}, "run": "2026-12-01T00:00:00Z"}
    assert len(figures([_case(1), _case(1, **elsewhere)])) == 2


def test_the_seed_makes_no_other_case() -> None:
    """The same case on other data, by another model, lies at the same place."""
    records = [_case(8, seed=1), _case(8, seed=2, model="gpt", sample=0)]
    [figure] = figures(records)
    assert len(figure.cases) == 1
    assert [one.name for one in figure.candidates] == ["kernels/f.py", "gpt"]


def test_models_and_their_samples_have_curves_of_their_own() -> None:
    """A model with several samples has a curve for each, with its number."""
    records = [
        *softmax(model="one", sample=0),
        *softmax(model="two", sample=0, quality=0.5),
        *softmax(model="two", sample=3, quality=0.4),
    ]
    [figure] = figures(records)
    assert [one.name for one in figure.candidates] == ["one", "two #0", "two #3"]
    assert [(one.model, one.sample) for one in figure.candidates][2] == ("two", 3)
    [reference] = figure.others
    assert len(reference.points) == 10


def test_what_a_reader_should_know_is_noted() -> None:
    """Launch-bound, over budget, void blocks, another clock and a failed gate are all told."""
    timing = {
        "launch_bound": True,
        "stopped": "budget",
        "void": {"blocks": 2, "why": "another process"},
        "fallback": "no cupti-python",
    }
    [figure] = figures([_case(1, timing=timing, outcome="failed", reason="too-slow")])
    assert figure.candidates[0].points[0].notes == (
        "launch-bound",
        "stopped by the budget",
        "2 blocks void: another process",
        "cuda-events: no cupti-python",
        "failed: too-slow",
    )


def test_records_without_times_are_passed_over() -> None:
    """Other phases, skipped and wrong kernels, suites' own sizes and garbled times draw nothing."""
    record = _case(1)
    broken: list[dict[str, Any]] = [
        {**record, "phase": "exec"},
        {**record, "timing": None},
        {**record, "timing": {}},
        {**record, "timing": {"sizes": [], "speedup": 2.0}},
        {**record, "case": None},
        *({**record, "timing": {"median_ms": ms}} for ms in (0, -1, True, "1", None)),
        {**record, "timing": {"median_ms": float("nan")}},
        {**record, "timing": {"median_ms": float("inf")}},
    ]
    assert figures(broken) == []


@pytest.mark.parametrize("against", [{"v1": None}, ["v1"], "v1"], ids=str)
def test_garbled_parts_cost_only_themselves(against: Any) -> None:
    """What another tool or version wrote differently does not take the page with it."""
    timing = {"compile": [1], "against": against, "void": 3, "reference_ms": "fast"}
    record = _case(1, timing=timing)
    record["environment"] = "a machine"
    [figure] = figures([record])
    assert [one.kind for one in figure.series] == [Kind.CANDIDATE]
    assert figure.device == "unknown device"


def test_panels_follow_the_cases() -> None:
    """A figure's panels are those of its cases, whatever else the records hold."""
    [figure] = figures(json.loads(json.dumps(list(attention()))))
    assert [len(panel.spots) for panel in figure.arrangement.panels] == [5, 5]
