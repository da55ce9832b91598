"""Two answers to one call, leaf by leaf: whether they agree, and what is made of both."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import torch

from pytest_tritonbench.judge.nest import Nest, Value, leaves
from pytest_tritonbench.judge.verdict import Answer
from pytest_tritonbench.task.tritonbench.trial import close


def _parts(answer: Answer) -> Nest:
    return {"output": answer.output, "mutated": dict(answer.mutated)}


def agree(a: Answer, b: Answer) -> bool:
    """Whether two answers are equal but for the order of a sum."""
    one, two = (dict(leaves(_parts(answer), "")) for answer in (a, b))
    return list(one) == list(two) and all(close(_bare(one[k]), _bare(two[k])) for k in one)


def _bare(leaf: Any) -> Any:
    return leaf.tensor if isinstance(leaf, Value) else leaf


def _rebuilt(change: Any, answer: Answer, *others: Answer) -> Answer:
    """The answer with every leaf changed, given its twins in other answers."""
    twins = [dict(leaves(_parts(other), "")) for other in others]

    def walk(nest: Nest, path: str) -> Nest:
        match nest:
            case tuple() | list():
                return type(nest)(walk(part, f"{path}[{n}]") for n, part in enumerate(nest))
            case dict():
                return {key: walk(part, f"{path}[{key!r}]") for key, part in nest.items()}
            case _:
                return change(nest, *(known.get(path) for known in twins))

    made = walk(_parts(answer), "")
    return Answer(made["output"], made["mutated"])


def as_truth(reference: Answer, wide: Answer) -> Answer:
    """The wide answer where it has the reference's structure, else the reference in float64."""

    def chosen(own: Any, twin: Any) -> Any:
        if isinstance(own, float):
            return float(twin) if isinstance(twin, int | float) else own
        if not isinstance(own, Value) or not _inexact(own.tensor):
            return own
        complex_ = own.tensor.is_complex()
        dtype = torch.complex128 if complex_ else torch.float64
        fits = isinstance(twin, Value) and twin.tensor.shape == own.tensor.shape
        best = twin if fits and twin.tensor.is_complex() == complex_ else own
        return replace(own, tensor=best.tensor.to(dtype))

    return _rebuilt(chosen, reference, wide)


def farther(reference: Answer, one: Answer, other: Answer) -> Answer:
    """Of two answers nearby the one that is farther from the reference, element by element."""

    def chosen(a: Any, b: Any, own: Any) -> Any:
        tensors = [leaf.tensor for leaf in (a, b, own) if isinstance(leaf, Value)]
        if len(tensors) < 3 or len({t.shape for t in tensors}) > 1 or not _inexact(tensors[0]):
            return a
        first, second, truth = tensors
        far = (second - truth).abs() > (first - truth).abs()
        return replace(a, tensor=torch.where(far, second, first))

    return _rebuilt(chosen, one, other, reference)


def apart_by_rounding(nearby: Answer, reference: Answer) -> Answer:
    """What is nearby, no closer to a reference that is itself the truth than its rounding is."""

    def apart(moved: Any, own: Any) -> Any:
        fits = isinstance(moved, Value) and isinstance(own, Value)
        if not fits or not own.tensor.is_floating_point() or moved.tensor.shape != own.tensor.shape:
            return moved
        at = own.tensor.double()
        info = torch.finfo(own.tensor.dtype)
        least = info.eps / 2 * torch.exp2(torch.log2(at.abs().clamp(info.smallest_normal)).floor())
        far = moved.tensor - at
        far = torch.where(far.abs() < least, torch.copysign(least, far), far)
        return replace(moved, tensor=at + far)

    return _rebuilt(apart, nearby, reference)


def _inexact(tensor: torch.Tensor) -> bool:
    return tensor.is_floating_point() or tensor.is_complex()


def has_integers(answer: Answer) -> bool:
    """Whether any leaf is a whole number or made of them."""
    return any(
        isinstance(leaf, int) or (isinstance(leaf, Value) and not _inexact(leaf.tensor))
        for _, leaf in leaves(_parts(answer), "")
    )


def same_indices(a: Answer, b: Answer) -> bool:
    """Whether what is a tensor of integers in both answers is equal."""
    one, two = (dict(leaves(_parts(answer), "")) for answer in (a, b))
    pairs = [(_bare(leaf), _bare(two[path])) for path, leaf in one.items() if path in two]
    return all(torch.equal(x, y) for x, y in pairs if _is_index(x) and _is_index(y))


def _is_index(leaf: Any) -> bool:
    return isinstance(leaf, torch.Tensor) and leaf.dtype in (torch.int64, torch.int32)


def same_integers(a: Answer, b: Answer) -> bool:
    """Whether answers of one structure are equal where they are not floating point."""
    one, two = (dict(leaves(_parts(answer), "")) for answer in (a, b))
    if list(one) != list(two):
        return False
    for path, leaf in one.items():
        twin = two[path]
        if isinstance(leaf, Value) and isinstance(twin, Value):
            if leaf.tensor.shape != twin.tensor.shape:
                return False
            if not _inexact(leaf.tensor) and not torch.equal(leaf.tensor, twin.tensor):
                return False
        elif not isinstance(leaf, float) and leaf != twin:
            return False
    return True
