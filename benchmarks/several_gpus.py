"""How much sooner a benchmark run ends on several GPUs, and whether it says the same.

    python -m benchmarks.several_gpus [--workers 2] [KERNEL ...]

Times the sweeps of the named tasks (or of all) by ``pytest --benchmark-only -n 1`` and then with as
many workers as asked for, each with a GPU of its own. Prints both wall times, their ratio, what of
them timed calls took, and how far the speedups of each case are apart.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.bundled import ROOT, say, setting, task_files
from pytest_tritonbench.timing.gates import interval_from_json


@dataclass(frozen=True)
class Run:
    """One run of pytest."""

    seconds: float
    timings: Mapping[str, Mapping[str, Any]]
    """A record's ``timing``, by task and case."""

    @property
    def sampling(self) -> float:
        """Seconds of timed calls, over all workers."""
        return sum(float(timing["spent"]["sampling"]) for timing in self.timings.values())


def run(names: list[str], workers: int, folder: Path) -> Run:
    """Time the sweeps of these tasks with so many workers."""
    paths = [f"references/{name}.py" for name in names]
    options = ("--benchmark-only", "--benchmark-columns=median", "-q", "-p", "no:cacheprovider")
    began = time.monotonic()
    done = subprocess.run(  # noqa: S603 - the arguments are this file's own
        [
            *(sys.executable, "-m", "pytest", *paths, *options),
            *("-n", str(workers), f"--tb-results={folder}"),
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    seconds = time.monotonic() - began
    if done.returncode != 0:
        raise SystemExit(done.stdout[-3000:] + done.stderr[-1000:])
    lines = (folder / "records.jsonl").read_text().splitlines()
    records = [json.loads(line) for line in lines]
    return Run(
        seconds,
        {f"{r['task']} {json.dumps(r['case'])}": r["timing"] for r in records if r["timing"]},
    )


def compare(one: Run, many: Run) -> None:
    """Print how far two runs' speedups are apart."""
    if one.timings.keys() != many.timings.keys():
        raise SystemExit("the runs have not timed the same cases")
    apart, overlapping, opposed = [], 0, 0
    for name, timing in one.timings.items():
        first, second = (interval_from_json(t["interval"]) for t in (timing, many.timings[name]))
        apart.append(abs(second.value / first.value - 1))
        overlap = first.low <= second.high and second.low <= first.high
        overlapping += overlap
        if not overlap:
            print(f"{name}: {first} and {second}")
        opposed += {timing["verdict"], many.timings[name]["verdict"]} == {"faster", "slower"}
    print(
        f"speedups of {len(apart)} cases: {statistics.median(apart):.2%} apart (median), "
        f"{max(apart):.2%} at most; {overlapping} of {len(apart)} pairs of intervals overlap; "
        f"{opposed} opposite verdicts"
    )


def main() -> None:
    """Run both, and print the ratio."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("kernels", nargs="*")
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args()
    names = [taskfile.task.name for taskfile in task_files(options.kernels)]
    print(setting("torch", "triton", "pytest-benchmark", "pytest-xdist"))
    runs = []
    for workers in (1, options.workers):
        with tempfile.TemporaryDirectory() as folder:
            found = run(names, workers, Path(folder))
        runs.append(found)
        say(
            f"-n {workers}: {found.seconds:.1f} s for {len(found.timings)} cases, "
            f"{found.sampling:.1f} s of it timed calls"
        )
    one, many = runs
    print(f"-n {options.workers} takes {many.seconds / one.seconds:.2f} of the time of -n 1")
    compare(one, many)


if __name__ == "__main__":
    main()
