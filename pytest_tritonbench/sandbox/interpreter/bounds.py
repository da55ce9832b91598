"""A load or store outside the tensor that its pointer came from is an error, not a crash.

Every pointer remembers the storage of the tensor argument from which it was computed; masked-off
lanes are not looked at. A pointer with no known origin (read from memory, made of an integer) is
looked up among the storages of the launch, and let through when it is in none.

On a GPU such an access mostly goes unnoticed. Where that is wanted (`tolerate`), a load gives a
value that shows and a store is dropped.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import triton
import triton.language as tl
import triton.runtime.interpreter as triton_interpreter

from pytest_tritonbench.sandbox.interpreter import execution
from pytest_tritonbench.sandbox.interpreter.seams import inside, replace

_ORIGIN = "tritonbench.origin"
_PASS_ON = (
    "create_addptr",
    "create_bitcast",
    "create_broadcast",
    "create_expand_dims",
    "create_reshape",
    "create_select",
    "create_splat",
    "create_trans",
    "create_unsplat",
)
_NOT_THE_KERNELS = (str(Path(triton.__file__).parent), str(Path(__file__).parent))


class OutOfBoundsError(Exception):
    """A kernel reached outside a tensor's storage.

    Args:
        access: ``load``, ``store``, ``atomic`` or ``exchange``.
        kernel: The kernel's name.
        line: The line of the access in the file that defines it; 0 when not known.
        tensor: The name of the argument.
        offset: The first offending offset from the argument's first element, in elements.
        valid: The least and the largest valid offset; the latter is smaller for an empty storage.
        lanes: How many lanes of how many were outside.
    """

    def __init__(
        self,
        *,
        access: str,
        kernel: str,
        line: int,
        tensor: str,
        offset: int,
        valid: tuple[int, int],
        lanes: tuple[int, int],
        program: tuple[int, int, int],
    ) -> None:
        self.access, self.kernel, self.line, self.tensor = access, kernel, line, tensor
        self.offset, self.valid, self.lanes, self.program = offset, valid, lanes, program
        low, high = valid
        span = f"valid offsets are {low} to {high}" if high >= low else "the tensor is empty"
        super().__init__(
            f"out-of-bounds {access} in {kernel}, line {line}: offset {offset} of {tensor} "
            f"({lanes[0]} of {lanes[1]} lanes, program {program}); {span}"
        )


@dataclass(frozen=True)
class _Origin:
    name: str
    first: int
    """Address of the argument's first element."""
    start: int
    """Address of the storage's first byte."""
    end: int
    """Address after the storage's last byte."""


class _Launch:
    kernel = ""
    origins: tuple[_Origin, ...] = ()


class Tolerance:
    """Lets accesses outside pass, and remembers the first.

    Args:
        value: What a load outside gives in floats; integers get 0, or 1 if it is finite.
    """

    def __init__(self, value: Callable[[], float]) -> None:
        self.first: OutOfBoundsError | None = None
        self._value = value

    def value_for(self, dtype: Any) -> Any:
        """What stands for an element of a dtype that is not there."""
        value = self._value()
        if dtype.kind in "biu":
            return np.asarray(np.isfinite(value)).astype(dtype)
        return np.asarray(value).astype(dtype)


_launch = _Launch()
_tolerance: list[Tolerance] = []
_installed: list[bool] = []


def install() -> None:
    """Check every access of every further launch in this process."""
    if _installed:
        return
    _installed.append(True)
    execution.watchers.append(_remember)
    builder = triton_interpreter.InterpreterBuilder
    for name in _PASS_ON:
        _pass_on(builder, name)
    for handle in ("BlockPointerHandle", "TensorDescHandle"):
        _pass_on_base(inside(triton_interpreter, handle))
    _check_accesses(builder)


def tolerate(tolerance: Tolerance | None) -> None:
    """Have accesses outside pass from now on, or with ``None`` raise again."""
    _tolerance[:] = [] if tolerance is None else [tolerance]


def _remember(kernel: str, raw: Mapping[str, Any], converted: Mapping[str, Any]) -> None:
    origins: list[_Origin] = []
    for name, argument in raw.items():
        _mark(name, argument, converted.get(name), origins)
    _launch.kernel = kernel
    _launch.origins = tuple(origins)


def _mark(name: str, argument: Any, converted: Any, origins: list[_Origin]) -> None:
    if isinstance(argument, tuple | list):
        parts = converted if isinstance(converted, tuple | list) else [None] * len(argument)
        for index, (item, part) in enumerate(zip(argument, parts, strict=False)):
            _mark(f"{name}[{index}]", item, part, origins)
        return
    is_descriptor = hasattr(argument, "base") and not hasattr(argument, "data_ptr")
    tensor = getattr(argument, "base", None) if not isinstance(argument, torch.Tensor) else argument
    if not isinstance(tensor, torch.Tensor):
        return
    storage = tensor.untyped_storage()
    start = storage.data_ptr()
    origin = _Origin(name, tensor.data_ptr(), start, start + storage.nbytes())
    origins.append(origin)
    handle = getattr(converted, "handle", None)
    if is_descriptor:
        handle = getattr(handle, "base", None)
    if isinstance(handle, triton_interpreter.TensorHandle):
        handle.attr[_ORIGIN] = origin


