"""The HTTP client: whom it talks to, what it sends along, what it waits for."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Literal, Self
from urllib.parse import urlsplit

from pytest_tritonbench.candidate.model.failures import Fault
from pytest_tritonbench.candidate.model.key import Key
from pytest_tritonbench.candidate.model.meter import Limits, Meter, metered
from pytest_tritonbench.candidate.model.question import Endpoint

_LOOPBACK = re.compile(r"localhost|127(?:\.\d+){3}|::1")

# The requests of the question that this thread asks: the HTTP client's hooks know no other way.
_meter: ContextVar[Meter] = ContextVar("tb_model_meter")


def connect(endpoint: Endpoint, key: Key, limits: Limits) -> Any:
    """The ``openai`` client of an endpoint; to be used within `measured`.

    It tries again by itself where a server says that it is busy or failed, and waits as long as
    ``Retry-After`` asks for.
    """
    import openai  # noqa: PLC0415 - an extra, and slow

    host = urlsplit(endpoint.base_url).hostname or ""
    # Without a key of its own, the client would take OPENAI_API_KEY, whoever the server is.
    headers: dict[str, Any] = {"Accept-Encoding": "identity", "Authorization": key.header()}
    if host != "api.openai.com":
        # What the environment says of an account at OpenAI is nobody else's business.
        headers |= {"OpenAI-Organization": openai.Omit(), "OpenAI-Project": openai.Omit()}
    return openai.OpenAI(
        api_key="unused",
        base_url=endpoint.base_url,
        max_retries=limits.retries,
        default_headers=headers,
        timeout=openai.Timeout(limits.timeout, connect=limits.connect),
        http_client=openai.DefaultHttpxClient(
            # No proxy leads to a server on this machine.
            trust_env=not _LOOPBACK.fullmatch(host),
            event_hooks={"request": [_begin if key else _begin_without_key], "response": [_limit]},
        ),
    )


@contextmanager
def measured(meter: Meter) -> Iterator[None]:
    """Requests that this thread sends meanwhile count there."""
    token = _meter.set(meter)
    try:
        yield
    finally:
        _meter.reset(token)


class Reply:
    """A streamed answer, or a whole one as a stream of one piece.

    Args:
        reply: What the ``openai`` client returned.
    """

    def __init__(self, reply: Any) -> None:
        self._reply = reply
        response = getattr(reply, "response", None)
        headers = response.headers if response is not None else {}
        self.kind: str = headers.get("content-type", "").partition(";")[0].strip().lower()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if hasattr(self._reply, "close"):
            self._reply.close()

    def __next__(self) -> Any:
        if self._reply is None:
            raise StopIteration
        if not hasattr(self._reply, "response"):
            reply, self._reply = self._reply, None
            return _whole(reply)
        if self.kind == "application/json":
            # Asked for a stream, it answered in one piece.
            reply, self._reply = self._reply, None
            with reply:
                return _whole(json.loads(reply.response.read()))
        return next(self._reply)


def _whole(reply: Any) -> Any:
    from openai.types.chat import ChatCompletion  # noqa: PLC0415 - an extra, and slow

    if isinstance(reply, Mapping):
        if reply.get("error"):
            raise ValueError(Fault(None, dict(reply)).said)
        return ChatCompletion.construct(**reply)
    if not isinstance(reply, ChatCompletion):
        raise ValueError(f"{type(reply).__name__} instead of a completion")
    return reply


def _begin(request: Any) -> None:
    """A hook of the HTTP client: a request is about to be sent."""
    del request
    _meter.get().begin()


def _begin_without_key(request: Any) -> None:
    request.headers.pop("Authorization", None)
    _begin(request)


def _limit(response: Any) -> None:
    """A hook of the HTTP client: a response has begun."""
    meter = _meter.get()
    meter.answered()
    library = sys.modules[type(response).__module__.partition(".")[0]]
    response.stream = metered(library.SyncByteStream, response, meter)
    if response.status_code == 429:
        # The client would try again; with no money left that only takes time.
        response.read()
        if Fault(429, response.text).has_no_quota:
            response.headers["x-should-retry"] = "false"


def failed(error: Exception) -> Literal["timeout", "connection"] | None:
    """How the network failed, where the ``openai`` package leaves it to the HTTP library to say.

    Which library that is, and when, depends on the package's version.
    """
    names = {base.__name__ for base in type(error).__mro__}
    if "TimeoutException" in names:
        return "timeout"
    return "connection" if "RequestError" in names else None
