"""On which side a tensor would be if there were a GPU: marked on its storage.

Without a GPU all tensors lie in host memory, yet code must meet the difference. The mark is put on
the storage, which views share and which takes the mark along when it is freed. A storage without a
mark was made where nobody looked, as by the autograd engine; it passes for one on the GPU.
"""

from __future__ import annotations

import contextlib
from typing import Any

import torch

CUDA = "cuda"
"""On the GPU."""
CPU = "cpu"
"""In host memory that a GPU cannot reach."""
PINNED = "pinned"
"""In host memory that a GPU can reach."""

default = CPU
"""Where a tensor goes whose maker names no device and takes no tensor."""

_MARK = "tritonbench_place"
_storage = torch.Tensor.untyped_storage
_pretending: list[bool] = []


def pretend() -> None:
    """From now on a tensor is where its mark says, in this process."""
    _pretending[:] = [True]


def of(tensor: torch.Tensor) -> str | None:
    """The mark of a tensor's storage; ``None`` if it has none or is no plain memory."""
    try:
        return getattr(_storage(tensor), _MARK, None)
    except (RuntimeError, NotImplementedError):  # sparse, or a wrapper of torch.func's
        return None


def put(tensor: torch.Tensor, place: str) -> torch.Tensor:
    """Mark a tensor's storage, whatever it was marked with.

    Returns:
        The tensor.
    """
    with contextlib.suppress(RuntimeError, NotImplementedError):  # as above
        setattr(_storage(tensor), _MARK, place)
    return tensor


def settle(made: Any, place: str) -> None:
    """Mark what an operation made, unless it is a view of something marked."""
    if isinstance(made, torch.Tensor):
        if of(made) is None:
            put(made, place)
    elif isinstance(made, tuple | list):
        for part in made:
            settle(part, place)


def told(tensor: torch.Tensor) -> str:
    """The name of the device that a tensor is on, or would be: ``cuda:0``, ``cpu``."""
    real = str(tensor.device)
    if not _pretending or real != "cpu":
        return real
    return "cpu" if of(tensor) in {CPU, PINNED} else "cuda:0"


def on_gpu(tensor: torch.Tensor) -> torch.Tensor:
    """Mark memory of the sandbox's as a GPU's, if there is none."""
    return put(tensor, CUDA) if _pretending else tensor


def on_host(tensor: torch.Tensor) -> torch.Tensor:
    """Mark memory of the sandbox's as the host's, if there is no GPU."""
    return put(tensor, CPU) if _pretending else tensor
