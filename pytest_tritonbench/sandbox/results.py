"""What comes back from a candidate, checked field by field before anybody believes its shape.

The child's words are only a description of bytes: every number is checked against the arena, and
the bytes are copied before they are judged.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from .calls import TensorArg
from .memory import Arena, ArenaBoundsError, SnapshotPool, copy
from .protocol import ProtocolError
from .reasons import Reason

ITEM_BYTES: Mapping[str, int] = {
    "bool": 1,
    "uint8": 1,
    "int8": 1,
    "int16": 2,
    "uint16": 2,
    "int32": 4,
    "uint32": 4,
    "int64": 8,
    "uint64": 8,
    "float16": 2,
    "bfloat16": 2,
    "float32": 4,
    "float64": 8,
    "complex32": 4,
    "complex64": 8,
    "complex128": 16,
    "float8_e4m3fn": 1,
    "float8_e4m3fnuz": 1,
    "float8_e5m2": 1,
    "float8_e5m2fnuz": 1,
    "float8_e8m0fnu": 1,
    "float4_e2m1fn_x2": 1,
}
"""Bytes of one element, by the dtype's name."""

MAX_DEPTH = 16
MAX_RANK = 64
_TEXT = 1 << 14


@dataclass(frozen=True)
class TensorOut:
    """A tensor as the candidate returned it."""

    dtype: str
    shape: tuple[int, ...]
    strides: tuple[int, ...]
    """In elements, as the candidate's tensor had them."""
    device: str
    """As the child saw it: `"cpu"`, `"cuda:0"`."""
    data: memoryview = field(repr=False)
    """The logical elements, contiguous, in the parent's own copy."""


@dataclass(frozen=True)
class Opaque:
    """A value that cannot be carried out of the process; a script may show some."""

    kind: str
    """Its class."""


Node: TypeAlias = (
    "TensorOut | Opaque | bool | int | float | complex | str | tuple[Node, ...] | list[Node] "
    "| dict[str, Node] | None"
)


@dataclass(frozen=True)
class KernelReport:
    """One specialisation of a kernel, compiled in the child. It says so itself: not evidence."""

    kernel: str
    """Name of the `@triton.jit` function."""
    target: str
    """Architecture it was compiled for: `sm_90`, `gfx942`."""
    num_warps: int
    num_stages: int
    shared: int
    """Bytes of shared memory of a block."""
    registers: int | None
    """32-bit registers of a thread."""
    spills: int | None
    """32-bit words that a thread spills."""
    compile_ms: float | None
    """`None` when it came from Triton's cache."""
    signature: str
    """Types of the arguments and values of the constants."""


@dataclass(frozen=True)
class Delivered:
    """A call that came back with output."""

    output: Node
    gradients: tuple[TensorOut | None, ...]
    inputs_after: memoryview = field(repr=False)
    """The input arena's bytes after the call, up to the end of the call's last tensor."""
    launches: int
    """Triton launches, counted in the child."""
    kernels: tuple[KernelReport, ...]
    seconds: float
    """From the request to the answer, by the parent's clock."""
    held: Mapping[int, memoryview] = field(default_factory=dict, repr=False)
    """Copies of storages after the call, by where they start in the input arena."""

    def bytes_after(self, arg: TensorArg) -> memoryview:
        """The bytes of an argument's storage after the call: the copy, where one was made.

        Only a copy cannot be changed any more by what the candidate may have left running.
        """
        live = self.inputs_after[arg.start : arg.start + arg.nbytes]
        return self.held.get(arg.start, live)


@dataclass(frozen=True)
class Failure:
    """A candidate that delivered nothing."""

    reason: Reason
    message: str
    line: int | None = None
    """Line of the candidate's source, counted from 1; of the test part where `part` says so."""
    text: str | None = None
    """That line."""
    kernel: str | None = None
    """The kernel at fault."""
    detail: str = ""
    """Traceback in the candidate's own frames, or the end of its stderr."""
    fatal: bool = False
    """Whether the process is gone; the next call gets a fresh one."""
    exception: str | None = None
    """Class of the exception that was raised, the interpreter's own wrapping left away."""
    part: str = "candidate"
    """Whose line it is: `"candidate"`, or `"test"` for a script's test part."""


def demand(condition: object, message: str) -> None:
    """Refuse what the protocol does not have.

    Raises:
        ProtocolError: the condition does not hold.
    """
    if not condition:
        raise ProtocolError(message)


def whole(value: Any, low: int = 0, high: int = 1 << 62) -> int:
    """An integer of a frame, in range."""
    demand(type(value) is int and low <= value <= high, f"not an integer in range: {value!r:.80}")
    return int(value)


def text(value: Any) -> str:
    """A bounded string of a frame."""
    demand(isinstance(value, str), "not a string")
    return str(value)[:_TEXT]


