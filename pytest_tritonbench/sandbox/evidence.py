"""From whatever a script shows to descriptions and raw bytes.

A candidate's answer to a call must be tensors and plain values; what a test shows may be anything,
so here nothing is refused but a tensor that pretends: what cannot be carried becomes a name.
"""

from __future__ import annotations

import types
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
import torch

from . import places
from .delivering import Delivery
from .loading import CandidateError
from .memory import Arena
from .reasons import Reason
from .results import ITEM_BYTES, MAX_DEPTH


def _getter(name: str) -> Callable[[torch.Tensor], Any]:
    """What reads an attribute of a tensor, whatever becomes of the class."""
    getter: Callable[[torch.Tensor], Any] = getattr(torch.Tensor, name).__get__
    return getter


_MOST_LEAVES = 1 << 15
_MOST_TEXT = 4096
_PLAIN = {torch.Tensor, torch.nn.Parameter}
_DTYPES = {getattr(torch, name) for name in ITEM_BYTES if hasattr(torch, name)}
_UNSEEN = (types.ModuleType, types.FunctionType, types.BuiltinFunctionType, types.MethodType)
_equal = torch.equal
_from_numpy = torch.from_numpy
_from_buffer = torch.frombuffer
_uint8 = torch.uint8
_strided = torch.strided
_data_ptr = torch.Tensor.data_ptr
_stride = torch.Tensor.stride
_grad = _getter("grad")
_is_leaf = _getter("is_leaf")
_retains = _getter("retains_grad")
_named_parameters = torch.nn.Module.named_parameters
_named_buffers = torch.nn.Module.named_buffers
_no_functions = torch._C.DisableTorchFunction  # noqa: SLF001 - there is no public way


class Evidence(Delivery):
    """Writes what a script shows to the output arena and describes it; a tensor only once.

    Args:
        outputs: the arena; earlier answers in it are overwritten.
        limit: bytes that may be written.
    """

    def __init__(self, outputs: Arena, limit: int) -> None:
        super().__init__(outputs, limit)
        self._arena = outputs
        self._count = 0
        self._nodes = 0
        self._seen: dict[Any, list[tuple[int, int, int]]] = {}

    def node(self, output: Any, where: str = "output", depth: int = 0) -> Any:
        """Describe a value.

        Raises:
            CandidateError: it holds more than can be carried, or a tensor that pretends.
        """
        self._nodes += 1
        if self._nodes > _MOST_LEAVES:
            raise CandidateError(
                Reason.WRONG_STRUCTURE, f"{where}: more than {_MOST_LEAVES} values to show"
            )
        kind = type(output)
        if depth > MAX_DEPTH or (kind in {int, str} and len(str(output)) > _MOST_TEXT):
            return _opaque(output)
        if output is None or kind in {bool, float, int, str}:
            return output
        if isinstance(output, torch.Tensor):
            return self._tensor_node(output, where)
        if isinstance(output, dict):
            return self._dict(output, where, depth)
        if isinstance(output, tuple | list):
            name, base = ("tuple", tuple) if isinstance(output, tuple) else ("list", list)
            items = enumerate(base.__iter__(output))  # type: ignore[arg-type]  # its own class's
            return {name: [self.node(item, f"{where}[{i}]", depth + 1) for i, item in items]}
        return self._other(output, where, depth)

    def _tensor_node(self, tensor: torch.Tensor, where: str) -> Any:
        with _no_functions():
            hidden = type(tensor) in _PLAIN and (
                tensor.layout is not _strided
                or tensor.device.type == "meta"
                or tensor.dtype not in _DTYPES
            )
        return _opaque(tensor) if hidden else self._once(tensor, where)

    def _once(self, tensor: torch.Tensor, where: str) -> dict[str, Any]:
        """Deliver a tensor, unless the same bytes were delivered out of the same memory."""
        start = self._arena.used
        described = self.tensor(tensor, where)
        with torch.no_grad(), _no_functions():
            dtype, shape, strides, device, begins = described
            nbytes = tensor.numel() * tensor.dtype.itemsize
            key = (_data_ptr(tensor), dtype, tuple(shape), tuple(strides), device)
            for index, before, length in self._seen.setdefault(key, []):
                if length == nbytes and self._same(before, begins, nbytes):
                    self._arena.clear(start)
                    return {"same": index}
        self._seen[key].append((self._count, begins, nbytes))
        self._count += 1
        return {"tensor": described}

    def _same(self, before: int, now: int, nbytes: int) -> bool:
        if not nbytes:
            return True
        views = (self._arena.view(start, nbytes) for start in (before, now))
        return _equal(*(_from_buffer(view, dtype=_uint8) for view in views))

    def _dict(self, output: dict[Any, Any], where: str, depth: int) -> dict[str, Any]:
        pairs = []
        for index, (key, item) in enumerate(dict.items(output)):
            name = _key(key, index)
            pairs.append([name, self.node(item, f"{where}[{name!r}]", depth + 1)])
        return {"dict": pairs}

    def _other(self, output: Any, where: str, depth: int) -> Any:
        if isinstance(output, complex):
            return {"complex": [output.real, output.imag]}
        if isinstance(output, np.generic | np.ndarray):
            return self._numpy(output, where, depth)
        if isinstance(output, torch.dtype | torch.device):
            return str(output)
        if isinstance(output, torch.nn.Module):
            return self._dict(dict(shown_by(output)), where, depth)
        return _opaque(output)

    def _numpy(self, output: Any, where: str, depth: int) -> Any:
        if isinstance(output, np.generic):
            item = output.item()
            return (
                _opaque(output) if isinstance(item, np.generic) else self.node(item, where, depth)
            )
        try:
            with _no_functions():
                tensor = places.on_host(_from_numpy(np.ascontiguousarray(output)))
        except (TypeError, ValueError):
            return _opaque(output)
        return self._once(tensor, where)

    def locals(self, values: Mapping[str, Any], arguments: frozenset[str]) -> list[list[Any]]:
        """Describe a function's local variables and the gradients of those that have one.

        Args:
            values: variables by name.
            arguments: the names that are the function's parameters.

        Returns:
            A name and a description for each.
        """
        return [
            [name, self.node(value, name)]
            for name, value in _with_gradients(values)
            if name not in arguments and not isinstance(value, _UNSEEN)
        ]


