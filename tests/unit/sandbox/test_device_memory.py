"""What a process keeps of a device's memory for nothing, it gives back."""

from __future__ import annotations

import pytest

from pytest_tritonbench.sandbox import device_memory

GIBI = 1 << 30


@pytest.mark.parametrize(
    ("kind", "reserved", "times"),
    [("cuda", 85 * GIBI, 1), ("cuda", GIBI // 2, 0), ("cuda", None, 0), ("cpu", 85 * GIBI, 0)],
)
def test_what_is_much_is_given_back(
    monkeypatch: pytest.MonkeyPatch, kind: str, reserved: int | None, times: int
) -> None:
    """Little is kept, and without a context there is none."""
    emptied: list[bool] = []
    monkeypatch.setattr(device_memory, "_is_initialized", lambda: reserved is not None)
    monkeypatch.setattr(device_memory, "_reserved", lambda: reserved)
    monkeypatch.setattr(device_memory, "_empty_cache", lambda: emptied.append(True))
    device_memory.give_back(kind)
    assert len(emptied) == times


def test_a_device_that_failed_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """What failed is told by whoever met it."""

    def fail() -> None:
        raise RuntimeError("CUDA error: an illegal memory access was encountered")

    monkeypatch.setattr(device_memory, "_is_initialized", lambda: True)
    monkeypatch.setattr(device_memory, "_reserved", lambda: 2 * GIBI)
    monkeypatch.setattr(device_memory, "_empty_cache", fail)
    device_memory.give_back("cuda")
