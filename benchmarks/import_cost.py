"""What the plugin adds to pytest in a repository that does not use it.

``pytest --co`` in an empty repository is run with the plugin and, as the baseline, with
``-p no:tritonbench``, in turns::

    python benchmarks/import_cost.py [--runs 15]

Prints both medians, their ratio and the difference, in wall time and in CPU time, which is what the
wall time comes to on a machine that has nothing else to do; exits with 1 if the plugin adds 20 ms
of CPU time or more, or if torch, triton or NumPy was imported because of it.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time

from benchmarks.bundled import setting, table

LIMIT_MS = 20.0
HEAVY = ("torch", "triton", "numpy")
WITHOUT = ("-p", "no:tritonbench")
# pytest's exit code when there is nothing to collect.
NOTHING_COLLECTED = 5
# A machine that keeps no bytecode compiles the plugin in every run, which users' machines do not.
_ENV = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
_ASK = """
import json, sys, pytest
code = pytest.main(sys.argv[1:])
print(json.dumps([int(code), sorted(set(sys.modules))]))
"""


def collect_ms(folder: str, *options: str) -> tuple[float, float]:
    """Milliseconds of wall and of CPU time that ``pytest --co`` takes in an empty repository."""
    command = [sys.executable, "-m", "pytest", "--co", "-q", "-p", "no:cacheprovider", *options]
    start, spent = time.perf_counter(), _cpu_seconds()
    # The arguments are this file's own.
    done = subprocess.run(command, cwd=folder, env=_ENV, capture_output=True, check=False)  # noqa: S603
    wall, cpu = time.perf_counter() - start, _cpu_seconds() - spent
    if done.returncode != NOTHING_COLLECTED:
        raise SystemExit(done.stdout.decode() + done.stderr.decode())
    return wall * 1e3, cpu * 1e3


def _cpu_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


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
    parser.add_argument("--runs", type=int, default=40, help="runs of each kind")
    runs = parser.parse_args().runs
    print(setting("pytest"))
    found: dict[str, list[tuple[float, float]]] = {"with the plugin": [], "without it": []}
    with tempfile.TemporaryDirectory() as folder:
        added = imported(folder) - imported(folder, *WITHOUT)
        collect_ms(folder)
        for number in range(runs):
            kinds = [("with the plugin", ()), ("without it", WITHOUT)]
            # In turns: what runs second finds more in the machine's caches.
            for name, options in kinds if number % 2 else reversed(kinds):
                found[name].append(collect_ms(folder, *options))
    medians = [[statistics.median(kind) for kind in zip(*f, strict=True)] for f in found.values()]
    rows = [[name, *(f"{ms:.1f}" for ms in row)] for name, row in zip(found, medians, strict=True)]
    pairs = list(zip(*found.values(), strict=True))
    wall, cpu = (statistics.median(a[i] - b[i] for a, b in pairs) for i in (0, 1))
    rows.append(["added, median of pairs", f"{wall:.1f}", f"{cpu:.1f}"])
    rows.append(["ratio", *(f"{a / b:.3f}" for a, b in zip(*medians, strict=True))])
    print(table(["pytest --co", "wall ms", "CPU ms"], rows))
    heavy = [name for name in HEAVY if name in added]
    print(f"{len(added)} modules imported because of it; of {', '.join(HEAVY)}: {heavy or 'none'}")
    print(f"{cpu:.1f} ms added, less than {LIMIT_MS:g} wanted")
    return 1 if cpu >= LIMIT_MS or heavy else 0


if __name__ == "__main__":
    sys.exit(main())
