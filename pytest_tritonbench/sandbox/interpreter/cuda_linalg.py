"""Linear algebra that torch has on a GPU alone: the LU decomposition without pivoting."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import torch


def factored(matrix: torch.Tensor) -> torch.Tensor:
    """L (without its unit diagonal) and U in one matrix, by Gaussian elimination as it comes.

    Args:
        matrix: ``(..., m, n)``, floating point or complex.
    """
    rest = matrix.clone()
    for step in range(min(matrix.shape[-2:])):
        below = rest[..., step + 1 :, step] / rest[..., step, step, None]
        rest[..., step + 1 :, step] = below
        rest[..., step + 1 :, step + 1 :] -= below[..., None] * rest[..., step, None, step + 1 :]
    return rest


def install() -> None:
    """Give ``torch.linalg`` on the CPU what it lacks, for good; the second time does nothing."""
    linalg: Any = torch.linalg
    for name, unpivoted in (
        ("lu", _lu),
        ("lu_factor", _lu_factor),
        ("lu_factor_ex", _lu_factor_ex),
    ):
        original = getattr(linalg, name)
        if getattr(original, "__module__", None) != __name__:
            setattr(linalg, name, _with(original, unpivoted))


def _with(original: Callable[..., Any], unpivoted: Callable[..., Any]) -> Callable[..., Any]:
    def decompose(A: Any, *args: Any, pivot: bool = True, out: Any = None, **kwargs: Any) -> Any:  # noqa: N803 - the parameter's name in torch
        if pivot:
            given = kwargs if out is None else {**kwargs, "out": out}
            return original(A, *args, **given)
        found = unpivoted(A)
        return found if out is None else _into(out, found)

    functools.update_wrapper(decompose, original)
    decompose.__module__ = __name__
    return decompose


def _into(out: Sequence[torch.Tensor], found: Sequence[torch.Tensor]) -> Any:
    for target, value in zip(out, found, strict=True):
        target.resize_(value.shape).copy_(value)
    return type(found)(out)  # type: ignore[call-arg]  # one of torch's return types


def _lu(matrix: torch.Tensor) -> Any:
    both = factored(matrix)
    rows, columns = both.shape[-2:]
    least = min(rows, columns)
    unit = torch.eye(rows, least, dtype=both.dtype, device=both.device)
    lower = both[..., :least].tril(-1) + unit
    permutation = torch.zeros(0, dtype=both.dtype, device=both.device)
    return _result("linalg_lu", (permutation, lower, both[..., :least, :].triu()))


def _lu_factor(matrix: torch.Tensor) -> Any:
    return _result("linalg_lu_factor", (factored(matrix), _pivots(matrix)))


def _lu_factor_ex(matrix: torch.Tensor) -> Any:
    both = factored(matrix)
    broken = torch.diagonal(both, dim1=-2, dim2=-1) == 0
    first = broken.to(torch.int32).argmax(-1).to(torch.int32) + 1
    info = torch.where(broken.any(-1), first, torch.zeros_like(first))
    return _result("linalg_lu_factor_ex", (both, _pivots(matrix), info))


def _pivots(matrix: torch.Tensor) -> torch.Tensor:
    """Each row exchanged with itself."""
    least = min(matrix.shape[-2:])
    rows = torch.arange(1, least + 1, dtype=torch.int32, device=matrix.device)
    return rows.expand(*matrix.shape[:-2], -1).clone()


def _result(name: str, parts: tuple[torch.Tensor, ...]) -> Any:
    return getattr(torch.return_types, name)(parts)
