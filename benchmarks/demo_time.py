"""How long the demo takes: every bundled kernel through ``call``, ``exec`` and ``fuzz``.

Runs the command of ``make demo`` once::

    python benchmarks/demo_time.py

Prints pytest's own summary line, the longest silence, the wall time and its ratio to the 5 minutes
that it may take; exits with 1 if it takes longer, or if a kernel fails.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time

from benchmarks.bundled import ROOT, setting

LIMIT_S = 300.0


def main() -> int:
    """Run it and print."""
    print(setting("torch", "triton", "pytest"))
    with tempfile.TemporaryDirectory() as results:
        command = [sys.executable, "-m", "pytest", "references", "-n", "2"]
        start = last = time.monotonic()
        silence, said = 0.0, b""
        # The arguments are this file's own.
        with subprocess.Popen(  # noqa: S603
            [*command, f"--tb-results={results}"], cwd=ROOT, stdout=subprocess.PIPE
        ) as process:
            assert process.stdout is not None  # noqa: S101 - it was asked for
            while part := os.read(process.stdout.fileno(), 1 << 16):
                now = time.monotonic()
                silence, last = max(silence, now - last), now
                said += part
        seconds = time.monotonic() - start
    print(said.decode().strip().splitlines()[-1])
    print(f"longest time without a sign of progress: {silence:.1f} s")
    print(f"{seconds:.0f} s, ratio {seconds / LIMIT_S:.2f} to the {LIMIT_S:g} s allowed")
    return 1 if process.returncode or seconds > LIMIT_S else 0


if __name__ == "__main__":
    sys.exit(main())
