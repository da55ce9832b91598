"""What the gates of a run found, beside the failures: those are told where they failed."""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

_UNSURE, _UNCOMPARED = "ambiguous", "uncompared"
_OUTCOMES = ("passed", "failed", _UNSURE, _UNCOMPARED)
_WIDTH = 80
_MOST = 20


def counted(records: Sequence[Mapping[str, Any]]) -> str:
    """How many timed cases ended how at the gates; empty where there was no gate."""
    outcomes = Counter(gate["outcome"] for _, gate in _gates(records))
    return ", ".join(f"{outcomes[one]} {one}" for one in _OUTCOMES if outcomes[one])


def ambiguous(records: Sequence[Mapping[str, Any]]) -> list[tuple[str, str]]:
    """Test and message of each gate that could not tell, in the order of names."""
    return [(test, one["message"]) for test, one in _gates(records) if one["outcome"] == _UNSURE]


def told(records: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Write what is neither passed nor failed, and the count of all.

    Args:
        records: Records as plain data, of one run.

    Yields:
        Lines of at most 80 columns, the names of tests apart.
    """
    unsure = ambiguous(records)
    for test, message in unsure[:_MOST]:
        yield f"ambiguous: {test}"
        yield from _wrapped(f"  {message}")
    if len(unsure) > _MOST:
        yield f"ambiguous: {len(unsure) - _MOST} more, which the records have"
    reasons = Counter(g["message"] for _, g in _gates(records) if g["outcome"] == _UNCOMPARED)
    for reason, times in sorted(reasons.items()):
        cases = "1 case" if times == 1 else f"{times} cases"
        yield from _wrapped(f"uncompared: {cases}: {reason}")
    count = counted(records)
    if count:
        yield f"gates: {count}"


def _gates(records: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for record in sorted(records, key=lambda record: str(record["test"])):
        for gate in (record["timing"] or {}).get("gates", ()):
            yield str(record["test"]), gate


def _wrapped(line: str) -> list[str]:
    # Options are to be copied: none is broken at its hyphens.
    return textwrap.wrap(line, _WIDTH, subsequent_indent="  ", break_on_hyphens=False)
