"""How far two timings of the same kernel are apart, and whether a small slowdown is seen.

    python -m benchmarks.timing_agreement [KERNEL ...] [--runs 5] [--slower 0.03] [--out FILE]
        [--place 0.5] [--budget 5]

Each bundled kernel is timed against a copy of itself, as `bench` does it, in fresh processes for
each run and with one tuning: no run may call one of them faster, and the interval of their ratio is
to hold 1. Of what is delivered only each process's first output is judged. Beside it stands how far
two medians of `triton.testing.do_bench`, taken one after the other in one process, are apart: the
baseline. With `--slower`, the copy takes so much longer instead (a spinning kernel behind each
call, calibrated in the plain process), and each run is to call it slower.

Started several times with other kernels, the processes take turns at the GPU.

`--cpu` times the interpreter by the host's clock, to try the script without a GPU.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, nullcontext
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

from benchmarks.bundled import kernel_source, say, table, task_files
from benchmarks.plain_timing import Plain
from pytest_tritonbench.evaluation import Evaluation
from pytest_tritonbench.judge.oracle_client import Oracle
from pytest_tritonbench.sandbox import Sandbox
from pytest_tritonbench.sandbox.gpu_lock import GpuLock
from pytest_tritonbench.sides import CandidateSide, agree
from pytest_tritonbench.task.case import Case
from pytest_tritonbench.task.loading import TaskFile
from pytest_tritonbench.timing import verdict
from pytest_tritonbench.timing.interval import Interval
from pytest_tritonbench.timing.sampler import Sampled, sample
from pytest_tritonbench.timing.stopping import MOST_PAIRS, Rule, Stop
from pytest_tritonbench.timing_options import TimingSettings

_TIMEOUT = 300.0
_SLEEPS = """

_timed_as_it_is = {name}


def {name}(*args, **kwargs):
    found = _timed_as_it_is(*args, **kwargs)
    torch.cuda._sleep({cycles})
    return found
"""


_ONLY = """

for _tuner in [_value for _value in globals().values() if hasattr(_value, "base_fn")]:
    _only = {chosen}.get(_tuner.base_fn.__name__)
    _tuner.configs = [_one for _one in _tuner.configs if str(_one) == _only] or _tuner.configs
"""


@dataclass
class Found:
    """One kernel on one case."""

    task: str
    case: str
    seconds: float
    """Median of the kernel as it is."""

    runs: list[Interval] = field(default_factory=list)
    """Of the copy's time over the kernel's."""

    ratios: list[list[list[float]]] = field(default_factory=list)
    """Of each of them, pair of processes by pair of processes: its blocks' ratios of medians."""

    do_bench: list[list[float]] = field(default_factory=list)
    slower: float | None = None
    """What the slowdown came to in the plain process."""

    spent: float = 0.0
    sampling: float = 0.0

    def as_json(self) -> dict[str, Any]:
        """Plain data."""
        return {**vars(self), "runs": [one.as_json() for one in self.runs]}

    @property
    def verdicts(self) -> str:
        """How often it was called what; where the copy is the slowed one, how often that was."""
        slowed = self.slower is not None
        said = [str(verdict.of(one.reciprocal if slowed else one)) for one in self.runs]
        return ", ".join(f"{said.count(word)} {word}" for word in dict.fromkeys(said))


class Agreement:
    """Times kernels against their copies.

    Args:
        sandbox: Started.
        device: ``cpu`` or ``cuda``.
        budget: Seconds of samples of a run.
        lock: Turns at the GPU, where several processes measure.
    """

    def __init__(self, sandbox: Sandbox, device: str, budget: float, lock: GpuLock | None) -> None:
        self._sandbox = sandbox
        self._oracle = Oracle(sandbox, device, _TIMEOUT)
        self._settings = TimingSettings(budget=budget)
        self._lock = lock

    def sharing(self) -> AbstractContextManager[float]:
        """A turn beside others."""
        return nullcontext(0.0) if self._lock is None else self._lock.shared()

    def alone(self) -> AbstractContextManager[float]:
        """A turn alone."""
        self._oracle.settle()
        return nullcontext(0.0) if self._lock is None else self._lock.alone()

    def tuned(self, taskfile: TaskFile, case: Case, source: str) -> str:
        """The source with what its autotuners choose now as their only choice.

        Two processes may tune one kernel in two ways that differ by a few percent: that is a
        difference, and not what is asked for here.
        """
        with ExitStack() as stack:
            stack.enter_context(self.sharing())
            side = self._side(stack, taskfile, case, source)
            with self.alone():
                side.ready("events")
            chosen = {one.kernel: one.config for one in side.tunings if one.configs > 1}
        return source + _ONLY.format(chosen=chosen) if chosen else source

    def run(self, taskfile: TaskFile, case: Case, source: str, copy: str) -> Sampled:
        """Time a kernel and its copy once.

        Returns:
            What was measured, of a ``copy`` and the ``candidate``.
        """
        with ExitStack() as stack:
            stack.enter_context(self.sharing())
            sides = {
                name: self._side(stack, taskfile, case, text)
                for name, text in (("copy", copy), ("candidate", source))
            }
            sampled: Sampled | None = None
            while sampled is None or sampled.stopped is Stop.PAIR:
                if sampled is not None:
                    for side in sides.values():
                        side.renew()
                with self.alone():
                    agree([*sides.values()], "events")
                    sampled = sample(
                        sides,
                        Rule(budget=self._settings.budget, pairs=MOST_PAIRS),
                        clock=lambda: time.monotonic() - sum(one.keeping for one in sides.values()),
                        earlier=sampled,
                    )
        return sampled

    def _side(self, stack: ExitStack, taskfile: TaskFile, case: Case, text: str) -> CandidateSide:
        name = taskfile.task.name
        evaluation = stack.enter_context(
            Evaluation(
                taskfile, self._oracle, lambda: self._sandbox.candidate(text, f"{name}.py", name)
            )
        )
        side = CandidateSide(evaluation, case, self._settings, _TIMEOUT)
        side.open()
        return side

    def close(self) -> None:
        """End the oracle's process."""
        self._oracle.close()


