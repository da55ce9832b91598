"""Time a bundled kernel in one plain process, as `triton.testing.do_bench` does it.

    echo '{"kernel": "add", "case": {...}}
    {"runs": 5, "slower": 0.03}' | python -m benchmarks.plain_timing

The first line of a pair has a kernel made ready, which needs no quiet GPU; the second has it timed.
Each is answered with a line of JSON, the second with `do_bench`, two medians of it for each run, in
milliseconds; and, where a share `slower` is given, `cycles`: of a spinning kernel behind each call
that makes it take so much longer, found by timing calls with and without it in turns, and `slower`,
what it came to.
"""

import importlib.util
import json
import statistics
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import torch
from triton.testing import do_bench

from benchmarks.bundled import ROOT, task_files
from pytest_tritonbench.sandbox.stopwatch import Stopwatch
from pytest_tritonbench.task.materialise import arguments

_ROUNDS = 400
_CYCLES_PER_SECOND = 1.9e9


class Plain:
    """A process without a sandbox that times kernels as this script does."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.plain_timing"],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def ask(self, **request: Any) -> dict[str, Any]:
        """What it finds of one kernel."""
        assert self._process.stdin is not None  # noqa: S101 - both are pipes
        assert self._process.stdout is not None  # noqa: S101 - as above
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            raise SystemExit(f"the plain process ended at {request}")
        found: dict[str, Any] = json.loads(line)
        return found

    def close(self) -> None:
        """End it."""
        self._process.communicate()


def entry(name: str) -> Callable[..., Any]:
    """The function that a bundled kernel's module has for its task."""
    spec = importlib.util.spec_from_file_location(name, ROOT / "kernels" / f"{name}.py")
    if spec is None or spec.loader is None:
        raise SystemExit(f"no bundled kernel {name!r}")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    found: Callable[..., Any] = getattr(module, name)
    return found


def prepared(name: str, line: str) -> Callable[[], Any]:
    """A call of a bundled kernel on a case, its arguments on the GPU."""
    (taskfile,) = task_files([name])
    case = taskfile.task.case(line)
    made = arguments(taskfile.task, case, lambda dtype, count: torch.empty(count, dtype=dtype))
    moved = {n: v.cuda() if isinstance(v, torch.Tensor) else v for n, v in made.items()}
    function = entry(name)
    return lambda: function(*moved.values())


def slowed(call: Callable[[], Any], share: float) -> tuple[int, float]:
    """Cycles that make a call take so much longer, and the share that they come to."""
    stopwatch = Stopwatch(torch.device("cuda"), call)
    usual = statistics.median(stopwatch.time()["ms"] for _ in range(100))
    cycles = int(share * usual * 1e-3 * _CYCLES_PER_SECOND)
    found = 0.0
    for _ in range(6):
        found = _difference(stopwatch, call, cycles)
        wanted = share * usual * 1e-3 * _CYCLES_PER_SECOND
        if abs(found - share) < 0.001:
            break
        cycles = max(1, int(cycles + (share - found) / share * wanted))
    return cycles, found


def _difference(usual: Stopwatch, call: Callable[[], Any], cycles: int) -> float:
    def more() -> None:
        call()
        torch.cuda._sleep(cycles)  # noqa: SLF001 - there is no public kernel that only waits

    longer = Stopwatch(torch.device("cuda"), more)
    times: dict[bool, list[float]] = {False: [], True: []}
    for number in range(_ROUNDS):
        with_it = number % 4 in (1, 2)
        times[with_it].append((longer if with_it else usual).time()["ms"])
    return statistics.median(times[True]) / statistics.median(times[False]) - 1


def main() -> None:
    """Time what the lines of standard input name."""
    for line in sys.stdin:
        request = json.loads(line)
        if "kernel" in request:
            call = prepared(request["kernel"], request["case"])
            call()
            print("{}", flush=True)
            continue
        medians = [
            [do_bench(call, return_mode="median") for _ in range(2)] for _ in range(request["runs"])
        ]
        told: dict[str, Any] = {"do_bench": medians}
        if request["slower"] is not None:
            told["cycles"], told["slower"] = slowed(call, request["slower"])
        print(json.dumps(told), flush=True)
        del call
        torch.cuda.empty_cache()


if __name__ == "__main__":
    main()
