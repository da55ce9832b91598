"""The oracle: the reference, run in the case's own dtype and in float64."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch.overrides import TorchFunctionMode

from pytest_tritonbench.judge.nest import leaves
from pytest_tritonbench.judge.roundings import MovedByRoundings
from pytest_tritonbench.judge.sample import Sampler
from pytest_tritonbench.judge.verdict import Answer
from pytest_tritonbench.judge.wire import as_values
from pytest_tritonbench.task.case import Case
from pytest_tritonbench.task.declaration import Task
from pytest_tritonbench.task.layouts import geometry
from pytest_tritonbench.task.materialise import Allocate, place

_NARROW = (torch.float16, torch.bfloat16, torch.float32)
_COTANGENT = 7_919


class Float64(TorchFunctionMode):
    """Turns every conversion to a narrower float into one to float64.

    A reference that computes in float32 and casts back says how it is computed, not what: the
    oracle wants the latter. float8 stays, as rounding to it is usually the very task.
    """

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        """Run ``func`` with float64 in place of narrower dtypes."""
        del types
        wide = {key: _widened(value) for key, value in (kwargs or {}).items()}
        if func in (torch.Tensor.float, torch.Tensor.half, torch.Tensor.bfloat16):
            func = torch.Tensor.double
        return func(*map(_widened, args), **wide)


def _widened(value: Any) -> Any:
    if isinstance(value, torch.dtype):
        return torch.float64 if value in _NARROW else value
    return value


def run_reference(
    task: Task,
    arguments: Mapping[str, Any],
    cotangents: tuple[torch.Tensor | None, ...] | None,
    device: torch.device,
    sampler: Sampler | None = None,
) -> Answer:
    """Run the reference in the case's own dtype on ``device``, on copies of the arguments.

    The copies are contiguous and aligned: what is right does not depend on how the arguments lie in
    memory, and PyTorch has kernels that do (some fail on an odd offset).
    """
    copies = {name: _contiguous(value, device) for name, value in arguments.items()}
    return _run(task, task.reference, copies, cotangents, sampler)


def run_oracle(
    task: Task,
    arguments: Mapping[str, Any],
    cotangents: tuple[torch.Tensor | None, ...] | None,
    device: torch.device,
    sampler: Sampler | None = None,
) -> Answer | None:
    """Run the oracle in float64 on ``device``; ``None`` where the reference itself is the truth."""
    if task.exact or task.random:
        return None
    wide = {name: _in_float64(value, device) for name, value in arguments.items()}
    given = _wide_cotangents(cotangents)
    with Float64():
        return _run(task, task.oracle or task.reference, wide, given, sampler)


def run_nearby(
    task: Task,
    arguments: Mapping[str, Any],
    cotangents: tuple[torch.Tensor | None, ...] | None,
    device: torch.device,
    sampler: Sampler | None = None,
) -> Answer | None:
    """Run the oracle with every input and intermediate result moved by roundings of float32."""
    if any(_has_float64(value) for value in arguments.values()):
        # A case in float64 asks for more than float32's roundings would forgive.
        return None
    with MovedByRoundings():
        return run_oracle(task, arguments, cotangents, device, sampler)


def cotangents_for(
    task: Task, case: Case, reference: Answer, allocate: Allocate
) -> tuple[torch.Tensor | None, ...] | None:
    """Random cotangents for the floating point tensors of an output, in varied memory layouts.

    Returns:
        One per tensor of the output, ``None`` for tensors that have no gradient; ``None`` for a
        task without gradients.
    """
    if not task.gradients:
        return None
    made: list[torch.Tensor | None] = []
    for number, (_, leaf) in enumerate(leaves(reference.output, "")):
        tensor = getattr(leaf, "tensor", None)
        if tensor is None:
            continue
        if not tensor.is_floating_point():
            made.append(None)
            continue
        g = torch.Generator().manual_seed(case.seed * _COTANGENT + number)
        values = torch.randn(tensor.shape, generator=g)
        layouts = ("contiguous", "transposed", "expanded", "strided")
        layout = layouts[case.seed % len(layouts)] if tensor.dim() >= 2 else "contiguous"
        if layout == "expanded":
            values = values[:1].expand(values.shape)
        made.append(place(values.to(tensor.dtype), geometry(tensor.shape, layout), allocate))
    return tuple(made)


def _has_float64(value: Any) -> bool:
    return isinstance(value, torch.Tensor) and value.dtype == torch.float64


def _wide_cotangents(
    cotangents: tuple[torch.Tensor | None, ...] | None,
) -> tuple[torch.Tensor | None, ...] | None:
    if cotangents is None:
        return None
    return tuple(None if c is None else c.double() for c in cotangents)


def copied(value: Any, device: torch.device) -> Any:
    """A copy of a tensor with its storage, so that strides, gaps and offset stay."""
    if not isinstance(value, torch.Tensor):
        return value
    whole = torch.as_strided(value, (value.untyped_storage().nbytes() // value.itemsize,), (1,), 0)
    copy = whole.to(device, copy=True)
    return copy.as_strided(value.shape, value.stride(), value.storage_offset())


def _contiguous(value: Any, device: torch.device) -> Any:
    if not isinstance(value, torch.Tensor):
        return value
    return torch.empty(value.shape, dtype=value.dtype, device=device).copy_(value)


def _in_float64(value: Any, device: torch.device) -> Any:
    if not isinstance(value, torch.Tensor):
        return value
    if value.is_floating_point():
        # What is narrow travels and is made wide there, not the other way round.
        return value.to(device).to(torch.float64, copy=True)
    return value.to(device, copy=True)


def _run(
    task: Task,
    function: Callable[..., Any],
    arguments: dict[str, Any],
    cotangents: tuple[torch.Tensor | None, ...] | None,
    sampler: Sampler | None,
) -> Answer:
    wanted = {n: arguments[n] for n in task.gradients if arguments[n] is not None}
    if cotangents is None:
        with torch.no_grad():
            output = function(*arguments.values())
        mutated = {
            n: as_values(arguments[n], sampler) for n in task.mutates if arguments[n] is not None
        }
        return Answer(as_values(output, sampler), mutated)
    for tensor in wanted.values():
        tensor.requires_grad_()
    output = function(*arguments.values())
    tensors = [t for _, t in leaves(output, "") if isinstance(t, torch.Tensor)]
    pairs = [
        (t, c.to(t.device))
        for t, c in zip(tensors, cotangents, strict=True)
        if c is not None and t.requires_grad
    ]
    if not pairs:
        return Answer(as_values(output, sampler), {}, dict.fromkeys(wanted))
    outputs, given = zip(*pairs, strict=True)
    found = torch.autograd.grad(outputs, list(wanted.values()), given, allow_unused=True)
    gradients = {n: as_values(g, sampler) for n, g in zip(wanted, found, strict=True)}
    return Answer(as_values(output, sampler), {}, gradients)
