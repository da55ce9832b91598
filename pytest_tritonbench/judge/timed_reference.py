"""The reference, timed again and again in the trusted process; the candidate's counterpart."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

from pytest_tritonbench.judge.oracle import copied
from pytest_tritonbench.sandbox.stopwatch import Stopwatch
from pytest_tritonbench.sandbox.turning import LARGEST_SHUFFLED, turn
from pytest_tritonbench.task.case import Case
from pytest_tritonbench.task.declaration import Task
from pytest_tritonbench.task.work import work


class TimedReference:
    """One call of a reference, with the memory that it works in.

    Args:
        task: Whose reference.
        case: What it is called with.
        made: Its arguments, on the CPU.
        device: Where it runs.
        cold: Whether the L2 cache is flushed before each call.
        compiled: Whether it is ``torch.compile`` of the reference.
    """

    def __init__(
        self,
        task: Task,
        case: Case,
        made: Mapping[str, Any],
        device: torch.device,
        *,
        cold: bool,
        compiled: bool,
    ) -> None:
        self._device = device
        self._kept = {name: copied(value, device) for name, value in made.items()}
        self._used = dict(self._kept)
        self._spacer: torch.Tensor | None = None
        self._function = torch.compile(task.reference) if compiled else task.reference
        self._stopwatch = Stopwatch(device, self._call, cold=cold)
        self._place(0)
        self.work = work(task, case, self._used, self._call())

    def _call(self) -> Any:
        with torch.no_grad():
            return self._function(*self._used.values())

    def ready(self, clock: str) -> dict[str, Any]:
        """Choose the clock and warm up, as ``Stopwatch.ready`` does."""
        return {**self._stopwatch.ready(clock)}

    def time(self, turns: Mapping[str, int], *, held: bool) -> dict[str, Any]:
        """Turn the inputs and time one call on them, as ``Stopwatch.time`` does."""
        for name, kept in self._kept.items():
            if not isinstance(kept, torch.Tensor):
                continue
            used = self._used[name]
            if name in turns:
                turn(_elements(used), _elements(kept), turns[name])
            else:
                _storage(used).copy_(_storage(kept))
        return self._stopwatch.time(held=held)

    def burst(self, count: int) -> dict[str, float]:
        """Call it some times in a row, as ``Stopwatch.burst`` does."""
        return self._stopwatch.burst(count)

    def move(self, spacer: int) -> None:
        """Let the inputs lie elsewhere, behind so many bytes."""
        self._stopwatch.let_go()
        self._place(spacer)
        self._call()
        self._stopwatch.prepare()

    def _place(self, spacer: int) -> None:
        self._used, self._spacer = {}, None
        if self._device.type == "cuda":
            torch.cuda.empty_cache()
        self._spacer = torch.empty(spacer, dtype=torch.uint8, device=self._device)
        self._used = {name: copied(kept, self._device) for name, kept in self._kept.items()}


class Turns:
    """Turns the arguments of a case where they lie, and back.

    Args:
        made: The arguments, as they are to be when nothing is turned.
    """

    def __init__(self, made: Mapping[str, Any]) -> None:
        self._made = made
        self._now: dict[str, int] = {}
        self._first: dict[str, torch.Tensor] = {}

    def turn(self, turns: Mapping[str, int]) -> None:
        """Have these arguments turned, and no other."""
        for name in {*turns, *self._now}:
            elements, number = _elements(self._made[name]), turns.get(name)
            if elements.numel() > LARGEST_SHUFFLED:
                # Another copy of what is large is not kept: it is turned on from where it is.
                further = (number or 0) - self._now.get(name, 0)
                turn(elements, elements.clone(), further % elements.numel())
                continue
            first = self._first.setdefault(name, elements.clone())
            if number is None:
                elements.copy_(first)
            else:
                turn(elements, first, number)
        self._now = dict(turns)


def _elements(tensor: torch.Tensor) -> torch.Tensor:
    """The elements of a dense tensor in the order of memory."""
    return torch.as_strided(tensor, (tensor.numel(),), (1,), tensor.storage_offset())


def _storage(tensor: torch.Tensor) -> torch.Tensor:
    count = tensor.untyped_storage().nbytes() // tensor.itemsize
    return torch.as_strided(tensor, (count,), (1,), 0)
