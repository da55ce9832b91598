"""What a run of an imported task's test showed: its calls, its result, its local variables."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pytest_tritonbench.judge.nest import Nest, Value, leaves, mapped
from pytest_tritonbench.judge.wire import tensor_from
from pytest_tritonbench.sandbox.results import Opaque, TensorOut

if TYPE_CHECKING:
    from pytest_tritonbench.sandbox.script import Ran

__all__ = ["Call", "Evidence", "Opaque", "call_in_words", "evidence_of", "in_words"]


@dataclass(frozen=True)
class Call:
    """One outermost call that the test made to a name of the candidate's module."""

    name: str
    result: Nest = None
    changed: Mapping[str, Nest] = field(default_factory=dict)
    """Tensor arguments whose bytes the call changed, after it, by their place: ``0``,
    ``kwargs.out``, ``1[2]``."""

    raised: str | None = None
    """Name of the exception's class, where it raised one."""

    arguments: Nest = None
    """``{"args": [...], "kwargs": {...}}`` before the call, where they were asked for."""


@dataclass(frozen=True)
class Evidence:
    """Everything that one run of a test showed."""

    calls: tuple[Call, ...] = ()
    result: Nest = None
    """What the test returned."""

    locals: Mapping[str, Nest] = field(default_factory=dict)
    """The test's local variables at its end."""

    def parts(self) -> Iterator[tuple[str, Nest]]:
        """The parts that are judged, each with its path, in the order of judging."""
        for number, call in enumerate(self.calls):
            yield f"calls[{number}].result", call.result
            for place, nest in call.changed.items():
                yield f"calls[{number}].changed[{place}]", nest
        yield "result", self.result
        for name, nest in self.locals.items():
            yield f"locals[{name!r}]", nest

    def leaves(self) -> dict[str, Any]:
        """Every leaf by its path."""
        return {path: leaf for part, nest in self.parts() for path, leaf in leaves(nest, part)}


def evidence_of(ran: Ran) -> Evidence:
    """The evidence of a run, over the bytes that the sandbox delivered; no copy is made."""
    calls = tuple(
        Call(
            name=call.name,
            result=_nest(call.result),
            changed={place: _nest(node) for place, node in call.changed.items()},
            raised=call.raised,
            arguments=_nest(call.arguments),
        )
        for call in ran.calls
    )
    return Evidence(calls, _nest(ran.result), {n: _nest(node) for n, node in ran.locals.items()})


def _nest(node: Any) -> Nest:
    return mapped(node, _leaf)


def _leaf(node: Any) -> Any:
    if isinstance(node, TensorOut):
        tensor = tensor_from(node.dtype, node.shape, node.data)
        return Value(tensor, node.strides, node.device.partition(":")[0])
    return node


_CALL = re.compile(r"calls\[(\d+)\]\.(result|changed\[(.*)\])(.*)", re.DOTALL)
_ENTRY = re.compile(r"result\['([^']*)'\](.*)", re.DOTALL)
_LOCAL = re.compile(r"locals\['([^']*)'\](.*)", re.DOTALL)


def in_words(path: str, evidence: Evidence, alias: str | None = None) -> str:
    """What a leaf is called in messages.

    Args:
        path: Its path: ``calls[2].result[0]``.
        evidence: Where it is from; names the function that was called.
        alias: Path of the same tensor in the test's result, if it is there.

    Returns:
        ``test_case_3[0]``, ``the result of call 3 of softmax``, ``argument 1 of call 2 of copy``.
    """
    if alias is not None and (entry := _ENTRY.fullmatch(alias)):
        return f"{entry[1]}{entry[2]}"
    if call := _CALL.fullmatch(path):
        number, what, place, rest = int(call[1]), call[2], call[3], call[4]
        which = call_in_words(number, evidence)
        at = f", at {rest}," if rest else ""
        if what == "result":
            return f"the result of {which}{at}"
        return f"{_argument(place)} of {which} (changed in place){at}"
    if entry := _ENTRY.fullmatch(path):
        return f"{entry[1]}{entry[2]}"
    if variable := _LOCAL.fullmatch(path):
        return f"the test's variable {variable[1]}{variable[2]}"
    return f"the test's result{path.removeprefix('result')}"


def call_in_words(number: int, evidence: Evidence) -> str:
    """``call 3 of softmax``, counted among all calls."""
    return f"call {number + 1} of {evidence.calls[number].name}"


def _argument(place: str) -> str:
    if place.startswith("kwargs."):
        return f"argument {place.removeprefix('kwargs.')}"
    position = re.match(r"\d+", place)
    if position is None:
        return f"argument {place}"
    return f"argument {int(position[0]) + 1}{place[position.end() :]}"
