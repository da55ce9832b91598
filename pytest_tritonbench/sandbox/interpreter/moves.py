"""Moves between the CPU and a GPU that is not there: copies within host memory, marked anew."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from pytest_tritonbench.sandbox import places

_CPU = torch.device("cpu")
_storage = torch.Tensor.untyped_storage
_clone = torch.Tensor.clone
_PREFIX = "torch.cuda."


def asked(device: Any) -> str | None:
    """The place that a device stands for; ``None`` for devices such as ``meta``."""
    if isinstance(device, torch.device):
        kind = device.type
    elif isinstance(device, str):
        kind = device.partition(":")[0]
    else:  # an index counts GPUs
        kind = "cuda" if isinstance(device, int) else ""
    return {"cuda": places.CUDA, "cpu": places.CPU}.get(kind)


def here(device: Any) -> Any:
    """The device that takes a device's place: the CPU that of every GPU."""
    return _CPU if asked(device) == places.CUDA else device


def to(func: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """``Tensor.to`` in all its forms."""
    target = None
    plain: list[Any] = [args[0]]
    for value in args[1:]:
        if isinstance(value, torch.Tensor):
            target = places.of(value)
            plain.append(value)
        elif isinstance(value, str | torch.device) or type(value) is int:
            target = asked(value)
            plain.append(here(value))
        else:
            plain.append(value)
    if kwargs.get("device") is not None:
        target = asked(kwargs["device"])
        kwargs["device"] = here(kwargs["device"])
    if isinstance(kwargs.get("other"), torch.Tensor):
        target = places.of(kwargs["other"])
    return arrived(args[0], func(*plain, **kwargs), target)


def type_as(func: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """``Tensor.type_as``."""
    other = args[1] if len(args) > 1 else kwargs["other"]
    return arrived(args[0], func(*args, **kwargs), places.of(other))


def cuda(func: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """``Tensor.cuda``."""
    del func, kwargs
    return arrived(args[0], args[0], places.CUDA)


def cpu(func: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """``Tensor.cpu``."""
    return arrived(args[0], func(*args, **kwargs), places.CPU)


def pin_memory(func: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """``Tensor.pin_memory``.

    Raises:
        RuntimeError: The tensor is on the GPU.
    """
    del func, kwargs
    place = places.of(args[0])
    if place == places.CUDA:
        name = args[0].type().removeprefix("torch.")
        raise RuntimeError(f"cannot pin 'torch.cuda.{name}' only dense CPU tensors can be pinned")
    return places.put(_clone(args[0]), places.PINNED) if place == places.CPU else args[0]


def type_(func: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """``Tensor.type``: the name of a type, or a conversion to one."""
    wanted = args[1] if len(args) > 1 else kwargs.pop("dtype", None)
    name = wanted if isinstance(wanted, str) else None
    if wanted is None:
        own: str = func(args[0])
        on_host = places.of(args[0]) in {places.CPU, places.PINNED}
        return own if on_host else own.replace("torch.", _PREFIX, 1)
    target = None if isinstance(wanted, torch.dtype) else places.CPU
    if name is not None and name.startswith(_PREFIX):
        wanted, target = name.replace(_PREFIX, "torch.", 1), places.CUDA
    return arrived(args[0], func(args[0], wanted, *args[2:], **kwargs), target)


def arrived(source: torch.Tensor, made: torch.Tensor, target: str | None) -> torch.Tensor:
    """What a move made, in memory of its own where the device changes.

    Args:
        source: The tensor that was moved.
        made: The same in the wanted dtype, maybe in the same memory.
        target: Where it goes; ``None``: it stays on its device.
    """
    place = places.of(source)
    if not _shared(source, made):
        target = target or place
        return made if target is None else places.put(made, target)
    if target is None or target == place:
        return made
    if place is None and target == places.CUDA:
        return made
    if place == places.PINNED and target == places.CPU:
        return made
    return places.put(_clone(made), target)


def _shared(a: torch.Tensor, b: torch.Tensor) -> bool:
    if a is b:
        return True
    try:
        return _storage(a) is _storage(b)
    except (RuntimeError, NotImplementedError):  # no plain memory
        return False
