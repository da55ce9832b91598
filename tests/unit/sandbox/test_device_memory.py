"""What a process keeps of a device's memory for nothing, it gives back."""

from __future__ import annotations

import pytest

from pytest_tritonbench.sandbox import device_memory

GIBI = 1 << 30


@pytest.mark.parametrize(
    ("kind", "context", "reserved", "given"),
    [
        ("cuda", True, 85 * GIBI, True),
        ("cuda", True, GIBI // 2, False),
        ("cuda", False, 0, False),
        ("cpu", True, 85 * GIBI, False),
    ],
)
def test_what_is_much_is_given_back(
    monkeypatch: pytest.MonkeyPatch, kind: str, context: bool, reserved: int, given: bool
) -> None:
    """Little is kept, and without a context there is none."""
    emptied: list[bool] = []
    monkeypatch.setattr(device_memory, "_is_initialized", lambda: context)
    monkeypatch.setattr(device_memory, "_reserved", lambda: reserved)
    monkeypatch.setattr(device_memory, "_empty_cache", lambda: emptied.append(True))
    device_memory.give_back(kind)
    assert emptied == [True] * given


def test_a_device_that_failed_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """What failed is told by whoever met it."""

    def fail() -> None:
        raise RuntimeError("CUDA error: an illegal memory access was encountered")

    monkeypatch.setattr(device_memory, "_is_initialized", lambda: True)
    monkeypatch.setattr(device_memory, "_reserved", lambda: 2 * GIBI)
    monkeypatch.setattr(device_memory, "_empty_cache", fail)
    device_memory.give_back("cuda")
