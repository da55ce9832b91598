"""The protocol's messages."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

CREATED = 1_700_000_000
_PIECES = 20


def completion(choice: Mapping[str, Any], model: str, usage: Mapping[str, Any]) -> dict[str, Any]:
    """An answer in one piece."""
    return {
        "id": "chatcmpl-0",
        "object": "chat.completion",
        "created": CREATED,
        "model": model,
        "choices": [{"index": 0, **choice}],
        "usage": dict(usage),
    }


def event(data: Any) -> bytes:
    """A server-sent event."""
    text = data if isinstance(data, str) else json.dumps(data)
    return f"data: {text}\n\n".encode()


def chunk(
    model: str, delta: Mapping[str, Any] | None, finish: str | None = None, **more: Any
) -> bytes:
    """A chunk of a stream; without a delta one that has no choice."""
    choices = [] if delta is None else [{"index": 0, "delta": delta, "finish_reason": finish}]
    return event(
        {
            "id": "chatcmpl-0",
            "object": "chat.completion.chunk",
            "created": CREATED,
            "model": model,
            "choices": choices,
            **more,
        }
    )


def pieces(text: str) -> Iterator[str]:
    """A text as a stream has it, in twenty pieces at most."""
    step = max(1, -(-len(text) // _PIECES))
    for start in range(0, len(text), step):
        yield text[start : start + step]


def tokens(text: str) -> int:
    """As this server counts."""
    return -(-len(text) // 4)


def error(message: str, kind: str, code: str | None = None) -> dict[str, Any]:
    """The body of an error."""
    return {"error": {"message": message, "type": kind, "param": None, "code": code}}