def maybe(value: Any, read: Callable[[Any], Any]) -> Any:
    """`None`, or what `read` makes of the value."""
    return None if value is None else read(value)


class Reader:
    """Turns one answer of a child into what the parent hands on.

    Args:
        outputs: the arena the child wrote to.
        pool: where the copies go.
    """

    def __init__(self, outputs: Arena, pool: SnapshotPool) -> None:
        self._outputs = outputs
        self._pool = pool
        self._snapshot = memoryview(b"")

    def snapshot(self, used: Any) -> None:
        """Copy the part of the output arena that the child says it used."""
        used = whole(used)
        try:
            source = self._outputs.view(0, used)
        except ArenaBoundsError as error:
            raise ProtocolError(str(error)) from error
        self._snapshot = self._pool.take(used)
        copy(self._snapshot, source)

    def tensor(self, data: Any) -> TensorOut:
        """One tensor's description, with its bytes."""
        demand(isinstance(data, list) and len(data) == 5, "not a tensor")
        dtype, shape, strides, device, start = data
        demand(isinstance(dtype, str) and dtype in ITEM_BYTES, f"no dtype: {dtype!r:.80}")
        demand(isinstance(shape, list) and len(shape) <= MAX_RANK, "no shape")
        demand(isinstance(strides, list) and len(strides) == len(shape), "no strides")
        nbytes = ITEM_BYTES[dtype]
        for extent in shape:
            nbytes *= whole(extent)
        start = whole(start)
        demand(start + nbytes <= len(self._snapshot), "a tensor beyond the output arena")
        return TensorOut(
            dtype=dtype,
            shape=tuple(shape),
            strides=tuple(whole(stride, -(1 << 62)) for stride in strides),
            device=text(device),
            data=self._snapshot[start : start + nbytes],
        )

    def node(self, data: Any, depth: int = 0) -> Node:
        """A nest of outputs."""
        demand(depth <= MAX_DEPTH, "a nest too deep")
        if data is None or isinstance(data, bool | int | float | str):
            return data
        demand(isinstance(data, dict) and len(data) == 1, "not an output")
        ((kind, content),) = data.items()
        if kind == "tensor":
            return self.tensor(content)
        demand(isinstance(content, list), "not a nest")
        if kind == "dict":
            pairs: dict[str, Node] = {}
            for item in content:
                demand(isinstance(item, list) and len(item) == 2, "not a dict's item")
                pairs[text(item[0])] = self.node(item[1], depth + 1)
            return pairs
        items = [self.node(item, depth + 1) for item in content]
        demand(kind in {"tuple", "list"}, "an unknown nest")
        return tuple(items) if kind == "tuple" else items

    def gradients(self, data: Any) -> tuple[TensorOut | None, ...]:
        """The gradients, one for each that was asked for."""
        demand(isinstance(data, list), "no gradients")
        return tuple(maybe(item, self.tensor) for item in data)


def kernel_reports(data: Any) -> tuple[KernelReport, ...]:
    """What the child says about its kernels."""
    demand(isinstance(data, list), "no kernel reports")
    return tuple(_kernel_report(item) for item in data)


def _kernel_report(data: Any) -> KernelReport:
    demand(isinstance(data, dict), "not a kernel report")
    compile_ms = data.get("compile_ms")
    demand(compile_ms is None or isinstance(compile_ms, int | float), "no compile time")
    return KernelReport(
        kernel=text(data.get("kernel")),
        target=text(data.get("target")),
        num_warps=whole(data.get("num_warps")),
        num_stages=whole(data.get("num_stages")),
        shared=whole(data.get("shared")),
        registers=maybe(data.get("registers"), whole),
        spills=maybe(data.get("spills"), whole),
        compile_ms=maybe(compile_ms, float),
        signature=text(data.get("signature")),
    )


def failure(message: Mapping[str, Any], source: str, test: str = "") -> Failure:
    """The failure that a child reports about itself.

    Args:
        message: what the child said.
        source: text of the candidate.
        test: text of the test part that ran with it, if one did.
    """
    name = text(message.get("reason"))
    demand(name in set(Reason), f"no reason: {name!r:.80}")
    line = maybe(message.get("line"), whole)
    part = "test" if test and message.get("part") == "test" else "candidate"
    return Failure(
        reason=Reason(name),
        message=text(message.get("message")),
        line=line,
        text=source_line(test if part == "test" else source, line),
        kernel=maybe(message.get("kernel"), text),
        detail=text(message.get("detail", "")),
        fatal=message.get("fatal") is True,
        exception=maybe(message.get("exception"), text),
        part=part,
    )


def source_line(source: str, line: int | None) -> str | None:
    """A line of the source, counted from 1, without its newline."""
    lines = source.splitlines()
    return lines[line - 1] if line is not None and 1 <= line <= len(lines) else None
