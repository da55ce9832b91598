"""Every honest way to compute a bundled reference must be accepted by the judge.

For every bundled task, on its pinned cases and on drawn ones, variants of the reference are
judged as a candidate would be::

    python benchmarks/calibrate_judge.py [TASK ...] [--drawn 8] [--compiled-cases 3]

Prints, for each task and variant, the worst error over what the judge allows (1.00 is the limit,
``eager``, the reference itself, is the baseline) and in how many of the cases the variant gave
other bits than the reference; exits with 1 if a variant was rejected.
"""

from __future__ import annotations

import argparse
import contextlib
import logging
import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch._dynamo.utils import counters

from benchmarks.bundled import drawn, say, setting, table, task_files
from benchmarks.reordered import Chunked, Flipped
from pytest_tritonbench.judge.nest import Value, leaves
from pytest_tritonbench.judge.oracle import (
    cotangents_for,
    run_nearby,
    run_oracle,
    run_reference,
)
from pytest_tritonbench.judge.verdict import Answer, Expected, judge
from pytest_tritonbench.task.case import Case
from pytest_tritonbench.task.declaration import Task
from pytest_tritonbench.task.materialise import arguments

CPU = torch.device("cpu")
Function = Callable[..., Any]
# Runs within it are a variant; it says what the reference is replaced by.
Variant = Callable[[Task], contextlib.AbstractContextManager[Function]]


@contextlib.contextmanager
def eager(task: Task) -> Iterator[Function]:
    """The reference once more."""
    yield task.reference


@contextlib.contextmanager
def two_threads(task: Task) -> Iterator[Function]:
    """PyTorch splits its reductions among two threads."""
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        yield task.reference
    finally:
        torch.set_num_threads(before)


@contextlib.contextmanager
def deterministic(task: Task) -> Iterator[Function]:
    """Only algorithms that give the same bits every time."""
    torch.use_deterministic_algorithms(mode=True)
    try:
        yield task.reference
    finally:
        torch.use_deterministic_algorithms(mode=False)


@contextlib.contextmanager
def transposed(task: Task) -> Iterator[Function]:
    """Arguments whose last two dims are swapped in memory, or that have gaps."""
    yield _relaid(task, _transposed)


@contextlib.contextmanager
def strided(task: Task) -> Iterator[Function]:
    """Arguments of which every second element in memory is theirs."""
    yield _relaid(task, _strided)


@contextlib.contextmanager
def flipped(task: Task) -> Iterator[Function]:
    """Reductions from the other end."""
    with Flipped():
        yield task.reference


@contextlib.contextmanager
def chunked(task: Task) -> Iterator[Function]:
    """Reductions by chunks in float32."""
    with Chunked():
        yield task.reference


def _transposed(x: torch.Tensor) -> torch.Tensor:
    return x.mT.contiguous().mT if x.dim() >= 2 else _strided(x)


def _strided(x: torch.Tensor) -> torch.Tensor:
    if not x.dim():
        return x
    return torch.stack([x, x], -1)[..., 0]


def _relaid(task: Task, change: Callable[[torch.Tensor], torch.Tensor]) -> Function:
    names = list(task.inputs)

    def reference(*given: Any) -> Any:
        laid = [change(x) if isinstance(x, torch.Tensor) else x for x in given]
        output = task.reference(*laid)
        for name, old, new in zip(names, given, laid, strict=True):
            if name in task.mutates and isinstance(old, torch.Tensor):
                old.copy_(new)
        return output

    return reference


VARIANTS: Mapping[str, Variant] = {
    "eager": eager,
    "2 threads": two_threads,
    "determ.": deterministic,
    "transposed": transposed,
    "strided": strided,
    "flipped": flipped,
    "chunked": chunked,
}
COMPILED = "compiled"


@dataclass
class Column:
    """What one variant of one task came to."""

    cases: int = 0
    rejected: list[str] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)
    worst: float = 0.0
    other: int = 0
    """Cases in which it gave other bits than the reference."""

    def __str__(self) -> str:
        if not self.cases:
            return "skipped"
        return f"{self.worst:.2f}{'!' if self.rejected else ''} ({self.other})"


@dataclass(frozen=True)
class Posed:
    """One case with the oracle's side of it."""

    case: Case
    values: Mapping[str, Any]
    cotangents: tuple[torch.Tensor | None, ...] | None
    expected: Expected

    @classmethod
    def of(cls, task: Task, case: Case) -> Posed:
        """Make the arguments and run the reference and the oracle."""

        def allocate(dtype: torch.dtype, count: int) -> torch.Tensor:
            return torch.empty(max(1, count), dtype=dtype)[:count]

        made = arguments(task, case, allocate)
        cotangents = None
        if task.gradients:
            forward = run_reference(task, made, None, CPU)
            cotangents = cotangents_for(task, case, forward, allocate)
        answers = []
        for run in (run_reference, run_oracle, run_nearby):
            torch.manual_seed(case.seed)
            answers.append(run(task, made, cotangents, CPU))
        reference, oracle, nearby = answers
        assert reference is not None  # noqa: S101 - the reference always answers
        return cls(case, made, cotangents, Expected(reference, oracle, nearby))


