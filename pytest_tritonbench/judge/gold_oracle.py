"""The trusted side of an imported task: its gold, asked like any oracle.

A case on which the gold gives no answer that a right candidate must give, too, says nothing and is
refused: the gold raises, does not repeat itself, leaves elements unwritten, or its integers hang on
a rounding of the inputs (ties).
"""

from __future__ import annotations

import math
import os
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from pytest_tritonbench.judge.answer_pairs import (
    agree,
    apart_by_rounding,
    as_truth,
    farther,
    has_integers,
    same_indices,
    same_integers,
)
from pytest_tritonbench.judge.gold_run import Change, GoldRun, NoAnswer, Prepared
from pytest_tritonbench.judge.nest import Value
from pytest_tritonbench.judge.oracle_client import Asked, Once, RefusedCaseError
from pytest_tritonbench.judge.verdict import Answer, Expected
from pytest_tritonbench.task.case import Case
from pytest_tritonbench.task.declaration import Task
from pytest_tritonbench.task.pieces import IntegerPiece
from pytest_tritonbench.task.tritonbench.generalise import Generalised

_KEPT = 128
_KEPT_ELEMENTS = 1 << 16

# TF32 keeps 10 bits of the mantissa, and tl.dot takes it for float32 unless told otherwise. Tensor
# cores ignore the other bits, which is an error of up to a unit and not of half a one.
_TF32 = 2.0**-10
_TF32_BITS = -(1 << 13)
_NOTHING = 1e-30
_LESS_THAN_ONE = 1e-3


