"""How much an answer resembles the gold: CodeBLEU, computed properly and as upstream does."""

from __future__ import annotations

from typing import Any

from pytest_tritonbench.imported.answers import GOLD, Answered
from pytest_tritonbench.report.metrics.similarity import SimilarityUnavailableError, tallies
from pytest_tritonbench.task.tritonbench.checkout import Upstream


def similarity(answer: Answered, task: Upstream) -> dict[str, Any] | None:
    """The sums behind CodeBLEU, by policy.

    Returns:
        ``None`` for T, whose golds are no Triton, for an answer that is missing, and without
        tree-sitter (``pip install 'pytest-tritonbench[similarity]'``): the report then leaves the
        metric out.
    """
    if task.channel != "G" or answer.text is None or answer.model == GOLD:
        return None
    try:
        found = tallies(answer.text, answer.label, task.gold)
    except SimilarityUnavailableError:
        return None
    return {policy: tally.as_json() for policy, tally in found.items()}
