"""Code written for ``device="cuda"`` runs on the CPU.

A torch function mode sends every request for a CUDA device to the CPU and answers ``x.is_cuda`` and
``x.device`` as a GPU would; :mod:`~.cuda_stubs` stands in for ``torch.cuda``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch.overrides import TorchFunctionMode

from pytest_tritonbench.sandbox.interpreter import cuda_linalg, cuda_stubs
from pytest_tritonbench.sandbox.interpreter.targets import Target

_CPU = torch.device("cpu")
_CUDA = torch.device("cuda", 0)

_IS_CUDA = torch.Tensor.is_cuda.__get__  # type: ignore[attr-defined]  # a getset descriptor
_IS_CPU = torch.Tensor.is_cpu.__get__  # type: ignore[attr-defined]  # as above
_DEVICE = torch.Tensor.device.__get__

_installed: list[TorchFunctionMode] = []


def _redirected(value: Any) -> Any:
    if isinstance(value, torch.device):
        return _CPU if value.type == "cuda" else value
    if isinstance(value, str):
        return value_of_name(value)
    return value


def value_of_name(name: str) -> str:
    """Return the name of the device or tensor type that takes the place of another."""
    if name == "cuda" or name.startswith("cuda:"):
        return "cpu"
    return name.replace("torch.cuda.", "torch.", 1) if name.startswith("torch.cuda.") else name


def _same_tensor(tensor: torch.Tensor, *args: Any, **kwargs: Any) -> torch.Tensor:
    del args, kwargs
    return tensor


_ANSWERS: dict[Any, Callable[..., Any]] = {
    _IS_CUDA: lambda _: True,
    _IS_CPU: lambda _: False,
    _DEVICE: lambda _: _CUDA,
    torch.Tensor.get_device: lambda _: 0,
    torch.Tensor.cuda: _same_tensor,
    torch.Tensor.pin_memory: _same_tensor,
    torch.Tensor.is_pinned: lambda *_: True,
    torch.Tensor.record_stream: lambda *_: None,
}


class _CudaOnCpu(TorchFunctionMode):
    """Redirects devices in every call that torch lets a mode see."""

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        del types
        answer = _ANSWERS.get(func)
        if answer is not None:
            return answer(*args)
        if kwargs:
            if "device" in kwargs:
                kwargs["device"] = _redirected(kwargs["device"])
            if kwargs.get("pin_memory"):
                kwargs["pin_memory"] = False
            if func is torch.Tensor.type and "dtype" in kwargs:
                kwargs["dtype"] = _redirected(kwargs["dtype"])
        if len(args) > 1:
            args = tuple(_redirected(a) if isinstance(a, str | torch.device) else a for a in args)
        elif args and isinstance(args[0], torch.device):
            args = (_redirected(args[0]),)
        return func(*args, **(kwargs or {}))


def install(target: Target) -> None:
    """Redirect CUDA to the CPU in this process, for good.

    Args:
        target: The GPU whose properties ``torch.cuda`` reports.
    """
    cuda_stubs.install(target)
    cuda_linalg.install()
    if not _installed:
        mode = _CudaOnCpu()
        mode.__enter__()  # type: ignore[no-untyped-call]  # torch leaves it untyped
        _installed.append(mode)
