"""A task that does not hold together is refused where it is declared."""

from typing import Any

import pytest
import torch

from pytest_tritonbench import Dim, choice, dim, index, integer, task, tensor
from pytest_tritonbench.task.declaration import MARK, Task, TaskError, by_name
from pytest_tritonbench.task.pieces import Piece


def double(x: torch.Tensor) -> torch.Tensor:
    """Twice a tensor."""
    return x * 2


GOOD: dict[str, Any] = {"inputs": {"x": tensor("m", "2*n")}, "cases": [{"m": 2, "n": 3}]}


def declared(**changes: Any) -> Task:
    """The task of ``double`` with some parts changed."""
    made: Task = getattr(task(**{**GOOD, **changes})(double), MARK)
    return made


def test_a_case_without_a_dtype_is_run_in_every_dtype() -> None:
    """One pinned line becomes a case for each dtype; one with a dtype stays one."""
    made = declared(cases=[{"m": 2, "n": 3}, {"m": 1, "n": 1, "dtype": "float16"}])
    assert [case.dtype for case in made.cases] == ["float32", "float16", "bfloat16", "float16"]


def test_dims_are_found_in_every_extent() -> None:
    """Dims come from shapes, index ranges and integer bounds; scalars are no dims."""

    def gather(x: torch.Tensor, at: torch.Tensor, k: int) -> torch.Tensor:
        """Pick."""
        return x[at, k]

    inputs: dict[str, Piece] = {
        "x": tensor("m", "k"),
        "at": index("b", high="m"),
        "k": integer(1, "top"),
    }
    function = task(inputs=inputs, cases=[{"m": 2, "b": 1, "top": 4, "k": 2}])(gather)
    made: Task = getattr(function, MARK)
    assert made.dims == {"m": Dim(), "b": Dim(), "top": Dim()}


def test_the_function_stays_what_it_was() -> None:
    """A declared function can still be called, and the task knows its line and its docstring."""
    function = task(**GOOD)(double)
    assert function is double
    made = declared()
    assert made.doc == "Twice a tensor."
    assert made.line == double.__code__.co_firstlineno
    assert made.name == "double"


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"inputs": {}}, "inputs name [], but the function takes ['x']"),
        ({"inputs": {"y": tensor("m", "n")}}, "inputs name ['y'], but the function takes ['x']"),
        ({"cases": []}, "cases is empty; pin at least one"),
        ({"cases": [{"m": 2}]}, "cases[0] {'m': 2}: the case needs a size for the dim 'n'"),
        ({"sweep": [{"m": 2, "n": 3}, {"m": 0, "n": 3}]}, "sweep[1] {'m': 0, 'n': 3}: the dim 'm'"),
        ({"dtypes": ()}, "dtypes is empty; name at least one of float64, float32"),
        ({"dtypes": ("half",)}, "dtypes has 'half'; there are float64, float32"),
        ({"patterns": ()}, "patterns is empty; name at least one of normal"),
        ({"patterns": ("wild",)}, "patterns has 'wild'; there are normal"),
        ({"mutates": ("y",)}, "mutates has 'y'; there are x"),
        ({"gradients": ("y",)}, "gradients has 'y'; there are x"),
        ({"inputs": {"x": choice(1, 2)}, "cases": [{}], "gradients": ("x",)}, "'x' is no tensor"),
        ({"dims": {"seed": dim()}}, "'seed' is a key of every case; rename it"),
        ({"dims": {"x": dim()}}, "['x'] are dims and arguments at once; rename one"),
        (
            {"exact": True, "check": lambda *_: None},
            "exact=True leaves nothing for canonical or check to decide",
        ),
    ],
)
def test_parts_that_do_not_fit_are_refused(changes: dict[str, Any], told: str) -> None:
    """The message names the task, the part, and what would fit."""
    with pytest.raises(TaskError) as caught:
        declared(**changes)
    assert str(caught.value).startswith("task 'double': ")
    assert told in str(caught.value)


def test_a_reference_without_a_docstring_is_refused() -> None:
    """The docstring is what a model is asked, so there must be one."""

    def bare(x: torch.Tensor) -> torch.Tensor:
        return x

    with pytest.raises(TaskError, match="'bare': the reference has no docstring"):
        task(**GOOD)(bare)


def test_functions_take_what_they_name() -> None:
    """flops, where and the like are given the dims that their parameters name, by name."""
    assert by_name(lambda n, m: (m, n), {"m": 2, "n": 3, "k": 4}) == (2, 3)
    assert by_name(lambda **all_of_them: len(all_of_them), {"m": 2, "n": 3}) == 2
