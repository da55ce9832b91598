"""Values are measured: one leaf of an output against the oracle's."""

from __future__ import annotations

import math
from typing import Any

import torch

from pytest_tritonbench.judge.finding import RIGHT, Fault, Verdict, wrong
from pytest_tritonbench.judge.nest import Value
from pytest_tritonbench.judge.rule import Closeness, Yardstick, closeness
from pytest_tritonbench.judge.sample import Sample
from pytest_tritonbench.judge.whereabouts import whereabouts


def yardstick(r: Any, o: Any, nearby: Any) -> Yardstick | None:
    """What one leaf is measured with, where it is a tensor of real floats with an oracle.

    Args:
        r: As for :func:`leaf`, as the others.
        o: The oracle's leaf.
        nearby: The oracle's, moved.
    """
    if not isinstance(r, Value) or not isinstance(o, Value) or o.tensor.shape != r.tensor.shape:
        return None
    if not r.tensor.is_floating_point():
        return None
    moved = nearby if isinstance(nearby, Value) and nearby.tensor.shape == r.tensor.shape else o
    return Yardstick(r.tensor, o.tensor.double(), moved.tensor.double())


def leaf(path: str, c: Any, r: Any, o: Any, nearby: Any, made: Yardstick | None = None) -> Verdict:
    """Judge one leaf of an output.

    Args:
        path: What the leaf is called in messages.
        c: The candidate's.
        r: The reference's in the case's own dtype.
        o: The reference's in float64; ``None`` when ``r`` is the truth.
        nearby: The same, moved by float32 roundings; ``None`` when nothing is known of it.
        made: The yardstick of these three, where it has been made ahead.
    """
    if not isinstance(r, Value):
        return _plain(path, c, r, o)
    if r.sample is not None:
        c = Value(r.sample.take(c.tensor), c.strides, c.device, r.sample)
    if not isinstance(o, Value) or o.tensor.shape != r.tensor.shape:
        return _equal(path, c, r)
    moved = nearby if isinstance(nearby, Value) and nearby.tensor.shape == r.tensor.shape else o
    if r.tensor.is_complex():
        mine, theirs = (torch.view_as_real(v.tensor.resolve_conj()) for v in (c, r))
        wide, far = (torch.view_as_real(v.tensor.to(torch.complex128)) for v in (o, moved))
        near = closeness(mine, theirs, wide, far)
        return told(f"{path} (real, imaginary)", near, (mine, wide, theirs))
    measured_with = made or yardstick(r, o, nearby)
    if measured_with is None:
        return _equal(path, c, r)
    near = measured_with.measure(c.tensor)
    return told(path, near, (c.tensor, o.tensor.double(), r.tensor), r.sample)


def _plain(path: str, c: Any, r: Any, o: Any) -> Verdict:
    if isinstance(r, float):
        # A Python float has no dtype of its own to set a tolerance: float32's is taken.
        pair = [torch.tensor([v], dtype=torch.float32) for v in (c, r)]
        wide = torch.tensor([r if o is None else float(o)], dtype=torch.float64)
        near = closeness(pair[0], pair[1], wide, wide)
        return told(path, near, (pair[0], wide, pair[1]))
    if c == r:
        return RIGHT
    return wrong(Fault.WRONG_VALUES, f"{path} is {c!r}, the reference gives {r!r}")


def told(
    path: str,
    near: Closeness,
    values: tuple[torch.Tensor, torch.Tensor, torch.Tensor],
    sample: Sample | None = None,
) -> Verdict:
    """A closeness in words.

    Args:
        path: What the leaf is called.
        near: How close it is.
        values: The candidate's values, the oracle's and the reference's.
        sample: Which elements these are, where they are not the whole.
    """
    c, o, r = values
    if near.accepted:
        return Verdict(ratio=near.ratio)
    if not bool(near.wrong.any()):
        summary = (
            f"{path} is off throughout: root mean square error {near.rms:.3g} ulp, "
            f"allowed {near.rms_allowed:.3g}"
        )
        return Verdict(Fault.WRONG_VALUES, summary, (), near.ratio)
    at = int((near.error / near.allowed).view(-1).argmax())
    index = _unravel(at, tuple(o.shape), sample)
    numbers = [float(t.reshape(-1)[at]) for t in (c, o, r, near.error, near.allowed)]
    return Verdict(
        Fault.WRONG_VALUES,
        f"{path} has wrong values",
        (
            ("worst", f"{path}{list(index) or ''} is {numbers[0]:.9g}, expected {numbers[1]:.9g}"),
            ("", f"(the reference in {str(r.dtype).removeprefix('torch.')}: {numbers[2]:.9g})"),
            ("error", f"{numbers[3]:.3g}, allowed {numbers[4]:.3g}{_times(near)}"),
            ("off", _extent(near.wrong, sample)),
        ),
        near.ratio,
    )


def _equal(path: str, c: Value, r: Value) -> Verdict:
    a, b = (_comparable(v.tensor) for v in (c, r))
    off = a != b
    if a.is_floating_point():
        off &= ~(torch.isnan(a) & torch.isnan(b))
    if not bool(off.any()):
        return RIGHT
    at = int(off.reshape(-1).to(torch.uint8).argmax())
    index = _unravel(at, tuple(a.shape), r.sample)
    mine, theirs = a.reshape(-1)[at].item(), b.reshape(-1)[at].item()
    return wrong(
        Fault.WRONG_VALUES,
        f"{path} has wrong values; every element must equal the reference's",
        ("first", f"{path}{list(index)} is {mine}, expected {theirs}"),
        ("off", _extent(off, r.sample)),
    )


def _comparable(t: torch.Tensor) -> torch.Tensor:
    # float8 has no comparison of its own; float64 holds each of its values exactly.
    return t.double() if t.is_floating_point() else t


def _times(near: Closeness) -> str:
    return f" ({near.ratio:.3g} times)" if math.isfinite(near.ratio) else ""


def _extent(wrong: torch.Tensor, sample: Sample | None) -> str:
    if sample is not None:
        return f"{int(wrong.sum())} of {wrong.numel()} elements that were sampled"
    return f"{int(wrong.sum())} of {wrong.numel()} elements, {whereabouts(wrong)}"


def _unravel(place: int, shape: tuple[int, ...], sample: Sample | None) -> tuple[int, ...]:
    flat = place
    if sample is not None:
        flat, shape = sample.flat(place), sample.shape
    index = []
    for size in reversed(shape):
        flat, place = divmod(flat, size)
        index.append(place)
    return tuple(reversed(index))
