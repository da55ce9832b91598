"""Code written for ``device="cuda"`` runs on the CPU, and knows which of its tensors are on CUDA.

A torch function mode sends every request for a CUDA device to the CPU, marks what comes of it
(:mod:`~pytest_tritonbench.sandbox.places`), and answers and refuses as a GPU would;
:mod:`~.cuda_stubs` stands in for ``torch.cuda``.
"""

from __future__ import annotations

import types as python_types
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch.overrides import TorchFunctionMode

from pytest_tritonbench.sandbox import places
from pytest_tritonbench.sandbox.interpreter import cuda_linalg, cuda_stubs, mixing, moves
from pytest_tritonbench.sandbox.interpreter.targets import Target

_CUDA = torch.device("cuda", 0)
_CPU = torch.device("cpu")
_Tensor: Any = torch.Tensor
_HOST = frozenset({places.CPU, places.PINNED})
_IS_CUDA = _Tensor.is_cuda.__get__
_IS_CPU = _Tensor.is_cpu.__get__
_DEVICE = _Tensor.device.__get__
_NUMPY = (
    "can't convert cuda:0 device type tensor to numpy. Use Tensor.cpu() to copy the tensor to host "
    "memory first."
)

_installed: list[TorchFunctionMode] = []

_ASKS_NOTHING = frozenset(
    {getattr(_Tensor, name).__get__ for name in ("shape", "dtype", "ndim", "layout", "is_leaf",
                                                 "requires_grad", "grad_fn", "itemsize")}
    | {getattr(_Tensor, name) for name in ("size", "stride", "dim", "numel", "data_ptr", "item",
                                           "element_size", "is_contiguous", "is_floating_point",
                                           "is_complex", "storage_offset", "tolist", "__len__",
                                           "__hash__", "__bool__", "__float__", "__int__",
                                           "__index__", "untyped_storage", "requires_grad_")}
)  # fmt: skip
"""Functions that depend on no device."""
_ON_THEIR_OWN = frozenset(
    {torch.arange, torch.eye, torch.full, torch.linspace, torch.logspace, torch.ones, torch.rand,
     torch.randint, torch.randn, torch.range, torch.scalar_tensor, torch.zeros}
)  # fmt: skip
"""Factories to which a tensor is a number."""


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
        if torch.compiler.is_compiling():
            # What is traced has no storage; here only the devices must not be taken at their word.
            return _traced(func, args, kwargs)
        kwargs = kwargs or {}
        if func in _ASKS_NOTHING:
            return func(*args, **kwargs)
        special = _SPECIAL.get(func)
        if special is not None:
            return special(func, args, kwargs)
        return _performed(func, args, kwargs)


