"""An answer is timed beside the gold on the sizes of the published benchmark's timing scripts."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pytest_tritonbench.sandbox import Failure, Ran, Sandbox, Script
from pytest_tritonbench.task.tritonbench.checkout import Upstream
from pytest_tritonbench.task.tritonbench.timing_script import timing_script
from pytest_tritonbench.timing.peaks import Peaks

METHOD = "cuda-events, cold L2, gold before and after"
_FUNCTION, _RESULT = "time_sizes", "timed_sizes"


class NotTimedError(Exception):
    """There are no times, and why."""


@dataclass(frozen=True)
class _Size:
    """One size, timed once."""

    described: Any
    ms: tuple[float, ...]
    gbs: float | None
    tflops: float | None
    error: str | None


class SizeTimer:
    """Times answers and golds; a gold's times before the answer serve the whole process.

    Args:
        sandbox: Where they run.
        timeout: Seconds for all sizes of one of them.
        peaks: What the device can do.
    """

    def __init__(self, sandbox: Sandbox, timeout: float, peaks: Callable[[], Peaks]) -> None:
        self._sandbox = sandbox
        self._timeout = timeout
        self._golds: dict[str, list[_Size]] = {}
        self._peaks = peaks

    def time(self, task: Upstream, code: str) -> dict[str, Any]:
        """Time an answer.

        Returns:
            A record's ``timing``: ``sizes``, and the geometric mean of their speedups.

        Raises:
            NotTimedError: If gold or answer cannot be timed on any size.
        """
        text = timing_script(task)
        if text is None:
            raise NotTimedError("the checkout has no timing script for it")
        if task.name not in self._golds:
            self._golds[task.name] = self._timed(task.gold, task.name, text, "the gold")
        before = self._golds[task.name]
        mine = self._timed(code, task.name, text, "the answer")
        after = self._timed(task.gold, task.name, text, "the gold")
        sizes = [
            _beside(one, gold, again)
            for one, gold, again in zip(mine, before, after, strict=False)
            if one.error is None and gold.error is None and again.error is None
        ]
        if not sizes:
            errors = [size.error for size in (*mine, *before) if size.error is not None]
            raise NotTimedError(errors[0] if errors else "its timing script makes no inputs")
        ratios = [size["gold_ms"] / size["ms"] for size in sizes]
        failed = sum(size.error is not None for size in mine)
        peaks = self._peaks()
        return {
            "sizes": sizes,
            "speedup": math.exp(statistics.fmean(map(math.log, ratios))),
            "sizes_failed": failed,
            "peaks": {"gbs": peaks.gbs, "tflops": peaks.tflops.get("bfloat16", 0.0)},
            "method": METHOD,
        }

    def _timed(self, source: str, name: str, text: str, whose: str) -> list[_Size]:
        test = _test_part(text, name)
        with self._sandbox.candidate(source, f"{name}.py", "") as candidate:
            ran = candidate.script(test, timeout=self._timeout)
        if isinstance(ran, Failure):
            raise NotTimedError(f"{whose}: {ran.reason}: {ran.message}")
        return _read(ran, whose)


def _test_part(text: str, name: str) -> Script:
    """The script's own text goes as a literal: it is run by the clock's module, not beside it."""
    body = "\n".join(
        (
            "from pytest_tritonbench.sandbox import sizing as _sizing",
            f"def {_FUNCTION}():",
            f"    return _sizing.measure({text!r}, {name!r}, globals())",
            f"{_RESULT} = {_FUNCTION}()",
        )
    )
    return Script(test=body, test_function=_FUNCTION, result=_RESULT, timed=True)


def _read(ran: Ran, whose: str) -> list[_Size]:
    """What a process says of its sizes, checked: times that sum up to more than there was are none.

    Raises:
        NotTimedError: If it says something else.
    """
    if not isinstance(ran.result, list):
        raise NotTimedError(f"{whose}: no list of sizes")
    found = [_size(one) for one in ran.result]
    if sum(sum(size.ms) for size in found) > 1e3 * ran.seconds:
        raise NotTimedError(f"{whose}: its calls are said to take longer than the process ran")
    return found


def _size(data: Any) -> _Size:
    if not isinstance(data, dict):
        raise NotTimedError("a size that is no description of one")
    error = data.get("error")
    if error is not None:
        return _Size(None, (), None, None, str(error))
    ms = data.get("ms")
    if not isinstance(ms, list) or not ms or not all(_is_time(value) for value in ms):
        raise NotTimedError("a size without times")
    gbs, tflops = (_number(data.get(name)) for name in ("gbs", "tflops"))
    return _Size(data.get("input_size"), tuple(ms), gbs, tflops, None)


def _is_time(value: Any) -> bool:
    return isinstance(value, float) and 0 < value < math.inf


def _number(value: Any) -> float | None:
    return value if isinstance(value, float) and 0 <= value < math.inf else None


def _beside(one: _Size, gold: _Size, again: _Size) -> dict[str, Any]:
    """A size in the form of a record; what a millisecond is worth is the gold's to say."""
    ms, gold_ms = statistics.median(one.ms), statistics.median((*gold.ms, *again.ms))
    return {
        "input_size": gold.described,
        "ms": ms,
        "gold_ms": gold_ms,
        "gbs": None if gold.gbs is None else gold.gbs / ms,
        "tflops": None if gold.tflops is None else gold.tflops / ms,
        "samples": len(one.ms),
    }
