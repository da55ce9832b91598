"""One answer of channel G beside its gold, by both policies."""

from __future__ import annotations

from pytest_tritonbench.report.metrics.similarity.codebleu import Tally, compare
from pytest_tritonbench.report.metrics.similarity.text import Policy, published_answer


def tallies(text: str, label: str, gold: str) -> dict[Policy, Tally]:
    """The sums behind CodeBLEU of an answer, by policy.

    Args:
        text: The answer as it was given.
        label: The gold as the file of predictions has it; ``published`` compares with it.
        gold: The gold itself; ``proper`` compares with it.

    Raises:
        SimilarityUnavailableError: Without tree-sitter.
    """
    program = published_answer(text)
    pairs: dict[Policy, str] = {"published": label, "proper": gold}
    return {policy: compare(to, program, policy) for policy, to in pairs.items()}
