"""The terminal summary of models that were asked: what they got right, and what that took."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pytest_tritonbench.report.metrics.passatk import pass_at_k, reported
from pytest_tritonbench.report.metrics.resampling import geometric_mean
from pytest_tritonbench.report.names import shortened

PHASES = ("call", "exec", "fuzz")
# The model did answer: that counts, as every wrong answer does.
UNUSABLE = ("refusal", "no-code", "too-long")
_NAME = 20
_OTHER = "another question"
_MOST_PASSES = 3


@dataclass
class Work:
    """One answer to one task, by its records."""

    outcomes: dict[str, set[str]] = field(default_factory=dict)
    """By phase."""

    error: str | None = None
    """Why there is no answer."""

    generation: Mapping[str, Any] | None = None
    speedups: list[float] = field(default_factory=list)

    def add(self, record: Mapping[str, Any]) -> None:
        """Take a record."""
        self.outcomes.setdefault(record["phase"], set()).add(record["outcome"])
        if record["outcome"] == "error":
            self.error = self.error or record["reason"] or "error"
        self.generation = record.get("generation") or self.generation
        speedup = (record.get("timing") or {}).get("speedup")
        if speedup:
            self.speedups.append(float(speedup))

    @property
    def counts(self) -> bool:
        """Whether the model answered, for better or worse."""
        return self.error is None or self.error in UNUSABLE

    def passed(self, phase: str) -> bool:
        """Whether it is good up to a phase, that one included."""
        upto = PHASES[: PHASES.index(phase) + 1]
        seen = [self.outcomes.get(p, set()) for p in upto]
        return bool(seen[-1]) and all(outcomes <= {"passed"} for outcomes in seen)


Works = dict[tuple[str, int], Work]
"""By task and sample."""


def works(records: Sequence[Mapping[str, Any]]) -> dict[str, Works]:
    """The answers of each model, out of records of one suite in any order."""
    found: dict[str, Works] = {}
    for record in records:
        key = (record["task"], record["sample"] or 0)
        found.setdefault(record["model"], {}).setdefault(key, Work()).add(record)
    return found


def scoreboard(records: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Write the accuracies of models on a repository's own tasks.

    Args:
        records: Records of tasks that models answered, of no published benchmark.

    Yields:
        Lines of at most 80 columns.
    """
    by_model = works(records)
    timed = any(work.speedups for found in by_model.values() for work in found.values())
    heads = "".join(f"{head:>13}" for head in ("call", "exec", "fuzz"))
    yield f"{'model':<{_NAME}}{'answers':>8}{heads}" + (f"{'speedup':>9}" if timed else "")
    for model, found in by_model.items():
        yield from _accuracies(model, found, timed=timed)


def _accuracies(model: str, found: Works, *, timed: bool) -> Iterator[str]:
    good = {key: work for key, work in found.items() if work.counts}
    cells = ""
    for phase in PHASES:
        right = sum(work.passed(phase) for work in good.values())
        cells += f"{right:>6}{100 * right / len(good):>6.1f}%" if good else f"{'':>13}"
    ratios = [ratio for work in good.values() if work.passed("exec") for ratio in work.speedups]
    mean = geometric_mean(ratios)
    cells += f"{mean.value:>8.2f}x" if timed and mean is not None else ""
    yield f"{shortened(model, _NAME - 1):<{_NAME}}{len(good):>8}{cells}"
    lost = Counter(work.error for work in found.values() if not work.counts)
    if lost:
        kinds = ", ".join(f"{count} {kind}" for kind, count in sorted(lost.items(), key=str))
        yield f"  not generated, not counted: {kinds}"[:80]


def passes(records: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Write pass@k of each model: right in fuzz, or in exec where fuzz was not run."""
    for model, found in works(records).items():
        phase = "fuzz" if any("fuzz" in work.outcomes for work in found.values()) else "exec"
        counts: dict[str, list[bool]] = {}
        for (task, _), work in found.items():
            if work.counts:
                counts.setdefault(task, []).append(work.passed(phase))
        least = min(map(len, counts.values()), default=0)
        told = []
        for k in [*reported(least)][:_MOST_PASSES]:
            pairs = [(len(rights), sum(rights)) for rights in counts.values()]
            estimate = pass_at_k(pairs, k)
            if estimate is not None:
                low, high = 100 * estimate.low, 100 * estimate.high
                told.append(f"pass@{k} {100 * estimate.value:.1f} % ({low:.0f}-{high:.0f})")
        if told:
            yield f"{shortened(model, _NAME - 1):<{_NAME}} {phase}: {', '.join(told)}"


def prices(records: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Write what the answers of each model took: tokens, dollars, and how far repairs got."""
    for model, found in works(records).items():
        rounds = [r for work in found.values() if work.generation for r in _rounds(work.generation)]
        if not rounds:
            continue
        prompt, completion = (
            sum(r["tokens"].get(kind) or 0 for r in rounds) for kind in ("prompt", "completion")
        )
        costs = [r["cost"] for r in rounds if r["cost"] is not None]
        told = f"{prompt:,} prompt and {completion:,} answer tokens"
        told += f", ${sum(costs):,.4f}" if costs else ", price not known"
        edited = sum(bool(w.generation and w.generation["edited"]) for w in found.values())
        told += f", {edited} edited by hand" if edited else ""
        other = sum(_OTHER in (w.generation or {}).get("note", "") for w in found.values())
        told += f", {other} to another question" if other else ""
        yield f"{shortened(model, _NAME - 1):<{_NAME}} {told}"
        yield from _repairs(found)


def _repairs(found: Works) -> Iterator[str]:
    tried = [list(_rounds(w.generation)) for w in found.values() if w.generation]
    if max(map(len, tried), default=0) < 2:
        return
    told = []
    for number in range(max(map(len, tried))):
        # Who was right stays so: a round's share is of all answers.
        right = sum(any(r["right"] for r in rounds[: number + 1]) for rounds in tried)
        told.append(f"{'first' if number == 0 else f'repair {number}'} {right}/{len(tried)}")
    yield f"{'':<{_NAME}} right after {', '.join(told)}"


def _rounds(generation: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    rounds: Sequence[Mapping[str, Any]] = generation["rounds"]
    return rounds
