"""The comparison rule accepts what is as good as PyTorch and rejects what is not."""

import math

import pytest
import torch

from pytest_tritonbench.judge.rule import closeness

DTYPES = [torch.float32, torch.float16, torch.bfloat16]


def product(dtype: torch.dtype, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """A matrix product's inputs in ``dtype`` and its oracle."""
    g = torch.Generator().manual_seed(seed)
    a = torch.randn(65, 257, generator=g).to(dtype)
    b = torch.randn(257, 48, generator=g).to(dtype)
    return a, b, a.double() @ b.double()


@pytest.mark.parametrize("dtype", DTYPES)
def test_another_order_of_summation_is_right(dtype: torch.dtype) -> None:
    """Summing in float32 in blocks, as kernels do, is accepted."""
    a, b, oracle = product(dtype)
    blocks = zip(a.float().split(32, dim=1), b.float().split(32, dim=0), strict=True)
    total = torch.zeros(65, 48)
    for left, right in blocks:
        total += left @ right
    assert closeness(total.to(dtype), a @ b, oracle).accepted


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_accumulating_in_half_precision_is_wrong(dtype: torch.dtype) -> None:
    """Rounding the running sum to half precision after every block is rejected."""
    a, b, oracle = product(dtype)
    total = torch.zeros(65, 48, dtype=dtype)
    for left, right in zip(a.split(16, dim=1), b.split(16, dim=0), strict=True):
        total += left @ right
    assert not closeness(total, a @ b, oracle).accepted


def test_tf32_inputs_are_wrong_for_float32() -> None:
    """A float32 product whose inputs were rounded to ten mantissa bits is rejected."""
    a, b, oracle = product(torch.float32)

    def tf32(t: torch.Tensor) -> torch.Tensor:
        return ((t.view(torch.int32) + 0x1000) & ~0x1FFF).view(torch.float32)

    assert not closeness(tf32(a) @ tf32(b), a @ b, oracle).accepted


@pytest.mark.parametrize("dtype", DTYPES)
def test_one_wrong_element_is_found(dtype: torch.dtype) -> None:
    """A single element that is off by a hundredth of the largest value is rejected."""
    a, b, oracle = product(dtype)
    wrong = (a @ b).clone()
    wrong[64, 47] += 0.1 * float(oracle.abs().max())
    found = closeness(wrong, a @ b, oracle)
    assert not found.accepted
    assert found.wrong.nonzero().tolist() == [[64, 47]]


def test_a_large_row_lends_a_small_row_no_tolerance() -> None:
    """An error that is small against the largest row is still wrong in a small row."""
    oracle = torch.cat([torch.full((1, 64), 1e6), torch.full((1, 64), 1.0)]).double()
    reference = (oracle * (1 + 1e-7)).float()
    wrong = reference.clone()
    wrong[1, 3] += 0.01
    assert closeness(reference, reference, oracle).accepted
    assert not closeness(wrong, reference, oracle).accepted


def test_nan_and_infinity_must_be_in_place() -> None:
    """NaN and ±inf match in place and sign; a finite value there, or they elsewhere, is wrong."""
    oracle = torch.tensor([1.0, math.nan, math.inf, -math.inf], dtype=torch.float64)
    reference = oracle.float()
    assert closeness(reference, reference, oracle).accepted
    for place, value in [(0, math.nan), (1, 1.0), (2, -math.inf), (3, 3.4e38), (0, math.inf)]:
        wrong = reference.clone()
        wrong[place] = value
        assert not closeness(wrong, reference, oracle).accepted, (place, value)


def test_the_reference_may_overflow_where_the_truth_does_not() -> None:
    """Where the reference itself overflows, both its answer and the true one are right."""
    oracle = torch.full((4,), 100.0, dtype=torch.float64)
    reference = torch.tensor([100.0, math.inf, math.nan, 100.0], dtype=torch.float16)
    assert closeness(reference, reference, oracle).accepted
    assert closeness(torch.full((4,), 100.0, dtype=torch.float16), reference, oracle).accepted


def test_rounding_decides_at_the_brink_of_overflow() -> None:
    """Just below the largest float16, infinity and the largest value are both right."""
    oracle = torch.tensor([65519.0, 10.0], dtype=torch.float64)
    reference = oracle.half()
    assert closeness(torch.tensor([math.inf, 10.0]).half(), reference, oracle).accepted
    assert closeness(torch.tensor([65504.0, 10.0]).half(), reference, oracle).accepted
    assert not closeness(torch.tensor([-math.inf, 10.0]).half(), reference, oracle).accepted


def test_an_empty_tensor_is_right() -> None:
    """Nothing to compare is nothing wrong."""
    empty = torch.empty(0, 5)
    assert closeness(empty, empty, empty.double()).accepted
