"""One tensor against the gold's: undefined elements left out, large tensors piece by piece."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial

import torch

from pytest_tritonbench.judge.finding import Fault, Verdict, wrong
from pytest_tritonbench.judge.rule import closeness
from pytest_tritonbench.judge.sample import Sample
from pytest_tritonbench.judge.values import told
from pytest_tritonbench.judge.whereabouts import whereabouts

# Tensors above this are judged in pieces, so that float64 copies of a large one need not fit.
LARGEST_PIECE = 1 << 22

# How far a float64 run may be from the plain one, in ulps of the largest value, before it is taken
# for another computation: random numbers drawn in another dtype, a branch on the dtype. On a GPU
# float32 convolutions are rounded to TF32, which is 2^13 ulps.
BELIEVED = {torch.float64: 2.0**24, torch.float32: 2.0**15}
BELIEVED_LOW_PRECISION = 2.0**5
# ... or this many times further than the moved run.
BELIEVED_TIMES_MOVED = 100.0


@dataclass(frozen=True)
class Truth:
    """What is known of the right values of one floating point tensor."""

    plain: torch.Tensor
    """The gold's values."""

    moved: torch.Tensor | None = None
    """The same where the inputs of its calls were moved by roundings."""

    wide: torch.Tensor | None = None
    """The same in float64; ``None``: ``plain`` is the truth."""

    times: float = 1.0
    """How many times the effect of the roundings is allowed for."""

    def pieces(
        self, c: torch.Tensor, mask: torch.Tensor | None
    ) -> Iterator[tuple[int, tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]]]:
        """``(first element, (c, r, o, nearby))`` for each piece, undefined elements being zero."""
        for start, part in _cuts(self.plain):
            plain, mine = part(self.plain), part(c)
            plain64 = plain.double()
            o = plain64 if self.wide is None else part(self.wide).double()
            nearby = o
            if self.moved is not None:
                nearby = o + self.times * (part(self.moved).double() - plain64)
            if mask is not None:
                keep = ~part(mask)
                zero = torch.zeros((), dtype=torch.float64)
                mine = torch.where(keep, mine.double(), zero)
                plain = torch.where(keep, plain64, zero).to(plain.dtype)
                o, nearby = torch.where(keep, o, zero), torch.where(keep, nearby, zero)
            yield start, (mine, plain, o, nearby)


def _rows(tensor: torch.Tensor, columns: int, rows: slice) -> torch.Tensor:
    return tensor.reshape(-1, columns)[rows]


