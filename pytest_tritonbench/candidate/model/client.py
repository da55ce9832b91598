"""Asking a model: one question, one answer or one reason why there is none."""

from __future__ import annotations

import difflib
import random
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import Any

from pytest_tritonbench.candidate.model.connection import Reply, connect, failed, measured
from pytest_tritonbench.candidate.model.failures import Explainer, Fault, UnusableAnswer
from pytest_tritonbench.candidate.model.gathered import Gathered
from pytest_tritonbench.candidate.model.key import Key
from pytest_tritonbench.candidate.model.meter import (
    Limits,
    Meter,
    OverdueError,
    TooMuchError,
)
from pytest_tritonbench.candidate.model.question import (
    Endpoint,
    Generation,
    GenerationError,
    Question,
    Streamed,
)
from pytest_tritonbench.candidate.model.request import Dialect, body
from pytest_tritonbench.candidate.model.table import EndpointError, checked_url

# Its own: the tests beside these threads draw from the seeded one of the module.
_RANDOM = random.Random()  # noqa: S311 - spreads requests, hides nothing

__all__ = ["Client", "Limits", "UnusableAnswer"]

Progress = Callable[[Streamed], None]

_FIRST_PAUSE = 0.5
_LONGEST_PAUSE = 8.0
_LISTING = 5.0


@dataclass(frozen=True)
class _Broken:
    """No answer came of an attempt."""

    error: GenerationError
    again: bool
    """Whether the next attempt may fare better."""


