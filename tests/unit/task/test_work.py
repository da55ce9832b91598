"""The work of a case is counted from what it holds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from pytest_tritonbench import derived, index, integers, task, tensor
from pytest_tritonbench.task.declaration import MARK, Task
from pytest_tritonbench.task.loading import load
from pytest_tritonbench.task.materialise import arguments
from pytest_tritonbench.task.work import Work, work

REFERENCES = Path(__file__).parents[3] / "references"
ROW = {"m": 8, "n": 32, "dtype": "float16"}


def _task(function: Any) -> Task:
    found: Task = getattr(function, MARK)
    return found


def _work(function: Any, number: int = 0) -> Work:
    found = _task(function)
    case = found.cases[number]
    made = arguments(found, case, lambda dtype, count: torch.empty(count, dtype=dtype))
    return work(found, case, made, found.reference(**made))


def test_every_input_and_output_once() -> None:
    """Without further words a case moves the bytes of its inputs and outputs, of any nest."""

    @task(inputs={"x": tensor("m", "n")}, cases=[ROW], flops=lambda m, n: 3 * m * n)
    def both(x: torch.Tensor) -> Any:
        """Two things."""
        return {"twice": [2 * x], "sum": x.float().sum(-1)}

    assert _work(both) == Work(
        3 * 8 * 32, 2 * 2 * 8 * 32 + 8 * 4, 2 * 2 * 8 * 32 + 8 * 4, "float16"
    )


def test_operations_that_nobody_counts() -> None:
    """A task without flops has none to be measured by."""

    @task(inputs={"x": tensor("m", "n")}, cases=[ROW])
    def twice(x: torch.Tensor) -> torch.Tensor:
        """Twice."""
        return 2 * x

    assert _work(twice).flops is None


def test_what_changes_in_place_is_read_and_written() -> None:
    """A changed argument counts twice, and not once more where it is returned as well."""

    @task(
        inputs={"x": tensor("m", "n", layouts=("contiguous",)), "y": tensor("m", "n")},
        mutates=("x",),
        cases=[ROW],
    )
    def add_to(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        """Add in place."""
        return x.add_(y)

    assert _work(add_to).nbytes == 3 * 2 * 8 * 32


def test_a_view_costs_nothing() -> None:
    """An answer that lies in an argument's memory was never written."""

    @task(inputs={"x": tensor("m", "n")}, cases=[ROW])
    def turned(x: torch.Tensor) -> torch.Tensor:
        """A view."""
        return x.t()

    assert _work(turned).nbytes == 2 * 8 * 32


def test_repeated_elements_lie_in_memory_once() -> None:
    """A broadcast argument is read once."""

    @task(inputs={"x": tensor("m", "n")}, cases=[{**ROW, "x": "expanded"}])
    def total(x: torch.Tensor) -> torch.Tensor:
        """Sum."""
        return x.sum(-1)

    assert _work(total).nbytes == 2 * 32 + 2 * 8


def test_what_indices_decide_is_not_certain() -> None:
    """Where indices say what is read, only what is written is certain; data of integers is data."""

    @task(inputs={"x": tensor("m", "n"), "rows": index("k", high="m")}, cases=[{**ROW, "k": 4}])
    def picked(x: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
        """Rows."""
        return x[rows]

    @task(inputs={"x": integers("m", "n", low=-9, high=9, dtype="int8")}, cases=[ROW])
    def halved(x: torch.Tensor) -> torch.Tensor:
        """Halves."""
        return x // 2

    @task(inputs={"x": tensor("m", "n"), "keep": tensor("m", "n", dtype="bool")}, cases=[ROW])
    def kept(x: torch.Tensor, keep: torch.Tensor) -> torch.Tensor:
        """Zero elsewhere."""
        return torch.where(keep, x, 0)

    assert _work(picked) == Work(None, 2 * 8 * 32 + 8 * 4 + 2 * 4 * 32, 2 * 4 * 32, "float16")
    assert _work(halved).least_bytes == _work(halved).nbytes == 2 * 8 * 32
    assert _work(kept).least_bytes == 2 * 8 * 32 < _work(kept).nbytes


def test_the_task_says_what_moves() -> None:
    """A task's own count replaces the sum; one that looked at the data is certain."""

    def labels(g: torch.Generator, m: int) -> torch.Tensor:
        return torch.randint(0, 2, (m,), generator=g)

    @task(
        inputs={"x": tensor("m", "n"), "use": derived(labels)}, cases=[ROW], moved=lambda m: 100 * m
    )
    def blind(x: torch.Tensor, use: torch.Tensor) -> torch.Tensor:
        """Rows that are used."""
        return (x * use[:, None]).sum()

    @task(
        inputs={"x": tensor("m", "n"), "use": derived(labels)},
        cases=[ROW],
        moved=lambda n, use: 2 * n * int(use.sum()),
    )
    def seeing(x: torch.Tensor, use: torch.Tensor) -> torch.Tensor:
        """Rows that are used."""
        return (x * use[:, None]).sum()

    assert (_work(blind).nbytes, _work(blind).least_bytes) == (800, 2)
    assert _work(seeing).nbytes == _work(seeing).least_bytes
    assert _work(seeing).nbytes % (2 * 32) == 0


def test_dtype_of_the_arithmetic() -> None:
    """It is the widest of the matrices, int8 where they all are integers, scales set aside."""

    @task(
        inputs={
            "a": integers("m", "k", low=-9, high=9, dtype="int8"),
            "scale": tensor("m", dtype="float32"),
        },
        cases=[{"m": 8, "k": 4, "dtype": "float16"}],
    )
    def narrow(a: torch.Tensor, scale: torch.Tensor) -> torch.Tensor:
        """Scaled."""
        return a * scale[:, None]

    @task(
        inputs={"x": tensor("m", "n"), "state": tensor("m", "n", dtype="float32")},
        cases=[ROW, {**ROW, "dtype": "float32"}],
    )
    def wide(x: torch.Tensor, state: torch.Tensor) -> torch.Tensor:
        """Sum."""
        return x + state

    @task(
        inputs={"x": tensor("m", "n"), "bias": tensor("n", dtype="float32")},
        cases=[{**ROW, "dtype": "bfloat16"}],
    )
    def biased(x: torch.Tensor, bias: torch.Tensor) -> torch.Tensor:
        """Sum."""
        return x + bias

    assert [_work(f).dtype for f in (narrow, wide, biased)] == ["int8", "float32", "bfloat16"]


@pytest.mark.parametrize("path", sorted(REFERENCES.glob("*.py")), ids=lambda path: str(path.stem))
def test_every_bundled_task_has_work(path: Path) -> None:
    """The work of each bundled task can be counted: bytes move, and no more are certain than do."""
    found = load(path).task
    case = found.cases[0]
    made = arguments(found, case, lambda dtype, count: torch.empty(count, dtype=dtype))
    with torch.no_grad():
        counted = work(found, case, made, found.reference(**made))
    assert 0 < counted.least_bytes <= counted.nbytes
    assert counted.flops is None or counted.flops > 0
    assert counted.dtype in found.dtypes or counted.dtype == "int8"
