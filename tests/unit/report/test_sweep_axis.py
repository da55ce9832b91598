"""The axis of a sweep is what a reader would choose."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from pytest_tritonbench.report.sweep.axis import Arrangement, Panel, arrange
from pytest_tritonbench.task.loading import load

REFERENCES = Path(__file__).parents[3] / "references"


def _sweep(name: str, dtype: str) -> Arrangement:
    """How a bundled task's sweep is arranged."""
    cases = load(REFERENCES / f"{name}.py").task.sweep
    return arrange([json.loads(case.to_json()) for case in cases if case.dtype == dtype])


def _sizes(panel: Panel) -> list[float]:
    return [spot.x for spot in panel.spots]


def test_one_dim_varies() -> None:
    """The dim that varies is the axis, and the others are named as fixed."""
    found = _sweep("softmax", "float16")
    [panel] = found.panels
    assert (panel.label, panel.title, panel.note) == ("n", "", "")
    assert _sizes(panel) == [2.0**k for k in range(8, 18)]
    assert [spot.labels for spot in panel.spots][-3:] == [("32k",), ("64k",), ("128k",)]
    assert found.fixed == {"m": 4096}
    assert found.varied == (("n",),)


@pytest.mark.parametrize(
    ("task", "dtype", "label"),
    [("matmul", "float16", "k = m = n"), ("heat_step", "float32", "h = w")],
)
def test_dims_that_vary_together_share_the_axis(task: str, dtype: str, label: str) -> None:
    """Sides that are always equal are one size."""
    [panel] = _sweep(task, dtype).panels
    assert panel.label == label


def test_a_flag_sets_panels_apart() -> None:
    """Causal attention is another picture than the other one, with the same sizes."""
    plain, causal = _sweep("attention", "float16").panels
    assert (plain.title, causal.title) == ("causal = false", "causal = true")
    assert plain.label == causal.label == "t = s"
    assert _sizes(plain) == _sizes(causal)


def test_two_parameters_set_panels_apart() -> None:
    """Each combination of two has its own panel."""
    titles = [panel.title for panel in _sweep("flash_attention", "float16").panels]
    assert titles == [f"d = {d}, causal = {c}" for d in (64, 128) for c in ("false", "true")]


def test_what_changes_along_is_said() -> None:
    """A dim that grows or shrinks as the axis does is named beside it."""
    [conv] = _sweep("conv2d", "float16").panels
    assert (conv.label, conv.note) == ("c = o", "with h = w from 56 to 14")
    [cumsum] = _sweep("cumsum", "float32").panels
    assert (cumsum.label, cumsum.note) == ("n", "with m from 65536 to 1")


def test_the_inner_loop_of_a_grid_is_the_axis() -> None:
    """Of two sizes that are varied independently, that which is listed in a row is the axis."""
    panels = _sweep("paged_attention", "bfloat16").panels
    assert [panel.title for panel in panels] == ["b = 1", "b = 16", "b = 64"]
    assert {panel.label for panel in panels} == {"w"}


def test_case_off_the_curve_stands_apart() -> None:
    """A single case of another kind has a panel of its own and is on no line."""
    curve, other = _sweep("log_softmax", "bfloat16").panels
    assert curve.title == "dim = -1"
    assert (other.title, other.curve) == ("other cases", False)
    assert [spot.labels for spot in other.spots] == [("n = 4096", "dim = 0")]


@pytest.mark.parametrize(
    ("task", "dtype", "labels"),
    [
        ("matmul_persistent", "float16", ("m = 512", "k = 16384", "n = 512")),
        ("argmax", "float32", ("dim = -1",)),
        ("topk", "float32", ("m = 4096", "n = 128", "k = 8")),
    ],
)
def test_cases_in_no_order_stand_side_by_side(
    task: str, dtype: str, labels: tuple[str, ...]
) -> None:
    """Where no size orders the cases, each is named in full."""
    [panel] = _sweep(task, dtype).panels
    assert not panel.curve
    assert labels in [spot.labels for spot in panel.spots]


@pytest.mark.parametrize("path", sorted(REFERENCES.glob("*.py")), ids=lambda path: str(path.stem))
def test_every_bundled_case_has_a_place(path: Path) -> None:
    """Each case of each bundled sweep lies in one panel, and none shares its place."""
    cases = [json.loads(case.to_json()) for case in load(path).task.sweep]
    for dtype in {case["dtype"] for case in cases}:
        chosen = [case for case in cases if case["dtype"] == dtype]
        panels = arrange(chosen).panels
        assert sorted(s.case for p in panels for s in p.spots) == list(range(len(chosen)))
        for panel in panels:
            assert len(set(_sizes(panel))) == len(panel.spots)
            assert _sizes(panel) == sorted(_sizes(panel))


def test_order_of_the_records_does_not_move_points() -> None:
    """Cases that come in from several workers lie as they do in order."""
    cases: list[dict[str, Any]] = [{"n": 2**k, "m": 4096} for k in range(8, 14)]
    [panel] = arrange([cases[i] for i in (3, 0, 5, 1, 4, 2)]).panels
    assert _sizes(panel) == [2.0**k for k in range(8, 14)]
    assert [spot.case for spot in panel.spots] == [1, 3, 5, 0, 4, 2]


def test_single_case_has_no_axis() -> None:
    """One case stands under what it is."""
    found = arrange([{"m": 4, "n": 8, "dtype": "float16", "seed": 3}])
    [panel] = found.panels
    assert panel.spots[0].labels == ("m = 4", "n = 8")
    assert found.varied == ()


def test_true_is_not_one() -> None:
    """A flag has no logarithm, and a layout or an absent tensor is no size."""
    for values in ([True, False], ["gap", None], [0, 1], [-1, 1]):
        [panel] = arrange([{"x": value} for value in values]).panels
        assert not panel.curve


@pytest.mark.parametrize(
    "values", [[True, 1], [[1, 2], [1, 3]], [{"a": 1}, None], ["1", 1]], ids=str
)
def test_whatever_a_case_holds_can_be_told_apart(values: list[Any]) -> None:
    """Values that Python takes for equal, or that it cannot hash, are different cases."""
    found = arrange([{"x": value} for value in values])
    assert found.varied == (("x",),)
    [panel] = found.panels
    assert [spot.case for spot in panel.spots] == [0, 1]


def test_many_free_parameters_are_no_curve() -> None:
    """Seven parameters that vary on their own are not searched for an axis."""
    cases = [
        {name: i * (number + 2) % 7 + 1 for number, name in enumerate("abcdefg")} for i in range(9)
    ]
    [panel] = arrange(cases).panels
    assert not panel.curve
    assert len(panel.spots) == 9
    assert max(len(spot.labels) for spot in panel.spots) == 4
