"""Questions as tests ask them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from pytest_tritonbench.candidate.model.client import Client, Limits
from pytest_tritonbench.candidate.model.question import (
    Endpoint,
    GenerationError,
    Message,
    Question,
    Sampling,
)
from tests.model_server.running import ModelServer

KEY = "sk-tests-0123456789abcdefghijklmnop"
LIMITS = Limits(timeout=20.0, stall=10.0, connect=5.0, retries=1)


def endpoint(server: ModelServer, **more: Any) -> Endpoint:
    """The server's."""
    return Endpoint("recorded", server.base_url, "recorded-1", **more)


def question(asked: Endpoint, task: str = "double", **sampling: Any) -> Question:
    """For a task of the recording."""
    prompt = f"Write a Triton kernel.\n\ndef {task}(x):\n    ..."
    messages = (Message("system", "You write kernels."), Message("user", prompt))
    return Question("references", task, 0, 0, asked, messages, Sampling(**sampling))


def client(asked: Endpoint, environ: Mapping[str, str] | None = None, **limits: Any) -> Client:
    """A client that gives up soon."""
    return Client(asked, environ or {}, replace(LIMITS, **limits))


def failure(
    asked: Endpoint, environ: Mapping[str, str] | None = None, **limits: Any
) -> GenerationError:
    """Why there is no answer."""
    with pytest.raises(GenerationError) as caught:
        client(asked, environ, **limits).ask(question(asked))
    return caught.value
