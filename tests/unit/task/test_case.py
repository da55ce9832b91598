"""Cases: one short JSON line holds everything that a call needs."""

import json
from typing import Any

import pytest
import torch
from hypothesis import given, settings

from pytest_tritonbench import choice, dim, index, integer, number, task, tensor
from pytest_tritonbench.task.case import Case, CaseError, Layout, parse_case
from pytest_tritonbench.task.declaration import MARK, Task
from pytest_tritonbench.task.strategy import cases


@task(
    inputs={
        "x": tensor("m", "2*n", broadcast=True),
        "weight": tensor("n", optional=True),
        "where": index("m", high="n"),
        "mode": choice("sum", "mean"),
        "scale": number(0.5, 2.0),
        "k": integer(1, "n"),
    },
    dtypes=("float32", "float16"),
    dims={"m": dim(0), "n": dim(multiple_of=4)},
    where=lambda m, n: m != n,
    cases=[{"m": 2, "n": 8}],
    patterns=("normal", "spike"),
)
def pick(
    x: torch.Tensor,
    weight: torch.Tensor | None,
    where: torch.Tensor,
    mode: str,
    scale: float,
    k: int,
) -> torch.Tensor:
    """A task with every kind of input."""
    del weight, where, mode, k
    return x * scale


TASK: Task = getattr(pick, MARK)
FULL: dict[str, Any] = {
    "m": 3,
    "n": 8,
    "mode": "mean",
    "scale": 0.75,
    "k": 5,
    "dtype": "float16",
    "where": "strided",
    "x": "gap/0",
    "weight": None,
    "pattern": "spike",
    "seed": 7,
}


def test_a_line_comes_back_as_it_was() -> None:
    """Writing a case and reading it again gives the same case and the same line."""
    case = parse_case(TASK, json.dumps(FULL))
    assert case == Case(
        {"m": 3, "n": 8, "mode": "mean", "scale": 0.75, "k": 5},
        "float16",
        {"x": Layout("gap", (0,)), "where": Layout("strided")},
        frozenset({"weight"}),
        "spike",
        7,
    )
    assert json.loads(case.to_json()) == FULL
    assert parse_case(TASK, case.to_json()) == case


@given(cases(TASK, elements=4096))
@settings(max_examples=200, deadline=None)
def test_every_case_that_is_drawn_replays_from_its_line(case: Case) -> None:
    """No drawn case loses or gains anything on its way through its line."""
    assert parse_case(TASK, case.to_json()) == case
    assert len(case.to_json().splitlines()) == 1


def test_what_is_left_out_has_a_default() -> None:
    """First dtype, first choice, lowest number, contiguous layouts, first pattern."""
    case = parse_case(TASK, {"m": 2, "n": 8})
    assert (case.dtype, case.pattern) == ("float32", "normal")
    assert case.values == {"m": 2, "n": 8, "mode": "sum", "scale": 0.5, "k": 1}
    assert case.layout("x") == Layout("contiguous")
    assert case.absent == frozenset()


def test_a_seed_that_is_left_out_depends_on_the_rest_alone() -> None:
    """The same case has the same data everywhere; another case has other data."""
    one, same, other = (parse_case(TASK, {"m": m, "n": 8}).seed for m in (2, 2, 3))
    assert one == same != other
    assert 0 <= one < 2**31


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"n": None}, "a size for the dim 'n' (at least 1, a multiple of 4), not None"),
        ({"n": 6}, "the dim 'n' is at least 1, a multiple of 4, not 6"),
        ({"n": True}, "the case needs a size for the dim 'n'"),
        ({"m": 8}, "the task's `where` refuses"),
        ({"mode": "max"}, "'mode' is one of 'sum', 'mean', not 'max'"),
        ({"k": 9}, "'k' is a whole number from 1 to 8, not 9"),
        ({"scale": "two"}, "'scale' is a number from 0.5 to 2.0, not 'two'"),
        ({"dtype": "int8"}, "dtype 'int8' is none of this task's: float32, float16"),
        ({"pattern": "odd"}, "unknown pattern 'odd'; there are normal"),
        ({"seed": -1}, "seed is a whole number of 0 or more, not -1"),
        ({"x": "diagonal"}, "'x' can be laid out as contiguous, transposed"),
        ({"x": None}, "'x' takes a layout, not None"),
        ({"x": "gap/2"}, "'x' has 2 dims; 'gap/2' names one beyond them"),
        ({"x": "gap/a"}, "'gap/a' is no layout; write a name such as 'gap' or 'gap/0'"),
        ({"weight": "offset/0"}, "'weight' is not declared with broadcast=True"),
        ({"where": "transposed"}, "'where' can be laid out as contiguous, strided, offset"),
        ({"h": 1}, "the case has no 'h'; it takes m, n, x, weight, where, mode, scale, k, dtype"),
    ],
)
def test_a_part_that_does_not_fit_is_named(change: dict[str, Any], told: str) -> None:
    """The message names the part and says what would fit."""
    with pytest.raises(CaseError) as caught:
        parse_case(TASK, {**FULL, **change})
    assert told in str(caught.value)


@pytest.mark.parametrize(
    ("line", "told"),
    [("{'m': 1}", "no JSON: Expecting property name"), ("[1]", "a JSON object such as")],
)
def test_a_line_that_is_no_object_is_refused(line: str, told: str) -> None:
    """What is no JSON object is told with its column."""
    with pytest.raises(CaseError, match=told):
        parse_case(TASK, line)


def test_an_id_names_what_is_out_of_the_ordinary() -> None:
    """Dtype and dims always, layouts and patterns only where they differ from the plain ones."""
    assert (
        parse_case(TASK, FULL).id
        == "float16-m3-n8-mode.mean-scale.0.75-k5-where.strided-x.gap_0-weight.none-spike"
    )
    assert parse_case(TASK, {"m": 2, "n": 8}).id == "float32-m2-n8-mode.sum-scale.0.5-k1"
