"""Similarity: CodeBLEU, computed properly and as upstream computes it.

Nothing here imports tree-sitter before a program is compared.
"""

from pytest_tritonbench.report.metrics.similarity.answer import tallies
from pytest_tritonbench.report.metrics.similarity.codebleu import (
    Similarity,
    Tally,
    compare,
    corpus,
)
from pytest_tritonbench.report.metrics.similarity.text import POLICIES, Policy, published_answer
from pytest_tritonbench.report.metrics.similarity.tree import SimilarityUnavailableError

__all__ = [
    "POLICIES",
    "Policy",
    "Similarity",
    "SimilarityUnavailableError",
    "Tally",
    "compare",
    "corpus",
    "published_answer",
    "tallies",
]
