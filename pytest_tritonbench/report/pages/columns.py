"""The columns of the leaderboard, and what of a model's metrics stands in them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal

from pytest_tritonbench.report.metrics import ModelReport
from pytest_tritonbench.report.metrics.proportion import Proportion
from pytest_tritonbench.report.metrics.resampling import Estimate

from .scores import Cell, Column, Policy, Share

Form = Literal["percent", "times"]

_MEANINGS: dict[tuple[Policy, str], str] = {
    ("strict", "call"): "The answer runs to the end of the test.",
    ("strict", "exec"): "Everything the test shows is right, and Triton kernels compute it.",
    ("strict", "right"): "Everything the test shows is right, whoever computes it.",
    ("strict", "fuzz"): "Right on the shipped test and on every drawn case.",
    ("strict", "survival"): "Of the answers right on the shipped test, those right when fuzzed.",
    ("strict", "speedup"): "Geometric mean over right answers, against the gold on the same GPU.",
    ("strict", "datasheet"): "GPU efficiency: best share of the GPU's datasheet peaks, averaged.",
    ("strict", "measured"): "GPU efficiency: best share of the GPU's measured peaks, averaged.",
    ("strict", "similarity"): "CodeBLEU of the programs as they are.",
    ("published", "call"): "Upstream's script of answer and test ends with exit code 0.",
    ("published", "exec"): "And prints what the gold prints, which mostly is nothing.",
    ("published", "speedup"): "Arithmetic mean over tasks against upstream's A100 times.",
    ("published", "efficiency"): "Against an A100's peaks, on whatever GPU it ran.",
    ("published", "similarity"): "CodeBLEU as upstream computes it, on programs of one line.",
}
_HEADINGS = {
    "similarity": "Similarity",
    "call": "Call",
    "exec": "Exec",
    "right": "Exec, any code",
    "fuzz": "Fuzz",
    "survival": "Survival",
    "speedup": "Speedup",
    "efficiency": "Efficiency",
    "datasheet": "Efficiency",
    "measured": "Efficiency, measured",
}


def share(proportion: Proportion | None) -> Share | None:
    """A proportion with its interval; ``None`` of nothing."""
    if proportion is None or not proportion.n:
        return None
    low, high = proportion.interval
    return Share(proportion.k, proportion.n, low, high)


def board(models: Sequence[ModelReport]) -> tuple[tuple[Column, ...], list[dict[str, Cell]]]:
    """Lay the metrics of models out.

    Returns:
        The columns in which at least one model has something, and the cells of each model by
        the columns' keys.
    """
    filled = {(policy, name) for policy, name in _MEANINGS if _any(models, policy, name)}
    columns = [
        Column(f"{policy}_{name}", _HEADINGS[name], policy, meaning)
        for (policy, name), meaning in _MEANINGS.items()
        if (policy, name) in filled
    ]
    rows = [
        {f"{policy}_{name}": _cell(model, policy, name) or Cell() for policy, name in filled}
        for model in models
    ]
    at = sum(column.policy == "strict" for column in columns)
    for k in sorted({k for model in models for k in model.pass_at_k}):
        key = f"strict_pass@{k}"
        meaning = f"How likely one of {k} samples is right, averaged over tasks."
        columns.insert(at, Column(key, f"pass@{k}", "strict", meaning))
        at += 1
        for row, model in zip(rows, models, strict=True):
            row[key] = _estimate(model.pass_at_k.get(k), "percent", 100.0) or Cell()
    return tuple(columns), rows


def _any(models: Sequence[ModelReport], policy: str, name: str) -> bool:
    return any(_cell(model, policy, name) is not None for model in models)


def _cell(model: ModelReport, policy: str, name: str) -> Cell | None:
    """What a model has in a column; ``None`` for nothing."""
    special = _SPECIAL.get((policy, name))
    if special is not None:
        return special(model)
    accuracy = model.accuracy(name, policy)
    if accuracy is None:
        return None
    return Cell(share(accuracy.of_all), share(accuracy.of_judgeable))


def _estimate(estimate: Estimate | None, form: Form, factor: float = 1.0) -> Cell | None:
    if estimate is None:
        return None
    value, low, high = (factor * part for part in (estimate.value, estimate.low, estimate.high))
    return Cell(number=value, low=low, high=high, counted=estimate.tasks, form=form)


def _similarity(policy: str) -> Callable[[ModelReport], Cell | None]:
    def cell(model: ModelReport) -> Cell | None:
        found = model.similarity.get(policy)
        return None if found is None else Cell(number=found.score, form="percent")

    return cell


def _published_speedup(model: ModelReport) -> Cell | None:
    speed = model.published_speed
    if speed is None or speed.speedup is None:
        return None
    return Cell(number=speed.speedup, counted=len(speed.speedups))


def _published_efficiency(model: ModelReport) -> Cell | None:
    speed = model.published_speed
    if speed is None or speed.efficiency is None:
        return None
    return Cell(number=speed.efficiency, counted=len(speed.efficiencies), form="percent")


def _fuzz(model: ModelReport) -> Cell | None:
    """Nothing where right answers were not fuzzed: that is no failure of theirs."""
    accuracy, right = model.accuracy("fuzz", "strict"), model.accuracy("exec", "strict")
    fuzzed = any("fuzz" in answer.phases for answer in model.answers)
    if accuracy is None or right is None or not fuzzed:
        return None
    if right.of_all.k and not model.survival.survived.n:
        return None
    return Cell(share(accuracy.of_all), share(accuracy.of_judgeable))


def _survival(model: ModelReport) -> Cell | None:
    found = share(model.survival.survived)
    return None if found is None else Cell(found)


def _speedup(model: ModelReport) -> Cell | None:
    return _estimate(model.speedup.mean, "times")


def _efficiency(peaks: str) -> Callable[[ModelReport], Cell | None]:
    def cell(model: ModelReport) -> Cell | None:
        found = model.efficiency.get(peaks)
        return None if found is None else _estimate(found.mean, "percent")

    return cell


_SPECIAL: dict[tuple[str, str], Callable[[ModelReport], Cell | None]] = {
    ("published", "similarity"): _similarity("published"),
    ("published", "speedup"): _published_speedup,
    ("published", "efficiency"): _published_efficiency,
    ("strict", "similarity"): _similarity("proper"),
    ("strict", "fuzz"): _fuzz,
    ("strict", "survival"): _survival,
    ("strict", "speedup"): _speedup,
    ("strict", "datasheet"): _efficiency("datasheet"),
    ("strict", "measured"): _efficiency("measured"),
}
