"""Where a time lies under the roofline of a GPU, and whether it can be true at all.

The roofline (Williams, Waterman and Patterson 2009) says that a call takes at least as long as its
bytes take at the memory's bandwidth, and at least as long as its operations take at the peak of
the arithmetic.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .peaks import Peaks

MEMORY = "memory"
COMPUTE = "compute"

MEMORY_TOLERANCE = 1.08
"""How much faster than the fastest measured transfer a kernel may be. Memories reach at most 92 to
94 % of their pins' rate, for refresh and the turning of the bus, and copies and reads of a gigabyte
come within a few percent of that; 8 % more is the rate of the pins."""

COMPUTE_TOLERANCE = 1.15
"""How much faster than the fastest measured product a kernel may be. Hand-tuned products beat
PyTorch's by up to a tenth where clocks allow, and one step of Strassen's method saves an eighth of
the operations that are counted."""

_BY_OTHERS: Mapping[str, Mapping[str, float]] = {
    "float32": {"tf32": 3, "bfloat16": 3, "float16": 3},
    "float8_e4m3fn": {"float16": 0.5},
    "float8_e5m2": {"float16": 0.5},
    "int8": {"float8_e4m3fn": 1, "float16": 0.5},
}
"""How many products of another dtype stand for one, where that may be the faster way. Single
precision is put together from three on tensor cores (Ootomo and Yokota 2022,
doi:10.1177/10943420221090256). Bytes are multiplied twice as fast as halves, whatever PyTorch's own
product of them makes of it."""


@dataclass(frozen=True)
class Place:
    """Where a time lies."""

    tflops: float | None
    """1e12 operations a second; ``None`` where they were not counted."""

    gbs: float
    """1e9 bytes a second."""

    share: float
    """Least time over time: 1 is as fast as the roofline."""

    bound: str
    """``memory`` or ``compute``: what sets the least time."""

    least_seconds: float
    """Time at the measured peaks."""

    def as_json(self) -> dict[str, Any]:
        """The fields of a record's ``timing``."""
        rate = {} if self.tflops is None else {"tflops": self.tflops}
        return {**rate, "gbs": self.gbs, "roofline": self.share, "bound": self.bound}


def place(
    *, seconds: float, flops: float | None, nbytes: float, dtype: str, peaks: Peaks
) -> Place | None:
    """Set a time against the measured peaks.

    Args:
        seconds: Device time of a call.
        flops: Its operations, ``None`` where the task does not say.
        nbytes: Bytes that it has to move.
        dtype: Of the arithmetic. If its peak was not measured, memory alone bounds.
        peaks: Of the GPU.

    Returns:
        ``None`` where there is neither a byte to move nor an operation that a peak is known for.
    """
    least, bound = nbytes / (peaks.gbs * 1e9), MEMORY
    peak = peaks.arithmetic(dtype)
    if flops is not None and peak is not None and (computing := flops / (peak * 1e12)) > least:
        least, bound = computing, COMPUTE
    if least <= 0:
        return None
    return Place(
        tflops=None if flops is None else flops / seconds / 1e12,
        gbs=nbytes / seconds / 1e9,
        share=least / seconds,
        bound=bound,
        least_seconds=least,
    )


def impossible(
    *,
    seconds: float,
    flops: float | None,
    least_bytes: float,
    dtype: str,
    peaks: Peaks,
    l2_bytes: int,
    cold: bool,
) -> str | None:
    """Say why a time cannot be true.

    Args:
        seconds: Device time of a call.
        flops: Its operations, ``None`` where the task does not say.
        least_bytes: Bytes that no right answer can do without moving.
        dtype: Of the arithmetic.
        peaks: Of the GPU.
        l2_bytes: Size of its L2 cache.
        cold: Whether the cache held none of the call's data when it began.

    Returns:
        One sentence; ``None`` for a time that the GPU is capable of, or that nothing is known
        against.
    """
    # What is written may still lie in the cache when the clock stops; in a warm cache, what is
    # read may have lain there as well.
    cached = l2_bytes if cold else 2 * l2_bytes
    through = least_bytes - cached
    if seconds <= 0:
        return f"impossible: it took {seconds:g} s"
    if through > 0:
        allowed = MEMORY_TOLERANCE * peaks.fastest_gbs
        seen = through / seconds / 1e9
        if seen > allowed:
            return (
                f"impossible: {_size(through)} past the cache in {_time(seconds)} is "
                f"{seen:,.0f} GB/s, and this GPU's memory was measured at "
                f"{peaks.fastest_gbs:,.0f} GB/s"
            )
    peak = _reachable(dtype, peaks)
    if flops and peak is not None and flops / seconds / 1e12 > COMPUTE_TOLERANCE * peak:
        return (
            f"impossible: {flops:.3g} operations in {_time(seconds)} are "
            f"{flops / seconds / 1e12:,.0f} TFLOP/s, and this GPU can do {peak:,.0f} in {dtype}"
        )
    return None


def _reachable(dtype: str, peaks: Peaks) -> float | None:
    """The fastest that a dtype can be multiplied, by way of other dtypes if need be."""
    found = [peaks.arithmetic(dtype)]
    for other, count in _BY_OTHERS.get(dtype, {}).items():
        peak = peaks.arithmetic(other)
        found.append(None if peak is None else peak / count)
    return max((peak for peak in found if peak is not None), default=None)


def _size(nbytes: float) -> str:
    return f"{nbytes / 1e9:,.2f} GB" if nbytes >= 1e9 else f"{nbytes / 1e6:,.1f} MB"


def _time(seconds: float) -> str:
    return f"{seconds * 1e3:,.2f} ms" if seconds >= 1e-3 else f"{seconds * 1e6:,.1f} µs"
