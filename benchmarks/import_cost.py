"""What the plugin adds to pytest in a repository that does not use it.

``pytest --co`` in an empty repository is run with the plugin and, as the baseline, with
``-p no:tritonbench``, in turns::

    python benchmarks/import_cost.py [--runs 15]

Prints both medians, their ratio and the difference; exits with 1 if that is 20 ms or more, or if
torch, triton or Hypothesis's engine was imported because of the plugin.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time

from benchmarks.bundled import setting, table

LIMIT_MS = 20.0
HEAVY = ("torch", "triton", "numpy", "hypothesis.core")
WITHOUT = ("-p", "no:tritonbench")
# pytest's exit code when there is nothing to collect.
NOTHING_COLLECTED = 5
_ASK = """
import json, sys, pytest
code = pytest.main(sys.argv[1:])
print(json.dumps([int(code), sorted(set(sys.modules))]))
"""


def collect_ms(folder: str, *options: str) -> float:
    """Milliseconds that ``pytest --co`` takes in an empty repository."""
    command = [sys.executable, "-m", "pytest", "--co", "-q", "-p", "no:cacheprovider", *options]
    start = time.perf_counter()
    # The arguments are this file's own.
    done = subprocess.run(command, cwd=folder, capture_output=True, check=False)  # noqa: S603
    taken = time.perf_counter() - start
    if done.returncode != NOTHING_COLLECTED:
        raise SystemExit(done.stdout.decode() + done.stderr.decode())
    return taken * 1e3


def imported(folder: str, *options: str) -> set[str]:
    """Modules that are there once pytest has collected nothing."""
    command = [sys.executable, "-c", _ASK, "--co", "-q", "-p", "no:cacheprovider", *options]
    # As above.
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True)  # noqa: S603
    code, modules = json.loads(done.stdout.splitlines()[-1])
    if code != NOTHING_COLLECTED:
        raise SystemExit(done.stdout)
    return set(modules)


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--runs", type=int, default=15, help="runs of each kind")
    runs = parser.parse_args().runs
    print(setting("pytest"))
    times: dict[str, list[float]] = {"with the plugin": [], "without it": []}
    with tempfile.TemporaryDirectory() as folder:
        added = imported(folder) - imported(folder, *WITHOUT)
        collect_ms(folder)
        for _ in range(runs):
            times["with the plugin"].append(collect_ms(folder))
            times["without it"].append(collect_ms(folder, *WITHOUT))
    rows = [
        [name, f"{statistics.median(found):.1f}", f"{min(found):.1f}"]
        for name, found in times.items()
    ]
    print(table(["pytest --co", "median ms", "least ms"], rows))
    ours, baseline = (statistics.median(found) for found in times.values())
    pairs = zip(*times.values(), strict=True)
    extra = statistics.median(a - b for a, b in pairs)
    heavy = [name for name in HEAVY if name in added]
    print(
        f"ratio {ours / baseline:.3f}; {extra:.1f} ms added (median of pairs), {LIMIT_MS:g} allowed"
    )
    print(f"{len(added)} modules imported because of it; of {', '.join(HEAVY)}: {heavy or 'none'}")
    return 1 if extra >= LIMIT_MS or heavy else 0


if __name__ == "__main__":
    sys.exit(main())
