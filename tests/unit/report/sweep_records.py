"""Bench records as an H200 would give them: made up, but of one piece."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

GBS = 4022.0
TFLOPS = {"float16": 702.0, "bfloat16": 715.0, "float32": 51.2, "tf32": 402.0, "int8": 1210.0}
PEAKS = {
    "gbs": GBS,
    "read_gbs": 4390.0,
    "write_gbs": 4105.0,
    "tflops": TFLOPS,
    "l2_bytes": 62914560,
}
LAUNCH_MS = 0.006
HOST_MS = 0.021
_WIDTH = {"float16": 2, "bfloat16": 2, "float32": 4}
_ROWS = tuple(2**k for k in range(8, 18))


def bench(  # noqa: PLR0913 - what there is to vary
    task: str,
    case: Mapping[str, Any],
    *,
    flops: float,
    nbytes: float,
    quality: float = 0.9,
    theirs: float = 0.85,
    compiled: float | None = None,
    then: float | None = None,
    seed: int = 0,
    **more: Any,
) -> dict[str, Any]:
    """One record of a case that was timed.

    Args:
        task: Its name.
        case: Dims, scalars and ``dtype``.
        flops: Operations.
        nbytes: Bytes that move.
        quality: Share of the roofline that the kernel reaches on large cases.
        theirs: PyTorch's share.
        compiled: That of ``torch.compile``, where it was timed.
        then: That of the kernel at another revision, where it was timed.
        seed: Of the scatter.
        more: Fields of the record to be replaced; of ``timing`` those in ``timing``.
    """
    scatter = random.Random(f"{task} {sorted(case.items())} {seed}")  # noqa: S311 - no secret
    dtype = str(case["dtype"])
    least_ms = 1e3 * max(nbytes / (GBS * 1e9), flops / (TFLOPS[dtype] * 1e12))
    bound = "memory" if nbytes / (GBS * 1e9) * 1e3 >= least_ms else "compute"

    def median(share: float) -> float:
        return (least_ms / share + LAUNCH_MS) * scatter.uniform(0.99, 1.01)

    def spread(ms: float) -> dict[str, Any]:
        wide = 0.004 + 0.0006 / ms
        return {"median_ms": ms, "p10_ms": ms * (1 - wide), "p90_ms": ms * (1 + 2 * wide)}

    def ratio(over: float, under: float) -> dict[str, Any]:
        value, half = over / under, 0.003 + 0.0004 / under
        low, high = value * (1 - half), value * (1 + half)
        told = "faster" if low > 1.01 else "slower" if high < 1 / 1.01 else "ambiguous"
        if low >= 1 / 1.01 and high <= 1.01:
            told = "same"
        interval = {"value": value, "low": low, "high": high, "level": 0.95, "samples": 120}
        return {"speedup": value, "interval": interval, "verdict": told}

    ours, reference = median(quality), median(theirs)
    timing: dict[str, Any] = {
        "method": "cuda-events",
        "l2": "cold",
        **spread(ours),
        "host_ms": HOST_MS,
        "samples": 120,
        **{f"reference_{n.replace('median_', '')}": v for n, v in spread(reference).items()},
        "reference_host_ms": HOST_MS / 2,
        **ratio(reference, ours),
        "stopped": "precise",
        "void": {"blocks": 0, "why": None},
        "launch_bound": ours < HOST_MS,
        "tflops": flops / ours / 1e9,
        "gbs": nbytes / ours / 1e6,
        "roofline": least_ms / ours,
        "bound": bound,
        "peaks": {**PEAKS, "source": "measured"},
    }
    if compiled is not None:
        ms = median(compiled)
        timing["compile"] = {**spread(ms), **ratio(ms, ours)}
    if then is not None:
        ms = median(then)
        timing["against"] = {"v1.2": {**spread(ms), **ratio(ms, ours)}}
    timing.update(more.pop("timing", {}))
    environment = {
        "device": "NVIDIA H200",
        "driver": "580.82.07",
        "python": "3.12.3",
        "torch": "2.11.0+cu130",
        "triton": "3.6.0",
        "commit": "3f2a9c1d77e0",
    }
    return {
        "task": task,
        "phase": "bench",
        "outcome": "passed",
        "case": {**case, "seed": seed},
        "reason": None,
        "candidate": f"kernels/{task}.py",
        "environment": {**environment, **more.pop("environment", {})},
        "run": "2026-11-20T09:00:00Z",
        "seed": None,
        "timing": timing,
        "suite": None,
        "model": None,
        "sample": None,
        **more,
    }


def softmax(sizes: Sequence[int] = _ROWS, **more: Any) -> Iterator[Any]:
    """A kernel that memory bounds, over the length of its rows."""
    for n in sizes:
        case = {"m": 4096, "n": n, "dtype": "float16"}
        theirs = 0.88 if n <= 4096 else 0.71 if n > 32768 else 0.79
        given = {"quality": 0.93, "theirs": theirs, **more}
        yield bench("softmax", case, flops=5 * 4096 * n, nbytes=4 * 4096 * n, **given)


def matmul(
    sizes: Sequence[int] = (256, 512, 1024, 2048, 4096, 8192), dtype: str = "float16", **more: Any
) -> Iterator[Any]:
    """A kernel that arithmetic bounds, over the sides of its matrices."""
    for s in sizes:
        case = {"k": s, "m": s, "n": s, "dtype": dtype}
        work = {"flops": 2 * s**3, "nbytes": 3 * _WIDTH[dtype] * s * s}
        yield bench("matmul", case, **work, **{"quality": 0.95, "theirs": 0.95, **more})


def attention(**more: Any) -> Iterator[Any]:
    """A kernel with a flag, over the length of the sequence."""
    for causal in (False, True):
        for t in (512, 1024, 2048, 4096, 8192):
            case = {"b": 4, "h": 16, "t": t, "s": t, "d": 64, "causal": causal, "dtype": "float16"}
            flops = (2 if causal else 4) * 4 * 16 * t * t * 64
            quality = 0.62 if causal else 0.78
            given = {"quality": quality, "theirs": quality * 1.05, **more}
            yield bench("attention", case, flops=flops, nbytes=8 * 4 * 16 * t * 64, **given)


def persistent(**more: Any) -> Iterator[Any]:
    """A product whose cases are in no order."""
    shapes = ((1024, 1024, 1024), (1280, 4096, 1280), (512, 16384, 512), (2304, 4096, 4096))
    for m, k, n in (*shapes, (4096, 4096, 4096), (8192, 8192, 8192)):
        case = {"m": m, "k": k, "n": n, "dtype": "float16"}
        work = {"flops": 2 * m * k * n, "nbytes": 2 * (m * k + k * n + m * n)}
        yield bench("matmul_persistent", case, **work, **{"theirs": 0.86, **more})
