"""What a fuzz example costs beyond the kernel's own time.

Fuzzing draws a case, makes its arguments, runs the reference and the oracle, sends the bytes to the
candidate's process and back, and judges. The baseline is the same kernel called directly, gradients
included, on the same cases, in one process under the interpreter, in turns with it::

    python benchmarks/fuzz_overhead.py [TASK ...] [--examples 100]

Prints the mean milliseconds of an example, of the direct call, and where the rest goes; exits with
1 if everything but the kernel costs more than 5 ms an example on small cases.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

import hypothesis
import torch

from benchmarks.bundled import ROOT, kernel_source, setting, table, task_files
from pytest_tritonbench.evaluation import Evaluation, Outcome
from pytest_tritonbench.fuzzing import fuzz
from pytest_tritonbench.judge.nest import leaves
from pytest_tritonbench.judge.oracle_client import Asked, Oracle
from pytest_tritonbench.sandbox import Sandbox
from pytest_tritonbench.task.case import Case
from pytest_tritonbench.task.loading import TaskFile

LIMIT_MS = 5.0
TASKS = ("add", "gelu", "softmax", "rms_norm", "matmul")
# Small cases: a tensor of at most this many elements.
ELEMENTS = 1 << 12
DIRECT = "--direct"
_TIMEOUT = 60.0


class TimedOracle(Oracle):
    """Adds up the time that answers take.

    Args:
        sandbox: As for :class:`Oracle`.
    """

    def __init__(self, sandbox: Sandbox) -> None:
        super().__init__(sandbox, "cpu", _TIMEOUT)
        self.seconds = 0.0

    def ask(
        self,
        path: Path,
        case: Case,
        *,
        device: str | None = None,
        timed: bool = False,
        turns: Mapping[str, int] | None = None,
    ) -> Asked:
        """Ask and take the time."""
        start = time.perf_counter()
        asked = super().ask(path, case, device=device, timed=timed, turns=turns)
        self.seconds += time.perf_counter() - start
        return asked


class DirectCalls:
    """A process that has the kernel and calls it directly.

    Args:
        taskfile: The kernel's task.
    """

    def __init__(self, taskfile: TaskFile) -> None:
        # The arguments are this file's own.
        self._process = subprocess.Popen(  # noqa: S603
            [sys.executable, __file__, DIRECT, taskfile.task.name],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "OMP_NUM_THREADS": "1", "TRITON_INTERPRET": "1"},
        )

    def seconds(self, case: Case) -> float:
        """Seconds of one call."""
        assert self._process.stdin is not None  # noqa: S101 - it was asked for
        assert self._process.stdout is not None  # noqa: S101 - as above
        self._process.stdin.write(case.to_json() + "\n")
        self._process.stdin.flush()
        return float(json.loads(self._process.stdout.readline()))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process.stdin is not None  # noqa: S101 - it was asked for
        self._process.stdin.close()
        self._process.wait()


def direct(name: str) -> None:
    """Call a kernel on the cases that come in, and print the seconds of each call."""
    from pytest_tritonbench.sandbox import interpreter, loading  # noqa: PLC0415 - mends Triton
    from pytest_tritonbench.task.materialise import arguments  # noqa: PLC0415 - after the mends

    [taskfile] = task_files([name])
    # The mends must be there before the kernel is imported, as in a candidate's process.
    interpreter.activate(compile_for=(), device=interpreter.Target.parse("sm_90"))
    with tempfile.TemporaryDirectory() as folder:
        function = loading.load(kernel_source(name), Path(folder) / f"{name}.py", name)
        torch.set_num_threads(1)
        for line in sys.stdin:
            made = arguments(taskfile.task, taskfile.task.case(line), _storage)
            wanted = [made[n] for n in taskfile.task.gradients if made[n] is not None]
            for tensor in wanted:
                tensor.requires_grad_()
            start = time.perf_counter()
            outputs = [t for _, t in leaves(function(*made.values()), "") if _has_gradient(t)]
            if outputs:
                ones = [torch.ones_like(output) for output in outputs]
                torch.autograd.grad(outputs, wanted, ones, allow_unused=True)
            print(time.perf_counter() - start, flush=True)


def _has_gradient(leaf: object) -> bool:
    return isinstance(leaf, torch.Tensor) and leaf.requires_grad


def _storage(dtype: torch.dtype, count: int) -> torch.Tensor:
    return torch.empty(max(1, count), dtype=dtype)[:count]


def measured(taskfile: TaskFile, sandbox: Sandbox, oracle: TimedOracle, examples: int) -> Any:
    """Mean milliseconds by what they are spent on, over the examples of one fuzz run."""
    name = taskfile.task.name
    evaluation = Evaluation(
        taskfile, oracle, lambda: sandbox.candidate(kernel_source(name), f"{name}.py", name)
    )
    spent = {"evaluation": 0.0, "asked": 0.0, "called": 0.0, "direct": 0.0, "beside": 0.0}
    count = 0
    with DirectCalls(taskfile) as calls:
        for case in taskfile.task.cases[:3]:
            evaluation.run(case, timeout=_TIMEOUT)
            calls.seconds(case)

        def evaluate(case: Case) -> Outcome:
            nonlocal count
            count += 1
            asked, start = oracle.seconds, time.perf_counter()
            outcome = evaluation.run(case, timeout=_TIMEOUT)
            middle = time.perf_counter()
            spent["evaluation"] += middle - start
            spent["asked"] += oracle.seconds - asked
            assert outcome.delivered is not None  # noqa: S101 - a bundled kernel delivers
            spent["called"] += outcome.delivered.seconds
            spent["direct"] += calls.seconds(case)
            spent["beside"] += time.perf_counter() - middle
            return outcome

        start = time.perf_counter()
        worst, _ = fuzz(taskfile.task, evaluate, examples=examples, elements=ELEMENTS)
        total = time.perf_counter() - start
    evaluation.close()
    if worst is not None:
        raise SystemExit(f"{name}: rejected on {worst.case.to_json()}")
    example = total - spent["beside"]
    return [
        1e3 * seconds / count
        for seconds in (
            example,
            spent["direct"],
            example - spent["direct"],
            example - spent["evaluation"],
            spent["asked"],
            spent["called"] - spent["direct"],
            spent["evaluation"] - spent["asked"] - spent["called"],
        )
    ]


def main() -> int:
    """Measure and print."""
    if sys.argv[1:2] == [DIRECT]:
        direct(sys.argv[2])
        return 0
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("tasks", nargs="*", default=TASKS, help="stems of references/*.py")
    parser.add_argument("--examples", type=int, default=100, help="fuzz examples of each task")
    options = parser.parse_args()
    torch.set_num_threads(1)
    hypothesis.settings.register_profile("measured", database=None)
    hypothesis.settings.load_profile("measured")
    print(setting("torch", "triton", "hypothesis"))
    rows, rest, ratios = [], [], []
    os.chdir(ROOT)
    with Sandbox() as sandbox:
        oracle = TimedOracle(sandbox)
        for taskfile in task_files(options.tasks):
            found = measured(taskfile, sandbox, oracle, options.examples)
            rest.append(found[2])
            ratios.append(found[0] / found[1])
            cells = [f"{ms:.2f}" for ms in found]
            rows.append([taskfile.task.name, *cells, f"{ratios[-1]:.2f}"])
        oracle.close()
    heads = ["ms an example", "all", "direct call", "the rest", "drawing", "oracle", "border"]
    print(table([*heads, "judge", "all / direct"], rows))
    median, most = statistics.median(rest), max(rest)
    print(f"median ratio to the direct call {statistics.median(ratios):.2f}")
    print(f"beyond the kernel {median:.2f} ms, at most {most:.2f}; {LIMIT_MS:g} allowed")
    return 1 if most > LIMIT_MS else 0


if __name__ == "__main__":
    sys.exit(main())
