"""How far two runs over the same answers agree: a CPU's verdicts beside a GPU's, say.

Takes two folders of records (``--tb-results``) and prints, for each suite and model that both
have, in how many tasks call and execution end alike, and every task where they do not::

    python benchmarks/agreement.py RECORDS-A RECORDS-B

The exit code is 1 where they agree for fewer than 98.5 % of the tasks.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from pytest_tritonbench.report.metrics.outcomes import Answer, gather
from pytest_tritonbench.report.records import read_records

WANTED = 0.985
Key = tuple[str, str, str, int]


def answers(folder: Path) -> dict[Key, Answer]:
    """The answers that a folder's records tell of."""
    told = gather(record for record in read_records(folder) if record.get("suite"))
    return {(a.suite, a.model, a.task, a.sample): a for a in told}


def outcome(answer: Answer) -> tuple[bool, bool | None]:
    """Whether it ran, and whether it was right; ``None`` where that could not be judged."""
    return answer.call, None if answer.unjudgeable and answer.call else answer.right


def said(answer: Answer) -> str:
    """What the record that decides says."""
    record: Mapping[str, Any] | None = answer.decisive
    if record is None:
        return "right" if answer.right else "no record"
    return str(record["message"] or record["reason"] or record["outcome"])


def compare(a: Mapping[Key, Answer], b: Mapping[Key, Answer]) -> bool:
    """Print the comparison.

    Returns:
        Whether they agree often enough.
    """
    good = True
    both = sorted(a.keys() & b.keys())
    for suite, model in dict.fromkeys((key[0], key[1]) for key in both):
        keys = [key for key in both if key[:2] == (suite, model)]
        differ = [key for key in keys if outcome(a[key]) != outcome(b[key])]
        calls = sum(a[key].call == b[key].call for key in keys)
        share = 1 - len(differ) / len(keys)
        print(
            f"{suite} {model}: {len(keys)} answers, call agrees for {calls}, call and execution "
            f"for {len(keys) - len(differ)} ({share:.1%})"
        )
        for key in differ:
            print(f"  {key[2]}")
            _show(a[key], b[key])
        good = good and share >= WANTED
    return good and bool(both)


def _show(*found: Answer) -> None:
    for name, answer in zip("AB", found, strict=True):
        print(f"    {name}: {said(answer).splitlines()[0][:150]}")


def main(arguments: Iterable[str]) -> int:
    """Compare two folders."""
    folders = [Path(argument) for argument in arguments]
    if len(folders) != 2:
        print(__doc__, file=sys.stderr)
        return 2
    first, second = map(answers, folders)
    if not first.keys() & second.keys():
        print("no answer is in both", file=sys.stderr)
        return 2
    return 0 if compare(first, second) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
