"""The terminal summary of published benchmarks: a row a model."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pytest_tritonbench.report.metrics import ModelReport, SuiteReport, metrics
from pytest_tritonbench.report.metrics.measure import SuiteLike
from pytest_tritonbench.report.names import shortened

_NAME = 20
# Heading, metric, policy.
_COLUMNS = (
    ("call", "call", "strict"),
    ("exec", "exec", "strict"),
    ("or torch", "right", "strict"),
    ("fuzz", "fuzz", "strict"),
    ("pub.call", "call", "published"),
    ("pub.exec", "exec", "published"),
)
_LEGEND = (
    "exec: right, by Triton kernels; or torch: right, whoever computed it; fuzz: exec,",
    "and on drawn cases; pub.: upstream's own definitions. A task not run counts as failed.",
)


def leaderboard(records: Sequence[Mapping[str, Any]], suites: Sequence[SuiteLike]) -> Iterator[str]:
    """Write a table for each suite.

    Args:
        records: Records as plain data, in any order.
        suites: The suites that they are of, which give the denominators.

    Yields:
        Lines of at most 80 columns.
    """
    told = False
    for suite in metrics(records, suites=suites).suites:
        yield from _suite(suite)
        told = told or bool(suite.models)
    if told:
        yield from _LEGEND


def _suite(suite: SuiteReport) -> Iterator[str]:
    words = Counter(state.state for state in suite.unjudgeable.values())
    apart = ", ".join(f"{count} {word}" for word, count in sorted(words.items()))
    judged = f", {suite.judgeable} can be judged ({apart})" if apart else ""
    yield f"{suite.suite}: {len(suite.tasks)} tasks{judged}"
    if not suite.models:
        return
    yield f"{'model':<{_NAME}}" + "".join(f"{heading:>10}" for heading, *_ in _COLUMNS)
    for model in suite.models:
        yield f"{shortened(model.model, _NAME - 1):<{_NAME}}" + "".join(_cells(model))
        if model.not_run:
            yield f"  {len(model.not_run)} tasks not run"


def _cells(model: ModelReport) -> Iterator[str]:
    fuzzed = any("fuzz" in answer.phases for answer in model.answers)
    for _, metric, policy in _COLUMNS:
        found = model.accuracy(metric, policy)
        if found is None or found.of_all.value is None or (metric == "fuzz" and not fuzzed):
            yield f"{'':>10}"
        else:
            share = 100 * found.of_all.value
            told = "100%" if share > 99.95 else f"{share:.1f}%"
            yield f"{found.of_all.k:>4}{told:>6}"