class GoldOracle:
    """Asks the gold, with the interface that an evaluation expects of an oracle.

    Args:
        gold: Runs the gold.
        generalised: What the cases are drawn from.
        wide: Whether the gold computes in float64 what it is given in float64, as a PyTorch
            reference does; a Triton kernel's own answer is the truth.
        tf32: Whether products of float32 matrices may be rounded to TF32.
    """

    def __init__(
        self, gold: GoldRun, generalised: Generalised, *, wide: bool, tf32: bool = False
    ) -> None:
        self.device = gold.device
        self._gold = gold
        self._generalised = generalised
        self._wide = wide
        self._tf32 = tf32
        # The rest of the truth is worked out while the candidate is at work, so it is always time.
        self._ready = os.eventfd(1)
        self._known: OrderedDict[str, Answer | Expected | str] = OrderedDict()

    def ask(
        self,
        path: Path,
        case: Case,
        *,
        device: str | None = None,
        timed: bool = False,
        turns: Mapping[str, int] | None = None,
    ) -> Asked:
        """Make the arguments of a case and run the gold on them.

        Args:
            path: The task's file, for messages.
            case: A case of the generalised task.
            device: Not used: the gold runs where the candidate does.
            timed: Not used: no case is timed here.
            turns: As ``timed``.

        Raises:
            RefusedCaseError: If the case says nothing about a candidate.
        """
        del device, timed, turns
        key = case.to_json()
        form, task = self._generalised.of(case)
        try:
            given = self._gold.prepare(form, task, case)
        except (ValueError, RuntimeError, IndexError) as e:
            raise RefusedCaseError(f"{path}: no arguments for {key}: {e}") from None
        if key not in self._known:
            self._remember(key, self._plain(given), given)
        found = self._known[key]
        self._known.move_to_end(key)

        def truth() -> Expected:
            nonlocal found
            if isinstance(found, Answer):
                self._known[key] = found = self._answer(given, found, _data(task))
            if isinstance(found, str):
                raise RefusedCaseError(f"{path}: {found} on {key}")
            return found

        if isinstance(found, str):
            raise RefusedCaseError(f"{path}: {found} on {key}")
        plain = found.reference if isinstance(found, Expected) else found
        return Asked(
            case=case,
            args=given.args,
            cotangents=(),
            inputs=given.inputs,
            values=given.values,
            truth=Once(truth),
            truth_arrives=self._ready,
            keywords=form.keywords,
            # A test does nothing with what a call returns where that is None.
            returns=plain.output is not None,
        )

    def close(self) -> None:
        """End the gold's process."""
        self._gold.close()
        os.close(self._ready)

    def _remember(self, key: str, found: Answer | str, given: Prepared) -> None:
        sizes = [v.numel() for v in given.slots.values() if isinstance(v, torch.Tensor)]
        self._known[key] = found
        while len(self._known) > (_KEPT if sum(sizes) <= _KEPT_ELEMENTS else 1):
            self._known.popitem(last=False)

    def _plain(self, given: Prepared) -> Answer | str:
        plain = self._gold.run(given)
        if isinstance(plain, NoAnswer):
            return f"the gold fails ({plain.reason}: {plain.message})"
        again = self._gold.run(given, seed=1, fill=1)
        if isinstance(again, NoAnswer) or not agree(plain, again):
            return "the gold does not repeat itself"
        if foreign := set(plain.mutated) - set(self._generalised.task.mutates):
            return f"the gold changes {', '.join(sorted(foreign))}"
        return plain

    def _answer(self, given: Prepared, plain: Answer, data: frozenset[str]) -> Expected | str:
        leave = self._generalised.task.mutates
        reference = self._with_mutated(plain, given, leave)
        exact = {k: v for k, v in _floats(given.slots).items() if v.dtype == torch.float64}
        step = {n: self._step(v.dtype) for n, v in _floats(given.slots).items()}
        wide = self._gold.run(self._gold.changed(given, _in_float64)) if self._wide else plain
        if isinstance(wide, NoAnswer):
            wide = plain
        oracle = as_truth(reference, self._with_mutated(wide, given, leave))
        largest = max(step.values(), default=0.0)
        moved = self._moved(given, largest, wide=wide is not plain)
        if isinstance(moved, NoAnswer) or (exact and self._wide):
            return Expected(reference, oracle, None)
        if has_integers(reference) and not self._firm(given, plain, data, largest):
            return "the gold's integers hang on a rounding of the inputs"
        # Both in float64 or both in the case's dtype: the distance is the inputs' doing.
        nearby = as_truth(reference, self._with_mutated(moved, given, leave))
        if self._tf32:
            cut = self._gold.run(self._gold.changed(given, _in_tf32))
            if not isinstance(cut, NoAnswer):
                cut = as_truth(reference, self._with_mutated(cut, given, leave))
                nearby = farther(reference, nearby, cut)
        if not self._wide:
            nearby = apart_by_rounding(nearby, reference)
        return Expected(reference, oracle, nearby)

    def _firm(self, given: Prepared, plain: Answer, data: frozenset[str], step: float) -> bool:
        """Whether integers of the answer are those of inputs nearby, so that no tie is broken."""
        for sign in (1, -1):
            # One of two opposite moves breaks any tie.
            moved = self._moved(given, sign * step, wide=self._wide)
            if not isinstance(moved, NoAnswer) and not same_integers(plain, moved):
                return False
            if not data or not self._wide:
                continue
            moved = self._gold.run(self._gold.changed(given, _between(data, sign)))
            if not isinstance(moved, NoAnswer) and not same_indices(plain, moved):
                return False
        return True

    def _moved(self, given: Prepared, step: float, *, wide: bool) -> Answer | NoAnswer:
        g = torch.Generator().manual_seed(1)

        def change(_: str, value: torch.Tensor) -> torch.Tensor:
            if not value.is_floating_point():
                return value
            noise = 2 * torch.rand(value.shape, generator=g, dtype=torch.float64) - 1
            # Zeros tie as well.
            moved = value.double() * (1 + step * noise) + math.copysign(_NOTHING, step) * noise
            return moved if wide else moved.to(value.dtype)

        return self._gold.run(self._gold.changed(given, change))

    def _step(self, dtype: torch.dtype) -> float:
        if dtype == torch.float32 and self._tf32:
            return _TF32
        # Where what is moved is rounded to its dtype again, half an ulp would move nothing, and an
        # answer that rounds elsewhere than the gold would have no allowance.
        return torch.finfo(dtype).eps / (2 if self._wide else 1)

    @staticmethod
    def _with_mutated(answer: Answer, given: Prepared, leave: tuple[str, ...]) -> Answer:
        """The answer with every argument that may change, changed or not."""
        values = given.values
        arguments = {n: values[n] for n in leave if isinstance(values.get(n), torch.Tensor)}
        mutated = {
            n: answer.mutated.get(n) or Value(v.contiguous().clone(), v.stride(), "cpu")
            for n, v in arguments.items()
        }
        return replace(answer, mutated=mutated)


def _in_float64(_: str, value: torch.Tensor) -> torch.Tensor:
    return value.double() if value.is_floating_point() else value


def _in_tf32(_: str, value: torch.Tensor) -> torch.Tensor:
    """What tensor cores make of it, all in one direction: errors of constant values add up."""
    if value.dtype != torch.float32:
        return value
    return (value.contiguous().view(torch.int32) & _TF32_BITS).view(torch.float32)


def _between(data: frozenset[str], sign: int) -> Change:
    """Integers that are data, moved off each other as floats."""
    g = torch.Generator().manual_seed(2)

    def change(slot: str, value: torch.Tensor) -> torch.Tensor:
        if slot not in data:
            return value
        noise = 2 * torch.rand(value.shape, generator=g, dtype=torch.float64) - 1
        return value.double() + sign * _LESS_THAN_ONE * noise

    return change


def _data(task: Task) -> frozenset[str]:
    """Slots of integers that are data, not indices into an extent."""
    return frozenset(
        name
        for name, piece in task.inputs.items()
        if isinstance(piece, IntegerPiece) and isinstance(piece.high, int)
    )


def _floats(slots: Any) -> dict[str, torch.Tensor]:
    return {
        name: value
        for name, value in slots.items()
        if isinstance(value, torch.Tensor) and value.is_floating_point()
    }
