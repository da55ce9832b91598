"""How long each configuration of an autotuner takes, by the clock that times whole calls.

Triton's own measure does not hold the queue back: of a short kernel it shows the host's luck, so
that the same kernel is tuned now one way and now another.
"""

import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch

from .stopwatch import Stopwatch

_FEWEST, _MOST = 5, 25
_TRIES = 3
_SECONDS = 0.05
_now = time.perf_counter


def measure(call: Callable[[], Any], quantiles: Sequence[float], **_: Any) -> list[float]:
    """Milliseconds of a call at some quantiles; stands in for `triton.testing.do_bench`."""
    stopwatch = Stopwatch(torch.device("cuda"), call)
    stopwatch.ready("events")
    times: list[float] = []
    began, calls = _now(), 0
    while len(times) < _FEWEST or (len(times) < _MOST and _now() - began < _SECONDS):
        found = stopwatch.time()
        calls += 1
        # A call that waits for the device itself never comes without a gap.
        if not found["gap"] or calls > _TRIES * _FEWEST:
            times.append(found["ms"])
    return [float(value) for value in np.quantile(times, quantiles)]
