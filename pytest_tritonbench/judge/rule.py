"""The comparison rule: how close a candidate's floating point values must be.

``O`` is the reference in float64, ``R`` the reference in the case's own dtype, ``C`` the
candidate. ``R`` is the yardstick: a candidate may be a few times as wrong as PyTorch itself, plus
a few units in the last place (ulps) of the largest value around. ``R`` may be right by luck where
the case is ill-conditioned (a constant row in a layer norm), so how far ``O`` moves when every
intermediate result is moved by roundings of float32 counts as error of the reference, too. No
tolerance is chosen by hand for a task, and none comes from the candidate.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch

# The largest error may be this many times R's own, the root mean square this many times R's.
TIMES_MAX = 3.0
TIMES_RMS = 2.0

# What is allowed beyond that, in ulps of the largest |O| of the row. A reference may accumulate in
# float64 on a CPU; a kernel that accumulates in float32 and calls the hardware's exp is still
# right. Below float32 both sides round once at the end and differ by next to nothing.
# Calibrated by benchmarks/calibrate_judge.py.
ULPS_MAX = {torch.float64: 64.0, torch.float32: 32.0}
ULPS_RMS = {torch.float64: 8.0, torch.float32: 4.0}
ULPS_MAX_LOW_PRECISION = 2.0
ULPS_RMS_LOW_PRECISION = 0.1

# The largest error of a few values says little of how large it might have been. In float32, where
# both sides round many times, n distinct values get 1 + this/n times the allowance.
SMALL_SAMPLE = 8.0

# Rows shorter than this are judged together with their neighbours: the largest of a handful of
# values may be small by accident, and its ulp with it.
SHORTEST_ROW = 32

# Rows this many times larger than a row do not lend it their error.
REACH = 4.0

_COUNTED = 1 << 16
_ZERO = torch.zeros((), dtype=torch.float64)


@dataclass(frozen=True)
class Closeness:
    """How far a tensor of values is from the oracle."""

    wrong: torch.Tensor
    """bool, the shape of the values: elements outside what is allowed."""

    error: torch.Tensor
    """float64: |C - O| where both are finite, inf where one of them is not and should be."""

    allowed: torch.Tensor
    """float64: the largest error allowed at each element."""

    rms: float
    """Root mean square error of C in ulps of each row's largest |O|."""

    rms_allowed: float

    @property
    def accepted(self) -> bool:
        """Whether every element and the root mean square are within what is allowed."""
        return not bool(self.wrong.any()) and self.rms <= self.rms_allowed

    @property
    def ratio(self) -> float:
        """The worst of error over allowed; up to 1 is accepted."""
        if not self.error.numel():
            return 0.0
        elementwise = float((self.error / self.allowed).max())
        return max(elementwise, self.rms / self.rms_allowed)


