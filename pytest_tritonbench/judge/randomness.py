"""Random operators: judged by what they may give and how often, over all calls together."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import torch

from pytest_tritonbench.judge.bound_call import Drawn
from pytest_tritonbench.judge.chance import DEVIATIONS, counted, uniform_sample
from pytest_tritonbench.judge.expression import evaluated, widened
from pytest_tritonbench.judge.rule import closeness
from pytest_tritonbench.task.tritonbench.rules import Rule

# Rows whose every combination of dropped elements is tried may be this long.
LONGEST_ROW = 12

# Half a unit in the last place of TF32.
TF32_STEP = 2.0**-12


@dataclass(frozen=True)
class _Dropped:
    """What became of one call of a dropout."""

    reason: str | None = None
    dropped: int = 0
    told: int = 0
    """Elements of which it can be told whether they were dropped."""

    p: float = 0.0


def dropout(rule: Rule, cases: Mapping[int, Drawn]) -> dict[int, str | None]:
    """Each element is what it is when kept or when dropped, and as many are dropped as should be.

    With ``rows`` the dropout is followed by a sum over its last dim, and each row must be what one
    of the combinations of dropped elements gives.
    """
    found = {}
    for number, case in cases.items():
        p = float(case.names[rule.options.get("p", "p")])
        if p == 0 or not case.names.get("training", True):
            # Nothing is random: judged like any other call.
            continue
        judged = _rows(rule, case, p) if rule.options.get("rows") else _elements(rule, case, p)
        found[number] = judged
    reasons: dict[int, str | None] = {number: judged.reason for number, judged in found.items()}
    if found and not any(reasons.values()):
        dropped = sum(judged.dropped for judged in found.values())
        told = sum(judged.told for judged in found.values())
        if not counted(dropped, [(judged.told, judged.p) for judged in found.values()]):
            expected = sum(judged.told * judged.p for judged in found.values())
            reasons[max(found)] = (
                f"over all calls {dropped} of {told} elements were dropped, "
                f"expected are about {expected:.0f}"
            )
    return reasons


def _value(rule: Rule, names: Mapping[str, Any], keep: Any, p: float) -> torch.Tensor:
    def drop(x: torch.Tensor) -> torch.Tensor:
        mask = keep.to(x.dtype) if isinstance(keep, torch.Tensor) else keep
        return x * mask / (1 - p) if p < 1 else torch.zeros_like(x)

    result: torch.Tensor = evaluated(rule.options["value"], names, {"dropout": drop})
    return result


def _nearby(rule: Rule, wide: Mapping[str, Any], keep: Any, p: float) -> torch.Tensor | None:
    """The value where the inputs are moved by roundings of TF32, where the rule allows for it."""
    if not rule.options.get("tf32"):
        return None
    g = torch.Generator().manual_seed(0)

    def moved(v: Any) -> Any:
        if not isinstance(v, torch.Tensor) or not v.is_floating_point():
            return v
        return v * (1 + TF32_STEP * (2 * torch.rand(v.shape, generator=g, dtype=v.dtype) - 1))

    return _value(rule, {name: moved(v) for name, v in wide.items()}, keep, p)


def _elements(rule: Rule, case: Drawn, p: float) -> _Dropped:
    got, want, wide = case.got, case.want, widened(case.names)
    kept, gone = (_value(rule, wide, keep, p) for keep in (1, 0))
    plain_kept, plain_gone = (_value(rule, case.names, keep, p) for keep in (1, 0))
    # What the gold kept shows how far the device's own roundings reach.
    shown = (want.double() - kept).abs() <= (want.double() - gone).abs()
    plain_kept = torch.where(shown, want, plain_kept)
    near = [_nearby(rule, wide, keep, p) for keep in (1, 0)]
    near_kept = closeness(got, plain_kept, kept, near[0])
    near_gone = closeness(got, plain_gone, gone, near[1])
    off = near_kept.wrong & near_gone.wrong
    if bool(off.any()):
        at = int(off.reshape(-1).to(torch.uint8).argmax())
        seen, right = (float(t.reshape(-1)[at]) for t in (got, kept))
        return _Dropped(
            f"{int(off.sum())} of {off.numel()} elements are neither dropped nor scaled by "
            f"1/(1 - p): {seen:.6g} where {right:.6g} or {float(gone.reshape(-1)[at]):.6g} is right"
        )
    told = near_kept.wrong != near_gone.wrong
    return _Dropped(None, int((near_kept.wrong & told).sum()), int(told.sum()), p)


def _rows(rule: Rule, case: Drawn, p: float) -> _Dropped:
    got, wide = case.got, widened(case.names)
    length = _length(rule, case)
    if length > LONGEST_ROW:
        return _Dropped(f"rows of {length} elements are too long to try what may be dropped")
    open_rows = torch.ones(got.shape[:-1], dtype=torch.bool)
    dropped = torch.zeros(got.shape[:-1], dtype=torch.int64)
    for keep in _combinations(length):
        o, r = _value(rule, wide, keep, p), _value(rule, case.names, keep, p)
        near = closeness(got, r, o, _nearby(rule, wide, keep, p))
        fits = ~near.wrong.any(dim=-1) & open_rows
        dropped[fits] = int((~keep).sum())
        open_rows &= ~fits
    if bool(open_rows.any()):
        return _Dropped(
            f"{int(open_rows.sum())} of {open_rows.numel()} rows are what no combination of "
            f"dropped elements gives"
        )
    return _Dropped(None, int(dropped.sum()), dropped.numel() * length, p)


def _length(rule: Rule, case: Drawn) -> int:
    sizes = []

    def drop(x: torch.Tensor) -> torch.Tensor:
        sizes.append(x.shape[-1])
        return x

    evaluated(rule.options["value"], case.names, {"dropout": drop})
    return int(sizes[0])


def _combinations(length: int) -> Iterator[torch.Tensor]:
    for bits in itertools.product((True, False), repeat=length):
        yield torch.tensor(bits)


def uniform(rule: Rule, cases: Mapping[int, Drawn]) -> dict[int, str | None]:
    """Values in the range, spread evenly, none like all others and none following the last."""
    found: dict[int, str | None] = {}
    samples = []
    for number, case in cases.items():
        low, high = (_bound(rule.options[name], case.names) for name in ("low", "high"))
        values = case.got.double().reshape(-1)
        if not (math.isfinite(low) and math.isfinite(high)):
            # No range: whatever comes out is as good as anything else.
            found[number] = None
            continue
        if not bool(((values >= low) & (values <= high)).all()):
            found[number] = f"a value is outside of [{low:g}, {high:g})"
            continue
        found[number] = None
        if low == high:
            continue
        sample = (values - low) / (high - low)
        if sample.numel() > 2 and bool((sample == sample[0]).all()):
            found[number] = "all values are the same"
        # Narrow formats have few values: they are judged by their range alone.
        if case.got.dtype in (torch.float32, torch.float64):
            samples.append(sample)
    if found and not any(found.values()) and samples:
        found[max(found)] = uniform_sample(torch.cat(samples))
    return found


def _bound(bound: Any, names: Mapping[str, Any]) -> float:
    return float(names[bound] if isinstance(bound, str) else bound)


def binomial(rule: Rule, cases: Mapping[int, Drawn]) -> dict[int, str | None]:
    """Whole numbers up to the count, as many in all as should be, and as different as should be."""
    found: dict[int, str | None] = {}
    values, means, variances = [], [], []
    trials: list[tuple[int, float]] = []
    for number, case in cases.items():
        counts = torch.as_tensor(evaluated(rule.options["count"], case.names)).double()
        chances = torch.as_tensor(evaluated(rule.options["probability"], case.names)).double()
        got = case.got.double()
        counts, chances = (t.expand(got.shape).reshape(-1) for t in (counts, chances))
        got = got.reshape(-1)
        whole = (got == got.round()) & (got >= 0) & (got <= counts)
        found[number] = None if bool(whole.all()) else "a value is no count of successes"
        trials += [(int(n), float(p)) for n, p in zip(counts, chances, strict=True)]
        values.append(got)
        means.append(counts * chances)
        variances.append(counts * chances * (1 - chances))
    if found and not any(found.values()):
        joined = [torch.cat(parts) for parts in (values, means, variances)]
        found[max(found)] = _spread(joined[0], joined[1], joined[2], trials)
    return found


def _spread(
    values: torch.Tensor,
    means: torch.Tensor,
    variances: torch.Tensor,
    trials: list[tuple[int, float]],
) -> str | None:
    successes = int(values.sum())
    if not counted(successes, trials):
        return f"over all calls there are {successes} successes, not about {float(means.sum()):.0f}"
    n = int((variances > 0).sum())
    if n < 8:
        return None
    kept = variances > 0
    squares = float(((values - means)[kept] ** 2 / variances[kept]).sum())
    # Wilson and Hilferty: the cube root of chi-squared / n is about normal.
    score = ((squares / n) ** (1 / 3) - (1 - 2 / (9 * n))) / (2 / (9 * n)) ** 0.5
    if abs(score) > DEVIATIONS:
        return f"the values spread {squares / n:.2g} times as wide as those of a binomial"
    return None