def _cuts(like: torch.Tensor) -> Iterator[tuple[int, Callable[[torch.Tensor], torch.Tensor]]]:
    count = like.numel()
    if count <= LARGEST_PIECE:
        yield 0, torch.Tensor.detach
        return
    columns = like.shape[-1] if like.shape[-1] <= LARGEST_PIECE else 1
    rows = LARGEST_PIECE // columns
    for start in range(0, count // columns, rows):
        yield start * columns, partial(_rows, columns=columns, rows=slice(start, start + rows))


def real(t: torch.Tensor) -> torch.Tensor:
    """A complex tensor as pairs of real numbers; any other as it is."""
    return torch.view_as_real(t.resolve_conj()) if t.is_complex() else t


def same_bytes(a: torch.Tensor, b: torch.Tensor) -> bool:
    """Whether two tensors hold the same bytes in the same form."""
    if a.dtype != b.dtype or a.shape != b.shape:
        return False
    x, y = (t.contiguous().reshape(-1).view(torch.uint8) for t in (a, b))
    return torch.equal(x, y)


def measurable(dtype: torch.dtype) -> bool:
    """Whether values of a dtype are measured; all others must be equal."""
    # Packed formats have no arithmetic: their bytes are compared.
    return (dtype.is_floating_point or dtype.is_complex) and dtype != torch.float4_e2m1fn_x2


def beyond_rounding(a: torch.Tensor, truth: Truth) -> torch.Tensor:
    """Where ``a`` differs from ``truth.plain`` by more than roundings explain: bool, its shape."""
    found = [closeness(*numbers).wrong.reshape(-1) for _, numbers in truth.pieces(a, None)]
    return torch.cat(found).view(a.shape) if found else torch.zeros(a.shape, dtype=torch.bool)


def unequal(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """Where two tensors of one dtype differ: bool, their shape."""
    if a.dtype == torch.float4_e2m1fn_x2:
        a, b = a.view(torch.uint8), b.view(torch.uint8)
    return a != b


def believed(truth: Truth) -> Truth:
    """The same without its float64 run where that is another computation."""
    if truth.wide is None or not truth.plain.numel():
        return truth
    dtype = truth.plain.dtype
    limit = BELIEVED.get(dtype, BELIEVED_LOW_PRECISION) * torch.finfo(dtype).eps
    for _, (_, plain, o, nearby) in truth.pieces(truth.plain, None):
        plain64 = plain.double()
        both = torch.isfinite(plain64) & torch.isfinite(o)
        off = torch.where(both, (o - plain64).abs(), 0.0).max()
        moved = torch.where(both & torch.isfinite(nearby), (nearby - o).abs(), 0.0).max()
        scale = torch.where(both, plain64.abs(), 0.0).max()
        if off > max(limit * scale, BELIEVED_TIMES_MOVED * moved):
            return replace(truth, wide=None)
    return truth


def measured(path: str, c: torch.Tensor, truth: Truth, mask: torch.Tensor | None) -> Verdict:
    """Judge floating point values.

    Args:
        path: What the leaf is called.
        c: The candidate's values, of the form of ``truth.plain``.
        truth: The gold's.
        mask: bool, set where the gold is undefined; ``None``: nowhere.
    """
    if c.numel() > LARGEST_PIECE and same_bytes(c, truth.plain):
        return Verdict()
    worst, off = Verdict(), []
    for start, (mine, r, o, nearby) in truth.pieces(c, mask):
        near = closeness(mine, r, o, nearby)
        off.append(near.wrong.reshape(-1))
        sample = Sample(tuple(c.shape), (start,), o.numel()) if o.shape != c.shape else None
        verdict = told(path, near, (mine, o, r), sample)
        # A piece that is rejected comes before one that is not, whatever their errors.
        if (not verdict.accepted, verdict.ratio) >= (not worst.accepted, worst.ratio):
            worst = verdict
    if worst.accepted:
        return worst
    return replace(worst, details=_counted(worst, torch.cat(off).view(c.shape), mask))


def _counted(
    verdict: Verdict, off: torch.Tensor, mask: torch.Tensor | None
) -> tuple[tuple[str, str], ...]:
    if not bool(off.any()):
        return verdict.details
    kept = [(head, text) for head, text in verdict.details if head != "off"]
    return (*kept, ("off", _extent(off, mask)))


def _extent(off: torch.Tensor, mask: torch.Tensor | None) -> str:
    text = f"{int(off.sum())} of {off.numel()} elements, {whereabouts(off)}"
    if mask is None or not bool(mask.any()):
        return text
    return f"{text}; {int(mask.sum())} more are undefined in the gold and were not judged"


def equal(
    path: str,
    c: torch.Tensor,
    plain: torch.Tensor,
    mask: torch.Tensor | None,
    steps: tuple[int, float] = (0, 0.0),
) -> Verdict:
    """Judge integers, booleans and packed bytes.

    Args:
        path: What the leaf is called.
        c: The candidate's values.
        plain: The gold's.
        mask: bool, set where the gold is undefined; ``None``: nowhere.
        steps: How far integers may be off, and in which share of the elements (at least one).
    """
    if same_bytes(c, plain):
        return Verdict()
    off = unequal(c, plain)
    if mask is not None:
        off &= ~mask
    within, share = steps
    if within and c.dtype != torch.bool and int(off.sum()) <= max(1, share * off.numel()):
        off &= (c.long() - plain.long()).abs() > within
    if not bool(off.any()):
        return Verdict()
    at = int(off.reshape(-1).to(torch.uint8).argmax())
    index = [int(i) for i in torch.unravel_index(torch.tensor(at), off.shape)]
    mine, theirs = (t.reshape(-1)[at].item() for t in (c, plain))
    return wrong(
        Fault.WRONG_VALUES,
        f"{path} has wrong values; every element must equal the gold's",
        ("first", f"{path}{index or ''} is {mine}, expected {theirs}"),
        ("off", _extent(off, mask)),
    )
