"""Why there is no answer, and what to do about it.

Servers agree on few codes of HTTP and on no wording; what is matched here are the words of
OpenAI, OpenRouter, Anthropic, DeepSeek, Gemini, DashScope, vLLM, TensorRT-LLM, llama.cpp and
Ollama.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pytest_tritonbench.candidate.model.question import Endpoint, Generation, GenerationError

_EXCERPT = 300
# Of an error's body: what is further down explains nothing.
_READ = 20_000

_NO_QUOTA = re.compile(
    r"insufficient_quota|billing_hard_limit|billing_not_active|credit balance|"
    r"insufficient (?:balance|credits?|funds)|arrearage",
    re.IGNORECASE,
)
# Gemini calls every limit a quota; one of a minute is over soon.
_DAILY = re.compile(r"per ?day|daily|free-models-per-day", re.IGNORECASE)
_CONTEXT = re.compile(
    r"context_length_exceeded|exceed_context_size|string_above_max_length|"
    r"context (?:length|size|window)|(?:prompt|input|request) (?:is )?too (?:long|large)|"
    r"too many (?:input )?tokens|token count.{0,40}exceeds|reduce the length|max_model_len|"
    r"range of input length",
    re.IGNORECASE,
)
_REFUSED = re.compile(
    r"content_?filter|content_policy|content management policy|invalid_prompt|moderation|"
    r"data_?inspection_?failed|flagged|safety",
    re.IGNORECASE,
)
_MODEL = re.compile(
    r"model_not_found|not a valid model|no endpoints found|unknown model|invalid model|"
    r"\bmodels?\b.{0,120}?\b(?:not? (?:exist|found|available)|do not have access)|"
    r"model not exist|no such model|server is pinned to|\"model: ",
    re.IGNORECASE,
)
_KEY = re.compile(r"api[ _-]?key|authenti|unauthori[sz]ed|credentials", re.IGNORECASE)


class UnusableAnswer(GenerationError):  # noqa: N818 - it names what came: an answer, if a useless one
    """An answer that came, was counted by the server, and cannot be used.

    Args:
        kind: As `GenerationError`.
        message: As `GenerationError`.
        generation: What came, with its usage and cost: it is paid for all the same.
    """

    generation: Generation

    def __init__(self, kind: str, message: str, generation: Generation) -> None:
        super().__init__(kind, message)
        self.generation = generation


@dataclass(frozen=True)
class Fault:
    """An error as a server tells it."""

    status: int | None
    """HTTP's; the error's own code where it came in the middle of a stream."""

    body: Any
    """The response's, decoded where it is JSON."""

    wait: str | None = None
    """The header Retry-After."""

    @property
    def text(self) -> str:
        """Everything that it says, for matching."""
        raw = self.body if isinstance(self.body, str) else json.dumps(self.body, default=str)
        return raw[:_READ]

    @property
    def said(self) -> str:
        """What it says to people."""
        body = self.body
        if isinstance(body, list) and body:
            body = body[0]
        if isinstance(body, dict) and isinstance(body.get("error"), dict | str):
            body = body["error"]
        if isinstance(body, dict):
            parts = [body.get("message"), body.get("detail"), body.get("code"), body.get("type")]
            body = next((part for part in parts if part), body)
        text = body if isinstance(body, str) else json.dumps(body, default=str)
        if re.match(r"\s*<(?:!doctype|html)", text, re.IGNORECASE):
            text = "a page of HTML"
        return text[:_READ]

    @property
    def has_no_quota(self) -> bool:
        """Whether asking again cannot help: the account is out of money."""
        return self.status == 402 or bool(_NO_QUOTA.search(self.text))


