"""CodeBLEU of answers against references, over a corpus."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from pytest_tritonbench.report.metrics.similarity import dataflow, ngrams, syntax, tree
from pytest_tritonbench.report.metrics.similarity.text import (
    Policy,
    one_line,
    without_java_comments,
)

_NONE = (0.0, 0.0, 0.0, 0.0)
# CodeBLEU's authors hand the weighted references over as pairs of tokens and weights, and take
# the length of the pair for that of the tokens: the brevity penalty is never felt.
_PAIR = 2


@dataclass(frozen=True)
class Similarity:
    """CodeBLEU and its four parts, in percent."""

    score: float
    """The mean of the four."""

    ngram: float
    weighted: float
    syntax: float
    dataflow: float


@dataclass(frozen=True)
class Tally:
    """The sums behind a corpus's CodeBLEU; tallies of parts of a corpus add up to the whole's."""

    programs: int = 0
    matched: tuple[float, ...] = _NONE
    """N-grams of the candidate that are the reference's, per order."""

    counted: tuple[float, ...] = _NONE
    recalled: tuple[float, ...] = _NONE
    """N-grams of the reference that the candidate has, weighted, per order."""

    wanted: tuple[float, ...] = _NONE
    reference: int = 0
    """Tokens of the references."""

    candidate: int = 0
    trees_matched: int = 0
    trees: int = 0
    flows_matched: int = 0
    flows: int = 0

    def __add__(self, other: Tally) -> Tally:
        theirs = vars(other)
        sums: dict[str, Any] = {k: _sum(v, theirs[k]) for k, v in vars(self).items()}
        return Tally(**sums)

    def similarity(self) -> Similarity:
        """Combine the sums; an empty corpus gives zeros."""
        plain = ngrams.bleu(self.matched, self.counted, self.reference, self.candidate)
        weighted = ngrams.bleu(self.recalled, self.wanted, _PAIR * self.programs, self.candidate)
        trees = self.trees_matched / self.trees if self.trees else 0.0
        flows = self.flows_matched / self.flows if self.flows else 0.0
        parts = [100 * part for part in (plain, weighted, trees, flows)]
        return Similarity(sum(parts) / len(parts), *parts)

    def as_json(self) -> dict[str, Any]:
        """Plain data that JSON can hold."""
        return {k: list(v) if isinstance(v, tuple) else v for k, v in vars(self).items()}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Tally:
        """Read what `as_json` wrote."""
        values: dict[str, Any] = {
            k: tuple(v) if isinstance(v, list) else v for k, v in data.items()
        }
        return cls(**values)


def _sum(a: Any, b: Any) -> Any:
    return tuple(x + y for x, y in zip(a, b, strict=True)) if isinstance(a, tuple) else a + b


@dataclass(frozen=True)
class _Seen:
    """What is compared of a program."""

    tokens: int
    grams: ngrams.Grams
    subtrees: Counter[str]
    flows: Counter[dataflow.Flow]


def compare(reference: str, candidate: str, policy: Policy = "proper") -> Tally:
    """Compare one program with its reference.

    Args:
        reference: Source of the reference.
        candidate: Source of the candidate, already picked out of the answer.
        policy: ``proper``: line breaks are line breaks, comments and docstrings of Python are no
            code. ``published``: as upstream does it, see `text.one_line` and
            `text.without_java_comments`.

    Raises:
        SimilarityUnavailableError: If tree-sitter is not installed.
    """
    want, have = _reference(reference, policy), _seen(candidate, policy)
    plain = ngrams.precision(want.grams, have.grams)
    weighted = ngrams.weighted_recall(want.grams, have.grams)
    trees_matched, trees = syntax.match(want.subtrees, have.subtrees)
    flows_matched, flows = dataflow.match(want.flows, have.flows)
    return Tally(
        programs=1,
        matched=tuple(float(m) for m, _ in plain),
        counted=tuple(float(n) for _, n in plain),
        recalled=tuple(m for m, _ in weighted),
        wanted=tuple(n for _, n in weighted),
        reference=want.tokens,
        candidate=have.tokens,
        trees_matched=trees_matched,
        trees=trees,
        flows_matched=flows_matched,
        flows=flows,
    )


def corpus(pairs: Iterable[tuple[str, str]], policy: Policy = "proper") -> Tally:
    """Compare pairs of reference and candidate and add them up."""
    return sum((compare(r, c, policy) for r, c in pairs), Tally())


@lru_cache(maxsize=1024)
def _reference(code: str, policy: Policy) -> _Seen:
    """Look at a reference once, however many answers it is compared with."""
    return _seen(code, policy)


def _seen(code: str, policy: Policy) -> _Seen:
    published = policy == "published"
    if published:
        code = one_line(code)
    tokens = code.split()
    bare = without_java_comments(code) if published else tree.without_comments(code)
    root = tree.parse(bare)
    flows = dataflow.dataflow(root, bare, bytes_as_characters=published)
    return _Seen(len(tokens), ngrams.grams(tokens), syntax.subtrees(root), flows)
