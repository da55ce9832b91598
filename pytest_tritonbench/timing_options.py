"""The options that say how kernels are timed, and what their times must fulfil."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pytest_tritonbench import timing_values as values
from pytest_tritonbench.option import Option
from pytest_tritonbench.option_values import seconds, switch


@dataclass(frozen=True)
class TimingSettings:
    """How kernels are timed."""

    baselines: tuple[str, ...] = ("eager",)
    """What a kernel is timed beside: ``eager``, and ``compile`` for ``torch.compile`` of it."""

    clock: str = "auto"
    """``events``, ``graph``, ``cupti``, or ``auto`` for the first of these."""

    l2: str = "cold"
    """``cold``: the L2 cache is flushed before each call; ``warm``: it is not."""

    budget: float = 5.0
    """Seconds of timed calls of one case."""

    min_speedup: float | None = None
    max_regression: float | None = None
    """Share of the time by which a kernel may have become slower since a baseline."""

    base: str | None = None
    """Git revision whose kernels are timed beside today's."""

    strict: bool = False
    """Whether a gate that timings do not decide fails."""

    any_gpu: bool = False
    """Whether results of other models of GPU may be compared with."""

    sweep: bool = False
    """Whether curves over the sweep are drawn."""

    profile: str | None = None
    """``torch``, ``nsys`` or ``ncu``: what each timed case is profiled with, if at all."""

    @property
    def flags(self) -> str:
        """The options that change what a timed case ends with, each with a blank before it."""
        given = {
            "clock": self.clock,
            "l2": self.l2,
            "min-speedup": None if self.min_speedup is None else f"{self.min_speedup:g}",
            "max-regression": None if self.max_regression is None else f"{self.max_regression:g}",
            "base": self.base,
        }
        usual = {"clock": "auto", "l2": "cold"}
        found = [
            f" --tb-{name} {shlex.quote(value)}"
            for name, value in given.items()
            if value is not None and value != usual.get(name)
        ]
        return "".join(found) + (" --tb-strict-timing" if self.strict else "")


OPTIONS = (
    Option(
        "baseline",
        "eager[,compile]",
        "what a kernel is timed beside: the reference as it is, and compiled by torch",
        values.baselines,
        "eager",
    ),
    Option("clock", "auto|events|graph|cupti", "how device time is taken", values.clock, "auto"),
    Option("l2", "cold|warm", "whether the L2 cache is flushed before a call", values.l2, "cold"),
    Option("bench-budget", "SECONDS", "time for the samples of one case", seconds, "5"),
    Option(
        "min-speedup",
        "X",
        "fail where the speedup over the reference is below this",
        values.ratio,
        None,
    ),
    Option(
        "max-regression",
        "SHARE",
        "fail where a kernel became slower by more since --benchmark-compare or --tb-base",
        values.change,
        None,
    ),
    Option("base", "REV", "time the kernels of this git revision as well", values.revision, None),
    Option(
        "strict-timing",
        "",
        "gates also fail where timings do not decide them",
        switch,
        None,
        switch=True,
    ),
    Option(
        "any-gpu",
        "",
        "compare with results of other models of GPU",
        switch,
        None,
        switch=True,
    ),
    Option("sweep", "", "draw curves over each task's sweep", switch, None, switch=True),
    Option(
        "profile",
        "torch|nsys|ncu",
        "profile one call of each timed case",
        values.profiler,
        None,
        bare="torch",
    ),
)


def timing_of(found: Mapping[str, Any]) -> TimingSettings:
    """How kernels are timed.

    Args:
        found: Checked values, by the option's name.
    """
    return TimingSettings(
        baselines=found["baseline"],
        clock=found["clock"],
        l2=found["l2"],
        budget=found["bench-budget"],
        min_speedup=found["min-speedup"],
        max_regression=found["max-regression"],
        base=found["base"],
        strict=bool(found["strict-timing"]),
        any_gpu=bool(found["any-gpu"]),
        sweep=bool(found["sweep"]),
        profile=found["profile"],
    )


def sweep_folder(report: Path | None, results: Path | None, here: Path) -> Path:
    """Where the curves go: beside the report or the records, where there are any."""
    return report or results or here / "tb-sweep"
