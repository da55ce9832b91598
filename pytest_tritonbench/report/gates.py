"""What the gates of a run found, beside the failures: those are told where they failed."""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

_OUTCOMES = ("passed", "failed", "ambiguous", "uncompared")
_WIDTH = 80
_MOST = 20


def counted(records: Sequence[Mapping[str, Any]]) -> str:
    """How many timed cases ended how at the gates; empty where there was no gate."""
    outcomes = Counter(gate["outcome"] for _, gate in found(records))
    return ", ".join(f"{outcomes[one]} {one}" for one in _OUTCOMES if outcomes[one])


def told(records: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Write what is neither passed nor failed, and the count of all.

    Args:
        records: Records as plain data, of one run.

    Yields:
        Lines of at most 80 columns, the names of tests apart.
    """
    ambiguous = [(test, gate) for test, gate in found(records) if gate["outcome"] == "ambiguous"]
    for test, gate in ambiguous[:_MOST]:
        yield f"ambiguous: {test}"
        yield from _wrapped(f"  {gate['message']}")
    if len(ambiguous) > _MOST:
        yield f"ambiguous: {len(ambiguous) - _MOST} more, which the records have"
    reasons = Counter(gate["message"] for _, gate in found(records) if _apart(gate))
    for reason, times in sorted(reasons.items()):
        cases = "1 case" if times == 1 else f"{times} cases"
        yield from _wrapped(f"uncompared: {cases}: {reason}")
    count = counted(records)
    if count:
        yield f"gates: {count}"


def found(
    records: Sequence[Mapping[str, Any]],
) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Each gate of each timed case, with the test's name, in the order of names."""
    for record in sorted(records, key=lambda record: str(record["test"])):
        for gate in (record["timing"] or {}).get("gates", ()):
            yield str(record["test"]), gate


def _apart(gate: Mapping[str, Any]) -> bool:
    return bool(gate["outcome"] == "uncompared")


def _wrapped(line: str) -> list[str]:
    # Options are to be copied: none is broken at its hyphens.
    return textwrap.wrap(line, _WIDTH, subsequent_indent="  ", break_on_hyphens=False)
