"""Faults of Triton's interpreter, each mended by one module.

A mend has ``VERSIONS`` (the Triton versions in which the fault was seen), ``applies()`` (whether
the Triton at hand has the seams and the fault) and ``apply()`` (which mends it, and does nothing
the second time).
"""

from __future__ import annotations

from typing import Protocol

from pytest_tritonbench.sandbox.interpreter.mends import (
    arguments,
    atomics,
    bfloat16,
    constexprs,
    device_assert,
    divisions,
    dot,
    float8,
    grids,
    libdevice,
    logic,
    namespace,
    nans,
    reductions,
    scans,
    speed,
)


class Mend(Protocol):
    """What a module of this package offers."""

    VERSIONS: str

    def applies(self) -> bool:
        """Return whether the Triton at hand has the fault."""

    def apply(self) -> None:
        """Mend the fault in this process."""


# Order matters twice: atomics and dot build on the number formats, and namespace
# restricts to what logic injects.
ALL: dict[str, Mend] = {
    "arguments": arguments,
    "constexprs": constexprs,
    "grids": grids,
    "bfloat16": bfloat16,
    "float8": float8,
    "dot": dot,
    "atomics": atomics,
    "nans": nans,
    "divisions": divisions,
    "reductions": reductions,
    "scans": scans,
    "libdevice": libdevice,
    "device_assert": device_assert,
    "logic": logic,
    "namespace": namespace,
    "speed": speed,
}

_applied: set[str] = set()


def apply_all() -> list[str]:
    """Apply every mend that the Triton at hand needs and return their names."""
    for name, mend in ALL.items():
        if name not in _applied and mend.applies():
            mend.apply()
            _applied.add(name)
    return sorted(_applied)
