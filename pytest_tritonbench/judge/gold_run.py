"""The gold of an imported task, run on a case in a sandboxed process of its own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch

from pytest_tritonbench.judge.nest import Nest, Value, kind_of, leaves, mapped, tensors
from pytest_tritonbench.judge.verdict import Answer, Fault
from pytest_tritonbench.judge.wire import Storages, tensor_from
from pytest_tritonbench.judge.written import changed_around, tensor_args
from pytest_tritonbench.sandbox import (
    Arena,
    Call,
    Candidate,
    DtypeArg,
    Failure,
    ListArg,
    Node,
    TensorArg,
    TensorOut,
)
from pytest_tritonbench.sandbox import Value as Argument
from pytest_tritonbench.task.case import Case
from pytest_tritonbench.task.declaration import Task
from pytest_tritonbench.task.materialise import arguments
from pytest_tritonbench.task.tritonbench.forms import Form
from pytest_tritonbench.task.tritonbench.trial import Tried

Change = Callable[[str, torch.Tensor], torch.Tensor]
"""A slot and its tensor to another one."""


@dataclass(frozen=True)
class Prepared:
    """The arguments of one call, in an arena."""

    form: Form
    slots: Mapping[str, Any]
    """Values by slot; tensors are views of ``inputs``."""

    args: tuple[tuple[str, Argument], ...]
    inputs: memoryview

    @property
    def values(self) -> dict[str, Any]:
        """The arguments by parameter."""
        return self.form.fill(self.slots)


@dataclass(frozen=True)
class NoAnswer:
    """Why a run of the gold says nothing."""

    reason: str
    message: str


class GoldRun:
    """Runs the gold.

    Args:
        gold: The gold's module in its sandbox.
        device: ``cpu`` or ``cuda``.
        timeout: Seconds for one call.
    """

    def __init__(self, gold: Candidate, device: str, timeout: float) -> None:
        self.device = device
        self._gold = gold
        self._timeout = timeout
        self._arena = Arena()
        self._scratch = Arena()

    def prepare(self, form: Form, task: Task, case: Case) -> Prepared:
        """Make the arguments of a case.

        Raises:
            ValueError: If the case asks for what there is not, such as an index into nothing.
        """
        self._arena.clear()
        storages = Storages(self._arena)
        made = arguments(task, case, storages.allocate)
        return self._prepared(form, made, self._arena, storages)

    def changed(self, given: Prepared, change: Change) -> Prepared:
        """The same call with every tensor replaced by a contiguous one."""
        self._scratch.clear()
        storages = Storages(self._scratch)

        def placed(slot: str, value: Any) -> Any:
            if not isinstance(value, torch.Tensor):
                return value
            new = change(slot, value)
            return storages.allocate(new.dtype, new.numel()).view(new.shape).copy_(new)

        made = {slot: placed(slot, value) for slot, value in given.slots.items()}
        return self._prepared(given.form, made, self._scratch, storages)

    @staticmethod
    def _prepared(
        form: Form, made: Mapping[str, Any], arena: Arena, storages: Storages
    ) -> Prepared:
        filled = form.fill(made)
        args = tuple((name, _argument(value, storages)) for name, value in filled.items())
        return Prepared(form, made, args, arena.view(0, arena.used))

    def run(self, given: Prepared, *, seed: int = 0, fill: int = 0) -> Answer | NoAnswer:
        """Call the gold once; the answer has every tensor argument that it changed."""
        self._gold.inputs.write(0, given.inputs)
        call = Call(args=given.args, keywords=given.form.keywords, seed=seed, fill=fill)
        got = self._gold.call(call, self._timeout, copy_inputs=False)
        if isinstance(got, Failure):
            return NoAnswer(got.reason, got.message)
        on_gpu = self.device != "cpu"
        mutated = {}
        for name, arg in tensor_args(given.args):
            storages = (
                d[arg.start : arg.start + arg.nbytes] for d in (given.inputs, got.inputs_after)
            )
            if changed_around(arg, *storages):
                message = f"memory around the elements of {name!r} was written"
                return NoAnswer(Fault.INPUT_CHANGED, message)
            before, after = (_seen(arg, data) for data in (given.inputs, got.inputs_after))
            # Bytes, so that NaN equals itself.
            if not torch.equal(*(t.view(torch.uint8) for t in (before, after))):
                mutated[name] = Value(
                    after.view(arg.shape), arg.strides, "cuda" if on_gpu else "cpu"
                )
        return Answer(_nest(got.output, on_gpu=on_gpu), mutated)

    def __call__(
        self,
        form: Form,
        task: Task,
        case: Case,
        *,
        seed: int = 0,
        contiguous: bool = False,
        cast: torch.dtype | None = None,
    ) -> Tried:
        """Try a case, as :class:`~pytest_tritonbench.task.tritonbench.trial.Gold` has it."""
        try:
            given = self.prepare(form, task, case)
        except (ValueError, RuntimeError, IndexError) as e:
            return Tried(refused=f"no such arguments: {e}")
        if contiguous:
            given = self.changed(given, lambda _, value: value.contiguous())
        if cast is not None:
            own = getattr(torch, case.dtype)
            given = self.changed(given, lambda _, v: v.to(cast) if v.dtype == own else v)
        answer = self.run(given, seed=seed)
        if isinstance(answer, NoAnswer):
            return Tried(refused=f"{answer.reason}: {answer.message}")
        shown = {"output": answer.output, **answer.mutated}
        undefined = any(
            leaf.tensor.is_floating_point() and bool(torch.isnan(leaf.tensor).any())
            for _, leaf in leaves(shown, "")
            if isinstance(leaf, Value)
        )
        return Tried(None, tensors(shown), frozenset(answer.mutated), undefined)

    def close(self) -> None:
        """End the gold's process."""
        self._gold.close()
        self._arena.close()
        self._scratch.close()


def _argument(value: Any, storages: Storages) -> Argument:
    match value:
        case torch.Tensor():
            return storages.describe(value)
        case torch.dtype():
            return DtypeArg(str(value).removeprefix("torch."))
        case list():
            return ListArg(tuple(_argument(part, storages) for part in value))
        case tuple():
            return tuple(_argument(part, storages) for part in value)
        case _:
            plain: Argument = value
            return plain


def _seen(arg: TensorArg, data: memoryview) -> torch.Tensor:
    dtype: torch.dtype = getattr(torch, arg.dtype)
    storage = torch.frombuffer(data[arg.start : arg.start + arg.nbytes], dtype=dtype)
    view = storage.as_strided(arg.shape, arg.strides, arg.offset)
    return view.reshape(-1).clone(memory_format=torch.contiguous_format)


def _nest(node: Node, *, on_gpu: bool) -> Nest:
    def value(leaf: Any) -> Any:
        if not isinstance(leaf, TensorOut):
            return leaf
        tensor = tensor_from(leaf.dtype, leaf.shape, leaf.data).clone()
        return Value(tensor, leaf.strides, kind_of(leaf.device, on_gpu=on_gpu))

    return mapped(node, value)
