"""What the stopwatch makes of calls that a GPU and its host do together."""

import statistics

import torch

from pytest_tritonbench.sandbox.stopwatch import Stopwatch


def test_a_call_that_waits_for_the_device_is_not_held() -> None:
    """Behind a hold it would wait for that, for milliseconds; and each sample says what it is."""
    x = torch.ones(1 << 20, device="cuda")
    stopwatch = Stopwatch(x.device, lambda: x.sum().item())
    stopwatch.ready("events")
    for _ in range(10):
        stopwatch.time()
    found = [stopwatch.time() for _ in range(20)]
    assert all(one["gap"] for one in found)
    assert statistics.median(one["host_ms"] for one in found) < 1.0


def test_a_call_that_does_not_wait_is_held() -> None:
    """What the device does is seen, and not how long the host takes to ask for it."""
    x = torch.ones(1 << 20, device="cuda")
    stopwatch = Stopwatch(x.device, lambda: [x.neg() for _ in range(50)])
    stopwatch.ready("events")
    found = [stopwatch.time() for _ in range(30)]
    assert sum(one["gap"] for one in found) < 10