class Yardstick:
    """What is allowed at each element: all of the rule that does not need the candidate.

    Args:
        r: The reference's values, floating point, any shape.
        o: The oracle's values in float64, the same shape.
        nearby: The oracle's values with every intermediate result moved by float32 roundings.
    """

    def __init__(
        self, r: torch.Tensor, o: torch.Tensor, nearby: torch.Tensor | None = None
    ) -> None:
        dtype = r.dtype
        r64 = r.double()
        r_finite = torch.isfinite(r64)
        # Where float64 has no finite answer but the dtype has, the reference's own is the truth.
        o = torch.where(torch.isfinite(o) | ~r_finite, o, r64)
        info = torch.finfo(dtype)
        magnitude = o.abs()
        finite = magnitude <= info.max
        both = finite & r_finite
        o_rows = _rows(torch.where(finite, o, _ZERO))
        r_error = _rows(torch.where(both, (r64 - o).abs(), _ZERO))
        if nearby is not None:
            moved = torch.where(finite & torch.isfinite(nearby), (nearby - o).abs(), _ZERO)
            r_error = torch.maximum(r_error, _rows(moved))
        scale = o_rows.abs().amax(dim=1)
        ulp = _ulp(scale, info)
        chance = 1 + SMALL_SAMPLE / _distinct(o) if dtype in ULPS_MAX else 1.0
        reach = chance * _largest_nearby(r_error.amax(dim=1), scale)
        limit = TIMES_MAX * reach + ULPS_MAX.get(dtype, ULPS_MAX_LOW_PRECISION) * ulp
        self.allowed = limit[:, None].expand_as(o_rows).reshape(-1)[: o.numel()].view(r.shape)
        """float64: the largest error allowed at each element."""

        self._dtype, self._largest, self._chance = dtype, info.max, chance
        self._o, self._r64, self._magnitude = o, r64, magnitude
        self._r_finite, self._finite, self._both = r_finite, finite, both
        self._r_error, self._ulp = r_error, ulp[:, None]
        self._share = _rows(both.double())
        self._rms_allowed = self._rms_for(self._share)
        # Almost every case: then only the errors are left to be compared.
        self._all_finite = bool(both.all())

    def _rms_for(self, share: torch.Tensor) -> float:
        r_units = self._r_error * share / self._ulp
        rest = ULPS_RMS.get(self._dtype, ULPS_RMS_LOW_PRECISION)
        return self._chance * TIMES_RMS * _rms(r_units, share) + rest

    def measure(self, c: torch.Tensor) -> Closeness:
        """How far a candidate's values, of the reference's dtype and shape, are from the oracle."""
        c64 = c.double()
        error = (c64 - self._o).abs()
        within = error <= self.allowed
        # An error that is within what is allowed is finite, and so is the value.
        if self._all_finite and bool(within.all()):
            rms = _rms(_rows(error) / self._ulp, self._share)
            return Closeness(~within, error, self.allowed, rms, self._rms_allowed)
        return self._measure_with_care(c64)

    def _measure_with_care(self, c64: torch.Tensor) -> Closeness:
        o, allowed, largest = self._o, self.allowed, self._largest
        finite, r_finite = self._finite, self._r_finite
        c_finite = torch.isfinite(c64)
        error = torch.where(finite & c_finite, (c64 - o).abs(), _ZERO)
        within = c_finite & finite & (error <= allowed)
        same_class = _same_class(c64, o) | (_same_class(c64, self._r64) & ~r_finite)
        # Rounding decides between the largest finite value and infinity.
        brink = (self._magnitude + allowed >= largest) & (c64.sign() == o.sign())
        brink &= (c64.abs() >= largest - allowed) | torch.isinf(c64)
        right = within | (same_class & ~self._both) | brink
        error = torch.where(right | (error > allowed), error, torch.full_like(error, math.inf))
        error = torch.where(right, torch.minimum(error, allowed), error)

        counted = self._both & c_finite
        share = _rows(counted.double())
        c_units = _rows(torch.where(counted, (c64 - o).abs(), _ZERO)) / self._ulp
        return Closeness(~right, error, allowed, _rms(c_units, share), self._rms_for(share))


def closeness(
    c: torch.Tensor, r: torch.Tensor, o: torch.Tensor, nearby: torch.Tensor | None = None
) -> Closeness:
    """Compare a candidate's values with the oracle's, by the reference's own error.

    Args:
        c: The candidate's values, floating point, any shape.
        r: The reference's values, the same dtype and shape.
        o: The oracle's values in float64, the same shape.
        nearby: The oracle's values with every intermediate result moved by float32 roundings.
    """
    return Yardstick(r, o, nearby).measure(c)


def _rows(values: torch.Tensor) -> torch.Tensor:
    """Lay values out as ``(rows, columns)``, joining trailing dims until a row is long enough."""
    if values.numel() == 0:
        return values.new_zeros((1, 1))
    columns = 1
    for size in reversed(values.shape):
        if columns >= SHORTEST_ROW:
            break
        columns *= size
    return values.reshape(-1, columns)


def _distinct(values: torch.Tensor) -> int:
    """About how many different values there are; where there are many, at least so many."""
    flat = values.reshape(-1)
    # To sort what is large takes longer than all the rest, and many is all that is asked. An odd
    # step meets every column of a table.
    return max(1, len(torch.unique(flat[:: flat.numel() // _COUNTED | 1])))


def _ulp(scale: torch.Tensor, info: torch.finfo) -> torch.Tensor:
    # Below the smallest normal number the spacing no longer shrinks, and hardware may flush to 0.
    floor = torch.clamp(scale, min=info.smallest_normal)
    return torch.exp2(torch.floor(torch.log2(floor))) * info.eps


def _largest_nearby(error: torch.Tensor, scale: torch.Tensor) -> torch.Tensor:
    """For each row the reference's largest error in any row of at most REACH times its scale."""
    order = torch.argsort(scale)
    running = torch.cummax(error[order], dim=0).values
    last = torch.searchsorted(scale[order], scale * REACH, right=True) - 1
    return running[last]


def _same_class(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """Both NaN, or the same infinity."""
    return (torch.isnan(a) & torch.isnan(b)) | (torch.isinf(a) & (a == b))


def _rms(units: torch.Tensor, share: torch.Tensor) -> float:
    count = float(share.sum())
    return math.sqrt(float((units * units).sum()) / count) if count else 0.0
