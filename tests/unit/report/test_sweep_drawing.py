"""Drawings of sweeps put points where their numbers are."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from pytest_tritonbench.report.sweep.drawing import draw
from pytest_tritonbench.report.sweep.figures import Figure
from pytest_tritonbench.report.sweep.gathering import figures
from pytest_tritonbench.report.sweep.marks import styles
from pytest_tritonbench.report.sweep.numbers import TIMES, duration, percent, rate, ratio, size
from pytest_tritonbench.report.sweep.scales import along, by_decades, from_zero, readable
from tests.unit.report.sweep_records import attention, bench, matmul, persistent, softmax


def _figure(records: Any) -> Figure:
    [figure] = figures(records)
    return figure


def _svg(records: Any) -> ET.Element:
    [drawing] = draw(_figure(records))
    return ET.fromstring(drawing)  # noqa: S314 - written by the code under test


def _of(svg: ET.Element, tag: str, kind: str) -> list[ET.Element]:
    """Elements with a class."""
    return [one for one in svg.iter(tag) if kind in (one.get("class") or "").split()]


def _corners(line: ET.Element) -> list[tuple[float, float]]:
    pairs = (pair.split(",") for pair in (line.get("points") or "").split())
    return [(float(x), float(y)) for x, y in pairs]


def _heights(svg: ET.Element) -> dict[float, float]:
    """Pixels by value, of the ticks at the side."""
    return {
        float((tick.text or "").replace(",", "")): float(tick.get("y") or "nan") - 4
        for tick in _of(svg, "text", "side")
    }


def _value(svg: ET.Element, y: float) -> float:
    """What a height stands for, by the ticks at the side."""
    heights = _heights(svg)
    top, zero = max(heights), heights[0.0]
    return top * (zero - y) / (zero - heights[top])


def test_points_lie_at_their_rates() -> None:
    """Read off the side, the kernel's and PyTorch's curves are the records' GB/s."""
    records = list(softmax())
    svg = _svg(records)
    told = [r["timing"]["gbs"] for r in records]
    theirs = [
        r["timing"]["gbs"] * r["timing"]["median_ms"] / r["timing"]["reference_ms"] for r in records
    ]
    for colour, rates in (("s-cand0", told), ("s-ref", theirs)):
        [curve] = _of(svg, "polyline", colour)
        seen = [_value(svg, y) for _, y in _corners(curve)]
        assert seen == pytest.approx(rates, abs=5)


def test_doublings_are_equally_wide() -> None:
    """The axis of sizes is logarithmic."""
    [curve] = _of(_svg(softmax()), "polyline", "s-cand0")
    xs = [x for x, _ in _corners(curve)]
    steps = [b - a for a, b in pairwise(xs)]
    assert steps == pytest.approx([steps[0]] * 9, abs=0.05)


def test_roofline_bends_where_compute_takes_over() -> None:
    """The line of a product rises with the bandwidth, then is flat at the measured peak."""
    svg = _svg(matmul())
    [roof] = _of(svg, "polyline", "roof")
    values = [_value(svg, y) for _, y in _corners(roof)]
    assert values[:2] == pytest.approx([2 * 256**3 / (6 * 256**2) * 4.022] * 2, abs=2)
    assert values[-3:] == pytest.approx([702] * 3, abs=2)
    [beyond] = _of(svg, "polygon", "beyond")
    assert set(_corners(roof)) < set(_corners(beyond))


def test_roofline_far_above_is_told_and_not_drawn() -> None:
    """A line that would press all curves to the ground is named at the edge instead."""
    svg = _svg(softmax((16, 32, 64)))
    assert not _of(svg, "polyline", "roof")
    [away] = _of(svg, "text", "away")
    assert away.text == "roofline at 4,022 ↑"
    assert max(_heights(svg)) == 200


