"""Plant faults in the bundled kernels and see whether the judge finds them.

``faults.toml`` lists the faults as exact substitutions. Each is planted alone, in a copy of its
kernel, and the task's call, exec and fuzz tests are run on that copy::

    python benchmarks/planted_faults.py [KERNEL ...]

Prints one line per fault and the number that was caught; exits with 1 if one was missed. Faults
that small tensors on a CPU cannot show are listed and not run.
"""

import argparse
import subprocess
import sys
import tempfile
import tomllib
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
FAULTS = Path(__file__).with_name("faults.toml")

# pytest's exit code when tests ran and some failed; any other failure is not a verdict.
TESTS_FAILED = 1


@dataclass(frozen=True)
class Fault:
    """One mistake in one kernel."""

    kernel: str
    """Stem of the file under ``kernels/``."""

    kind: str
    """What is wrong, such as ``mask-dropped``."""

    find: str
    """Text that occurs exactly once in the kernel's source."""

    replace: str
    """What stands there instead."""

    needs: str | None = None
    """What shows the fault where a small tensor on a CPU cannot; ``None`` means nothing special."""

    def planted(self, source: str) -> str:
        """Return a kernel's source with this fault in it.

        Raises:
            ValueError: If the text to replace does not occur exactly once.
        """
        count = source.count(self.find)
        if count != 1:
            raise ValueError(
                f"{FAULTS.name}: {self.find!r} occurs {count} times in kernels/{self.kernel}.py; "
                f"a fault ({self.kind}) must name a place that is unique"
            )
        return source.replace(self.find, self.replace)


def faults(path: Path = FAULTS) -> list[Fault]:
    """Read the table of faults and check that each one can be planted."""
    listed = [Fault(**entry) for entry in tomllib.loads(path.read_text())["fault"]]
    for fault in listed:
        fault.planted(kernel_source(fault.kernel))
    return listed


def kernel_source(kernel: str) -> str:
    """Source of a bundled kernel."""
    return (ROOT / "kernels" / f"{kernel}.py").read_text()


def verdict(fault: Fault, results: Path) -> str:
    """Judge a kernel that has a fault.

    Returns:
        ``caught`` and why, ``missed``, or ``error`` and pytest's exit code if there was no verdict:
        a failure without a reason is the plugin's own.
    """
    folder = results / "kernels"
    folder.mkdir(exist_ok=True)
    (folder / f"{fault.kernel}.py").write_text(fault.planted(kernel_source(fault.kernel)))
    run = subprocess.run(  # noqa: S603 - the arguments are this file's own
        [
            *(sys.executable, "-m", "pytest", f"references/{fault.kernel}.py"),
            *("-x", "-q", "-k", "test_call or test_exec or test_fuzz", "-p", "no:cacheprovider"),
            *(f"--tb-kernels={folder}", f"--tb-results={results}"),
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if run.returncode not in (0, TESTS_FAILED):
        return f"error {run.returncode}"
    if run.returncode == 0:
        return "missed"
    said = f"{fault.kernel}: "
    reasons = [line for line in run.stdout.splitlines() if line.startswith(said)]
    if not reasons:
        return f"error {run.returncode}: no reason given"
    return f"caught: {reasons[0].removeprefix(said)}"


def main() -> int:
    """Plant the faults of the kernels named on the command line, or of all, and print a table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("kernels", nargs="*", help="stems of kernels/*.py; all when absent")
    wanted = parser.parse_args().kernels
    listed = [f for f in faults() if not wanted or f.kernel in wanted]
    caught = run = 0
    with tempfile.TemporaryDirectory() as scratch:
        for number, fault in enumerate(listed):
            if fault.needs is not None:
                outcome = f"not run: needs {fault.needs}"
            else:
                results = Path(scratch) / str(number)
                results.mkdir()
                outcome = verdict(fault, results)
                run += 1
                caught += outcome.startswith("caught")
            print(f"{fault.kernel:22} {fault.kind:18} {outcome}", flush=True)
    print(f"{caught} of {run} caught")
    return 0 if caught == run else 1


if __name__ == "__main__":
    sys.exit(main())
