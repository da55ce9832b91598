"""What the GPUs of figures can do, as measured beside the kernels."""

from __future__ import annotations

from collections.abc import Sequence

from pytest_tritonbench.report.metrics.efficiency import datasheet
from pytest_tritonbench.timing.peaks import Peaks, beside, implausible

from .figures import Figure
from .numbers import percent, rate

_UNKNOWN = "\N{EN DASH}"


def limits(figures: Sequence[Figure]) -> list[dict[str, str]]:
    """Rows of a table: each measured peak of each GPU, and its datasheet's."""
    rows = []
    for device, peaks in _measured(figures).items():
        known = datasheet(device)
        stated = (None, {}) if known is None else (known.gbs, known.tflops)
        for one in beside(peaks, *stated):
            sheet = one.datasheet
            rows.append(
                {
                    "device": device,
                    "what": one.what,
                    "measured": f"{rate(one.measured)} {one.unit}",
                    "datasheet": _UNKNOWN if sheet is None else f"{rate(sheet)} {one.unit}",
                    "share": _UNKNOWN if sheet is None else percent(one.measured / sheet),
                }
            )
    return rows


def doubts(figures: Sequence[Figure]) -> list[str]:
    """One sentence for each measured peak that cannot be right."""
    found = []
    for device, peaks in _measured(figures).items():
        known = datasheet(device)
        if known is not None:
            found += [f"{device}: {one}." for one in implausible(peaks, known.gbs, known.tflops)]
    return found


def _measured(figures: Sequence[Figure]) -> dict[str, Peaks]:
    """The peaks of each GPU; where it was measured several times, the last that can be read."""
    found: dict[str, Peaks] = {}
    for figure in figures:
        for told in figure.peaks:
            try:
                found[figure.device] = Peaks.from_json(told)
            except ValueError:
                continue
    return found
