"""A recorded call's arguments as the judge wants them: as they are, moved by roundings, or wide."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import torch
from torch.overrides import TorchFunctionMode

from . import randomness
from .evidence import tensors_in

_NARROW = {torch.float16, torch.bfloat16, torch.float32}
_WIDE = dict.fromkeys(_NARROW, torch.float64) | {
    torch.complex64: torch.complex128,
    torch.complex32: torch.complex128,
}
_BITS = {1: torch.uint8, 2: torch.int16, 4: torch.int32, 8: torch.int64}
_STEPS = {torch.float32: 2.0**-11, torch.float64: 2.0**-24}
_equal = torch.equal
_rand = torch.rand
_where = torch.where
_view = torch.Tensor.view
_view_as_real = torch.view_as_real
_strided = torch.strided
_get_default_dtype = torch.get_default_dtype
_set_default_dtype = torch.set_default_dtype
_no_functions = torch._C.DisableTorchFunction  # noqa: SLF001 - there is no public way

Arguments = tuple[tuple[Any, ...], dict[str, Any]]


class Plain:
    """Leaves a call's arguments alone, and is what the other two change."""

    def enter(self, args: tuple[Any, ...], kwargs: dict[str, Any], seed: int) -> Arguments:
        """The arguments to call with."""
        del seed
        return args, kwargs

    def mode(self) -> contextlib.AbstractContextManager[Any]:
        """What the call is to run under."""
        return contextlib.nullcontext()

    def settle(self) -> None:
        """Give the test's own tensors what the call has made of them."""

    def hand_back(self, output: Any) -> Any:
        """What the test is to get for what the call has returned."""
        return output


class Moved(Plain):
    """Moves the bytes of float arguments in place while the call runs."""

    def __init__(self) -> None:
        self._held: list[tuple[torch.Tensor, torch.Tensor, torch.Tensor]] = []

    def enter(self, args: tuple[Any, ...], kwargs: dict[str, Any], seed: int) -> Arguments:
        """Move every float tensor by a relative step, uniform within half a unit or TF32's."""
        self._held = []
        spans: list[tuple[int, int]] = []
        with torch.no_grad(), _no_functions():
            for _, tensor in tensors_in([args, kwargs], ""):
                core = _core(tensor)
                if core is None or core.numel() == 0:
                    continue
                span = _span(core)
                # Two arguments may share memory: it moves once.
                if any(span[0] < end and start < span[1] for start, end in spans):
                    continue
                spans.append(span)
                original = core.clone()
                try:
                    core.copy_(_moved(core, seed + len(spans)))
                except RuntimeError:  # windows that overlap: there is no one value to move
                    continue
                self._held.append((core, original, core.clone()))
        return args, kwargs

    def settle(self) -> None:
        """Undo the move in each element that the call has left alone."""
        with torch.no_grad(), _no_functions():
            for core, original, moved in self._held:
                left_alone = bits(core) == bits(moved)
                bits(core).copy_(_where(left_alone, bits(original), bits(core)))
        self._held = []


class Wide(Plain):
    """Passes float arguments in double precision, and runs the call under `Float64`."""

    def __init__(self) -> None:
        self._twins: dict[int, tuple[torch.Tensor, torch.Tensor, torch.Tensor]] = {}
        self._narrow = torch.float32

    def enter(self, args: tuple[Any, ...], kwargs: dict[str, Any], seed: int) -> Arguments:
        """Replace narrow tensors by wide twins; views of one memory become separate."""
        del seed
        self._twins = {}
        floats = [t.dtype for _, t in tensors_in([args, kwargs], "") if t.is_floating_point()]
        self._narrow = floats[0] if floats else torch.float32
        for dtype in floats:
            self._narrow = torch.promote_types(self._narrow, dtype)
        return self._widened(args), self._widened(kwargs)

    def _widened(self, value: Any) -> Any:
        if isinstance(value, torch.Tensor) and value.dtype in _WIDE:
            if id(value) not in self._twins:
                twin = value.to(_WIDE[value.dtype])
                self._twins[id(value)] = (value, twin, twin.detach().clone())
            return self._twins[id(value)][1]
        return _rebuilt(value, self._widened)

    @contextlib.contextmanager
    def mode(self) -> Iterator[None]:
        """Factories and conversions give float64."""
        before = _get_default_dtype()
        _set_default_dtype(torch.float64)
        try:
            with Float64():
                yield
        finally:
            _set_default_dtype(before)

    def settle(self) -> None:
        """Write what was changed in place back to the test's tensors, in their own dtype."""
        with torch.no_grad():
            for own, twin, before in self._twins.values():
                if differs(twin, before) and own.shape == twin.shape:
                    own.data.copy_(twin)

    def hand_back(self, output: Any) -> Any:
        """The same nest in the dtype that the arguments had; what is a twin, as the test's own."""
        if isinstance(output, torch.Tensor):
            for own, twin, _ in self._twins.values():
                if output is twin:
                    return own
            if output.dtype is torch.float64:
                return output.to(self._narrow)
            return output.to(torch.complex64) if output.dtype is torch.complex128 else output
        return _rebuilt(output, self.hand_back)


