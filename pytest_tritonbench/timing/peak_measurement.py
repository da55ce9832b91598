"""Measure what a GPU can do: how fast bytes move, and how fast matrices are multiplied.

It runs in the trusted process, where torch and the GPU are. On a CPU it measures tiny sizes with
the host's clock, so that all of it can be tried without a GPU.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch

_COPIED = 1 << 30
_COPIED_ON_CPU = 1 << 20
_SIDES = (4096, 8192)
_SIDES_ON_CPU = (64,)
_ROUNDS = 20
_SPENT = 0.05
"""Seconds of one kind of call after which no more rounds are begun."""

_TOO_SLOW = 0.005
"""Seconds of the small product beyond which the large one would take too long."""

Product = Callable[[], torch.Tensor]


def measure(device: torch.device) -> dict[str, Any]:
    """Measure a device; about a second on a data centre's GPU.

    The best of several calls counts, each timed on its own: the first of them meet a GPU that
    has just woken up, the last one that its power limit slows down. The numbers multiplied are
    normally distributed, as those of the timed cases are: zeros would be faster.

    Args:
        device: A CUDA (or ROCm) device, or the CPU.

    Returns:
        What :meth:`~pytest_tritonbench.timing.peaks.Peaks.from_json` reads: ``gbs``, ``read_gbs``,
        ``write_gbs`` in GB/s, ``tflops`` by dtype, ``l2_bytes``.
    """
    with torch.no_grad():
        moved = _moved(device)
        tflops = _products(device)
    if device.type == "cuda":
        # Nothing of it may crowd the cases that are timed next.
        torch.cuda.empty_cache()
    return {**moved, "tflops": tflops, "l2_bytes": _l2_bytes(device)}


def _moved(device: torch.device) -> dict[str, float]:
    count = _copied_bytes(device) // 4
    source = torch.ones(count, dtype=torch.float32, device=device)
    target = torch.empty_like(source)
    copied = _best(lambda: target.copy_(source), device)
    read = _best(source.sum, device)
    written = _best(lambda: target.fill_(1.5), device)
    nbytes = 4 * count / 1e9
    return {
        "gbs": 2 * nbytes / copied,
        "read_gbs": nbytes / read,
        "write_gbs": nbytes / written,
    }


def _copied_bytes(device: torch.device) -> int:
    """Bytes of each side of the copy: 1 GiB, or a quarter of what is free, so that both fit."""
    if device.type != "cuda":
        return _COPIED_ON_CPU
    free, _ = torch.cuda.mem_get_info(device)
    return int(min(_COPIED, free // 4)) // 512 * 512


def _products(device: torch.device) -> dict[str, float]:
    kinds: dict[str, Callable[[int, torch.device], Product]] = {
        "float16": lambda side, on: _plain(torch.float16, side, on),
        "bfloat16": lambda side, on: _plain(torch.bfloat16, side, on),
        "float32": lambda side, on: _plain(torch.float32, side, on),
        "tf32": lambda side, on: _plain(torch.float32, side, on),
        "float8_e4m3fn": _float8,
        "int8": _int8,
    }
    found = {}
    for name, kind in kinds.items():
        if name == "tf32":
            with _tf32(device) as there:
                best = _fastest_product(kind, device) if there else None
        else:
            best = _fastest_product(kind, device)
        if best is not None:
            found[name] = best
    return found


def _fastest_product(
    kind: Callable[[int, torch.device], Product], device: torch.device
) -> float | None:
    """TFLOP/s of the faster of two sizes; ``None`` where there is no such product here."""
    best: float | None = None
    for side in _SIDES if device.type == "cuda" else _SIDES_ON_CPU:
        try:
            seconds = _best(kind(side, device), device)
        except (RuntimeError, AttributeError, ValueError):
            # torch says in many ways that a GPU, or this torch, lacks a product or the memory
            # for it. CUDA's own errors are RuntimeErrors as well; the next call would meet them.
            break
        best = max(best or 0.0, 2 * side**3 / seconds / 1e12)
        if seconds > _TOO_SLOW:
            break
    return best


def _plain(dtype: torch.dtype, side: int, device: torch.device) -> Product:
    a, b = _normal(side, device).to(dtype), _normal(side, device).to(dtype)
    out = torch.empty(side, side, dtype=dtype, device=device)
    return lambda: torch.mm(a, b, out=out)


def _float8(side: int, device: torch.device) -> Product:
    # The second operand must be column by column, which is also what is fast.
    a, b = (_normal(side, device).to(torch.float8_e4m3fn) for _ in range(2))
    one = torch.ones((), dtype=torch.float32, device=device)

    def product() -> torch.Tensor:
        scaled: torch.Tensor = torch._scaled_mm(  # noqa: SLF001 - torch has no public one
            a, b.t(), scale_a=one, scale_b=one, out_dtype=torch.bfloat16, use_fast_accum=True
        )
        return scaled

    return product


def _int8(side: int, device: torch.device) -> Product:
    a, b = (
        torch.randint(-128, 128, (side, side), dtype=torch.int8, device=device) for _ in range(2)
    )
    return lambda: torch._int_mm(a, b.t())  # noqa: SLF001 - torch has no public one


def _normal(side: int, device: torch.device) -> torch.Tensor:
    return torch.randn(side, side, device=device, generator=torch.Generator(device).manual_seed(1))


@contextmanager
def _tf32(device: torch.device) -> Iterator[bool]:
    """Let float32 products be made of TF32; false where there is none, or torch cannot be told."""
    if device.type == "cuda" and (
        torch.version.hip is not None or torch.cuda.get_device_capability(device) < (8, 0)
    ):
        yield False
        return
    try:
        before = torch.get_float32_matmul_precision()
        torch.set_float32_matmul_precision("high")
    except RuntimeError:
        # Something in this process has set it by several of torch's ways at once.
        yield False
        return
    try:
        yield True
    finally:
        torch.set_float32_matmul_precision(before)


def _best(call: Callable[[], object], device: torch.device) -> float:
    """Seconds of the fastest of several calls."""
    timed = _by_events if device.type == "cuda" else _by_host
    # The first one loads libraries and chooses kernels.
    timed(call, device)
    began = time.perf_counter()
    best = min(timed(call, device), timed(call, device))
    rounds = 2
    while rounds < _ROUNDS and time.perf_counter() - began < _SPENT:
        best = min(best, timed(call, device))
        rounds += 1
    return best


def _by_events(call: Callable[[], object], device: torch.device) -> float:
    start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
    stream = torch.cuda.current_stream(device)
    # A first call keeps the GPU busy while the host puts the second one behind it: what lies
    # between the events is the device's work and not the host's.
    call()
    start.record(stream)
    call()
    end.record(stream)
    end.synchronize()
    return float(start.elapsed_time(end)) / 1e3


def _by_host(call: Callable[[], object], _: torch.device) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def _l2_bytes(device: torch.device) -> int:
    if device.type != "cuda":
        return 0
    return int(getattr(torch.cuda.get_device_properties(device), "L2_cache_size", 0) or 0)
