"""What the values of the options of timing may be: text in, a checked value out.

Each function raises ``ValueError`` with what would be right, to go after the word "give".
"""

from __future__ import annotations

import re

CLOCKS = ("auto", "events", "graph", "cupti")
PROFILERS = ("torch", "nsys", "ncu")
BASELINES = ("eager", "compile")


def baselines(text: str) -> tuple[str, ...]:
    """What a kernel is timed beside; the eager reference always is."""
    names = tuple(dict.fromkeys(part.strip() for part in text.split(",")))
    if any(name not in BASELINES for name in names):
        raise ValueError("'eager', or 'eager,compile' for torch.compile of the reference as well")
    return ("eager", *(name for name in names if name != "eager"))


def clock(text: str) -> str:
    """How device time is taken."""
    if text not in CLOCKS:
        raise ValueError(
            "'events' (CUDA events), 'graph' (replays of a CUDA graph), 'cupti' (needs "
            "cupti-python), or 'auto'"
        )
    return text


def l2(text: str) -> str:
    """Whether the cache is flushed."""
    if text not in ("cold", "warm"):
        raise ValueError("'cold' or 'warm'")
    return text


def ratio(text: str) -> float:
    """A least speedup, such as ``1.0`` or ``0.95x``."""
    return _above_zero(text.strip().removesuffix("x"), "a speedup above 0 such as 1.0 or 0.95")


def change(text: str) -> float:
    """A largest regression as a share of the time: ``2%`` and ``0.02`` are the same."""
    told = "a percentage such as 2%, or a share below 1 such as 0.02"
    value = _above_zero(text.strip().removesuffix("%"), told)
    if text.strip().endswith("%"):
        return value / 100
    if value >= 1:
        # Who writes 2 means two percent more often than three times the time.
        raise ValueError(told)
    return value


def revision(text: str) -> str:
    """A git revision; whether there is such a one is asked of git."""
    if not text.strip() or text.startswith("-"):
        raise ValueError("a git revision such as main, HEAD~1 or a tag")
    return text


def profiler(text: str) -> str:
    """What to profile with."""
    if text not in PROFILERS:
        raise ValueError(
            "'torch', 'nsys' or 'ncu' after an equals sign (--tb-profile=ncu), or nothing"
        )
    return text


def _above_zero(text: str, told: str) -> float:
    if not re.fullmatch(r"\d+(\.\d*)?|\.\d+", text.strip()) or float(text) <= 0:
        raise ValueError(told)
    return float(text)
