"""Notes what a test hands to a candidate's names, and what comes back, call by call.

Only calls that the test itself makes are recorded, not those that the module makes to itself nor
those of a backward pass. While one runs, the generators have a seed of its own and fresh memory a
pattern that nobody would compute, and afterwards the generators stand where they stood: what the
candidate draws or forgets to write never reaches the test's next input.
"""

from __future__ import annotations

import contextlib
import functools
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import torch

from . import poison, randomness
from .arithmetic import Plain, differs
from .evidence import Evidence, shown_by, tensors_in
from .loading import CandidateError
from .reasons import Reason
from .results import MAX_DEPTH

_MOST_CALLS = 4096
_CONSTRUCTION = 1 << 40
_is_module = torch.nn.Module
_strided = torch.strided
_no_functions = torch._C.DisableTorchFunction  # noqa: SLF001 - there is no public way


@dataclass(frozen=True)
class Terms:
    """Under which terms calls are recorded."""

    seed: int
    fill: int
    """0: fresh memory in a call is NaN or the largest integer; 1: another, finite value."""
    arguments: bool
    """Whether what a call is given is delivered as well."""


class Recorder:
    """Records the outermost calls of one test.

    Args:
        terms: how to.
        evidence: where results are delivered, at once, for tests reuse their tensors.
        arithmetic: what becomes of arguments.
        files: the candidate's and the test's file as frames carry them.
        finish: waits for the device.
    """

    def __init__(
        self,
        terms: Terms,
        evidence: Evidence,
        arithmetic: Plain,
        files: tuple[str, str],
        finish: Callable[[], None],
    ) -> None:
        self.calls: list[dict[str, Any]] = []
        self.broken: BaseException | None = None
        """An error of the recording itself, which a test may have swallowed."""
        self.loading = True
        """Whether the module is still being loaded."""
        self._terms = terms
        self._evidence = evidence
        self._arithmetic = arithmetic
        self._candidate, self._test = files
        self._finish = finish
        self._depth = 0
        self._building = 0
        self._constructed = 0

    def fill(self) -> poison.Fill:
        """How to fill the memory that is being allocated now."""
        # With nothing being called, a frame of the candidate's is its backward pass.
        idle = not self.loading and not self._building
        inside = self._depth or (idle and self._nearest() == self._candidate)
        if not inside:
            return poison.fill_varied
        return poison.fill_finite if self._terms.fill else poison.fill

    def call(
        self,
        name: str,
        function: Callable[..., Any],
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        *,
        owner: Any = None,
        launch: bool = False,
    ) -> Any:
        """Call a function and record it, if the test is who calls.

        Args:
            name: what the record is to say.
            function: what to call.
            args: its positional arguments.
            kwargs: its keyword arguments.
            owner: the object whose method it is; a module's buffers and parameters are watched.
            launch: whether it launches a kernel, of which only the changed arguments count.
        """
        if self._depth or self._building or self._nearest() != self._test:
            return function(*args, **kwargs)
        record: dict[str, Any] = {"name": name, "result": None, "changed": [], "raised": None}
        with self._recording():
            if len(self.calls) >= _MOST_CALLS:
                raise CandidateError(
                    Reason.WRONG_STRUCTURE, f"the test makes more than {_MOST_CALLS} calls"
                )
            seed = self._terms.seed * 1_000_003 + len(self.calls) + 1
            self.calls.append(record)
            record["arguments"] = self._shown(args, kwargs, f"argument of {name}")
            args, kwargs = self._arithmetic.enter(args, kwargs, seed)
            before = self._before(args, kwargs, owner)
        try:
            output = self._isolated(seed, function, args, kwargs)
        except BaseException as error:
            record["raised"] = type(error).__name__[:200]
            with contextlib.suppress(RuntimeError):  # a device that has failed
                self._arithmetic.settle()
            raise
        with self._recording():
            if not launch:
                record["result"] = self._evidence.node(output, f"result of {name}")
            changed = [(path, tensor) for path, tensor, copy in before if _changed(tensor, copy)]
            self._arithmetic.settle()
            record["changed"] = [
                [path, self._evidence.node(tensor, f"{path} of {name}")] for path, tensor in changed
            ]
            return self._arithmetic.hand_back(output)

    def construct(
        self, function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> None:
        """Run a constructor of the candidate's; drawing in it does not shift the test's inputs."""
        if self._depth or self._building or self._nearest() != self._test:
            function(*args, **kwargs)
            return
        self._constructed += 1
        saved = randomness.save()
        randomness.seed(self._terms.seed * 1_000_003 + _CONSTRUCTION + self._constructed)
        self._building = 1
        try:
            function(*args, **kwargs)
        finally:
            self._building = 0
            randomness.restore(saved)

    def _isolated(
        self,
        seed: int,
        function: Callable[..., Any],
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
    ) -> Any:
        passed = [v for v in (*args, *kwargs.values()) if isinstance(v, randomness.Generator)]
        saved = randomness.save(passed)
        randomness.seed(seed)
        self._depth = 1
        try:
            with self._arithmetic.mode():
                output = function(*args, **kwargs)
            self._finish()
        finally:
            self._depth = 0
            randomness.restore(saved)
        return output

    @contextlib.contextmanager
    def _recording(self) -> Iterator[None]:
        """Keep an error of ours, for the test may catch it."""
        try:
            yield
        except BaseException as error:
            self.broken = self.broken or error
            raise

    def _nearest(self) -> str | None:
        """The file, of the candidate's and the test's, whose frame is innermost."""
        frame = sys._getframe(2)  # noqa: SLF001 - the only way to the caller's frame
        while frame is not None:
            name = frame.f_code.co_filename
            if name in {self._candidate, self._test}:
                return name
            frame = frame.f_back  # type: ignore[assignment]  # `None` ends the loop
        return None

    def _shown(self, args: tuple[Any, ...], kwargs: Mapping[str, Any], where: str) -> Any:
        if not self._terms.arguments:
            return None
        return self._evidence.node({"args": list(args), "kwargs": dict(kwargs)}, where)

    @staticmethod
    def _before(
        args: tuple[Any, ...], kwargs: Mapping[str, Any], owner: Any
    ) -> list[tuple[str, torch.Tensor, torch.Tensor]]:
        """Every tensor that the call can reach, with a copy of what it holds."""
        found: list[tuple[str, torch.Tensor]] = []
        for index, value in enumerate(args):
            found += _reachable(value, str(index))
        for name, value in kwargs.items():
            found += _reachable(value, f"kwargs.{name}")
        if isinstance(owner, _is_module):
            found += _reachable(owner, "self")
        with torch.no_grad(), _no_functions():
            return [
                (path, tensor, tensor.detach().clone())
                for path, tensor in found
                if _is_plain(tensor)
            ]


def _reachable(value: Any, path: str, depth: int = 0) -> Iterator[tuple[str, torch.Tensor]]:
    if isinstance(value, _is_module):
        yield from ((f"{path}.{name}", tensor) for name, tensor in shown_by(value))
    elif type(value) in {list, tuple} and depth < MAX_DEPTH:
        for index, item in enumerate(value):
            yield from _reachable(item, f"{path}[{index}]", depth + 1)
    else:
        yield from tensors_in(value, path, depth)


def _is_plain(tensor: torch.Tensor) -> bool:
    return (
        tensor.layout is _strided
        and tensor.device.type != "meta"
        and not tensor.is_quantized
        and type(tensor) in {torch.Tensor, torch.nn.Parameter}
    )


def _changed(tensor: torch.Tensor, copy: torch.Tensor) -> bool:
    with torch.no_grad(), _no_functions():
        return differs(tensor, copy)


def wrapped(recorder: Recorder, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    """A function that is recorded when the test calls it."""

    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        return recorder.call(name, function, args, kwargs)

    return call
