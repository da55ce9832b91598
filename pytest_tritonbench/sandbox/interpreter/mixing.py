"""Which operations take tensors of the CPU and of a GPU at once, and what the others say."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch.nn import functional

from pytest_tritonbench.sandbox import places

MIXED = (
    "Expected all tensors to be on the same device, but found at least two devices, cuda:0 and cpu!"
)
_INDEX = "indices should be either on cpu or on the same device as the indexed tensor (cpu)"

_tensor = torch.Tensor
# They copy, look at shapes alone, or want some argument on the CPU.
_MAY_MIX: frozenset[Any] = frozenset(
    {
        _tensor.copy_,
        _tensor.expand_as,
        _tensor.is_same_size,
        _tensor.is_set_to,
        _tensor.reshape_as,
        _tensor.resize_as_,
        _tensor.set_,
        _tensor.tensor_split,
        _tensor.view_as,
        _tensor.data.__set__,  # type: ignore[attr-defined]  # a getset descriptor
        _tensor.__deepcopy__,
        _tensor.register_hook,
        functional.ctc_loss,
        torch._foreach_copy_,
        torch._has_compatible_shallow_copy_type,  # noqa: SLF001 - moves of modules ask it
        torch._pack_padded_sequence,  # noqa: SLF001 - the lengths are on the CPU
        torch.broadcast_tensors,
        torch.can_cast,
        torch.ctc_loss,
        torch.is_same_size,
        torch.result_type,
        torch.tensor_split,
    }
)


def tensors_of(values: Iterable[Any], found: list[torch.Tensor]) -> list[torch.Tensor]:
    """Add the tensors of an operation's arguments to a list, those in lists and tuples too."""
    for value in values:
        if isinstance(value, _tensor):
            found.append(value)
        elif isinstance(value, list | tuple):
            tensors_of(value, found)
    return found


def joint(func: Callable[..., Any], given: list[torch.Tensor]) -> str | None:
    """Where an operation on these tensors takes place; ``None`` if that is not known.

    Raises:
        RuntimeError: It cannot, for they are not on one device.
    """
    on_gpu, on_host, fixed = False, None, False
    for tensor in given:
        place = places.of(tensor)
        if place == places.CUDA:
            on_gpu = True
        elif place is not None:
            on_host = tensor if on_host is None else on_host
            fixed = fixed or tensor.dim() > 0
    if on_host is None:
        return places.CUDA if on_gpu else None
    if not on_gpu:
        return places.CPU
    # A scalar of the CPU goes with any GPU, but what is written to stays where it is.
    if (fixed or (on_host is given[0] and _writes(func))) and func not in _MAY_MIX:
        raise RuntimeError(MIXED)
    return places.CUDA


def _writes(func: Callable[..., Any]) -> bool:
    name = getattr(func, "__name__", "")
    if name.startswith("__"):
        return name.startswith("__i") and name.strip("_") in _IN_PLACE
    return name.endswith("_")


_OPERATORS = "iadd isub imul itruediv ifloordiv idiv imod ipow iand ior ixor ilshift irshift"
_IN_PLACE = frozenset(_OPERATORS.split())


def index(target: torch.Tensor, indices: Any) -> bool:
    """See that a tensor can be indexed so.

    Returns:
        Whether a tensor is among the indices.

    Raises:
        RuntimeError: An index is on the GPU, the indexed tensor is not.
    """
    found = [t for t in tensors_of((indices,), []) if t.dim() > 0]
    on_host = places.of(target) in {places.CPU, places.PINNED}
    if on_host and any(places.of(tensor) == places.CUDA for tensor in found):
        raise RuntimeError(_INDEX)
    return bool(found)


def assign(target: torch.Tensor, indices: Any, value: Any) -> None:
    """See that a value can be assigned to an indexed tensor.

    Raises:
        RuntimeError: It is on another device, and the indices are tensors.
    """
    picks = index(target, indices)
    if picks and isinstance(value, _tensor) and value.dim() > 0:
        joint(_tensor.index_put_, [target, value])
