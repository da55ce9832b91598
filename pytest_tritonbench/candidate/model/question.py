"""What a model is asked, and what came back."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from functools import cached_property
from typing import Any


@dataclass(frozen=True)
class Price:
    """What tokens cost, in dollars a million."""

    prompt: float
    completion: float
    cached: float | None = None
    """Prompt tokens that the endpoint had in its cache; ``None``: as the others."""


@dataclass(frozen=True)
class Endpoint:
    """A model behind an OpenAI-compatible server."""

    name: str
    """As it stands in node ids and folders: ``claude``."""

    base_url: str
    model: str
    """As the server calls it."""

    key_variable: str | None = None
    """Environment variable that holds the key; ``None`` where the server wants none."""

    price: Price | None = None
    context: int | None = None
    """Tokens that prompt and answer may have together."""

    extra: Mapping[str, Any] = field(default_factory=dict)
    """Further fields of the request's body."""


@dataclass(frozen=True)
class Message:
    """One message of a conversation."""

    role: str
    """``system``, ``user`` or ``assistant``."""

    content: str


@dataclass(frozen=True)
class Sampling:
    """How tokens are drawn; ``None`` leaves it to the server."""

    temperature: float | None = None
    top_p: float | None = None
    seed: int | None = None
    effort: str | None = None
    """Reasoning effort: ``low``, ``medium`` or ``high``."""

    max_tokens: int | None = None


@dataclass(frozen=True)
class Question:
    """One request for one answer."""

    suite: str
    task: str
    sample: int
    attempt: int
    """0 for the first answer, n for its n-th repair."""

    endpoint: Endpoint
    messages: tuple[Message, ...]
    sampling: Sampling = Sampling()

    @property
    def name(self) -> str:
        """As messages and progress name it: ``softmax[claude-0]``."""
        repair = f" repair {self.attempt}" if self.attempt else ""
        return f"{self.task}[{self.endpoint.name}-{self.sample}]{repair}"

    @cached_property
    def prompt_hash(self) -> str:
        """SHA-256 of the messages, in hex."""
        return _digest([asdict(message) for message in self.messages])

    @cached_property
    def key(self) -> str:
        """SHA-256 of everything that is asked, in hex: the same key, the same question.

        The seed that a server is sent for a later sample differs, so the sample's number counts;
        prices and the key's variable do not.
        """
        asked = {
            "base_url": self.endpoint.base_url,
            "model": self.endpoint.model,
            "extra": dict(self.endpoint.extra),
            "messages": [asdict(message) for message in self.messages],
            "sampling": asdict(self.sampling),
            "sample": self.sample,
            "attempt": self.attempt,
        }
        return _digest(asked)


@dataclass(frozen=True)
class Usage:
    """Tokens of one request, as the server counted them; ``None`` where it did not."""

    prompt: int | None = None
    completion: int | None = None
    """The reasoning's included."""

    reasoning: int | None = None
    cached: int | None = None

    def cost(self, price: Price | None) -> float | None:
        """Dollars; ``None`` where the price or the tokens are not known."""
        if price is None or self.prompt is None or self.completion is None:
            return None
        cached = self.cached or 0
        old = price.prompt if price.cached is None else price.cached
        prompt = (self.prompt - cached) * price.prompt + cached * old
        return (prompt + self.completion * price.completion) / 1e6


@dataclass(frozen=True)
class Generation:
    """An answer."""

    text: str
    """As it was received."""

    finish_reason: str
    """``stop``, ``length``, or the server's own word."""

    usage: Usage = Usage()
    cost: float | None = None
    """Dollars."""

    started: str = ""
    """ISO 8601, UTC."""

    ended: str = ""
    reasoning: str = ""
    """What it thought, where the server tells it apart."""

    served_by: str = ""
    """The model's name in the response."""

    requests: int = 1
    """How many were sent, retries included."""


@dataclass(frozen=True)
class Streamed:
    """How far an answer has got."""

    tokens: int
    """Received so far; chunks, until the server counts."""

    seconds: float


class GenerationError(Exception):
    """No answer could be had for one sample; the others go on.

    Args:
        kind: One word: ``missing-key``, ``wrong-key``, ``unknown-model``, ``quota``,
            ``rate-limited``, ``context-overflow``, ``refusal``, ``no-code``, ``too-long``,
            ``timeout``, ``unreachable``, ``server-error``, ``bad-request``, ``bad-response``,
            ``budget``, ``offline``, ``prompt``, ``store``, ``stopped``, ``defect``.
        message: What happened, in a sentence that says what to do; no key in it.
    """

    generation: Generation | None = None
    """What came all the same and was paid for: a refusal, thoughts without an answer."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind
        self.message = message


def _digest(data: Any) -> str:
    text = json.dumps(data, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()
