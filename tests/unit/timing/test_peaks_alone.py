"""Peaks are measured alone on the device, and read without waiting for it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import pytest

from pytest_tritonbench.session import Session


def test_only_measuring_waits_for_the_device(monkeypatch: pytest.MonkeyPatch) -> None:
    """Once at first, once when they are asked for again, and never to be told of them."""
    inside = 0
    measured: list[int] = []

    @contextmanager
    def alone(_: Session) -> Iterator[None]:
        nonlocal inside
        inside += 1
        yield
        inside -= 1

    def measure() -> dict[str, Any]:
        measured.append(inside)
        return {"gbs": 1000.0, "tflops": {}}

    monkeypatch.setattr(Session, "alone", alone)
    monkeypatch.setattr(Session, "oracle", SimpleNamespace(peaks=measure))
    monkeypatch.setattr(Session, "gpu", None)
    monkeypatch.setattr(Session, "environment", SimpleNamespace(as_json=dict))
    settings: Any = SimpleNamespace()
    session = Session(settings, seed=None)
    assert [session.peaks(again).gbs for again in (False, False, True, False)] == [1000.0] * 4
    assert measured == [1, 1]
