"""The paper's numbers beside ours."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pytest_tritonbench.report.metrics.accuracy import Accuracy
from pytest_tritonbench.report.metrics.published_speed import PublishedSpeed
from pytest_tritonbench.report.metrics.published_tables import published_row
from pytest_tritonbench.report.metrics.similarity import Similarity


@dataclass(frozen=True)
class Comparison:
    """One published number and ours."""

    metric: str
    """``similarity``, ``call``, ``exec``, ``speedup`` or ``efficiency``."""

    setting: str
    paper_model: str
    """As the paper names it."""

    paper: float
    """Percent; a ratio for speedup."""

    published: float | None
    """Ours by the published definitions."""

    strict: float | None
    """Ours by the judge; similarity: computed properly."""

    note: str
    """Why the paper's number cannot be right, where it cannot."""

    @property
    def difference(self) -> float | None:
        """Ours by the published definitions minus the paper's."""
        return None if self.published is None else round(self.published - self.paper, 4)

    def as_json(self) -> dict[str, Any]:
        """Plain data that JSON can hold."""
        return {**vars(self), "difference": self.difference}


def compare_with_paper(
    suite: str,
    model: str,
    accuracies: Sequence[Accuracy],
    similarity: Mapping[str, Similarity],
    speed: PublishedSpeed | None,
) -> tuple[Comparison, ...]:
    """Set a model's numbers beside the row of the paper that its prediction file made.

    Returns:
        Nothing where there is no such row.
    """
    row = published_row(suite, model)
    if row is None:
        return ()
    ours: dict[tuple[str, str], float] = {}
    for accuracy in accuracies:
        value = accuracy.of_all.value
        if value is not None:
            ours[accuracy.metric, accuracy.policy] = round(100 * value, 4)
    for policy, found in similarity.items():
        ours["similarity", "strict" if policy == "proper" else policy] = round(found.score, 4)
    if speed is not None and speed.speedup is not None:
        ours["speedup", "published"] = speed.speedup
    if speed is not None and speed.efficiency is not None:
        ours["efficiency", "published"] = speed.efficiency
    return tuple(
        Comparison(
            metric,
            row.setting,
            row.model,
            paper,
            ours.get((metric, "published")),
            ours.get((metric, "strict")),
            row.off_grid.get(metric, row.note if metric == "similarity" else ""),
        )
        for metric, paper in row.values.items()
    )
