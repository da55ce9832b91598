"""How fast inputs and outputs cross the border between the judge and a candidate's process.

A candidate that returns its argument costs nothing itself: what is left of the call is writing the
input to shared memory, delivering the output, the copies that keep it from changing under the
judge, and the messages. The baseline is copying as many bytes once with memcpy, in turns::

    python benchmarks/transfer.py [--runs 30]

Prints GB/s of both for several sizes and their ratio; exits with 1 if 32 MB, inputs and outputs
together, cross at less than half of memcpy's speed.
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
SOURCE = "def identity(x):\n    return x\n"


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
        candidate: Runs ``identity``.
        nbytes: Of inputs and outputs together.
        copy_inputs: Whether the inputs are copied again afterwards, as the judge has it done.
    """

    def __init__(self, candidate: Candidate, nbytes: int, *, copy_inputs: bool = True) -> None:
        self._candidate = candidate
        self._copy_inputs = copy_inputs
        self._bytes = bytearray(b"\1" * (nbytes // 2))
        count = len(self._bytes) // 4
        arg = TensorArg("float32", (count,), (1,), 0, 0, 4 * count)
        self._call = Call((("x", arg),))

    def __call__(self) -> None:
        """Cross once."""
        self._candidate.inputs.write(0, self._bytes)
        got = self._candidate.call(self._call, copy_inputs=self._copy_inputs)
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
    with Sandbox() as sandbox, sandbox.candidate(SOURCE, "identity.py", "identity") as candidate:
        for size in SIZES_MB:
            nbytes = size << 20
            crossing, memcpy = in_turns(runs, Crossing(candidate, nbytes), Memcpy(nbytes))
            ratio = memcpy / crossing
            judged = ratio if size == JUDGED_MB else judged
            speeds = [f"{nbytes / s / 1e9:.2f}" for s in (crossing, memcpy)]
            rows.append([f"{size} MB", f"{crossing * 1e3:.2f}", *speeds, f"{ratio:.2f}"])
        nbytes = JUDGED_MB << 20
        bare = Crossing(candidate, nbytes, copy_inputs=False)
        crossing, memcpy = in_turns(runs, bare, Memcpy(nbytes))
    print(table(["in and out", "ms", "border GB/s", "memcpy GB/s", "ratio"], rows))
    print(f"{JUDGED_MB} MB without the copy of the inputs: ratio {memcpy / crossing:.2f}")
    print(f"{JUDGED_MB} MB: ratio {judged:.2f}, at least {LEAST_RATIO} wanted")
    return 1 if judged < LEAST_RATIO else 0


if __name__ == "__main__":
    sys.exit(main())