class Client:
    """A model that can be asked, by any number of threads at once.

    The key is read from the environment once and appears in nothing that this class returns,
    raises or logs. Exceptions of the HTTP client hold it, so none of them leaves: each becomes a
    `GenerationError` without a cause or a context.

    Args:
        endpoint: Whom to ask.
        environ: Where the key is.
        limits: What one answer may take.
    """

    def __init__(
        self, endpoint: Endpoint, environ: Mapping[str, str], limits: Limits | None = None
    ) -> None:
        self.endpoint = endpoint
        self.limits = limits or Limits()
        self._key = Key(endpoint.key_variable, environ)
        self._dialect = Dialect()
        self._explain = Explainer(endpoint, self._key.hidden_in_message)

    def __repr__(self) -> str:
        return f"Client({self.endpoint.name}, {self.endpoint.model})"

    def ask(self, question: Question, on_progress: Progress | None = None) -> Generation:
        """Ask and wait for the whole answer.

        Args:
            question: Its endpoint is this client's.
            on_progress: Called with every piece of the answer, from the asking thread; begins
                anew when the answer broke off and is asked for again.

        Raises:
            GenerationError: There is no answer; an `UnusableAnswer` where one came and was paid.
        """
        failure = self._impossible()
        if failure is not None:
            raise failure
        started = datetime.now(UTC).isoformat()
        meter = Meter(self.limits)
        attempt = 0
        outcome = self._attempt(question, meter, on_progress)
        while isinstance(outcome, _Broken):
            if not outcome.again or attempt >= self.limits.retries:
                raise outcome.error
            time.sleep(_pause(attempt))
            attempt += 1
            outcome = self._attempt(question, meter, on_progress)
        return self._judged(self._generation(outcome, meter, started), outcome.refusal)

    def close(self) -> None:
        """Close the connections."""
        if "_openai" in self.__dict__:
            self._openai.close()

    def _impossible(self) -> GenerationError | None:
        if self.endpoint.key_variable is not None and not self._key:
            return self._explain.missing_key()
        if not self._key.can_be_sent:
            return self._explain.unusable_key()
        try:
            checked_url(self.endpoint.base_url, self.endpoint.name)
        except EndpointError as error:
            return GenerationError("unreachable", str(error))
        return None

    def _attempt(
        self, question: Question, meter: Meter, on_progress: Progress | None
    ) -> Gathered | _Broken:
        """One request and its answer, sent again by the HTTP client where none came."""
        try:
            with measured(meter):
                stream = self._send(question)
        except Exception as error:  # noqa: BLE001 - whatever it is, the key is in its frames
            return self._broken(error, streaming=False)
        gathered = Gathered(self.limits.characters)
        begun = time.monotonic()
        with stream:
            while True:
                try:
                    chunk = next(stream, None)
                    if chunk is not None:
                        gathered.add(chunk)
                except Exception as error:  # noqa: BLE001 - as above
                    return self._broken(error, streaming=True)
                if chunk is None:
                    break
                if on_progress is not None:
                    on_progress(Streamed(gathered.tokens, time.monotonic() - begun))
        if not gathered.finish_reason:
            return _Broken(self._cut_off(gathered, stream.kind), stream.kind != "text/html")
        return gathered

    def _send(self, question: Question) -> Reply:
        create: Any = self._openai.chat.completions.create
        import openai  # noqa: PLC0415 - an extra, and slow

        while True:
            asked = body(question, self._dialect)
            try:
                return Reply(create(**asked))
            except openai.APIStatusError as error:
                if not self._dialect.learn(error.status_code, Fault(None, error.body).text, asked):
                    raise

    def _broken(self, error: Exception, *, streaming: bool) -> _Broken:
        """What an exception means; nothing of the exception is kept."""
        import openai  # noqa: PLC0415 - an extra, and slow

        explain = self._explain
        limits = (OverdueError, TooMuchError, openai.APITimeoutError)
        if isinstance(error, limits) or failed(error) == "timeout":
            return self._over_the_limit(error)
        if isinstance(error, openai.APIStatusError):
            wait = error.response.headers.get("retry-after")
            fault = Fault(error.status_code, error.body, wait)
            return _Broken(explain.told(fault, self._models), again=False)
        if isinstance(error, openai.APIConnectionError) or failed(error):
            why = str(error.__cause__ or error)
            return _Broken(explain.unreachable(why), again=streaming)
        if isinstance(error, openai.APIError):
            failure = explain.told(Fault(_status(error.body), error.body))
            return _Broken(failure, failure.kind in {"server-error", "timeout", "rate-limited"})
        why = explain.excerpt(f"{type(error).__name__}: {error}")
        text = (
            f"the answer is not as the protocol has it ({why}); run again; if it comes back, the "
            "server is at fault or the address is wrong"
        )
        return _Broken(explain.error("bad-response", text), again=isinstance(error, ValueError))

    def _over_the_limit(self, error: Exception) -> _Broken:
        kind, again = "timeout", False
        if isinstance(error, TooMuchError):
            kind = "too-long"
            text = (
                f"the answer passed {self.limits.characters:,} characters and was cut off; "
                "set --tb-max-tokens"
            )
        elif isinstance(error, OverdueError) and error.cut == "stall":
            again = True
            text = f"the answer stood still for {self.limits.stall:g} s; run again later"
        else:
            text = (
                f"no complete answer in {self.limits.timeout:g} s; raise the time limit, or ask "
                "for fewer tokens"
            )
        return _Broken(self._explain.error(kind, text), again)

    def _cut_off(self, gathered: Gathered, kind: str) -> GenerationError:
        if gathered.pieces:
            text = "the answer broke off without a finish reason; run again"
        else:
            text = (
                f"what came is no answer ({kind or 'of no kind'}); base_url must be what stands "
                "before /chat/completions, often with /v1 at its end"
            )
        return self._explain.error("bad-response", text)

    def _generation(self, gathered: Gathered, meter: Meter, started: str) -> Generation:
        hide = self._key.hidden_in_answer
        cost = gathered.usage.cost(self.endpoint.price)
        return Generation(
            text=hide(gathered.text),
            finish_reason=hide(gathered.finish_reason),
            usage=gathered.usage,
            cost=gathered.charged if cost is None else cost,
            started=started,
            ended=datetime.now(UTC).isoformat(),
            reasoning=hide(gathered.reasoning),
            served_by=hide(gathered.served_by),
            requests=meter.requests,
        )

    def _judged(self, answer: Generation, refusal: str) -> Generation:
        """The answer, if it is one."""
        name = self.endpoint.name
        if refusal or answer.finish_reason in {"content_filter", "refusal"}:
            why = self._explain.excerpt(refusal or "stopped by the content filter")
            text = f"{name}: the model refuses ({why}); word the task in another way"
            raise UnusableAnswer("refusal", text, answer)
        if answer.text.strip():
            return answer
        if answer.finish_reason == "length":
            text = f"{name}: all tokens went into reasoning; raise --tb-max-tokens"
            raise UnusableAnswer("too-long", text, answer)
        text = f"{name}: the answer is empty (finish reason {answer.finish_reason}); run again"
        raise UnusableAnswer("no-code", text, answer)

    def _models(self) -> str:
        """Which models the server has, as part of a sentence; empty if it does not say."""
        try:
            with measured(Meter(self.limits)):
                listing = self._openai.with_options(timeout=_LISTING, max_retries=0).models.list()
            names = [str(model.id) for model in listing.data]
        except Exception:  # noqa: BLE001 - a courtesy: without it the message is still right
            return ""
        near = difflib.get_close_matches(self.endpoint.model, names, n=3, cutoff=0.4)
        return f"it has {self._explain.excerpt(', '.join(near or names[:5]))}" if names else ""

    @cached_property
    def _openai(self) -> Any:
        return connect(self.endpoint, self._key, self.limits)


def _status(error: Any) -> int | None:
    """The status of an error in mid-stream, where it has one."""
    code = str(error.get("code")) if isinstance(error, Mapping) else ""
    return int(code) if re.fullmatch(r"[45]\d\d", code) else None


def _pause(attempt: int) -> float:
    """Seconds before an answer that broke off is asked for again."""
    longest = min(_FIRST_PAUSE * 2.0**attempt, _LONGEST_PAUSE)
    return longest * _RANDOM.uniform(0.75, 1.0)