def put(task: Task, posed: Posed, function: Function, column: Column) -> None:
    """Judge one variant on one case."""
    torch.manual_seed(posed.case.seed)
    try:
        answer = run_reference(
            replace(task, reference=function), posed.values, posed.cotangents, CPU
        )
    except Exception as error:  # noqa: BLE001 - PyTorch has no such variant here: that is told
        said = f"{type(error).__name__}: {str(error).strip()}".splitlines()[0]
        column.skipped.append(said[:160])
        return
    verdict = judge(task, posed.values, answer, posed.expected)
    column.cases += 1
    column.other += not _same_bits(answer, posed.expected.reference)
    column.worst = max(column.worst, verdict.ratio)
    if not verdict.accepted:
        details = "; ".join(text for _, text in verdict.details)
        column.rejected.append(f"{posed.case.to_json()}: {verdict.summary}; {details}")


def _same_bits(a: Answer, b: Answer) -> bool:
    pairs = zip(_tensors(a), _tensors(b), strict=False)
    return all(x.shape == y.shape and torch.equal(_bytes(x), _bytes(y)) for x, y in pairs)


def _tensors(answer: Answer) -> Iterator[torch.Tensor]:
    for part in answer.parts().values():
        for _, leaf in leaves(part, ""):
            if isinstance(leaf, Value):
                yield leaf.tensor


def _bytes(x: torch.Tensor) -> torch.Tensor:
    # A copy, as a tensor of one element may be contiguous with any stride.
    return x.reshape(-1).clone(memory_format=torch.contiguous_format).view(torch.uint8)


def calibrate(task: Task, draw: int, compiled: int) -> dict[str, Column]:
    """Judge every variant of a task's reference."""
    posed = [Posed.of(task, case) for case in (*task.cases, *drawn(task, draw))]
    columns = {name: Column() for name in (*VARIANTS, COMPILED)}
    for name, variant in VARIANTS.items():
        for one in posed:
            with variant(task) as function:
                put(task, one, function, columns[name])
    if compiled:
        torch.compiler.reset()
        counters.clear()
        function = torch.compile(task.reference)
        for one in _in_every_dtype(posed, compiled):
            put(task, one, function, columns[COMPILED])
            if columns[COMPILED].skipped:
                break
        if not counters["stats"]["unique_graphs"]:
            columns[COMPILED] = Column(skipped=["torch.compile captured nothing of it"])
    return columns


def _in_every_dtype(posed: list[Posed], count: int) -> list[Posed]:
    """At most ``count`` cases, of as many dtypes as can be: each costs a compilation."""
    first = {one.case.dtype: one for one in reversed(posed)}
    chosen = [one for one in posed if first[one.case.dtype] is one]
    return [*chosen, *(one for one in posed if first[one.case.dtype] is not one)][:count]


def main() -> int:
    """Calibrate and print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("tasks", nargs="*", help="stems of references/*.py; all when absent")
    parser.add_argument("--drawn", type=int, default=8, help="drawn cases for each task")
    parser.add_argument("--compiled-cases", type=int, default=3, help="cases that are compiled")
    options = parser.parse_args()
    os.environ.setdefault("TORCHINDUCTOR_COMPILE_THREADS", "1")
    logging.getLogger("torch").setLevel(logging.CRITICAL)
    torch.set_num_threads(1)
    print(setting("torch", "numpy", "hypothesis"))
    rows, notes, total, rejected = [], [], 0, 0
    for taskfile in task_files(options.tasks):
        task, start = taskfile.task, time.monotonic()
        columns = calibrate(task, options.drawn, options.compiled_cases)
        cases = columns["eager"].cases
        rows.append([task.name, str(cases), *map(str, columns.values())])
        say(f"{task.name}: {', '.join(rows[-1][2:])} ({time.monotonic() - start:.0f} s)")
        for name, column in columns.items():
            total += column.cases
            rejected += len(column.rejected)
            notes += [f"{task.name}, {name}: rejected {text}" for text in column.rejected]
            if column.skipped:
                count = len(column.skipped)
                notes.append(f"{task.name}, {name}: {count} skipped: {column.skipped[0]}")
    print(table(["task", "cases", *VARIANTS, COMPILED], rows))
    print("\n".join(notes))
    print(f"{total - rejected} of {total} accepted")
    return 1 if rejected else 0


if __name__ == "__main__":
    sys.exit(main())
