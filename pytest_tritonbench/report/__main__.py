"""``python -m pytest_tritonbench.report RESULTS... --out DIR``: a report of records.

``python -m pytest_tritonbench.report join PART... --out DIR`` puts the parts of a run together.
``python -m pytest_tritonbench.report sweep RESULTS... --out DIR`` draws speed over size.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from pytest_tritonbench.candidate.predictions import PredictionsError
from pytest_tritonbench.task.tritonbench.checkout import SuiteError, find

from . import joining
from .pages import Predictions, load, write_report
from .pages.sources import kernel_files, predicted, similarities
from .sweep import command as sweep


def main(arguments: Sequence[str] | None = None) -> int:
    """Merge records of several runs and machines and write their report.

    A first argument ``join`` or ``sweep`` is another command: :func:`joining.main`,
    :func:`.sweep.command.main`.

    Returns:
        0; 1 if lines of the records were skipped; 2 if there is nothing to report.
    """
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    if arguments[:1] == ["join"]:
        return joining.main(arguments[1:])
    if arguments[:1] == ["sweep"]:
        return sweep.main(arguments[1:])
    parser = _parser()
    given = parser.parse_args(arguments)
    if given.predictions and not given.suite:
        parser.error("--predictions: answers to what? Name the checkout with --suite")
    try:
        loaded = load(given.results)
        channels = [channel for path in given.suite for channel in find(path)]
        texts: Predictions = {
            **kernel_files(loaded.records, given.root),
            **predicted(channels, given.predictions),
        }
        for problem in loaded.problems:
            _say(problem)
        written = write_report(
            loaded.records,
            given.out,
            predictions=texts,
            suites=channels,
            similarity=similarities(channels, given.predictions, loaded.records, _say),
        )
    except (OSError, ValueError, SuiteError, PredictionsError) as e:
        _say(f"error: {e}")
        return 2
    answers = f"{written.answers:,} answer{'' if written.answers == 1 else 's'}"
    count = f"{answers} from {len(loaded.records):,} records"
    print(f"report: {written.page} ({count})")  # noqa: T201 - a command's output
    return 1 if loaded.problems else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m pytest_tritonbench.report",
        description="Merge records of several runs and machines and write their report.",
        epilog="'join PART... --out DIR' puts the results of the parts of a run together; "
        "'sweep RESULTS... --out DIR' draws the curves of timed sweeps.",
    )
    parser.add_argument(
        "results",
        nargs="+",
        type=Path,
        metavar="RESULTS",
        help="a file of records, also .gz or .xz, or a folder with such files",
    )
    parser.add_argument(
        "--out", type=Path, required=True, metavar="DIR", help="the report's folder"
    )
    parser.add_argument(
        "--suite",
        action="append",
        default=[],
        metavar="PATH[#G|#T]",
        help="a TritonBench checkout: all its tasks count, run or not",
    )
    parser.add_argument(
        "--predictions",
        action="append",
        default=[],
        metavar="[NAME=]FILE",
        help="a file of predictions, or a glob of such files, whose texts the page shows",
    )
    parser.add_argument(
        "--root",
        type=Path,
        default=Path(),
        metavar="DIR",
        help="folder that the paths of kernel files start from (default: the current one)",
    )
    return parser


def _say(text: str) -> None:
    print(text, file=sys.stderr)  # noqa: T201 - a command's output


if __name__ == "__main__":
    sys.exit(main())
