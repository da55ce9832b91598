"""Count the planted faults that the judge catches, beside ``allclose(rtol=1e-2, atol=1e-2)``.

Every fault of ``faults.toml`` is planted alone and its kernel is put to the task's pinned cases and
to drawn ones, in one sandbox; on the same outputs the baseline says what plain ``allclose`` against
the reference would have said. The unmodified kernels go the same way, to count false alarms::

    python benchmarks/fault_rates.py [KERNEL ...] [--drawn 25]

Prints what was caught per kind of fault and a line for each fault that only one of the two
catches; exits with 1 if the judge misses a fault, refuses a right kernel, or catches less than the
baseline.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch

from benchmarks.bundled import drawn, kernel_source, say, setting, table, task_files
from benchmarks.planted_faults import Fault, faults
from pytest_tritonbench.evaluation import Evaluation, Outcome
from pytest_tritonbench.judge.nest import Value, leaves
from pytest_tritonbench.judge.oracle_client import Asked, Oracle, tensor_of
from pytest_tritonbench.judge.wire import tensor_from
from pytest_tritonbench.sandbox import Sandbox, TensorArg, TensorOut
from pytest_tritonbench.task.case import Case
from pytest_tritonbench.task.loading import TaskFile

RTOL = ATOL = 1e-2
TIMEOUT = 20.0
ORACLE_TIMEOUT = 120.0


class RememberingOracle(Oracle):
    """Keeps what it was asked last, for a second opinion on the same case."""

    last: Asked

    def ask(
        self,
        path: Path,
        case: Case,
        *,
        device: str | None = None,
        timed: bool = False,
        turns: Mapping[str, int] | None = None,
    ) -> Asked:
        """Ask and remember."""
        self.last = super().ask(path, case, device=device, timed=timed, turns=turns)
        return self.last


@dataclass
class Found:
    """What the two rules say of one kernel."""

    judge: str | None = None
    """The judge's first reason, ``None`` where it accepts every case."""

    allclose: bool = False
    """Whether allclose rejects."""


def close(outcome: Outcome, asked: Asked) -> bool:
    """What ``allclose`` says, of gradients and arguments changed in place as well.

    Args:
        outcome: One that delivered.
        asked: The oracle's side of the same case.
    """
    delivered, reference = outcome.delivered, asked.expected.reference
    assert delivered is not None  # noqa: S101 - the caller looked
    mine = [leaf for _, leaf in leaves(delivered.output, "")]
    mine += delivered.gradients
    theirs = [leaf for _, leaf in leaves(reference.output, "")]
    theirs += reference.gradients.values()
    if len(mine) != len(theirs) or not all(map(_close, mine, theirs)):
        return False
    arguments = dict(asked.args)
    for name, value in reference.mutated.items():
        arg = arguments[name]
        assert isinstance(arg, TensorArg)  # noqa: S101 - only tensors are mutated
        if not _all_close(tensor_of(arg, delivered.inputs_after), value.tensor):
            return False
    return True


def _close(mine: object, theirs: object) -> bool:
    if isinstance(mine, TensorOut) and isinstance(theirs, Value):
        return _all_close(tensor_from(mine.dtype, mine.shape, mine.data), theirs.tensor)
    return type(mine) is type(theirs) and mine == theirs


def _all_close(mine: torch.Tensor, theirs: torch.Tensor) -> bool:
    if mine.shape != theirs.shape:
        return False
    a, b = mine.double(), theirs.double()
    return torch.allclose(a, b, rtol=RTOL, atol=ATOL, equal_nan=True)


class Bench:
    """One sandbox and one oracle, through which every kernel goes.

    Args:
        sandbox: Started.
    """

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox
        self._oracle = RememberingOracle(sandbox, "cpu", ORACLE_TIMEOUT)

    def judged(self, taskfile: TaskFile, source: str, cases: list[Case]) -> Found:
        """Put cases to a kernel until both rules have rejected one."""
        name, found = taskfile.task.name, Found()
        evaluation = Evaluation(
            taskfile, self._oracle, lambda: self._sandbox.candidate(source, f"{name}.py", name)
        )
        for case in cases:
            outcome = evaluation.run(case, timeout=TIMEOUT)
            if not outcome.accepted:
                found.judge = found.judge or _told(outcome)
            # A kernel that crashes or hangs is seen by whoever runs it.
            failed = outcome.failure is not None
            found.allclose = found.allclose or failed or not close(outcome, self._oracle.last)
            if found.judge is not None and found.allclose:
                break
        evaluation.close()
        return found

    def close(self) -> None:
        """End the oracle's process."""
        self._oracle.close()