def test_panels_share_one_scale() -> None:
    """Causal and full attention can be compared by eye."""
    full, causal = draw(_figure(attention()))
    ends = [max(_heights(ET.fromstring(one))) for one in (full, causal)]  # noqa: S314 - as above
    assert ends == [800.0, 800.0]
    assert "causal = false" in full
    assert "causal = true" in causal


def test_launch_bound_points_are_hollow() -> None:
    """Each point of a launch-bound case is hollow, and no other."""
    records = list(softmax())
    bound = sum(record["timing"]["launch_bound"] for record in records)
    marks = _of(_svg(records), "circle", "s-cand0")
    assert 0 < bound < len(records) == len(marks)
    assert sum("hollow" in (mark.get("class") or "") for mark in marks) == bound


def test_ambiguous_points_are_marked() -> None:
    """Each ambiguous case has the sign, above the kernel's point and its bar."""
    records = list(matmul(compiled=0.9))
    unsure = [r["timing"]["verdict"] == "ambiguous" for r in records]
    svg = _svg(records)
    signs = _of(svg, "text", "unsure")
    assert 0 < len(signs) == sum(unsure) < len(records)
    marks = {mark.get("cx"): mark for mark in _of(svg, "circle", "s-cand0")}
    for sign in signs:
        assert float(sign.get("y") or 0) < float(marks[sign.get("x")].get("cy") or 0)


def test_bars_span_the_interval() -> None:
    """A bar reaches from the fast end of the interval to the slow one."""
    interval = {"value": 1.0, "low": 0.8, "high": 1.25, "level": 0.95, "samples": 9}
    records = list(softmax((4096, 8192), timing={"interval": interval}))
    svg = _svg(records)
    rates = [record["timing"]["gbs"] for record in records]
    bars = _of(svg, "path", "s-cand0")
    assert len(bars) == 2
    for bar, gbs in zip(bars, rates, strict=True):
        start, end = (bar.get("d") or "").split("M")[1].split("V")
        ends = [_value(svg, float(start.split()[1])), _value(svg, float(end))]
        assert ends == pytest.approx([gbs / 0.8, gbs / 1.25], abs=8)


def test_cases_in_no_order_have_no_line() -> None:
    """Cases side by side are points, each curve's beside the other's, over a roofline in steps."""
    svg = _svg(persistent())
    assert not _of(svg, "polyline", "curve")
    kernel = [float(mark.get("cx") or 0) for mark in _of(svg, "circle", "s-cand0")]
    theirs = [_corners(mark)[0][0] + 4.6 for mark in _of(svg, "polygon", "s-ref")]
    assert [b - a for a, b in zip(kernel, theirs, strict=True)] == pytest.approx([14] * 6)


def test_times_are_drawn_where_nothing_was_counted() -> None:
    """Without operations and bytes the drawing shows milliseconds by decades, and says so."""
    records = list(softmax())
    for record in records:
        del record["timing"]["gbs"], record["timing"]["tflops"]
    svg = _svg(records)
    [unit] = _of(svg, "text", "unit")
    assert unit.text == "ms, less is better"
    heights = _heights(svg)
    assert list(heights) == [0.001, 0.01, 0.1, 1.0]
    [curve] = _of(svg, "polyline", "s-cand0")
    low, high = heights[0.001], heights[1.0]
    seen = [1e-3 * 1000 ** ((low - y) / (low - high)) for _, y in _corners(curve)]
    assert seen == pytest.approx([r["timing"]["median_ms"] for r in records], rel=0.01)


def test_single_case_is_not_drawn() -> None:
    """One case is a row of the table and no picture."""
    assert draw(_figure(matmul((1024,)))) == []


def test_points_say_what_they_are() -> None:
    """A point names curve, case, rate, time, spread, share, speedup and notes."""
    [title, *_] = [
        one.text or ""
        for one in _svg(softmax((256, 65536))).iter("title")
        if (one.text or "").startswith("kernels")
    ]
    for part in ("kernels/softmax.py", "n = 256", "GB/s", "µs", "80 % of times", "launch-bound"):
        assert part in title
    assert "of the roofline (memory)" in title
    assert "the speed of PyTorch" in title


