"""From what a candidate returned to a description and raw bytes, by methods it cannot have changed.

Every tensor method used here was taken from torch before the candidate was loaded.
"""

from collections.abc import Iterator
from typing import Any

import torch

from . import places
from .loading import CandidateError
from .memory import Arena
from .reasons import Reason
from .results import MAX_DEPTH

_Plain = torch.Tensor
_Parameter = torch.nn.Parameter
_copy = torch.Tensor.copy_
_detach = torch.Tensor.detach
_view = torch.Tensor.view
_numel = torch.Tensor.numel
_stride = torch.Tensor.stride
_dict = torch.Tensor.__dict__.get("__dict__")
_from_buffer = torch.frombuffer
_no_functions = torch._C.DisableTorchFunction  # noqa: SLF001 - there is no public way
_uint8 = torch.uint8
_strided = torch.strided
_MOST_LEAVES = 4096
_ALIGNMENT = 256
_attributes = frozenset(dir(torch.Tensor))


def flatten(output: Any) -> list[torch.Tensor]:
    """The tensors of a nest, in order."""
    if type(output) in {_Plain, _Parameter}:
        return [output]
    if isinstance(output, dict):
        return [tensor for item in dict.values(output) for tensor in flatten(item)]
    if isinstance(output, tuple | list):
        return [tensor for item in _items(output) for tensor in flatten(item)]
    return []


def _items(nest: tuple[Any, ...] | list[Any]) -> Iterator[Any]:
    """What a tuple or list holds, whatever its class says."""
    return tuple.__iter__(nest) if isinstance(nest, tuple) else list.__iter__(nest)


class Delivery:
    """Writes one answer's tensors to the output arena and describes them.

    Args:
        outputs: the arena; earlier answers in it are overwritten.
        limit: bytes that one answer may have.
    """

    def __init__(self, outputs: Arena, limit: int) -> None:
        self._outputs = outputs
        self._limit = limit
        self._leaves = 0
        outputs.clear()

    def node(self, output: Any, where: str = "output", depth: int = 0) -> Any:
        """Describe a nest.

        Raises:
            CandidateError: it holds what is no tensor, number, string or nest of them.
        """
        self._leaves += 1
        if depth > MAX_DEPTH or self._leaves > _MOST_LEAVES:
            raise CandidateError(Reason.WRONG_STRUCTURE, f"{where}: a nest too deep or too wide")
        kind = type(output)
        if output is None or kind in {bool, int, float, str}:
            if kind in {int, str} and len(str(output)) > 4096:
                raise CandidateError(Reason.WRONG_STRUCTURE, f"{where}: a scalar too long to carry")
            return output
        if isinstance(output, torch.Tensor):
            return {"tensor": self.tensor(output, where)}
        if isinstance(output, dict):
            return {
                "dict": [self._item(key, item, where, depth) for key, item in dict.items(output)]
            }
        if isinstance(output, tuple | list):
            name = "tuple" if isinstance(output, tuple) else "list"
            items = enumerate(_items(output))
            return {name: [self.node(item, f"{where}[{i}]", depth + 1) for i, item in items]}
        raise CandidateError(
            Reason.WRONG_STRUCTURE,
            f"{where} is a {kind.__module__}.{kind.__qualname__}; "
            "expected a tensor, a number, a string, None, or a tuple, list or dict of these",
        )

    def _item(self, key: Any, item: Any, where: str, depth: int) -> list[Any]:
        if type(key) is not str:
            raise CandidateError(Reason.WRONG_STRUCTURE, f"{where}: a dict's key is no string")
        return [key, self.node(item, f"{where}[{key!r}]", depth + 1)]

    def tensor(self, tensor: torch.Tensor, where: str) -> list[Any]:
        """Copy one tensor's logical elements to the arena, contiguous.

        Raises:
            CandidateError: it is a subclass, has other methods than a tensor's, or no plain memory.
        """
        if type(tensor) not in {_Plain, _Parameter}:
            raise CandidateError(
                Reason.LAZY_TENSOR,
                f"{where} is a {type(tensor).__qualname__}; expected a torch.Tensor itself",
            )
        replaced = sorted(_attributes & set(object.__getattribute__(tensor, "__dict__")))
        if replaced:
            raise CandidateError(
                Reason.LAZY_TENSOR, f"{where} is a tensor with its own {', '.join(replaced[:4])}"
            )
        with torch.no_grad(), _no_functions():
            tensor = _detach(tensor)
            device = places.told(tensor)
            if tensor.layout is not _strided or tensor.device.type == "meta" or tensor.is_quantized:
                raise CandidateError(
                    Reason.WRONG_STRUCTURE,
                    f"{where} is a {tensor.layout} tensor on {tensor.device}, not plain memory",
                )
            nbytes = _numel(tensor) * tensor.dtype.itemsize
            start = self._room(nbytes, where)
            if nbytes:
                target = _from_buffer(self._outputs.view(start, nbytes), dtype=_uint8)
                _copy(_view(_view(target, tensor.dtype), tensor.shape), tensor)
        dtype = str(tensor.dtype).removeprefix("torch.")
        return [dtype, list(tensor.shape), list(_stride(tensor)), device, start]

    def _room(self, nbytes: int, where: str) -> int:
        end = self._outputs.used + nbytes + _ALIGNMENT
        if end > self._limit:
            raise CandidateError(
                Reason.OUT_OF_MEMORY,
                f"{where} brings the output to {end} bytes; {self._limit} may be delivered",
            )
        return self._outputs.allocate(nbytes, _ALIGNMENT)