def block_ratios(sampled: Sampled) -> list[list[float]]:
    """Of the copy's median over the kernel's, by pair of processes."""
    both = zip(sampled.series["copy"].blocks, sampled.series["candidate"].blocks, strict=True)
    ratios = (statistics.median(copy) / statistics.median(own) for copy, own in both)
    return [[*islice(ratios, count)] for count in sampled.pairs]


def chosen(taskfile: TaskFile, place: float, *, small: bool) -> Case:
    """The case that is timed: of the sweep, or a pinned one in the interpreter."""
    task = taskfile.task
    return task.cases[0] if small else task.sweep[round(place * (len(task.sweep) - 1))]


def measured(
    agreement: Agreement, plain: Plain | None, taskfile: TaskFile, options: argparse.Namespace
) -> Found:
    """All runs of one kernel."""
    name = taskfile.task.name
    case = chosen(taskfile, options.place, small=options.cpu)
    began = time.monotonic()
    beside: dict[str, Any] = {}
    if plain is not None:
        with agreement.sharing():
            plain.ask(kernel=name, case=case.to_json())
            with agreement.alone():
                beside = plain.ask(runs=options.runs, slower=options.slower)
    source = copy = agreement.tuned(taskfile, case, kernel_source(name))
    if options.slower is not None:
        copy += _SLEEPS.format(name=name, cycles=beside["cycles"])
    found = Found(name, case.to_json(), 0.0, do_bench=beside.get("do_bench", []))
    found.slower = beside.get("slower")
    for _ in range(options.runs):
        sampled = agreement.run(taskfile, case, source, copy)
        found.seconds = statistics.median(sampled.series["candidate"].device)
        found.runs.append(sampled.interval("copy", "candidate"))
        found.ratios.append(block_ratios(sampled))
        found.sampling += sampled.seconds
    found.spent = time.monotonic() - began
    return found


def measure_all(options: argparse.Namespace, names: list[str]) -> list[Found]:
    """Measure these kernels, each line of ``--out`` as soon as it is known."""
    device = "cpu" if options.cpu else "cuda"
    lock = None if options.cpu else GpuLock("cuda:0")
    plain = None if options.cpu else Plain()
    found: list[Found] = []
    with Sandbox(device="cpu" if options.cpu else "cuda:0") as sandbox:
        agreement = Agreement(sandbox, device, options.budget, lock)
        for taskfile in task_files(names):
            one = measured(agreement, plain, taskfile, options)
            found.append(one)
            say(" ".join(next(rows([one]))))
            if options.out is not None:
                with options.out.open("a", encoding="utf-8") as file:
                    file.write(json.dumps(one.as_json()) + "\n")
        agreement.close()
    if plain is not None:
        plain.close()
    return found


def rows(found: list[Found]) -> Iterator[list[str]]:
    """A row a kernel."""
    for one in found:
        ratios = [pair[0] / pair[1] for pair in one.do_bench]
        apart = max((abs(ratio - 1) for ratio in ratios), default=0.0)
        yield [
            one.task,
            f"{1e6 * one.seconds:.1f}",
            f"{max(abs(run.value - 1) for run in one.runs):.2%}",
            f"{max(run.half_width for run in one.runs):.2%}",
            f"{sum(1.0 in run for run in one.runs)}/{len(one.runs)}",
            one.verdicts,
            f"{apart:.2%}" if ratios else "-",
        ]


def main() -> None:
    """Time what the command line names, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("kernels", nargs="*")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--slower", type=float)
    parser.add_argument("--budget", type=float, default=5.0)
    parser.add_argument("--cpu", action="store_true")
    parser.add_argument("--out", type=Path)
    parser.add_argument("--place", type=float, default=0.5, help="of the case in the sweep")
    options = parser.parse_args()
    names = [taskfile.task.name for taskfile in task_files(options.kernels)]
    found = measure_all(options, names)
    heads = ("kernel", "us", "apart", "half-width", "holds 1", "verdicts", "do_bench apart")
    print(table(heads, list(rows(found))))
    runs = [run for one in found for run in one.runs]
    print(f"{sum(1.0 in run for run in runs)} of {len(runs)} intervals hold 1")
    spent, sampling = (sum(getattr(one, name) for one in found) for name in ("spent", "sampling"))
    print(f"{spent:.0f} s, of which {sampling / spent:.0%} timed calls")


if __name__ == "__main__":
    main()