def test_names_are_escaped() -> None:
    """What a record holds cannot end the drawing and begin something else."""
    hostile = '"></svg><script>'
    records = [
        bench(
            hostile,
            {hostile: n, "n": n, "dtype": "float16"},
            flops=1e9,
            nbytes=1e6,
            candidate=hostile,
        )
        for n in (1, 2)
    ]
    [drawing] = draw(_figure(records))
    assert "<script" not in drawing
    label = _of(ET.fromstring(drawing), "text", "label")[0].text  # noqa: S314 - as above
    assert label == f"{hostile} = n"


def test_curves_are_told_apart_without_colour() -> None:
    """No two of PyTorch, torch.compile, another revision and five kernels share a shape."""
    models = [r for i in range(4) for r in softmax(model=f"m{i}", sample=0, compiled=0.8, then=0.7)]
    looks = list(styles(_figure([*softmax(), *models])).values())
    assert len(looks) == len({look.shape for look in looks}) == 8
    assert len({look.colour for look in looks}) == 8


@pytest.mark.parametrize("highest", [0.0007, 0.3, 1.0, 4.99, 99.9, 702.0, 4022.0, 1e6])
def test_scales_from_zero_are_round(highest: float) -> None:
    """The scale ends at or above the highest value, at most half as high again, in few steps."""
    scale = from_zero(highest, 0, 100)
    assert highest <= scale.high <= 1.5 * highest
    assert 3 <= len(scale.ticks) - 1 <= 6
    step = scale.ticks[1]
    assert f"{step:.1e}"[:3] in ("1.0", "2.0", "2.5", "5.0")
    assert (scale.at(0), scale.at(scale.high), scale.at(2 * highest)) == (100, 0, 0)


def test_decades_hold_all_values() -> None:
    """The scale of times begins and ends with a power of ten, also where all are alike."""
    for lowest, highest in ((0.02, 0.3), (1.0, 1.0), (0.001, 900.0), (1e-6, 1e6)):
        scale = by_decades(lowest, highest, 0, 100)
        assert scale.low <= lowest * 1.001
        assert highest <= scale.high * 1.001
        assert math.log10(scale.low) == pytest.approx(round(math.log10(scale.low)))
        assert 2 <= len(scale.ticks) <= 7


def test_labels_do_not_run_into_each_other() -> None:
    """Sizes that lie close keep the label of the larger one."""
    scale = along([1000.0, 1024.0, 4096.0], 0, 500, doubling=True)
    positions = [scale.at(x) for x in (1000.0, 1024.0, 4096.0)]
    assert readable(positions, 30) == (1, 2)
    assert readable([0, 40, 80], 30) == (0, 1, 2)


def test_numbers_have_three_digits_and_their_unit() -> None:
    """Rates, times, shares, ratios and sizes are written as people write them."""
    assert [rate(v) for v in (4022.4, 702.0, 83.21, 0.0457, 0)] == [
        "4,022",
        "702",
        "83.2",
        "0.0457",
        "0",
    ]
    assert [duration(ms).replace("\u202f", " ") for ms in (0.0512, 1.66, 2500)] == [
        *("51.2 µs", "1.66 ms", "2.50 s"),
    ]
    assert [percent(s).replace("\u202f", " ") for s in (0.934, 0.0151, 0.0002)] == [
        *("93 %", "1.5 %", "< 0.1 %"),
    ]
    assert [ratio(r) for r in (1.934, 1234.5)] == [f"1.93{TIMES}", f"1,234{TIMES}"]
    assert [size(n) for n in (8192, 10000, 16384, 2**20, 3 * 2**20, 0.5)] == [
        *("8192", "10000", "16k", "1M", "3M", "0.5"),
    ]
