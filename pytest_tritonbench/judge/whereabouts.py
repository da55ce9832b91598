"""Say in words where the wrong elements of a tensor are."""

from __future__ import annotations

import itertools

import torch

_AXES = {1: ("element",), 2: ("row", "column")}


def whereabouts(wrong: torch.Tensor) -> str:
    """Describe the wrong elements.

    Args:
        wrong: bool, any shape, at least one element set.

    Returns:
        A phrase such as ``all elements`` or ``columns 256..299 of 300 (the last 44)``.
    """
    count, total = int(wrong.sum()), wrong.numel()
    if count == total:
        return "all elements"
    phrases = []
    for axis in range(wrong.dim()):
        others = [a for a in range(wrong.dim()) if a != axis]
        hit = wrong.any(dim=others) if others else wrong
        places = torch.nonzero(hit).flatten().tolist()
        if len(places) < wrong.shape[axis]:
            phrases.append(_along(_axis_name(axis, wrong.dim()), places, wrong.shape[axis]))
    if not phrases:
        return "scattered over the whole tensor"
    return "only in " + " and ".join(phrases)


def _axis_name(axis: int, rank: int) -> str:
    names = _AXES.get(rank)
    return names[axis] if names else f"dim {axis} index"


def _along(name: str, places: list[int], size: int) -> str:
    plural = "indices" if name.endswith("index") else f"{name}s"
    if name.endswith("index"):
        plural = name.removesuffix("index") + "indices"
    first, last = places[0], places[-1]
    if len(places) == 1:
        return f"{name} {first} of {size}"
    steps = {b - a for a, b in itertools.pairwise(places)}
    if steps == {1}:
        span = f"{plural} {first}..{last} of {size}"
        if last == size - 1:
            return f"{span} (the last {len(places)})"
        return f"{span} (the first {len(places)})" if first == 0 else span
    if len(steps) == 1 and len(places) > 2:
        step = steps.pop()
        return f"every {_ordinal(step)} {name} from {first} on"
    shown = ", ".join(map(str, places[:4]))
    return f"{len(places)} of {size} {plural} ({shown}{', ...' if len(places) > 4 else ''})"


def _ordinal(number: int) -> str:
    suffix = (
        "th" if 10 <= number % 100 <= 20 else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    )
    return f"{number}{suffix}"