def _performed(func: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Do an operation on the CPU and mark what it makes."""
    given: list[torch.Tensor] = []
    named = None
    if func not in _ON_THEIR_OWN:
        mixing.tensors_of(args, given)
        if kwargs:
            mixing.tensors_of(kwargs.values(), given)
        if any(isinstance(value, str | torch.device) for value in args):
            named = next((value for value in args if moves.asked(value) is not None), None)
            args = tuple(_redirected(value) for value in args)
    place = mixing.joint(func, given) if given else places.default
    if kwargs:
        device = kwargs.get("device")
        if device is not None:
            named, kwargs["device"] = device, moves.here(device)
    if named is not None:
        place = moves.asked(named) or place
    if kwargs:
        place = _demands(kwargs, place)
    made = func(*args, **kwargs)
    if place is not None and made is not None:
        places.settle(made, place)
    return made


def _demands(kwargs: dict[str, Any], place: str | None) -> str | None:
    """Take pinned memory and generators into account.

    Raises:
        RuntimeError: A generator is of another device.
    """
    if kwargs.get("pin_memory"):
        kwargs["pin_memory"] = False
        if place == places.CPU:
            place = places.PINNED
    generator = kwargs.get("generator")
    if isinstance(generator, torch._C.Generator) and place is not None:  # noqa: SLF001 - any kind
        own, wanted = generator.device.type, "cuda" if place == places.CUDA else "cpu"
        if own != wanted:
            message = f"Expected a '{wanted}' device type for generator but found '{own}'"
            raise RuntimeError(message)
    return place


def _redirected(value: Any) -> Any:
    if isinstance(value, torch.device):
        return moves.here(value)
    if isinstance(value, str) and (value == "cuda" or value.startswith("cuda:")):
        return "cpu"
    return value


def _traced(func: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any] | None) -> Any:
    answer = _WHEN_TRACED.get(func)
    if answer is not None:
        return answer(*args)
    if kwargs:
        if "device" in kwargs:
            kwargs["device"] = _redirected(kwargs["device"])
        if kwargs.get("pin_memory"):
            kwargs["pin_memory"] = False
    if len(args) > 1:
        args = tuple(_redirected(a) if isinstance(a, str | torch.device) else a for a in args)
    elif args and isinstance(args[0], torch.device):
        args = (_redirected(args[0]),)
    return func(*args, **(kwargs or {}))


def _same_tensor(tensor: torch.Tensor, *args: Any, **kwargs: Any) -> torch.Tensor:
    del args, kwargs
    return tensor


_WHEN_TRACED: dict[Any, Callable[..., Any]] = {
    _IS_CUDA: lambda _: True,
    _IS_CPU: lambda _: False,
    _DEVICE: lambda _: _CUDA,
    _Tensor.get_device: lambda _: 0,
    _Tensor.cuda: _same_tensor,
    _Tensor.pin_memory: _same_tensor,
    _Tensor.is_pinned: lambda *_: True,
    _Tensor.record_stream: lambda *_: None,
}

Arguments = tuple[Any, ...]
Keywords = dict[str, Any]


def _device(func: Callable[..., Any], args: Arguments, kwargs: Keywords) -> torch.device:
    del kwargs
    real: torch.device = func(*args)
    if real.type != "cpu" or places.of(args[0]) in _HOST:
        return real
    return _CUDA


def _device_named(func: Callable[..., Any], args: Arguments, kwargs: Keywords) -> Any:
    """What takes a device at its word; an index is a GPU's, which torch does not know of here."""
    if args and type(args[0]) is int:
        args = (f"cuda:{args[0]}", *args[1:])
    return func(*args, **kwargs)


def _is_on(kind: str) -> Callable[..., bool]:
    def answer(func: Callable[..., Any], args: Arguments, kwargs: Keywords) -> bool:
        del func
        return _device(_DEVICE, args[:1], kwargs).type == kind

    return answer


def _get_device(func: Callable[..., Any], args: Arguments, kwargs: Keywords) -> int:
    del func
    return 0 if _device(_DEVICE, args[:1], kwargs).type == "cuda" else -1


def _is_pinned(func: Callable[..., Any], args: Arguments, kwargs: Keywords) -> bool:
    del func, kwargs
    return places.of(args[0]) == places.PINNED


def _nothing(func: Callable[..., Any], args: Arguments, kwargs: Keywords) -> None:
    del func, args, kwargs


def _tensor(func: Callable[..., Any], args: Arguments, kwargs: Keywords) -> Any:
    """``torch.tensor``, ``as_tensor``, ``asarray``: like a tensor that they are given itself."""
    data = args[0] if args else kwargs.get("data", kwargs.get("obj"))
    device = kwargs.get("device")
    kwargs["device"] = moves.here(device)
    if kwargs.get("pin_memory"):
        kwargs["pin_memory"] = False
    made = func(*args, **kwargs)
    target = None if device is None else moves.asked(device)
    if isinstance(data, torch.Tensor):
        return moves.arrived(data, made, target)
    target = target or places.default
    if target == places.CUDA and isinstance(data, np.ndarray) and func is not torch.tensor:
        made = made.clone()  # not the array's own memory
    places.settle(made, target)
    return made


def _numpy(func: Callable[..., Any], args: Arguments, kwargs: Keywords) -> Any:
    forced = kwargs.get("force", False)
    if places.of(args[0]) == places.CUDA and not forced:
        raise TypeError(_NUMPY)
    return func(*args, **kwargs)


def _getitem(func: Callable[..., Any], args: Arguments, kwargs: Keywords) -> Any:
    mixing.index(args[0], args[1])
    made = func(*args, **kwargs)
    if (place := places.of(args[0])) is not None:
        places.settle(made, place)
    return made


def _setitem(func: Callable[..., Any], args: Arguments, kwargs: Keywords) -> Any:
    mixing.assign(*args[:3])
    return func(*args, **kwargs)


def _index_put(func: Callable[..., Any], args: Arguments, kwargs: Keywords) -> Any:
    if len(args) > 2:
        mixing.assign(*args[:3])
    made = func(*args, **kwargs)
    if (place := places.of(args[0])) is not None:
        places.settle(made, place)
    return made


def _repr(func: Callable[..., Any], args: Arguments, kwargs: Keywords) -> str:
    if places.of(args[0]) != places.CUDA:
        return str(func(*args, **kwargs))
    with _installed[0]:  # for it prints the device that it sees
        return str(torch._tensor_str._str(args[0], **kwargs))  # noqa: SLF001 - what a tensor's repr calls


def _unasked(function: Any) -> Callable[..., Any]:
    """A function of torch's that no longer hands itself to function modes."""
    silent = {**function.__globals__, "has_torch_function": lambda *_: False}
    made = python_types.FunctionType(
        function.__code__,
        silent,
        function.__name__,
        function.__defaults__,
        function.__closure__,
    )
    made.__kwdefaults__ = function.__kwdefaults__
    return made


_run_backward = _unasked(torch.autograd.backward)


def _tensor_backward(tensor: torch.Tensor, gradient: Any = None, *args: Any, **kwargs: Any) -> None:
    _run_backward(tensor, gradient, *args, **kwargs)


_engine: dict[Any, Callable[..., Any]] = {
    _Tensor.backward: _tensor_backward,
    torch.autograd.backward: _run_backward,
    torch.autograd.grad: _unasked(torch.autograd.grad),
}


def _backward(func: Callable[..., Any], args: Arguments, kwargs: Keywords) -> Any:
    """Run the autograd engine with the redirection in force: it calls the candidate's code."""
    with _installed[0]:
        made: Any = _engine[func](*args, **kwargs)
    if func is torch.autograd.grad:
        inputs = mixing.tensors_of((args[1] if len(args) > 1 else kwargs["inputs"],), [])
        for wanted, gradient in zip(inputs, made, strict=False):
            if gradient is not None and (place := places.of(wanted)) is not None:
                places.settle(gradient, place)
    return made


_SPECIAL: dict[Any, Callable[..., Any]] = {
    torch.device: _device_named,
    torch._C._nn._parse_to: _device_named,  # noqa: SLF001 - moves of modules
    _IS_CUDA: _is_on("cuda"),
    _IS_CPU: _is_on("cpu"),
    _DEVICE: _device,
    _Tensor.get_device: _get_device,
    torch.get_device: _get_device,
    _Tensor.to: moves.to,
    _Tensor.cuda: moves.cuda,
    _Tensor.cpu: moves.cpu,
    _Tensor.type: moves.type_,
    _Tensor.type_as: moves.type_as,
    _Tensor.pin_memory: moves.pin_memory,
    _Tensor.is_pinned: _is_pinned,
    _Tensor.record_stream: _nothing,
    _Tensor.numpy: _numpy,
    _Tensor.__array__: _numpy,
    _Tensor.__getitem__: _getitem,
    _Tensor.__setitem__: _setitem,
    _Tensor.index_put_: _index_put,
    _Tensor.index_put: _index_put,
    torch.index_put_: _index_put,
    torch.index_put: _index_put,
    _Tensor.__repr__: _repr,
    torch.tensor: _tensor,
    torch.as_tensor: _tensor,
    torch.asarray: _tensor,
    **dict.fromkeys(_engine, _backward),
}


def _on_host(function: Callable[..., Any]) -> Callable[..., Any]:
    """A maker of tensors that no mode sees, with its tensors marked as the CPU's."""

    def make(*args: Any, **kwargs: Any) -> Any:
        made = function(*args, **kwargs)
        places.settle(made, places.CPU)
        return made

    make.__name__ = getattr(function, "__name__", "make")
    return make


def install(target: Target) -> None:
    """Redirect CUDA to the CPU in this process, for good.

    Args:
        target: The GPU whose properties ``torch.cuda`` reports.
    """
    cuda_stubs.install(target)
    cuda_linalg.install()
    if not _installed:
        places.pretend()
        torch.from_numpy = _on_host(torch.from_numpy)
        torch.frombuffer = _on_host(torch.frombuffer)
        _Tensor.__new__ = staticmethod(_on_host(_Tensor.__new__))
        mode = _CudaOnCpu()
        mode.__enter__()  # type: ignore[no-untyped-call]  # torch leaves it untyped
        _installed.append(mode)
