"""The body of a request, in the dialect of the server that is asked."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pytest_tritonbench.candidate.model.question import Question

_STREAM = re.compile(r"\bstream(?:ing)?\b", re.IGNORECASE)
_TOO_LONG = re.compile(r"context", re.IGNORECASE)


@dataclass
class Dialect:
    """What a server was found not to understand; kept for all further requests."""

    streams: bool = True
    counts_streams: bool = True
    """Whether it takes ``stream_options``, which makes it count a stream's tokens."""

    limit: str = "max_tokens"
    """How the limit on tokens is called: OpenAI's newer models want another name."""

    def learn(self, status: int, said: str, asked: Mapping[str, Any]) -> bool:
        """Whether a refused request can be put in another way, which is then done from now on.

        Args:
            status: HTTP's.
            said: The error's body.
            asked: The refused request's.
        """
        if status not in {400, 405, 422, 501}:
            return False
        if "stream_options" in asked and "stream_options" in said:
            self.counts_streams = False
        elif "max_tokens" in asked and "max_completion_tokens" in said:
            self.limit = "max_completion_tokens"
        elif "stream" in asked and _STREAM.search(said) and not _TOO_LONG.search(said):
            self.streams = False
        else:
            return False
        return True


def body(question: Question, dialect: Dialect) -> dict[str, Any]:
    """The arguments of ``chat.completions.create``; what is left to the server is left out."""
    sampling = question.sampling
    chosen = {
        "temperature": sampling.temperature,
        "top_p": sampling.top_p,
        "seed": sampling.seed,
        "reasoning_effort": sampling.effort,
        dialect.limit: sampling.max_tokens,
    }
    asked: dict[str, Any] = {
        "model": question.endpoint.model,
        "messages": [
            {"role": message.role, "content": message.content} for message in question.messages
        ],
        **{name: value for name, value in chosen.items() if value is not None},
    }
    if dialect.streams:
        asked["stream"] = True
        if dialect.counts_streams:
            asked["stream_options"] = {"include_usage": True}
    if question.endpoint.extra:
        asked["extra_body"] = dict(question.endpoint.extra)
    return asked
