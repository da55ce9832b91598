"""Times are set against what the GPU can do, and refused where it cannot have been."""

from __future__ import annotations

import pytest

from pytest_tritonbench.timing.peaks import Peaks
from pytest_tritonbench.timing.roofline import (
    COMPUTE_TOLERANCE,
    MEMORY_TOLERANCE,
    Place,
    impossible,
    place,
)

L2 = 60 << 20
H200 = Peaks(
    4000.0,
    {"float16": 700.0, "bfloat16": 710.0, "float32": 50.0, "tf32": 400.0, "int8": 900.0},
    4200.0,
    4100.0,
    L2,
)
SIDE = 4096
FLOPS, BYTES = 2.0 * SIDE**3, 3.0 * 2 * SIDE**2


def _place(seconds: float, flops: float | None, nbytes: float, dtype: str = "float16") -> Place:
    found = place(seconds=seconds, flops=flops, nbytes=nbytes, dtype=dtype, peaks=H200)
    assert found is not None
    return found


def _impossible(
    seconds: float,
    *,
    flops: float | None = None,
    nbytes: float = 0.0,
    dtype: str = "float16",
    peaks: Peaks = H200,
    cold: bool = True,
) -> str | None:
    return impossible(
        seconds=seconds,
        flops=flops,
        least_bytes=nbytes,
        dtype=dtype,
        peaks=peaks,
        l2_bytes=L2,
        cold=cold,
    )


def test_large_product_is_bound_by_compute() -> None:
    """A product of 4096 at 630 TFLOP/s is at 90 % of a roofline of 700."""
    found = _place(FLOPS / 630e12, FLOPS, BYTES)
    assert found.bound == "compute"
    assert found.tflops == pytest.approx(630)
    assert found.share == pytest.approx(0.9)
    assert found.least_seconds == pytest.approx(FLOPS / 700e12)
    assert found.gbs == pytest.approx(BYTES / (FLOPS / 630e12) / 1e9)


def test_softmax_is_bound_by_memory() -> None:
    """A gigabyte in 0.3 ms is 3,333 GB/s, 83 % of the measured copy."""
    found = _place(3e-4, 5e9, 1e9)
    assert found.as_json() == {
        "tflops": pytest.approx(5e9 / 3e-4 / 1e12),
        "gbs": pytest.approx(1e4 / 3),
        "roofline": pytest.approx(1e4 / 3 / 4000),
        "bound": "memory",
    }


def test_ridge_is_where_both_take_as_long() -> None:
    """Just below 175 operations a byte memory bounds, just above it compute does."""
    assert _place(1.0, 174e9, 1e9).bound == "memory"
    assert _place(1.0, 176e9, 1e9).bound == "compute"


def test_without_operations_or_their_peak_memory_alone_bounds() -> None:
    """A task that counts no operations, or a dtype without a peak, has the bandwidth to reach."""
    uncounted, unknown = _place(1.0, None, 1e9), _place(1.0, 1e15, 1e9, "float64")
    assert (uncounted.bound, uncounted.tflops) == ("memory", None)
    assert "tflops" not in uncounted.as_json()
    assert (unknown.bound, unknown.tflops) == ("memory", 1000.0)


def test_nothing_to_do_has_no_place() -> None:
    """An empty case is neither fast nor slow."""
    assert place(seconds=1.0, flops=0.0, nbytes=0.0, dtype="float16", peaks=H200) is None


def test_faster_than_memory_is_impossible() -> None:
    """Bytes past the cache, at more than 8 % over the fastest measured transfer, are refused."""
    nbytes = 1e9 + L2
    least = 1e9 / (MEMORY_TOLERANCE * 4200e9)
    assert _impossible(1.001 * least, nbytes=nbytes) is None
    told = _impossible(0.99 * least, nbytes=nbytes)
    assert told is not None
    assert told.startswith("impossible: 1.00 GB past the cache in 218.3 µs is 4,582 GB/s")
    assert "measured at 4,200 GB/s" in told


def test_reading_faster_than_a_copy_is_possible() -> None:
    """A reduction that reads as fast as the memory reads is no cheat, though no copy is so fast."""
    seconds = 16e9 / 4500e9
    assert _impossible(seconds, nbytes=16e9) is None
    assert _impossible(seconds, nbytes=16e9, peaks=Peaks(4000.0, {})) is not None


@pytest.mark.parametrize(("cold", "nbytes"), [(True, 1.0 * L2), (False, 2.0 * L2)])
def test_what_the_cache_can_hold_proves_nothing(*, cold: bool, nbytes: float) -> None:
    """Data of the size of a cold cache, or twice that of a warm one, may never meet the memory."""
    assert _impossible(1e-9, nbytes=nbytes, cold=cold) is None
    assert _impossible(1e-9, nbytes=nbytes + 1e6, cold=cold) is not None


def test_faster_than_arithmetic_is_impossible() -> None:
    """More than 15 % over the measured product is refused, however little data there is."""
    assert _impossible(FLOPS / (0.999 * COMPUTE_TOLERANCE * 700e12), flops=FLOPS) is None
    told = _impossible(FLOPS / 810e12, flops=FLOPS)
    assert told == (
        "impossible: 1.37e+11 operations in 169.7 µs are 810 TFLOP/s, and this GPU can do 700 in "
        "float16"
    )


def test_single_precision_from_tensor_cores_is_possible() -> None:
    """Three products in half precision make one in single, far faster than float32's own."""
    assert _impossible(FLOPS / 230e12, flops=FLOPS, dtype="float32") is None
    assert _impossible(FLOPS / 280e12, flops=FLOPS, dtype="float32") is not None


def test_bytes_are_multiplied_twice_as_fast_as_halves() -> None:
    """An int8 product may beat PyTorch's own by far, up to twice the speed of float16."""
    assert _impossible(FLOPS / 1500e12, flops=FLOPS, dtype="int8") is None
    assert _impossible(FLOPS / 1700e12, flops=FLOPS, dtype="int8") is not None


def test_unknown_arithmetic_proves_nothing() -> None:
    """Without a peak for the dtype, operations refuse no time."""
    assert _impossible(1e-9, flops=FLOPS, dtype="float64") is None


@pytest.mark.parametrize("seconds", [0.0, -1e-6])
def test_no_time_at_all_is_impossible(seconds: float) -> None:
    """A clock that shows nothing, or runs backwards, is refused without any peaks."""
    told = _impossible(seconds, peaks=Peaks(1.0, {}))
    assert told is not None
    assert told.startswith("impossible: it took")
