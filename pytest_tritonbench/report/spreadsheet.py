"""What a cell of a CSV file may begin with."""

from __future__ import annotations

from typing import Any


def harmless(value: Any) -> Any:
    """Keep a spreadsheet from taking a text, which may be a candidate's, for a formula."""
    if isinstance(value, str) and value.startswith(("=", "+", "-", "@", "\t", "\r")):
        return f"'{value}"
    return value