@dataclass(frozen=True)
class Explainer:
    """Turns what went wrong at one endpoint into sentences."""

    endpoint: Endpoint
    hide: Callable[[str], str]
    """Takes the key out of a text."""

    def excerpt(self, text: str) -> str:
        """A server's words on one line, short, without the key."""
        words = " ".join(self.hide(text).split())
        return words if len(words) <= _EXCERPT else words[:_EXCERPT] + " ..."

    def error(self, kind: str, text: str) -> GenerationError:
        """An error of this endpoint."""
        return GenerationError(kind, f"{self.endpoint.name}: {text}")

    def missing_key(self) -> GenerationError:
        """The variable is not set."""
        return self.error(
            "missing-key",
            f"no key: {self.endpoint.base_url} wants one, and the environment variable "
            f"{self.endpoint.key_variable} is not set or empty; set it, or name another one "
            f"as 'key' in [tool.tritonbench.models.{self.endpoint.name}] of pyproject.toml",
        )

    def unusable_key(self) -> GenerationError:
        """The variable holds what cannot be sent."""
        return self.error(
            "wrong-key",
            f"the value of {self.endpoint.key_variable} is no key: it has a blank, a line break or "
            "a character outside ASCII in it; set it to the key alone",
        )

    def unreachable(self, why: str) -> GenerationError:
        """No connection, or one that broke."""
        return self.error(
            "unreachable",
            f"no answer from {self.endpoint.base_url} ({self.excerpt(why)}); "
            "is the address right, the server up, the network there?",
        )

    def told(self, fault: Fault, models: Callable[[], str] = str) -> GenerationError:
        """What a server's error means.

        Args:
            fault: The error.
            models: Says, as part of a sentence, which models there are; asked only if need be.
        """
        kind = _kind(fault)
        status = "" if fault.status is None else f"{fault.status}: "
        wait = f"; it asks to wait {self.excerpt(fault.wait)} s" if fault.wait else ""
        said = f"{status}{self.excerpt(fault.said)}{wait}"
        if kind == "unknown-model":
            return self.error(kind, self._unknown_model(said, models()))
        if kind == "wrong-key":
            return self.error(kind, self._wrong_key(said))
        what, advice = _ADVICE[kind]
        return self.error(kind, f"{what} ({said}); {advice}")

    def _unknown_model(self, said: str, models: str) -> str:
        return (
            f"{self.endpoint.base_url} does not serve the model {self.endpoint.model!r} ({said}); "
            f"{models or 'look up how it is called there, and whether the address is right'}"
        )

    def _wrong_key(self, said: str) -> str:
        name = self.endpoint.name
        if self.endpoint.key_variable is None:
            return (
                f"{self.endpoint.base_url} wants a key ({said}); name the environment variable "
                f"that holds it as 'key' in [tool.tritonbench.models.{name}] of pyproject.toml"
            )
        return (
            f"the key in {self.endpoint.key_variable} is not accepted ({said}); set that variable "
            f"to a key of {self.endpoint.base_url} that may use {self.endpoint.model}"
        )


_ADVICE = {
    "quota": (
        "the account's quota is used up",
        "add credit or raise the limit at the provider, then run again: what was answered is kept",
    ),
    "rate-limited": (
        "too many requests, even after waiting",
        "lower --tb-concurrency or run again later: what was answered is kept",
    ),
    "context-overflow": (
        "prompt and answer do not fit into the model's context",
        "lower --tb-shots or --tb-max-tokens, or use a model with a larger context",
    ),
    "refusal": (
        "the server refuses to answer this prompt",
        "look at it with --tb-show-prompt and word the task in another way, or use another model",
    ),
    "timeout": (
        "the server gave up waiting for the model",
        "run again, with a shorter prompt or fewer tokens if it comes back",
    ),
    "server-error": (
        "the server failed, even when asked again",
        "run again later: what was answered is kept",
    ),
    "unreachable": (
        "the address has no chat completions",
        "base_url must be what stands before /chat/completions, often with /v1 at its end",
    ),
    "bad-request": (
        "the server does not accept the request",
        "leave out the option or the field of 'extra' that it names, or use another model",
    ),
}


# The first that holds.
_RULES: tuple[tuple[str, Callable[[int, str], object]], ...] = (
    ("quota", lambda status, text: status == 402 or _NO_QUOTA.search(text)),
    ("quota", lambda status, text: status == 429 and _DAILY.search(text)),
    ("rate-limited", lambda status, _: status == 429),
    ("timeout", lambda status, _: status in {408, 504, 524}),
    ("server-error", lambda status, _: status >= 500),
    ("context-overflow", lambda status, text: status == 413 or _CONTEXT.search(text)),
    ("wrong-key", lambda status, _: status == 401),
    ("refusal", lambda _, text: _REFUSED.search(text)),
    ("unknown-model", lambda _, text: _MODEL.search(text)),
    ("wrong-key", lambda status, text: status == 403 or _KEY.search(text)),
    ("unreachable", lambda status, _: status in {404, 405}),
)


def _kind(fault: Fault) -> str:
    status = 500 if fault.status is None else fault.status
    return next((kind for kind, holds in _RULES if holds(status, fault.text)), "bad-request")
