"""Device time of trusted code, by CUDA events, with a cold L2."""

from __future__ import annotations

from collections.abc import Callable

import torch

from pytest_tritonbench.sandbox.clock import flush_bytes


def sample(call: Callable[[], object], *, rounds: int, device: torch.device) -> list[float]:
    """Time calls one by one.

    Args:
        call: What is timed; the first calls, which are not, warm it up.
        rounds: Timed calls.
        device: A CUDA device.

    Returns:
        Milliseconds of device time of each timed call.
    """
    flush = torch.empty(flush_bytes(device), dtype=torch.uint8, device=device)
    for _ in range(3):
        call()
    torch.cuda.synchronize(device)
    pairs = []
    for _ in range(rounds):
        flush.zero_()
        start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        start.record()
        call()
        end.record()
        pairs.append((start, end))
    torch.cuda.synchronize(device)
    return [start.elapsed_time(end) for start, end in pairs]
