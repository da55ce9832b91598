"""An answer, gathered from the pieces in which it came."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pytest_tritonbench.candidate.model.meter import TooMuchError
from pytest_tritonbench.candidate.model.question import Usage

# What thinks aloud has no common name for it.
_REASONING = ("reasoning_content", "reasoning")


class Gathered:
    """What has come so far.

    Args:
        characters: The most that an answer may have, its reasoning included.
    """

    def __init__(self, characters: int) -> None:
        self.finish_reason = ""
        self.served_by = ""
        self.usage = Usage()
        self.charged: float | None = None
        """Dollars, where the server tells what it takes."""

        self.pieces = 0
        self._left = characters
        self._text: list[str] = []
        self._reasoning: list[str] = []
        self._refusal: list[str] = []

    @property
    def text(self) -> str:
        """The answer itself."""
        return "".join(self._text)

    @property
    def reasoning(self) -> str:
        """What it thought."""
        return "".join(self._reasoning)

    @property
    def refusal(self) -> str:
        """Why it does not answer."""
        return "".join(self._refusal)

    @property
    def tokens(self) -> int:
        """Tokens so far; pieces, until the server counts."""
        return self.usage.completion or self.pieces

    def add(self, chunk: Any) -> None:
        """Take a chunk of a stream, or a whole completion.

        Args:
            chunk: As the client gives it: any of its fields may be missing.

        Raises:
            TooMuchError: The answer has become too long.
            ValueError: A field is not what the protocol says.
        """
        self.served_by = _text(chunk, "model") or self.served_by
        for choice in _rows(chunk, "choices"):
            if getattr(choice, "index", 0) not in {0, None}:
                continue
            part = getattr(choice, "delta", None) or getattr(choice, "message", None)
            self._take(part)
            self.finish_reason = _text(choice, "finish_reason") or self.finish_reason
        usage = getattr(chunk, "usage", None)
        if usage is not None:
            self._count(usage)

    def _take(self, part: Any) -> None:
        text = _text(part, "content")
        thought = next(filter(None, (_text(part, name) for name in _REASONING)), "")
        refusal = _text(part, "refusal")
        self._left -= len(text) + len(thought) + len(refusal)
        if self._left < 0:
            raise TooMuchError
        for piece, pieces in (
            (text, self._text),
            (thought, self._reasoning),
            (refusal, self._refusal),
        ):
            if piece:
                pieces.append(piece)
        self.pieces += bool(text or thought)

    def _count(self, usage: Any) -> None:
        cached = _number(getattr(usage, "prompt_tokens_details", None), "cached_tokens")
        if cached is None:
            cached = _number(usage, "prompt_cache_hit_tokens")
        self.usage = Usage(
            prompt=_number(usage, "prompt_tokens"),
            completion=_number(usage, "completion_tokens"),
            reasoning=_number(
                getattr(usage, "completion_tokens_details", None), "reasoning_tokens"
            ),
            cached=cached,
        )
        cost = _field(usage, "cost")
        if isinstance(cost, int | float) and not isinstance(cost, bool):
            self.charged = float(cost)


def _field(part: Any, name: str) -> Any:
    return part.get(name) if isinstance(part, Mapping) else getattr(part, name, None)


def _text(part: Any, name: str) -> str:
    value = _field(part, name)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise ValueError(f"{name} is of type {type(value).__name__}, not a text")
    return value


def _rows(part: Any, name: str) -> Iterator[Any]:
    value = _field(part, name)
    if value is None:
        return
    if not isinstance(value, list):
        raise ValueError(f"{name} is of type {type(value).__name__}, not an array")
    yield from value


def _number(part: Any, name: str) -> int | None:
    value = _field(part, name)
    return value if isinstance(value, int) and not isinstance(value, bool) else None
