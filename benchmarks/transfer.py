"""How fast inputs and outputs cross the border between the judge and a candidate's process.

What a candidate costs that only returns its argument, or whose output is the argument that it may
change: writing the input to shared memory, delivering the output, the copies that keep it from
changing under the judge, and the messages. The baseline is copying as many bytes once with memcpy,
in turns::

    python benchmarks/transfer.py [--runs 30]

Prints GB/s of all three for several sizes and the ratios; exits with 1 if 32 MB, inputs and outputs
together, cross at less than half of memcpy's speed either way.
"""

from __future__ import annotations

import argparse
import ctypes
import statistics
import sys
import time
from collections.abc import Callable

from benchmarks.bundled import setting, table
from pytest_tritonbench.sandbox import Call, Candidate, Failure, Sandbox, TensorArg

LEAST_RATIO = 0.5
JUDGED_MB = 32
SIZES_MB = (2, 8, 32, 128)
SOURCE = "def cross(x, returned):\n    return x if returned else None\n"


class Memcpy:
    """Copies bytes between two private buffers whose pages are there.

    Args:
        nbytes: How many.
    """

    def __init__(self, nbytes: int) -> None:
        self._nbytes = nbytes
        self._from = ctypes.create_string_buffer(b"\1" * nbytes, nbytes)
        self._to = ctypes.create_string_buffer(b"\2" * nbytes, nbytes)

    def __call__(self) -> None:
        """Copy once."""
        ctypes.memmove(self._to, self._from, self._nbytes)


class Crossing:
    """One tensor in and the same out.

    Args:
        candidate: Runs ``cross``.
        nbytes: Of inputs and outputs together.
        in_place: Whether the output is what the argument holds after the call, which is then
            copied as the judge has it done for a task that ``mutates`` it.
    """

    def __init__(self, candidate: Candidate, nbytes: int, *, in_place: bool) -> None:
        self._candidate = candidate
        self._held = ("x",) if in_place else ()
        self._bytes = bytearray(b"\1" * (nbytes // 2))
        count = len(self._bytes) // 4
        arg = TensorArg("float32", (count,), (1,), 0, 0, 4 * count)
        self._call = Call((("x", arg), ("returned", not in_place)))

    def __call__(self) -> None:
        """Cross once."""
        self._candidate.inputs.write(0, self._bytes)
        got = self._candidate.call(self._call, copy_inputs=self._held)
        if isinstance(got, Failure):
            raise SystemExit(got.message)


def in_turns(runs: int, *work: Callable[[], None]) -> list[float]:
    """Median seconds of each, run in turns."""
    times: list[list[float]] = [[] for _ in work]
    for turn in range(runs + 2):
        for one, found in zip(work, times, strict=True):
            start = time.perf_counter()
            one()
            if turn >= 2:
                found.append(time.perf_counter() - start)
    return [statistics.median(found) for found in times]


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--runs", type=int, default=30, help="runs of each kind and size")
    runs = parser.parse_args().runs
    print(setting("torch"))
    rows, judged = [], 0.0
    with Sandbox() as sandbox, sandbox.candidate(SOURCE, "cross.py", "cross") as candidate:
        for size in SIZES_MB:
            nbytes = size << 20
            returned = Crossing(candidate, nbytes, in_place=False)
            in_place = Crossing(candidate, nbytes, in_place=True)
            *crossings, memcpy = in_turns(runs, returned, in_place, Memcpy(nbytes))
            speeds = [f"{nbytes / s / 1e9:.2f}" for s in (*crossings, memcpy)]
            ratios = [memcpy / crossing for crossing in crossings]
            judged = min(ratios) if size == JUDGED_MB else judged
            milliseconds = [f"{crossing * 1e3:.2f}" for crossing in crossings]
            rows.append([f"{size} MB", *milliseconds, *speeds, *(f"{r:.2f}" for r in ratios)])
    heads = ["in and out", "returned ms", "in place ms", "returned GB/s", "in place GB/s"]
    print(table([*heads, "memcpy GB/s", "returned ratio", "in place ratio"], rows))
    print(f"{JUDGED_MB} MB: ratio {judged:.2f}, at least {LEAST_RATIO} wanted")
    return 1 if judged < LEAST_RATIO else 0


if __name__ == "__main__":
    sys.exit(main())
