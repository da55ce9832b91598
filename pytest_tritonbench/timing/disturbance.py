"""What makes a block of timed calls no evidence of how fast a kernel is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Kind(StrEnum):
    """What may disturb a block of timed calls."""

    POWER_CAP = "power cap"
    """The clocks were lowered to stay within the power limit, as a heavy kernel alone can cause."""

    SW_THERMAL = "software thermal slowdown"
    HW_THERMAL = "hardware thermal slowdown"
    HW_POWER_BRAKE = "power brake"
    """The power supply asked for less."""

    HW_SLOWDOWN = "hardware slowdown"
    """One of the two above, or a power draw that is too high."""

    CAME = "a process came or went"
    """It began or ended its use of the GPU, whoever it belongs to."""

    WORKED = "another process worked"


@dataclass(frozen=True)
class Disturbance:
    """What disturbed a block."""

    kinds: tuple[Kind, ...]
    shares: Mapping[Kind, float] = field(default_factory=dict)
    """Share of the block's time, of what NVML counts the time of."""

    @property
    def voids(self) -> bool:
        """Whether the block's samples are no evidence.

        A power cap alone does not say so: a large matmul reaches it by itself, every time.
        """
        return any(kind is not Kind.POWER_CAP for kind in self.kinds)

    def __str__(self) -> str:
        return ", ".join(
            f"{kind} ({self.shares[kind]:.0%} of the time)" if kind in self.shares else str(kind)
            for kind in self.kinds
        )
