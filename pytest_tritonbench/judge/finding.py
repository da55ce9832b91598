"""What the judge found: a verdict, with a fault and a reason where the output is wrong."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum


class Fault(StrEnum):
    """Why an output is rejected."""

    WRONG_STRUCTURE = "wrong-structure"
    WRONG_SHAPE = "wrong-shape"
    WRONG_DTYPE = "wrong-dtype"
    WRONG_DEVICE = "wrong-device"
    ZERO_STRIDE = "zero-stride"
    INPUT_CHANGED = "input-changed"
    WRONG_VALUES = "wrong-values"
    WRONG_PROPERTY = "wrong-property"


@dataclass(frozen=True)
class Verdict:
    """What the judge says of one output."""

    fault: Fault | None = None
    """``None`` when the output is right."""

    summary: str = "right"
    """One line: what is wrong."""

    details: tuple[tuple[str, str], ...] = ()
    """Further lines, each with a heading of one word."""

    ratio: float = 0.0
    """The worst error over what was allowed; 0 when nothing was measured, inf for a fault that
    has no size."""

    @property
    def accepted(self) -> bool:
        """Whether the output is right."""
        return self.fault is None


RIGHT = Verdict()


def wrong(fault: Fault, summary: str, *details: tuple[str, str]) -> Verdict:
    """A fault that has no size."""
    return Verdict(fault, summary, details, math.inf)
