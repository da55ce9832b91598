"""Where and when the records were made."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

_FIELDS = ("device", "capability", "driver", "torch", "triton", "python", "plugin", "commit")


def runs(records: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """One row for each run and environment, the oldest first.

    Returns:
        Rows with ``run``, ``seed``, ``records`` (how many of them the report uses) and the fields
        of the environment; what is not known is an empty string.
    """
    counted: Counter[tuple[str, ...]] = Counter()
    for record in records:
        environment = record.get("environment")
        environment = environment if isinstance(environment, dict) else {}
        row = [_text(environment.get(field)) for field in _FIELDS]
        counted[_text(record.get("run")), _text(record.get("seed")), *row] += 1
    return [
        dict(zip(("run", "seed", *_FIELDS), key, strict=True)) | {"records": count}
        for key, count in sorted(counted.items())
    ]


def _text(value: Any) -> str:
    return "" if value is None else str(value)