def _pass_on(builder: Any, name: str) -> None:
    original = inside(builder, name)

    def create(self: Any, *args: Any, **kwargs: Any) -> Any:
        result = original(self, *args, **kwargs)
        for argument in args:
            origin = getattr(argument, "attr", _NO_ATTRIBUTES).get(_ORIGIN)
            if origin is not None:
                result.attr[_ORIGIN] = origin
                break
        return result

    replace(builder, name, create)


_NO_ATTRIBUTES: dict[str, Any] = {}


def _pass_on_base(handle: Any) -> None:
    original = inside(handle, "materialize_pointers")

    def materialize_pointers(self: Any, offsets: Any) -> Any:
        pointers, mask = original(self, offsets)
        if (origin := self.base.attr.get(_ORIGIN)) is not None:
            pointers.attr[_ORIGIN] = origin
        return pointers, mask

    replace(handle, "materialize_pointers", materialize_pointers)


def _check_accesses(builder: Any) -> None:
    load = inside(builder, "create_masked_load")
    store = inside(builder, "create_masked_store")
    atomic = inside(builder, "create_atomic_rmw")
    exchange = inside(builder, "create_atomic_cas")

    def create_masked_load(self: Any, pointers: Any, mask: Any, *rest: Any, **more: Any) -> Any:
        inside_mask = _check("load", pointers, mask)
        if inside_mask is None:
            return load(self, pointers, mask, *rest, **more)
        wanted = np.broadcast_to(_lanes(mask, pointers), pointers.data.shape)
        loaded = load(self, pointers, inside_mask, *rest, **more)
        missing = wanted & ~inside_mask.data
        filler = _tolerance[0].value_for(loaded.data.dtype)
        loaded.data = np.where(missing, filler, loaded.data)
        return loaded

    def create_masked_store(
        self: Any, pointers: Any, value: Any, mask: Any, *rest: Any, **more: Any
    ) -> Any:
        inside_mask = _check("store", pointers, mask)
        # Not `or`: a handle is true when all its lanes are.
        mask = mask if inside_mask is None else inside_mask
        return store(self, pointers, value, mask, *rest, **more)

    def create_atomic_rmw(
        self: Any, operation: Any, pointers: Any, value: Any, mask: Any, *rest: Any
    ) -> Any:
        inside_mask = _check("atomic", pointers, mask)
        mask = mask if inside_mask is None else inside_mask
        return atomic(self, operation, pointers, value, mask, *rest)

    def create_atomic_cas(self: Any, pointers: Any, *rest: Any) -> Any:
        _check("exchange", pointers, None)
        return exchange(self, pointers, *rest)

    replace(builder, "create_masked_load", create_masked_load)
    replace(builder, "create_masked_store", create_masked_store)
    replace(builder, "create_atomic_rmw", create_atomic_rmw)
    replace(builder, "create_atomic_cas", create_atomic_cas)


def _lanes(mask: Any, pointers: Any) -> Any:
    """A mask as an array."""
    if mask is None:
        return np.ones_like(pointers.data, dtype=bool)
    lanes = mask.data if isinstance(mask, triton_interpreter.TensorHandle) else mask
    return np.asarray(lanes).astype(bool, copy=False)


def _check(access: str, pointers: Any, mask: Any) -> Any:
    """Look at the lanes of an access; a mask of those that may be done, if some may not.

    Raises:
        OutOfBoundsError: some may not, and nobody tolerates that.
    """
    addresses = pointers.data
    if mask is not None:
        lanes = _lanes(mask, pointers)
        if not lanes.all():
            addresses = addresses[np.broadcast_to(lanes, addresses.shape)]
    if addresses.size == 0:
        return None
    low, high = int(addresses.min()), int(addresses.max())
    origin = pointers.attr.get(_ORIGIN) or _origin_of(low)
    if origin is None:
        return None
    size = max(1, pointers.get_element_ty().primitive_bitwidth // 8)
    if low >= origin.start and high + size <= origin.end:
        return None
    signed = addresses.astype(np.int64)
    outside = (signed < origin.start) | (signed + size > origin.end)
    error = OutOfBoundsError(
        access=access,
        kernel=_launch.kernel,
        line=_line(),
        tensor=origin.name,
        offset=int((signed[outside][0] - origin.first) // size),
        valid=((origin.start - origin.first) // size, (origin.end - origin.first) // size - 1),
        lanes=(int(outside.sum()), int(pointers.data.size)),
        program=triton_interpreter.interpreter_builder.grid_idx,
    )
    if not _tolerance or access == "exchange":
        raise error
    _tolerance[0].first = _tolerance[0].first or error
    everything = pointers.data.astype(np.int64)
    within = (everything >= origin.start) & (everything + size <= origin.end)
    kept = within & np.broadcast_to(_lanes(mask, pointers), within.shape)
    return triton_interpreter.TensorHandle(kept, tl.int1)


def _origin_of(address: int) -> _Origin | None:
    return next((o for o in _launch.origins if o.start <= address < o.end), None)


def _line() -> int:
    frame = sys._getframe(2)  # noqa: SLF001 - the documented way to look at the caller
    while frame.f_back and frame.f_code.co_filename.startswith(_NOT_THE_KERNELS):
        frame = frame.f_back
    return frame.f_lineno
