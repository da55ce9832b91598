"""Autotuners measure with a clock that is not the host's luck, and choose again when asked to."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import chain, repeat
from types import SimpleNamespace
from typing import Any

import pytest

from pytest_tritonbench.sandbox import launches, tuning


def stopwatch(readings: Iterator[tuple[float, bool]]) -> Callable[..., Any]:
    """A stand-in for the stopwatch that reads milliseconds and whether there was a gap."""

    def make(*_: object) -> Any:
        def time() -> dict[str, Any]:
            ms, gap = next(readings)
            return {"ms": ms, "gap": gap}

        return SimpleNamespace(ready=lambda _: None, time=time)

    return make


def test_calls_with_a_gap_do_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    """Three calls out of four waited for the host: the quantiles are of the others."""
    made = chain.from_iterable(repeat([(9.0, True), (9.0, True), (2.0, False)], 3))
    readings = chain(made, repeat((2.0, False)))
    monkeypatch.setattr(tuning, "Stopwatch", stopwatch(readings))
    assert tuning.measure(lambda: None, quantiles=(0.5, 0.2, 0.8)) == [2.0, 2.0, 2.0]


def test_a_call_that_always_has_one_is_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    """One that waits for the device itself has some time rather than none."""
    monkeypatch.setattr(tuning, "Stopwatch", stopwatch(repeat((3.0, True))))
    assert tuning.measure(lambda: None, quantiles=(0.5,)) == [3.0]


def test_the_spread_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """The median first, then the quantiles that Triton asks for."""
    monkeypatch.setattr(tuning, "_SECONDS", 0.0)
    readings = iter([(float(ms), False) for ms in (5, 1, 3, 2, 4)])
    monkeypatch.setattr(tuning, "Stopwatch", stopwatch(readings))
    found = tuning.measure(lambda: None, quantiles=(0.5, 0.25, 0.75))
    assert found == [3.0, 2.0, 4.0]


def test_choices_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every autotuner that has run chooses again; where there is none, that is said."""
    tuner = SimpleNamespace(cache={"key": "a configuration"})
    monkeypatch.setattr(launches, "_tuned", {id(tuner): tuner})
    assert launches.forget_tunings()
    assert tuner.cache == {}
    monkeypatch.setattr(launches, "_tuned", {})
    assert not launches.forget_tunings()
