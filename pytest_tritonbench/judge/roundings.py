"""Monte Carlo arithmetic: what the roundings of float32 do to a computation in float64.

Every intermediate result is moved at random by a few float32 roundings. How far the answer moves is
how ill-conditioned the case is for any algorithm that computes in float32. After D. S. Parker,
"Monte Carlo Arithmetic", UCLA 1997.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_map_only

# A candidate may compute in another order, and the hardware's exp and division are a rounding or
# two off.
ROUNDINGS = 2.0

_LARGEST_KEPT = 1 << 14
"""Elements of a tensor whose factors are kept for the next one of its size."""


class MovedByRoundings(TorchDispatchMode):
    """Moves the result of every operation by up to ``ROUNDINGS`` roundings of float32."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # torch has no annotation here

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        """Nothing is compiled in it, and to be skipped by Dynamo takes importing that: a second."""
        return False

    def __torch_dispatch__(
        self,
        func: Any,
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        """Run ``func`` and move what it computed."""
        del types
        result = func(*args, **(kwargs or {}))
        aliases = [returned.alias_info for returned in func._schema.returns]  # noqa: SLF001 - the only way to tell a view
        if any(alias is not None and not alias.is_write for alias in aliases):
            return result
        if any(alias is not None for alias in aliases):
            return tree_map_only(torch.Tensor, _move_in_place, result)
        return tree_map_only(torch.Tensor, moved, result)


def moved(value: torch.Tensor) -> torch.Tensor:
    """A float64 tensor moved at random; any other tensor as it is."""
    return value * _factors(value) if value.dtype == torch.float64 else value


def _move_in_place(value: torch.Tensor) -> torch.Tensor:
    return value.mul_(_factors(value)) if value.dtype == torch.float64 else value


def _factors(value: torch.Tensor) -> torch.Tensor:
    # The same at every repetition, so that a verdict does not depend on luck.
    count, device = value.numel(), value.device
    small = count <= _LARGEST_KEPT
    flat = _kept_factors(count, device) if small else _drawn_factors(count, device)
    return flat.view(value.shape)


def _drawn_factors(count: int, device: torch.device) -> torch.Tensor:
    g = torch.Generator(device).manual_seed(count)
    step = torch.rand(count, generator=g, dtype=torch.float64, device=device)
    return 1 + ROUNDINGS * torch.finfo(torch.float32).eps * (2 * step - 1)


# Drawing takes longer than everything else about a small tensor.
_kept_factors = lru_cache(maxsize=256)(_drawn_factors)
