"""A recorded call as a special rule sees it: arguments by name, plain tensors."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Drawn:
    """One recorded call."""

    names: Mapping[str, Any]
    """The gold's arguments by the names of the rule's signature."""

    got: Any
    """What the candidate gave, a nest of tensors of the gold's form."""

    want: Any
    """What the gold gave."""
