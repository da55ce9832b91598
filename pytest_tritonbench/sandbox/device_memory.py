"""Device memory that a process keeps and has no use for is given back to those beside it."""

import contextlib
from collections.abc import Callable

import torch

_is_initialized: Callable[[], bool] = torch.cuda.is_initialized
_reserved: Callable[[], int] = torch.cuda.memory_reserved
_empty_cache: Callable[[], None] = torch.cuda.empty_cache
_MUCH = 1 << 30


def give_back(kind: str) -> None:
    """Give back what was allocated and is free again, where it is much.

    What is little is kept: to allocate it anew for each case would take longer than most cases do.

    Args:
        kind: of the device, ``cpu`` or ``cuda``; a CPU's memory is the system's to keep.
    """
    if kind == "cuda" and _is_initialized() and _reserved() > _MUCH:
        # After a fault nothing can be freed, and what has failed is told already.
        with contextlib.suppress(Exception):
            _empty_cache()
