"""Decompositions: judged by reconstruction, orthogonality and form, as their signs are free.

A residual may be a few times the gold's own plus a few roundings of the matrix's norm. Everything
is computed in float64 from the matrix that the gold was given.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch

from pytest_tritonbench.judge.bound_call import Drawn
from pytest_tritonbench.task.tritonbench.rules import Rule

# A residual may be this many times the gold's own ...
TIMES = 3.0
# ... plus this many units in the last place of the norm, per extent of the matrix.
ULPS = 16.0
# Eigenvectors must be at least this share as independent of each other as the gold's.
INDEPENDENT = 1e-3


class _Residuals:
    """Residuals of a candidate beside the gold's, each with its name."""

    def __init__(self, like: torch.Tensor, scale: torch.Tensor) -> None:
        eps = torch.finfo(like.dtype).eps
        self._ulp = eps * max(1, *like.shape[-2:])
        self._scale = float(scale)

    def fault(
        self, what: str, mine: torch.Tensor, theirs: torch.Tensor, *, of_norm: bool = True
    ) -> str | None:
        """The reason if the candidate's residual is too large."""
        off, gold = (float(t.abs().max()) if t.numel() else 0.0 for t in (mine, theirs))
        allowed = TIMES * gold + ULPS * self._ulp * (self._scale if of_norm else 1.0)
        # Not a number compares false with everything.
        if off <= allowed:
            return None
        return f"{what} is off by {off:.3g}, allowed {allowed:.3g}"


def _wide(t: torch.Tensor) -> torch.Tensor:
    return t.to(torch.complex128) if t.is_complex() else t.double()


def _norm(a: torch.Tensor) -> torch.Tensor:
    return torch.linalg.matrix_norm(a).max() if a.numel() else torch.zeros(())


def _unitary(q: torch.Tensor) -> torch.Tensor:
    return q.mH @ q - torch.eye(q.shape[-1], dtype=q.dtype)


def _first(reasons: Iterator[str | None]) -> str | None:
    return next((reason for reason in reasons if reason is not None), None)


def svd(rule: Rule, case: Drawn) -> str | None:
    """``U S V^H`` is the matrix, ``U`` and ``V`` are unitary, ``S`` is sorted and not negative."""
    del rule
    a = _wide(case.names["A"])
    mine, theirs = ([_wide(t) for t in side] for side in (case.got, case.want))
    residuals = _Residuals(case.names["A"], _norm(a))

    def product(u: torch.Tensor, s: torch.Tensor, vh: torch.Tensor) -> torch.Tensor:
        k = s.shape[-1]
        return (u[..., :, :k] * s[..., None, :]) @ vh[..., :k, :] - a

    def faults() -> Iterator[str | None]:
        yield residuals.fault("U S Vh", product(*mine), product(*theirs))
        for name, place in (("U", 0), ("Vh", 2)):
            off = (_unitary(t[2].mH if place == 2 else t[0]) for t in (mine, theirs))
            yield residuals.fault(f"{name} as a unitary matrix", *off, of_norm=False)
        s = mine[1]
        yield residuals.fault("the singular values", s - theirs[1], torch.zeros(()))
        if bool((s < 0).any()) or bool((s.diff(dim=-1) > 0).any()):
            yield "the singular values are not sorted, or negative"

    return _first(faults())


def eig(rule: Rule, case: Drawn) -> str | None:
    """``A V`` is ``V diag(w)``, ``w`` the same multiset, ``V`` of unit columns and a basis."""
    del rule
    a = case.names["A"].to(torch.complex128)
    (w, v), (gold_w, gold_v) = ([t.to(torch.complex128) for t in s] for s in (case.got, case.want))
    basis, gold_basis = (float(torch.linalg.svdvals(t).min()) for t in (v, gold_v))
    residuals = _Residuals(case.names["A"], _norm(a))

    def faults() -> Iterator[str | None]:
        both = (x @ y - y * z[..., None, :] for x, y, z in ((a, v, w), (a, gold_v, gold_w)))
        yield residuals.fault("A V - V diag(w)", *both)
        yield residuals.fault(
            "the length of an eigenvector",
            torch.linalg.vector_norm(v, dim=-2) - 1,
            torch.linalg.vector_norm(gold_v, dim=-2) - 1,
            of_norm=False,
        )
        if not basis >= INDEPENDENT * gold_basis:
            yield "the eigenvectors are not independent of each other"
        # Ill-conditioned eigenvectors make for ill-conditioned eigenvalues (Bauer and Fike).
        gap = _matched(w, gold_w) * gold_basis
        yield residuals.fault("an eigenvalue", gap, torch.zeros(()))

    return _first(faults())


