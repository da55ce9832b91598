"""Fresh memory that shows: `torch.empty` returns values that nobody would compute."""

import functools
from collections.abc import Callable
from typing import Any

import torch

_FUNCTIONS = ("empty", "empty_like", "empty_strided", "empty_permuted")
_METHODS = ("new_empty", "new_empty_strided")


class Poison:
    """Wraps the allocating functions of torch once; fills only while `active`."""

    def __init__(self) -> None:
        self.active = False
        for owner, names in ((torch, _FUNCTIONS), (torch.Tensor, _METHODS)):
            for name in names:
                setattr(owner, name, self._wrapped(getattr(owner, name)))

    def _wrapped(self, allocate: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(allocate)
        def allocate_and_fill(*args: Any, **kwargs: Any) -> Any:
            made = allocate(*args, **kwargs)
            if self.active and isinstance(made, torch.Tensor):
                fill(made)
            return made

        return allocate_and_fill


def fill(tensor: torch.Tensor) -> None:
    """Fill with NaN, the largest integer or True, whichever the dtype has."""
    if tensor.layout is not torch.strided or tensor.device.type == "meta" or tensor.is_quantized:
        return
    value: float | int | bool | complex
    if tensor.dtype is torch.bool:
        value = True
    elif tensor.dtype.is_complex:
        value = complex("nan+nanj")
    elif tensor.dtype.is_floating_point:
        value = float("nan")
    else:
        value = torch.iinfo(tensor.dtype).max
    with torch.no_grad():
        if tensor.dtype.itemsize == 1 and tensor.dtype.is_floating_point:
            # Not every build fills 8-bit floats; all bits set is NaN, or the largest there is.
            tensor.view(torch.uint8).fill_(0x7F)
        else:
            tensor.fill_(value)
