"""What it saves that the sandboxes of several workers share one process that has imported torch.

    python benchmarks/shared_nursery.py [--sandboxes 2] [--rounds 3]

Starts so many sandboxes at once, each in a process of its own as pytest-xdist's workers are, until
each of them has run a candidate: with an interpreter for each of them (the baseline), and out of
one nursery, whose own start counts. Prints the wall time and the time of all cores, with ratios.
"""

import argparse
import os
import resource
import struct
import subprocess
import sys
import time

from benchmarks.bundled import setting, table
from pytest_tritonbench.sandbox import Call, Delivered, Sandbox, TensorArg
from pytest_tritonbench.sandbox.environment import environment
from pytest_tritonbench.sandbox.nursery import VARIABLE, Nursery

CALL = Call(args=(("x", TensorArg("float32", (4,), (1,), 0, 0, 16)),))


def one() -> None:
    """Start a sandbox and run a candidate in it."""
    with Sandbox() as sandbox, sandbox.candidate("def f(x): return x * 2", "f.py", "f") as made:
        made.inputs.write(0, struct.pack("4f", 1, 2, 3, 4))
        got = made.call(CALL, timeout=60.0)
    if not isinstance(got, Delivered):
        raise SystemExit(f"the candidate delivered nothing: {got}")


def started(count: int, environ: dict[str, str]) -> None:
    """Start so many processes with a sandbox, and wait for all."""
    command = [sys.executable, "-m", "benchmarks.shared_nursery", "--one"]
    running = [subprocess.Popen(command, env=environ) for _ in range(count)]  # noqa: S603 - ours
    if any(process.wait() for process in running):
        raise SystemExit("a sandbox did not start")


def measured(count: int, *, shared: bool) -> tuple[float, float]:
    """Seconds of wall time and of all cores."""
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    environ = {**os.environ, VARIABLE: ""}
    if shared:
        with Nursery("cpu", ["sm_90"], environment(os.environ, "cpu")) as nursery:
            started(count, {**environ, VARIABLE: nursery.address})
    else:
        started(count, environ)
    wall, after = time.monotonic() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    cores = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return wall, cores


def main() -> None:
    """Measure both ways in turns and print the best of each."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--sandboxes", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--one", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        one()
        return
    found: dict[bool, list[tuple[float, float]]] = {False: [], True: []}
    for _ in range(options.rounds):
        for shared, runs in found.items():
            runs.append(measured(options.sandboxes, shared=shared))
    best = {which: [*map(min, zip(*runs, strict=True))] for which, runs in found.items()}
    rows = []
    for number, what in enumerate(("wall", "all cores")):
        own, shared = (best[which][number] for which in (False, True))
        rows.append([what, f"{own:.2f}", f"{shared:.2f}", f"{shared / own:.2f}"])
    print(f"{options.sandboxes} sandboxes at once; {setting('torch', 'triton')}")
    print(table(("seconds", "each its own", "shared", "ratio"), rows))


if __name__ == "__main__":
    main()