class Float64(TorchFunctionMode):
    """Turns every conversion to a narrower float into one to float64."""

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        """Run `func` with wide dtypes in place of narrow ones."""
        del types
        wide = {name: _wide_dtype(value) for name, value in (kwargs or {}).items()}
        if func in {torch.Tensor.float, torch.Tensor.half, torch.Tensor.bfloat16}:
            func = torch.Tensor.double
        return func(*map(_wide_dtype, args), **wide)


def of(name: str) -> Plain:
    """The arithmetic of a script's request."""
    return {"moved": Moved, "wide": Wide}.get(name, Plain)()


def bits(tensor: torch.Tensor) -> torch.Tensor:
    """The same memory as integers, for comparing and copying byte by byte."""
    if tensor.dtype.is_complex:
        tensor = _view_as_real(tensor)
    return _view(tensor, _BITS[tensor.dtype.itemsize])


def differs(now: torch.Tensor, before: torch.Tensor) -> bool:
    """Whether a tensor is another than its copy of before."""
    if now.shape != before.shape or now.dtype != before.dtype:
        return True
    return not _equal(bits(now.detach()), bits(before))


def _wide_dtype(value: Any) -> Any:
    return _WIDE.get(value, value) if isinstance(value, torch.dtype) else value


def _rebuilt(value: Any, change: Callable[[Any], Any]) -> Any:
    if type(value) is dict:
        return {key: change(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        items = [change(item) for item in value]
        if all(new is old for new, old in zip(items, value, strict=True)):
            return value
        if type(value) in {list, tuple}:
            return type(value)(items)
        # Named tuples take their fields one by one, torch's own a sequence.
        return type(value)(*items) if hasattr(value, "_fields") else type(value)(items)
    return value


def _core(tensor: torch.Tensor) -> torch.Tensor | None:
    """A float tensor's memory, each element once, outside of autograd; `None` for what has none."""
    dtype = tensor.dtype
    if not (dtype.is_floating_point or dtype.is_complex) or tensor.layout is not _strided:
        return None
    if tensor.device.type == "meta" or (dtype.itemsize > 8 and not dtype.is_complex):
        return None
    core = tensor.data
    for dim, (extent, stride) in enumerate(zip(core.shape, core.stride(), strict=True)):
        if stride == 0 and extent > 1:
            core = core.narrow(dim, 0, 1)
    return _view_as_real(core) if dtype.is_complex else core


def _span(core: torch.Tensor) -> tuple[int, int]:
    reach = sum((n - 1) * s for n, s in zip(core.shape, core.stride(), strict=True))
    start = core.data_ptr()
    return start, start + (reach + 1) * core.dtype.itemsize


def _moved(core: torch.Tensor, seed: int) -> torch.Tensor:
    generator = randomness.Generator(core.device)
    generator.manual_seed(seed)
    exact = core.to(torch.float32) if core.dtype.itemsize < 4 else core
    step = _STEPS.get(core.dtype) or torch.finfo(core.dtype).eps / 2
    drawn = _rand(core.shape, generator=generator, device=core.device, dtype=exact.dtype)
    return (exact * (1 + (2 * drawn - 1) * step)).to(core.dtype)
