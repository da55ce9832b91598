"""``python -m pytest_tritonbench.report sweep RESULTS... --out DIR``: curves out of records."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from pytest_tritonbench.report.pages.reading import load

from .writing import NothingTimedError, write


def main(arguments: Sequence[str]) -> int:
    """Write the curves of records of several runs and machines.

    Returns:
        0; 1 if lines of the records were skipped; 2 if there is nothing to draw.
    """
    parser = argparse.ArgumentParser(
        prog="python -m pytest_tritonbench.report sweep",
        description="Draw how fast kernels are over the sizes that they were timed with.",
    )
    parser.add_argument(
        "results",
        nargs="+",
        type=Path,
        metavar="RESULTS",
        help="a file of records, also .gz or .xz, or a folder with such files",
    )
    parser.add_argument(
        "--out", type=Path, required=True, metavar="DIR", help="folder for sweep.html and sweep.csv"
    )
    given = parser.parse_args(arguments)
    try:
        loaded = load(given.results)
        for problem in loaded.problems:
            print(problem, file=sys.stderr)  # noqa: T201 - a command's output
        written = write(loaded.records, given.out)
    except (OSError, NothingTimedError) as e:
        print(f"error: {e}", file=sys.stderr)  # noqa: T201 - as above
        return 2
    print(f"curves: {', '.join(map(str, written))}")  # noqa: T201 - as above
    return 1 if loaded.problems else 0
