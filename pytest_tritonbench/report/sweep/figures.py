"""What is drawn: figures, their curves, and the points on them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from typing import Any

from .axis import Arrangement, arrange

Record = Mapping[str, Any]


class Kind(StrEnum):
    """Whose times a curve shows."""

    CANDIDATE = "candidate"
    REFERENCE = "reference"
    COMPILED = "compile"
    REVISION = "revision"


class Unit(StrEnum):
    """What is drawn."""

    TFLOPS = "TFLOP/s"
    GBS = "GB/s"
    MS = "ms"
    """Where neither operations nor bytes were counted; the only one of which less is better."""


@dataclass(frozen=True)
class Need:
    """What one case asks of the GPU, whoever computes it."""

    operations: float | None
    """1e9 operations: TFLOP/s times milliseconds."""

    megabytes: float | None
    """1e6 bytes: GB/s times milliseconds."""

    least_ms: float | None
    """Time at the measured peaks."""

    bound: str | None
    """``memory`` or ``compute``."""

    def rate(self, ms: float, unit: Unit) -> float | None:
        """What a time comes to in a unit."""
        if unit is Unit.MS:
            return ms
        amount = self.operations if unit is Unit.TFLOPS else self.megabytes
        return None if amount is None else amount / ms


@dataclass(frozen=True)
class Point:
    """One case, timed."""

    case: int
    """Its number among the figure's."""

    ms: float
    """Median device time."""

    low_ms: float
    """Where the bar begins: of the interval, else a tenth of the times are shorter."""

    high_ms: float
    p10_ms: float | None = None
    p90_ms: float | None = None
    host_ms: float | None = None
    samples: int | None = None
    speedup: float | None = None
    """The reference's time over this one; of others than the candidate their time over its."""

    low: float | None = None
    """Where the speedup's interval begins."""

    high: float | None = None
    level: float | None = None
    verdict: str | None = None
    launch_bound: bool = False
    notes: tuple[str, ...] = ()
    """What a reader should know of it."""

    @property
    def ambiguous(self) -> bool:
        """Whether its interval neither shows nor excludes a difference."""
        return self.verdict == "ambiguous"


@dataclass(frozen=True)
class Series:
    """One curve."""

    kind: Kind
    name: str
    points: Mapping[int, Point]
    """By the case's number."""

    model: str | None = None
    sample: int | None = None
    run: str | None = None


@dataclass(frozen=True)
class Figure:
    """All that was timed of one task in one dtype on one GPU."""

    suite: str
    task: str
    dtype: str
    device: str
    l2: str
    cases: tuple[Mapping[str, Any], ...]
    needs: tuple[Need, ...]
    series: tuple[Series, ...]
    """Candidates first."""

    methods: tuple[str, ...] = ()
    """How the device's time was taken."""

    peaks: tuple[Mapping[str, Any], ...] = ()
    """What was measured of the GPU."""

    records: tuple[Record, ...] = field(default=(), repr=False)

    @cached_property
    def arrangement(self) -> Arrangement:
        """How the cases lie along the axis."""
        return arrange(self.cases)

    @cached_property
    def unit(self) -> Unit:
        """TFLOP/s where the GPU's arithmetic bounds any case, else GB/s."""
        operations = all(need.operations for need in self.needs)
        if operations and any(need.bound == "compute" for need in self.needs):
            return Unit.TFLOPS
        if all(need.megabytes for need in self.needs):
            return Unit.GBS
        return Unit.TFLOPS if operations else Unit.MS

    @property
    def candidates(self) -> tuple[Series, ...]:
        """The curves of candidates."""
        return tuple(one for one in self.series if one.kind is Kind.CANDIDATE)

    @property
    def others(self) -> tuple[Series, ...]:
        """The curves that candidates are compared with."""
        return tuple(one for one in self.series if one.kind is not Kind.CANDIDATE)

    def roofline(self, case: int) -> float | None:
        """The most that the GPU allows in a case, in the figure's unit."""
        need = self.needs[case]
        return None if need.least_ms is None else need.rate(need.least_ms, self.unit)

    def share(self, point: Point) -> float | None:
        """How near a point comes to the roofline."""
        least = self.needs[point.case].least_ms
        return None if least is None else least / point.ms
