"""Where a gold is defined: what repeats under one seed and hangs on no rounding."""

from __future__ import annotations

import torch

from pytest_tritonbench.judge.measure import Truth, beyond_rounding, same_bytes, unequal


def undefined(
    plain: torch.Tensor,
    again: torch.Tensor,
    moved: torch.Tensor | None,
    wide: torch.Tensor | None,
) -> torch.Tensor | None:
    """Which integers, booleans or packed bytes are undefined.

    Args:
        plain: The gold's.
        again: The same with other bytes in fresh memory.
        moved: The same where inputs were moved by roundings.
        wide: The same in float64.

    Returns:
        bool, the tensor's shape; ``None`` where every element is defined.
    """
    brink = _differing(plain, moved)
    if wide is not None and wide.dtype == plain.dtype:
        # What the float64 run confirms is no matter of rounding.
        brink = brink & _differing(plain, wide)
    return _if_any(_differing(plain, again) | brink, plain)


def undefined_numbers(
    truth: Truth, again: torch.Tensor, wide: torch.Tensor | None
) -> torch.Tensor | None:
    """Which floating point numbers are undefined.

    Args:
        truth: The gold's values and those of the moved run.
        again: The same with other bytes in fresh memory.
        wide: The same in float64.

    Returns:
        bool, the tensor's shape; ``None`` where every element is defined.
    """
    off = torch.zeros((), dtype=torch.bool)
    if not same_bytes(truth.plain, again):
        off = beyond_rounding(again, truth)
    return _if_any(off | _brink(truth, wide), truth.plain)


def _differing(tensor: torch.Tensor, other: torch.Tensor | None) -> torch.Tensor:
    if other is None or same_bytes(tensor, other):
        return torch.zeros((), dtype=torch.bool)
    return unequal(tensor, other)


def _if_any(mask: torch.Tensor, like: torch.Tensor) -> torch.Tensor | None:
    return mask.expand(like.shape) if bool(mask.any()) else None


def _brink(truth: Truth, wide: torch.Tensor | None) -> torch.Tensor:
    """Where a rounding of the inputs decides between a number, NaN and infinity."""
    if truth.moved is None:
        return torch.zeros((), dtype=torch.bool)
    brink = _other_kind(truth.plain, truth.moved)
    if wide is not None:
        brink &= _other_kind(truth.plain, wide)
    return brink


def _other_kind(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """Where one is NaN or infinite and the other is not."""
    # float8 has no predicates of its own.
    a, b = (t.double() if t.dtype.itemsize == 1 else t for t in (a, b))
    return (torch.isnan(a) != torch.isnan(b)) | (torch.isinf(a) != torch.isinf(b))
