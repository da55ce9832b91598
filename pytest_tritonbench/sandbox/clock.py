"""Device time of a candidate's calls, by CUDA events, with a cold L2.

Compilation and autotuning happen in the warm-up calls. The events and the synchronisation are
torch's own, taken before the candidate was loaded; the parent's clock has the last word.
"""

from collections.abc import Callable
from typing import Any

import torch

from . import loading
from .calls import Call
from .page import Phase
from .running import Runner, Storages

_empty = torch.empty
_Event = torch.cuda.Event
_record = torch.cuda.Event.record
_elapsed = torch.cuda.Event.elapsed_time
_synchronize = torch.cuda.synchronize
_zero = torch.Tensor.zero_
_DEFAULT_L2 = 1 << 27


def bench(runner: Runner, call: Call, rounds: int, warmup: int) -> dict[str, Any]:
    """Time `rounds` calls, each with its first inputs and nothing in the L2.

    Returns:
        The last call's answer, and `ms`: milliseconds of each call.

    Raises:
        loading.CandidateError: a call failed.
    """
    storages = Storages(runner.inputs, runner.device)
    arguments = runner.arguments(call, storages)
    by_place, by_name = runner.split(call, arguments)
    loading.bind(runner.function, by_place, by_name)
    storages.keep()
    output = None

    def prepare() -> None:
        with torch.no_grad():
            storages.restore()

    def function() -> None:
        nonlocal output
        output = runner.function(*by_place.values(), **by_name)

    try:
        runner.page.note(Phase.CALLING)
        ms = times(function, rounds=rounds, warmup=warmup, device=runner.device, prepare=prepare)
        runner.finish()
    except BaseException as error:  # noqa: BLE001 - a candidate may raise anything
        raise loading.describe(error, runner.filename) from None
    answer = runner.deliver(output, [], storages)
    return {**answer, "ms": ms}


def times(
    call: Callable[[], Any],
    *,
    rounds: int,
    warmup: int,
    device: torch.device,
    prepare: Callable[[], None] | None = None,
) -> list[float]:
    """Milliseconds of device time of each of some calls, with nothing in the L2.

    Args:
        call: what is timed.
        rounds: how often.
        warmup: calls before them, at least one.
        device: a CUDA device.
        prepare: done before each call, and not timed.
    """
    flush = _empty(flush_bytes(device), dtype=torch.uint8, device=device)
    pairs = []
    for round_number in range(-max(1, warmup), rounds):
        if prepare is not None:
            prepare()
        _zero(flush)
        start, end = _Event(enable_timing=True), _Event(enable_timing=True)
        if round_number <= 0:
            _synchronize()
        _record(start)
        call()
        _record(end)
        if round_number >= 0:
            pairs.append((start, end))
    _synchronize()
    return [_elapsed(start, end) for start, end in pairs]


def flush_bytes(device: torch.device) -> int:
    """Twice the device's L2."""
    properties = torch.cuda.get_device_properties(device)
    return 2 * int(getattr(properties, "L2_cache_size", 0) or _DEFAULT_L2)
