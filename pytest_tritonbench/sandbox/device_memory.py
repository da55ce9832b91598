"""Device memory that a process keeps and has no use for is given back to those beside it."""

from collections.abc import Callable

import torch

_is_initialized: Callable[[], bool] = torch.cuda.is_initialized
_reserved: Callable[[], int] = torch.cuda.memory_reserved
_empty_cache: Callable[[], None] = torch.cuda.empty_cache
_MUCH = 1 << 30


def give_back(device: torch.device) -> None:
    """Give back what was allocated and is free again, where it is much.

    What is little is kept: to allocate it anew for each case would take longer than most cases do.

    Args:
        device: whose memory.
    """
    if device.type == "cuda" and _is_initialized() and _reserved() > _MUCH:
        _empty_cache()