def _told(outcome: Outcome) -> str:
    if outcome.failure is not None:
        return f"{outcome.reason}: {outcome.failure.message.splitlines()[0]}"
    assert outcome.verdict is not None  # noqa: S101 - rejected, and not for a failure
    return f"{outcome.reason}: {outcome.verdict.summary}"


@dataclass(frozen=True)
class Planted:
    """One fault and what became of it."""

    fault: Fault
    found: Found

    def line(self, false_alarm: bool) -> str:  # noqa: FBT001 - told by the only caller
        """One line about it."""
        caught = f"judge: {self.found.judge or 'missed'}"
        other = "rejects, as it does the right kernel" if false_alarm else "rejects"
        said = other if self.found.allclose else "accepts"
        return f"{self.fault.kernel}, {self.fault.kind}: {caught}; allclose {said}"


def rates(planted: list[Planted], alarms: list[str]) -> str:
    """The table: per kind of fault, how many each rule rejects.

    Args:
        planted: The faults.
        alarms: Kernels that allclose rejects without a fault, too.
    """
    kinds = sorted({p.fault.kind for p in planted})
    rows = []
    for kind in (*kinds, "all"):
        chosen = [p for p in planted if kind in (p.fault.kind, "all")]
        judge = sum(p.found.judge is not None for p in chosen)
        allclose = [p for p in chosen if p.found.allclose]
        always = sum(p.fault.kernel in alarms for p in allclose)
        percent = [f"{n} ({n / len(chosen):.0%})" for n in (judge, len(allclose))]
        rows.append([kind, str(len(chosen)), *percent, str(always)])
    heads = ["kind of fault", "planted", "judge rejects", "allclose rejects"]
    return table([*heads, "of which it rejects the right kernel, too"], rows)


def main() -> int:
    """Plant every fault and print the tables."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("kernels", nargs="*", help="stems of kernels/*.py; all when absent")
    parser.add_argument("--drawn", type=int, default=25, help="drawn cases for each kernel")
    options = parser.parse_args()
    torch.set_num_threads(1)
    print(setting("torch", "triton", "numpy", "hypothesis"))
    start = time.monotonic()
    right: dict[str, Found] = {}
    planted: list[Planted] = []
    listed = faults()
    with Sandbox() as sandbox:
        bench = Bench(sandbox)
        for taskfile in task_files(options.kernels):
            name = taskfile.task.name
            cases = [*taskfile.task.cases, *drawn(taskfile.task, options.drawn)]
            right[name] = bench.judged(taskfile, kernel_source(name), cases)
            for fault in listed:
                if fault.kernel == name and fault.needs is None:
                    source = fault.planted(kernel_source(name))
                    planted.append(Planted(fault, bench.judged(taskfile, source, cases)))
            say(f"{name}: {time.monotonic() - start:.0f} s so far")
        bench.close()
    refused = [f"{n}: {f.judge}" for n, f in right.items() if f.judge is not None]
    alarms = [n for n, f in right.items() if f.allclose]
    print(rates(planted, alarms))
    print(f"right kernels refused: judge {len(refused)} of {len(right)}, ", end="")
    print(f"allclose {len(alarms)} of {len(right)} ({', '.join(alarms) or 'none'})")
    print("\n".join(f"refused, though right: {line}" for line in refused), end="")
    missed = [p for p in planted if p.found.judge is None]
    only = [p for p in planted if (p.found.judge is None) == p.found.allclose or p in missed]
    for one in only:
        print(one.line(one.fault.kernel in alarms))
    skipped = [f for f in listed if f.needs is not None and f.kernel in right]
    for fault in skipped:
        print(f"{fault.kernel}, {fault.kind}: not run; it needs {fault.needs}")
    caught = len(planted) - len(missed)
    baseline = sum(p.found.allclose for p in planted)
    print(f"{caught} of {len(planted)} caught; allclose {baseline}", end="; ")
    print(f"ratio {caught / max(1, baseline):.2f}; {time.monotonic() - start:.0f} s")
    return 1 if missed or refused or caught < baseline else 0


if __name__ == "__main__":
    sys.exit(main())