def shown_by(module: torch.nn.Module) -> Iterator[tuple[str, torch.Tensor]]:
    """A module's parameters, their gradients and its buffers, by name."""
    for name, parameter in _named_parameters(module):
        yield name, parameter
        if (gradient := _grad(parameter)) is not None:
            yield f"{name}.grad", gradient
    yield from _named_buffers(module)


def _with_gradients(values: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for name, value in values.items():
        yield name, value
        for path, tensor in tensors_in(value, name):
            if type(tensor) not in _PLAIN or not (_is_leaf(tensor) or _retains(tensor)):
                continue
            gradient = _grad(tensor)
            if gradient is not None:
                yield f"{path}.grad", gradient


def tensors_in(value: Any, path: str, depth: int = 0) -> Iterator[tuple[str, torch.Tensor]]:
    """The tensors of a nest of tuples, lists and dicts, with the path to each."""
    if isinstance(value, torch.Tensor):
        yield path, value
    elif depth > MAX_DEPTH:
        return
    elif isinstance(value, dict):
        for index, (key, item) in enumerate(dict.items(value)):
            yield from tensors_in(item, f"{path}[{_key(key, index)}]", depth + 1)
    elif isinstance(value, tuple):
        for index, item in enumerate(tuple.__iter__(value)):
            yield from tensors_in(item, f"{path}[{index}]", depth + 1)
    elif isinstance(value, list):
        for index, item in enumerate(list.__iter__(value)):
            yield from tensors_in(item, f"{path}[{index}]", depth + 1)


def _key(key: Any, index: int) -> str:
    """A dict's key as text, the same in every process."""
    if type(key) is str:
        return key[:_MOST_TEXT]
    if type(key) in {int, float, bool, type(None), bytes, torch.dtype}:
        return repr(key)[:_MOST_TEXT]
    if type(key) is tuple and all(type(part) in {int, float, bool, str} for part in key):
        return repr(key)[:_MOST_TEXT]
    return f"{type(key).__qualname__} {index}"


def _opaque(value: Any) -> dict[str, str]:
    kind = type(value)
    return {"opaque": f"{kind.__module__}.{kind.__qualname__}"[:200]}
