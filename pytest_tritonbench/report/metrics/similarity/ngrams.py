"""BLEU over whitespace-separated tokens, plain and weighted, as sums that add up to a corpus."""

from __future__ import annotations

import keyword
import math
from collections import Counter
from collections.abc import Sequence

ORDERS = (1, 2, 3, 4)
KEYWORDS = frozenset(keyword.kwlist)
COMMON = 0.2
"""Weight of a token that is no keyword; keywords weigh 1."""

_EPSILON = 0.1
Grams = tuple[Counter[tuple[str, ...]], ...]


def grams(tokens: Sequence[str]) -> Grams:
    """Count the n-grams of orders 1 to 4."""
    return tuple(Counter(zip(*(tokens[i:] for i in range(n)), strict=False)) for n in ORDERS)


def precision(reference: Grams, candidate: Grams) -> tuple[tuple[int, int], ...]:
    """Count what BLEU counts: of the candidate's n-grams, how many are the reference's.

    Returns:
        Per order, matches (each n-gram at most as often as the reference has it) and n-grams of
        the candidate (at least 1).
    """
    return tuple(
        ((have & want).total(), max(1, have.total()))
        for want, have in zip(reference, candidate, strict=True)
    )


def weighted_recall(reference: Grams, candidate: Grams) -> tuple[tuple[float, float], ...]:
    """Count what CodeBLEU's second part counts: of the reference's n-grams, how many are found.

    Single tokens weigh 1 where they are keywords of Python and 0.2 where not; longer n-grams
    weigh 1. Unlike the first part, the denominator is the reference's.
    """
    counts: list[tuple[float, float]] = []
    for order, want, have in zip(ORDERS, reference, candidate, strict=True):
        found = want & have
        if order == 1:
            counts.append((_weighted(found), max(1.0, _weighted(want))))
        else:
            counts.append((found.total(), max(1, want.total())))
    return tuple(counts)


def _weighted(counts: Counter[tuple[str, ...]]) -> float:
    keywords = sum(count for (token,), count in counts.items() if token in KEYWORDS)
    return keywords + COMMON * (counts.total() - keywords)


def bleu(
    matched: Sequence[float], counted: Sequence[float], reference: float, candidate: float
) -> float:
    """Combine counts to BLEU.

    Args:
        matched: Matches per order, summed over the corpus.
        counted: N-grams per order, summed over the corpus.
        reference: Length of the references, in tokens.
        candidate: Length of the candidates, in tokens.

    Returns:
        The geometric mean of the four ratios times the brevity penalty, from 0 to 1. An order
        without a match counts as 0.1 matches (smoothing method 1 of Chen and Cherry, 2014);
        without any matching token the result is 0.
    """
    if not matched[0]:
        return 0.0
    logs = [math.log((m or _EPSILON) / n) for m, n in zip(matched, counted, strict=True)]
    brevity = 1.0 if candidate > reference else math.exp(1 - reference / candidate)
    return brevity * math.exp(math.fsum(logs) / len(logs))
