"""Names of models that fit into a column."""

from __future__ import annotations


def shortened(name: str, longest: int, mark: str = "~") -> str:
    """Leave out the middle of a long name: what tells names apart is at the ends."""
    if len(name) <= longest:
        return name
    kept = longest - len(mark)
    return f"{name[: kept // 2]}{mark}{name[kept // 2 - kept :]}"
