"""The trusted process, as its client asks it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from pytest_tritonbench.judge.oracle_client import Oracle
from pytest_tritonbench.sandbox import Sandbox
from pytest_tritonbench.task.loading import load

TASK = """
import torch

from pytest_tritonbench import dim, task, tensor


@task(
    inputs={"x": tensor("n", values=lambda z: torch.full_like(z, torch.get_num_threads()))},
    dims={"n": dim(1, 8)},
    dtypes=("float32",),
    cases=[{"n": 4}],
)
def same(x):
    '''The argument.'''
    return x
"""


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    """A sandbox on the CPU."""
    with Sandbox() as started:
        yield started


@pytest.mark.parametrize("threads", [1, 3])
def test_arguments_are_made_by_as_many_threads_as_were_said(
    sandbox: Sandbox, tmp_path: Path, threads: int
) -> None:
    """Large ones take a second or ten by one thread, in every process that times the reference."""
    path = tmp_path / "same.py"
    path.write_text(TASK, encoding="utf-8")
    oracle = Oracle(sandbox, "cpu", 60.0, threads=threads)
    asked = oracle.ask(path, load(path).task.case({"n": 2}))
    assert asked.values["x"].tolist() == [threads, threads]
    oracle.close()
