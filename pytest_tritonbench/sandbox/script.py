"""A script: a candidate and an upstream test part that run together, and what the test can show."""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from .results import KernelReport, Node, Opaque, Reader, demand, kernel_reports, maybe, text, whole

SEPARATOR = "#" * 146
"""The line that upstream puts between a solution and its test."""
_PARTS = ("load", "test", "deliver")


@dataclass(frozen=True)
class Script:
    """What is run beside the candidate, and how."""

    test: str
    """Text of the test part."""
    names: tuple[str, ...] = ()
    """Names of the module whose outermost calls by the test are recorded."""
    test_function: str = ""
    """Its function, such as `"test_softmax"`."""
    result: str | None = None
    """Module-level variable that takes its value; `None`: nobody calls it, so the runner does."""
    seed: int = 0
    fill: int = 0
    """What fresh memory holds inside recorded calls: 0: NaN or the largest integer; 1: another,
    finite value."""
    arithmetic: str = "plain"
    """`"moved"`: float arguments of recorded calls are moved by roundings; `"wide"`: they are
    float64, and so is what is computed with them."""
    launches: bool = True
    """False: every Triton launch is left out."""
    compile: bool = False
    """Without a GPU: compile every specialisation as well."""
    arguments: bool = False
    """Also deliver what every recorded call was given."""
    lent: tuple[str, ...] = ()
    """Import statements whose names the test part expects from the candidate: run before it where
    the candidate has no such name; not in a `main` script."""
    timed: bool = False
    """The test part times: fresh memory is left as it is."""
    main: bool = False
    """Run candidate and test part as one `__main__` script; nothing is recorded."""


@dataclass(frozen=True)
class Called:
    """A call that the test made to one of the names."""

    name: str
    """The name; `NAME.forward`, `NAME.apply` or `NAME.METHOD` for a class."""
    result: Node
    """`None` for a kernel's launch."""
    changed: dict[str, Node]
    """Arguments (`"0"`, `"kwargs.out"`, `"1[2]"`, `"self.running_mean"`) whose bytes changed in the
    call, as they were after it."""
    raised: str | None
    """Class of the exception with which it ended."""
    arguments: Node
    """`{"args": [...], "kwargs": {...}}` as they were before it, where that was asked for."""


@dataclass(frozen=True)
class Ran:
    """A script that ran to its end, and everything that it can show."""

    calls: tuple[Called, ...]
    result: Node
    locals: dict[str, Node] = field(default_factory=dict)
    """The test function's variables when it returned; `NAME.grad` where a tensor has a gradient."""
    stdout: str = ""
    """What it printed, its first 64 KiB."""
    launches: int = 0
    kernels: tuple[KernelReport, ...] = ()
    seconds: float = 0.0
    """From the request to the answer, by the parent's clock."""
    outside: str | None = None
    """The first access outside of a tensor, where the interpreter has seen one. As on a GPU it does
    not end the script: such a load gives what fresh memory holds (integers: 0 or 1), and such a
    store is dropped."""
    parts: dict[str, float] = field(default_factory=dict)
    """Seconds to `load`, `test` and `deliver`, by the child's clock: not evidence."""


def encode_script(script: Script) -> dict[str, Any]:
    """A script as JSON."""
    return asdict(script)


def decode_script(data: Mapping[str, Any]) -> Script:
    """The script that `encode_script` wrote."""
    return Script(**{**data, "names": tuple(data["names"]), "lent": tuple(data["lent"])})


def whose_line(source: str, line: int | None) -> tuple[str, int | None]:
    """Whose line a line of a `main` script is, the candidate's or the test's, and which one."""
    before = source.count("\n") + 2
    if line is None or line <= before:
        return "candidate", line
    return "test", line - before


class ScriptReader(Reader):
    """Reads values that only scripts show as well: names for what was left, numbers, references."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._tensors: list[Node] = []

    def node(self, data: Any, depth: int = 0) -> Node:
        """A nest of values."""
        if isinstance(data, dict) and len(data) == 1:
            ((kind, content),) = data.items()
            if kind == "same":
                return self._tensors[whole(content, 0, len(self._tensors) - 1)]
            if kind == "opaque":
                return Opaque(text(content))
            if kind == "complex":
                demand(isinstance(content, list) and len(content) == 2, "not a complex number")
                demand(all(isinstance(part, float) for part in content), "not a complex number")
                return complex(*content)
            if kind == "tensor":
                tensor = self.tensor(content)
                self._tensors.append(tensor)
                return tensor
        return super().node(data, depth)

    def nodes(self, data: Any) -> dict[str, Node]:
        """Values by name."""
        found = self.node({"dict": data})
        demand(isinstance(found, dict), "no values by name")
        return found if isinstance(found, dict) else {}


def read_ran(reader: ScriptReader, message: Mapping[str, Any], seconds: float) -> Ran:
    """What the child says that the test has shown, its bytes copied.

    Raises:
        ProtocolError: it says something else.
    """
    reader.snapshot(message.get("used"))
    calls = message.get("calls")
    demand(isinstance(calls, list), "no calls")
    # Tensors are numbered in the order in which they were delivered.
    called = tuple(_called(reader, call) for call in calls or ())
    return Ran(
        calls=called,
        result=reader.node(message.get("result")),
        locals=reader.nodes(message.get("locals")),
        stdout=_stdout(message.get("stdout")),
        launches=whole(message.get("launches")),
        kernels=kernel_reports(message.get("kernels")),
        seconds=seconds,
        outside=maybe(message.get("outside"), text),
        parts=_parts(message.get("parts")),
    )


def _called(reader: ScriptReader, data: Any) -> Called:
    demand(isinstance(data, dict), "not a call")
    # In this order they were delivered.
    arguments = reader.node(data.get("arguments"))
    result = reader.node(data.get("result"))
    return Called(
        name=text(data.get("name")),
        result=result,
        changed=reader.nodes(data.get("changed")),
        raised=maybe(data.get("raised"), text),
        arguments=arguments,
    )


def _stdout(value: Any) -> str:
    demand(isinstance(value, str) and len(value) <= 1 << 16, "no bounded output")
    return str(value)


def _parts(data: Any) -> dict[str, float]:
    demand(isinstance(data, dict) and set(data) <= set(_PARTS), "no times")
    for seconds in data.values():
        demand(isinstance(seconds, float) and 0 <= seconds < math.inf, "no duration")
    return {name: float(seconds) for name, seconds in data.items()}
