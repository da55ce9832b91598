"""Structure is exact: nests, shapes, dtypes and devices, told in one line where they differ."""

from __future__ import annotations

from pytest_tritonbench.judge.finding import Fault, Verdict, wrong
from pytest_tritonbench.judge.nest import HOST, Nest, Value, leaves, shape_of


def structure(name: str, got: Nest, want: Nest) -> Verdict | None:
    """The first fault of an output's structure, shapes, dtypes, devices and strides.

    Args:
        name: What the output is called in messages.
        got: The candidate's output.
        want: The reference's.
    """
    mine, theirs = list(leaves(got, name)), list(leaves(want, name))
    same = [path for path, _ in mine] == [path for path, _ in theirs]
    if not same or not _same_kinds(got, want):
        summary = f"{name} is a {shape_of(got)}, the reference gives a {shape_of(want)}"
        return wrong(Fault.WRONG_STRUCTURE, summary)
    for (path, a), (_, b) in zip(mine, theirs, strict=True):
        if isinstance(a, Value) and isinstance(b, Value):
            fault = tensor_structure(path, a, b) or _strides(path, a, b)
            if fault is not None:
                return fault
    return None


def _same_kinds(got: Nest, want: Nest) -> bool:
    match got, want:
        case (tuple(), tuple()) | (list(), list()):
            return len(got) == len(want) and all(map(_same_kinds, got, want))
        case dict(), dict():
            return list(got) == list(want) and all(_same_kinds(got[k], want[k]) for k in want)
        case Value(), Value():
            return True
        case _:
            return type(got) is type(want)


def tensor_structure(path: str, got: Value, want: Value) -> Verdict | None:
    """The first fault of a tensor's shape, dtype and device."""
    a, b = got.tensor, want.tensor
    if got.shape != want.shape:
        summary = f"{path} has shape {got.shape}, the reference gives {want.shape}"
        return wrong(Fault.WRONG_SHAPE, summary)
    if a.dtype != b.dtype:
        mine, theirs = str(a.dtype).removeprefix("torch."), str(b.dtype).removeprefix("torch.")
        return wrong(Fault.WRONG_DTYPE, f"{path} is {mine}, the reference gives {theirs}")
    if got.device != want.device:
        mine, theirs = ("cpu", "cuda") if got.device == HOST else (got.device, want.device)
        summary = f"{path} is on {mine}, the reference gives it on {theirs}"
        return wrong(Fault.WRONG_DEVICE, summary)
    return None


def _strides(path: str, got: Value, want: Value) -> Verdict | None:
    shared = [
        axis
        for axis, (size, step) in enumerate(zip(got.tensor.shape, got.strides, strict=True))
        if size > 1 and step == 0 and want.strides[axis] != 0
    ]
    if shared and got.tensor.numel():
        summary = f"{path} has stride 0 in dim {shared[0]}: its elements share memory"
        return wrong(Fault.ZERO_STRIDE, summary, ("strides", str(got.strides)))
    return None
