"""Fresh memory that shows: `torch.empty` returns values that nobody would compute."""

import functools
from collections.abc import Callable
from typing import Any, TypeAlias

import torch
from torch.utils._device import _device_constructors

_FUNCTIONS = ("empty", "empty_like", "empty_strided", "empty_permuted")
_METHODS = ("new_empty", "new_empty_strided")
_TILE = 4093
_strided = torch.strided
_no_functions = torch._C.DisableTorchFunction  # noqa: SLF001 - there is no public way

Fill: TypeAlias = Callable[[torch.Tensor], None]


class Poison:
    """Wraps the allocating functions of torch once; fills only while `active`."""

    def __init__(self) -> None:
        self.active = False
        """Whether `fill` is used where nobody chooses."""
        self.choose: Callable[[], Fill | None] | None = None
        """Says for each allocation how to fill it, if set."""
        # The list, made once, of what a default device is for, has to hold torch's own functions.
        _device_constructors()
        for owner, names in ((torch, _FUNCTIONS), (torch.Tensor, _METHODS)):
            for name in names:
                setattr(owner, name, self._wrapped(getattr(owner, name)))

    def _wrapped(self, allocate: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(allocate)
        def allocate_and_fill(*args: Any, **kwargs: Any) -> Any:
            made = allocate(*args, **kwargs)
            if isinstance(made, torch.Tensor) and (chosen := self._chosen()) is not None:
                chosen(made)
            return made

        return allocate_and_fill

    def _chosen(self) -> Fill | None:
        if self.choose is not None:
            return self.choose()
        return fill if self.active else None


def fill(tensor: torch.Tensor) -> None:
    """Fill with NaN, the largest integer or True, whichever the dtype has."""
    if not _is_plain(tensor):
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


def fill_finite(tensor: torch.Tensor) -> None:
    """Fill with one finite value, far from what `fill` gives."""
    if not _is_plain(tensor):
        return
    with torch.no_grad():
        if tensor.dtype.itemsize == 1 and tensor.dtype.is_floating_point:
            tensor.view(torch.uint8).fill_(0x38)
        elif tensor.dtype is torch.bool:
            tensor.fill_(value=False)
        else:
            tensor.fill_(7)


def fill_varied(tensor: torch.Tensor) -> None:
    """Fill with small values that vary and are the same in every process.

    Floats lie between -1 and 1, integers between 0 and 4, so that whoever takes them for input gets
    something to compute with.
    """
    if not _is_plain(tensor):
        return
    with torch.no_grad(), _no_functions():
        count = tensor.numel()
        if not count:
            return
        tile = _tile(tensor.dtype, tensor.device)
        whole = tile.repeat(-(-count // _TILE))[:count]
        tensor.copy_(whole.view(tensor.shape))


@functools.lru_cache(maxsize=64)
def _tile(dtype: torch.dtype, device: torch.device) -> torch.Tensor:
    index = torch.arange(_TILE)
    if dtype.is_floating_point or dtype.is_complex:
        values = (index * 2_654_435_761 // 128 % 61 - 30) / 32
    else:
        values = index * 7 % 11 % (2 if dtype is torch.bool else 5)
    return values.to(dtype).to(device)


def _is_plain(tensor: torch.Tensor) -> bool:
    return tensor.layout is _strided and tensor.device.type != "meta" and not tensor.is_quantized