def _matched(w: torch.Tensor, gold: torch.Tensor) -> torch.Tensor:
    """Distances when each eigenvalue is paired with the nearest that is left."""
    gaps = []
    for mine, theirs in zip(w.reshape(-1, w.shape[-1]), gold.reshape(-1, w.shape[-1]), strict=True):
        left = theirs.tolist()
        for value in mine.tolist():
            nearest = min(left, key=lambda other: abs(other - value))
            left.remove(nearest)
            gaps.append(abs(nearest - value))
    return torch.tensor(gaps, dtype=torch.float64)


def qr(rule: Rule, case: Drawn) -> str | None:
    """``Q R`` is the matrix, ``Q`` is unitary, ``R`` upper triangular."""
    del rule
    a = _wide(case.names["A"])
    (q, r), (gold_q, gold_r) = ([_wide(t) for t in side] for side in (case.got, case.want))
    residuals = _Residuals(case.names["A"], _norm(a))

    def faults() -> Iterator[str | None]:
        yield residuals.fault("R below its diagonal", r.tril(-1), gold_r.tril(-1))
        if case.names.get("mode") == "r":
            square = (t.mH @ t - a.mH @ a for t in (r, gold_r))
            yield _Residuals(case.names["A"], _norm(a) ** 2).fault("R^H R", *square)
            return
        yield residuals.fault("Q R", q @ r - a, gold_q @ gold_r - a)
        yield residuals.fault("Q as a unitary matrix", _unitary(q), _unitary(gold_q), of_norm=False)

    return _first(faults())


def lu(rule: Rule, case: Drawn) -> str | None:
    """``P L U`` is the matrix: ``P`` a permutation, ``L`` unit lower, ``U`` upper triangular."""
    del rule
    a = _wide(case.names["A"])
    (p, lower, upper), (gold_p, gold_l, gold_u) = (
        [_wide(t) for t in side] for side in (case.got, case.want)
    )
    pivot = case.names.get("pivot", True)
    residuals = _Residuals(case.names["A"], _norm(a))
    product, gold = lower @ upper, gold_l @ gold_u
    if pivot:
        ones = ((p == 0) | (p == 1)).all() & (p.sum(-1) == 1).all() & (p.sum(-2) == 1).all()
        if not bool(ones):
            return "P is no permutation matrix"
        if bool((lower.abs() > 1 + ULPS * torch.finfo(case.names["A"].dtype).eps).any()):
            return "an element of L is larger than 1: the pivots are not the largest"
        product, gold = p @ product, gold_p @ gold

    def faults() -> Iterator[str | None]:
        unit = torch.eye(*lower.shape[-2:], dtype=lower.dtype)
        yield residuals.fault("L above its unit diagonal", lower.triu() - unit, lower.new_zeros(()))
        yield residuals.fault("U below its diagonal", upper.tril(-1), upper.new_zeros(()))
        yield residuals.fault("P L U", product - a, gold - a)

    return _first(faults())


def ldl(rule: Rule, case: Drawn) -> str | None:
    """Solving with the factors solves with the matrix."""
    del rule
    a = case.names["A"]
    (factors, pivots), (gold, gold_pivots) = case.got, case.want
    if pivots.numel() and not bool(((pivots.abs() >= 1) & (pivots.abs() <= a.shape[-1])).all()):
        return "a pivot is out of range"
    # Only the lower triangle of the matrix is looked at.
    lower = _wide(a).tril()
    hermitian = bool(case.names.get("hermitian"))
    mirrored = lower.tril(-1).mH if hermitian else lower.tril(-1).mT
    unit = torch.eye(a.shape[-1], dtype=lower.dtype).expand(a.shape).contiguous()

    def residual(ld: torch.Tensor, at: torch.Tensor) -> torch.Tensor:
        solution = torch.linalg.ldl_solve(_wide(ld), at, unit, hermitian=hermitian)
        off: torch.Tensor = (lower + mirrored) @ solution - unit
        return off

    condition = torch.linalg.cond(lower + mirrored).max()
    residuals = _Residuals(a, condition)
    return residuals.fault(
        "the matrix times its solution", residual(factors, pivots), residual(gold, gold_pivots)
    )
