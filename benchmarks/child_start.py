"""How long a fresh child of the sandbox takes until it is ready for a candidate.

It is forked from a warm process; the baseline is a fresh Python that imports what a candidate
needs, ``python -c "import torch, triton"``, in turns with it::

    python benchmarks/child_start.py [--runs 15]

Prints the medians and their ratio; exits with 1 if a child takes 50 ms or more.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import time

from benchmarks.bundled import setting, table
from pytest_tritonbench.sandbox import Sandbox

LIMIT_MS = 50.0
BASELINE = 'python -c "import torch, triton"'
CHILD = "fresh child, ready"
_TIMEOUT = 60.0


def child_ms(sandbox: Sandbox) -> float:
    """Milliseconds until a child that nobody had forked ahead is ready."""
    start = time.perf_counter()
    worker = sandbox.fork_candidate()
    worker.wait_ready(_TIMEOUT)
    taken = time.perf_counter() - start
    worker.close()
    return taken * 1e3


def python_ms() -> float:
    """Milliseconds of a fresh Python that imports torch and triton."""
    start = time.perf_counter()
    # The arguments are this file's own.
    subprocess.run([sys.executable, "-c", "import torch, triton"], check=True)
    return (time.perf_counter() - start) * 1e3


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--runs", type=int, default=15, help="runs of each kind")
    runs = parser.parse_args().runs
    print(setting("torch", "triton"))
    times: dict[str, list[float]] = {CHILD: [], BASELINE: []}
    # With a spare child the next one need not even be waited for.
    with Sandbox(spares=0) as sandbox:
        sandbox.wait()
        child_ms(sandbox)
        python_ms()
        for _ in range(runs):
            times[CHILD].append(child_ms(sandbox))
            times[BASELINE].append(python_ms())
    rows = [
        [name, f"{statistics.median(found):.1f}", f"{min(found):.1f}", f"{max(found):.1f}"]
        for name, found in times.items()
    ]
    print(table(["", "median ms", "least ms", "most ms"], rows))
    ours, baseline = (statistics.median(found) for found in times.values())
    times_faster = f"{baseline / ours:.0f} times as fast"
    print(f"ratio {ours / baseline:.3f} ({times_faster}); {LIMIT_MS:g} ms allowed")
    return 1 if ours >= LIMIT_MS else 0


if __name__ == "__main__":
    sys.exit(main())
