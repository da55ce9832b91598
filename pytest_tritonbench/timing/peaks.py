"""What a GPU was measured to be capable of, kept from run to run.

The measuring itself is in :mod:`.peak_measurement`, which needs torch and the GPU; this module is
plain data, so that a process which must not touch the GPU can read what another one measured.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

MEASURED = "measured"
PLAUSIBLE = 1.05
"""A measured value of more than this over the datasheet's is not believed."""

_FORMAT = 1
"""Goes up when the way of measuring changes: what was measured before is measured anew."""

_DATASHEET = {"bfloat16": "float16", "float8_e4m3fn": "float8"}


@dataclass(frozen=True)
class Peaks:
    """What a GPU does at its best, as measured."""

    gbs: float
    """GB/s (1e9 bytes) of a copy on the device, bytes read and bytes written both counted."""

    tflops: Mapping[str, float]
    """1e12 operations a second of a matrix product, by dtype (``tf32`` is one of them). A dtype
    that this GPU or this torch has no product for is not there."""

    read_gbs: float | None = None
    """GB/s of reading alone, which on many memories is faster than a copy."""

    write_gbs: float | None = None
    """GB/s of writing alone."""

    l2_bytes: int = 0
    """Size of the L2 cache; 0 where it is not known."""

    source: str = MEASURED

    @property
    def fastest_gbs(self) -> float:
        """The fastest that bytes were seen to move: copied, read or written."""
        return max(self.gbs, self.read_gbs or 0.0, self.write_gbs or 0.0)

    def arithmetic(self, dtype: str) -> float | None:
        """TFLOP/s for a dtype; both kinds of float8 are one, ``None`` where it was not measured."""
        return self.tflops.get("float8_e4m3fn" if dtype.startswith("float8") else dtype)

    def as_json(self) -> dict[str, Any]:
        """Plain data that JSON can hold."""
        return {**asdict(self), "tflops": dict(self.tflops)}

    @classmethod
    def from_json(cls, data: Any) -> Peaks:
        """Read what :meth:`as_json` or the measuring wrote.

        Raises:
            ValueError: If something is missing, or is no number above 0.
        """
        try:
            tflops = {str(name): _positive(value) for name, value in data["tflops"].items()}
            alone = [data.get(name) for name in ("read_gbs", "write_gbs")]
            read, write = (None if value is None else _positive(value) for value in alone)
            cache = int(data.get("l2_bytes", 0))
            return cls(_positive(data["gbs"]), tflops, read, write, max(0, cache))
        except (AttributeError, KeyError, TypeError) as e:
            raise ValueError(f"these are no peaks of a GPU: {type(e).__name__}: {e}") from None


@dataclass(frozen=True)
class Key:
    """What peaks depend on: another driver or torch may bring other clocks or kernels."""

    gpu: str
    """UUID."""

    driver: str
    torch: str


def read(folder: Path, key: Key) -> Peaks | None:
    """Find what was measured before.

    Returns:
        ``None`` where nothing is kept for the key, or what is kept cannot be read or is none: then
        it is to be measured anew.
    """
    try:
        kept = json.loads(_file(folder, key).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    if not isinstance(kept, dict) or kept.get("format") != _FORMAT or kept.get("key") != vars(key):
        return None
    try:
        return Peaks.from_json(kept.get("peaks"))
    except ValueError:
        return None


def write(folder: Path, key: Key, peaks: Peaks) -> Path:
    """Keep what was measured; a reader sees the old file or the new one, never half of one.

    Args:
        folder: Made if it is not there.
        key: What it holds for.
        peaks: What was measured.

    Raises:
        OSError: If the folder or the file cannot be written.
    """
    file = _file(folder, key)
    folder.mkdir(parents=True, exist_ok=True)
    kept = {"format": _FORMAT, "key": vars(key), "peaks": peaks.as_json()}
    # Workers of one run may share the folder, each under its own process id.
    fresh = file.with_suffix(f".{os.getpid()}.new")
    fresh.write_text(json.dumps(kept, indent=2, allow_nan=False) + "\n", encoding="utf-8")
    fresh.replace(file)
    return file


def fastest(one: Peaks, other: Peaks) -> Peaks:
    """The better of two measurements, value by value.

    A GPU that was hot, shared or held at low clocks when it was measured can do more than that: a
    second measurement decides before a time is called impossible.
    """
    names = {**one.tflops, **other.tflops}
    return Peaks(
        max(one.gbs, other.gbs),
        {name: max(one.tflops.get(name, 0.0), other.tflops.get(name, 0.0)) for name in names},
        max(one.read_gbs or 0.0, other.read_gbs or 0.0) or None,
        max(one.write_gbs or 0.0, other.write_gbs or 0.0) or None,
        max(one.l2_bytes, other.l2_bytes),
    )


@dataclass(frozen=True)
class Beside:
    """A measured value and the datasheet's."""

    what: str
    unit: str
    measured: float
    datasheet: float | None
    """``None`` where it does not say."""


def beside(peaks: Peaks, gbs: float | None, tflops: Mapping[str, float]) -> Iterator[Beside]:
    """Put what was measured beside a datasheet.

    Args:
        peaks: What was measured.
        gbs: The datasheet's memory bandwidth in GB/s.
        tflops: The datasheet's dense arithmetic by dtype, ``float16`` standing for ``bfloat16``
            and ``float8`` for both kinds of it.
    """
    for what, speed in (
        ("copy", peaks.gbs),
        ("reading", peaks.read_gbs),
        ("writing", peaks.write_gbs),
    ):
        if speed is not None:
            yield Beside(what, "GB/s", speed, gbs)
    for dtype, speed in peaks.tflops.items():
        known = tflops.get(_DATASHEET.get(dtype, dtype))
        yield Beside(f"{dtype} product", "TFLOP/s", speed, known)


def implausible(peaks: Peaks, gbs: float | None, tflops: Mapping[str, float]) -> tuple[str, ...]:
    """Find what was measured too far above the datasheet to be believed.

    Args:
        peaks: What was measured.
        gbs: As for :func:`beside`.
        tflops: As for :func:`beside`.

    Returns:
        One sentence for each such value: the clock that measured it may be wrong, or the datasheet
        another GPU's.
    """
    return tuple(
        f"implausible: {one.what} measured at {one.measured:,.0f} {one.unit}, "
        f"{one.measured / one.datasheet - 1:.0%} above the datasheet's {one.datasheet:,.0f}"
        for one in beside(peaks, gbs, tflops)
        if one.datasheet is not None and one.measured > PLAUSIBLE * one.datasheet
    )


def _file(folder: Path, key: Key) -> Path:
    told = json.dumps([key.gpu, key.driver, key.torch])
    return folder / f"peaks-{hashlib.sha256(told.encode()).hexdigest()[:16]}.json"


def _positive(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"a peak is a number, not {value!r}")
    if not (value > 0 and math.isfinite(value)):
        raise ValueError(f"a peak is above 0 and finite, not {value!r}")
    return float(value)
