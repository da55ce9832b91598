"""What goes wrong between a question and its answer."""

from __future__ import annotations

import socket
import time
import tracemalloc
from itertools import product

import pytest

from pytest_tritonbench.candidate.model.failures import UnusableAnswer
from pytest_tritonbench.candidate.model.question import Endpoint, Price
from tests.model_server.running import ModelServer
from tests.unit.model.asking import KEY, client, endpoint, failure, question


@pytest.mark.parametrize(
    ("fault", "quirk"),
    [
        *((fault, "") for fault in ("429", "500", "503", "error-event")),
        *product(
            ("reset", "reset-early", "bad-json", "bad-utf8", "cut"), ("", "one-piece", "no-stream")
        ),
    ],
)
def test_what_passes_is_not_noticed(server: ModelServer, fault: str, quirk: str) -> None:
    """The same request is sent again, and its answer is whole: nothing of the first is in it."""
    refused = ["no-stream"] if quirk == "no-stream" else []
    server.plan(order=(*[None] * len(refused), fault), quirks=(quirk,))
    asked = endpoint(server)
    answer = client(asked).ask(question(asked))
    assert answer.text.count("def double(x)") == 1
    assert answer.text.startswith("Here is the kernel.")
    assert answer.requests == 2 + len(refused)
    assert server.outcomes() == [*refused, fault, "answered"]


@pytest.mark.parametrize(
    ("fault", "kind", "requests", "told"),
    [
        ("429", "rate-limited", 2, "too many requests, even after waiting (429: Rate limit"),
        ("500", "server-error", 2, "(500: The server had an error"),
        ("reset", "unreachable", 2, "Connection reset by peer"),
        ("reset-early", "unreachable", 2, "is the address right, the server up"),
        ("bad-json", "bad-response", 2, "not as the protocol has it (JSONDecodeError"),
        ("bad-utf8", "bad-response", 2, "not as the protocol has it (UnicodeDecodeError"),
        ("cut", "bad-response", 2, "broke off without a finish reason"),
        ("error-event", "server-error", 2, "(502: the provider is overloaded)"),
        ("html", "bad-response", 1, "what came is no answer (text/html); base_url must be"),
        ("401", "wrong-key", 1, "wants a key (401: Incorrect API key provided"),
        ("403", "wrong-key", 1, "name the environment variable that holds it as 'key'"),
        ("404", "unknown-model", 1, "does not serve the model 'recorded-1'"),
        ("quota", "quota", 1, "add credit or raise the limit"),
        ("context", "context-overflow", 1, "lower --tb-shots or --tb-max-tokens"),
        ("policy", "refusal", 1, "look at it with --tb-show-prompt"),
        ("bad-request", "bad-request", 1, "'temperature' does not support 0.2"),
        ("refusal", "refusal", 1, "the model refuses (I cannot help with that.)"),
        ("filter", "refusal", 1, "the model refuses (stopped by the content filter)"),
        ("empty", "no-code", 1, "the answer is empty (finish reason stop)"),
        ("spent", "too-long", 1, "all tokens went into reasoning; raise --tb-max-tokens"),
    ],
)
def test_what_stays_is_told(
    server: ModelServer, fault: str, kind: str, requests: int, told: str
) -> None:
    """With a kind, the model's name, the server's words and what to do; asked as often as helps."""
    server.plan(tasks={"double": fault})
    error = failure(endpoint(server))
    assert (error.kind, str(error)) == (kind, error.message)
    assert error.message.startswith("recorded: ")
    assert told in error.message
    assert "\n" not in error.message
    assert server.outcomes() == [fault] * requests


def test_other_questions_go_on(server: ModelServer) -> None:
    """A fault of one is a fault of that one."""
    server.plan(tasks={"double": "context"})
    asked = endpoint(server)
    asking = client(asked)
    with pytest.raises(Exception, match="context"):
        asking.ask(question(asked))
    assert "def square" in asking.ask(question(asked, "square")).text


def test_retry_after_is_obeyed(server: ModelServer) -> None:
    """The next request comes when the server wants it; the wait is not of a request's time."""
    server.plan(order=("429",), retry_after="1")
    asked = endpoint(server)
    begun = time.monotonic()
    client(asked, timeout=0.8).ask(question(asked))
    assert 1.0 <= time.monotonic() - begun < 3.0


def test_a_long_wait_is_left_to_the_user(server: ModelServer) -> None:
    """Who is told how long it is; no thread sleeps for an hour."""
    server.plan(order=("429",), retry_after="3600")
    begun = time.monotonic()
    error = failure(endpoint(server))
    assert error.kind == "rate-limited"
    assert "it asks to wait 3600 s" in error.message
    assert time.monotonic() - begun < 1.0


def test_an_answer_that_stands_still_is_asked_for_again(server: ModelServer) -> None:
    """As soon as nothing came for the time that a pause may take, and each time it does."""
    server.plan(order=("stall",))
    asked = endpoint(server)
    begun = time.monotonic()
    answer = client(asked, stall=0.3).ask(question(asked))
    assert answer.text.count("def double(x)") == 1
    assert time.monotonic() - begun < 3.0
    server.plan(tasks={"double": "stall"})
    error = failure(asked, stall=0.2, retries=1)
    assert error.kind == "timeout"
    assert "stood still for 0.2 s" in error.message
    assert len(server.outcomes()) == 2


@pytest.mark.parametrize("quirks", [(), ("one-piece",), ("no-stream",)])
def test_a_request_has_a_time_limit(server: ModelServer, quirks: tuple[str, ...]) -> None:
    """For an answer that comes in time piece by piece but not as a whole; it is not repeated."""
    server.plan(delay=6.0, quirks=quirks)
    begun = time.monotonic()
    error = failure(endpoint(server), timeout=0.5)
    assert error.kind == "timeout"
    assert "no complete answer in 0.5 s" in error.message
    assert time.monotonic() - begun < 3.0


def test_a_server_that_takes_the_request_and_says_nothing() -> None:
    """It has one time limit, not one for each retry."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        begun = time.monotonic()
        error = failure(
            Endpoint("mute", f"http://127.0.0.1:{silent.getsockname()[1]}/v1", "m"),
            timeout=0.5,
            retries=5,
        )
    assert error.kind == "timeout"
    assert time.monotonic() - begun < 3.0


def test_nobody_there() -> None:
    """The address is in the message, and what the system says."""
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    error = failure(Endpoint("gone", f"http://127.0.0.1:{port}/v1", "m"), retries=0)
    assert error.kind == "unreachable"
    assert f"http://127.0.0.1:{port}/v1 ([Errno 111] Connection refused)" in error.message


@pytest.mark.parametrize(
    ("fault", "quirks"), [("huge", ()), ("endless", ()), ("huge", ("one-piece",))]
)
def test_ten_megabytes_are_not_kept(
    server: ModelServer, fault: str, quirks: tuple[str, ...]
) -> None:
    """The answer is cut off at the limit, in whatever pieces it comes; memory stays small."""
    server.plan(tasks={"double": fault}, quirks=quirks)
    asked = endpoint(server)
    client(asked).ask(question(asked, "square"))
    tracemalloc.start()
    error = failure(asked, characters=100_000)
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert error.kind == "too-long"
    assert "passed 100,000 characters" in error.message
    assert "--tb-max-tokens" in error.message
    assert most < 8_000_000
    assert len(server.outcomes()) == 2


def test_what_came_and_is_no_use_was_paid(server: ModelServer) -> None:
    """The error has the answer with its usage and cost."""
    server.plan(tasks={"double": "refusal"})
    error = failure(endpoint(server, price=Price(1.0, 1.0)))
    assert isinstance(error, UnusableAnswer)
    assert error.generation.usage.prompt
    assert error.generation.cost


def test_models_that_there_are_are_named(server: ModelServer) -> None:
    """The closest first, where the server has a list."""
    server.plan(models=("recorded-2", "other", "recorded-11"))
    error = failure(endpoint(server))
    assert error.kind == "unknown-model"
    assert "it has recorded-11, recorded-2" in error.message


def test_a_wrong_key_names_its_variable(server: ModelServer) -> None:
    """And a right one opens."""
    server.plan(key=KEY)
    asked = endpoint(server, key_variable="RECORDED_KEY")
    error = failure(asked, {"RECORDED_KEY": "sk-another-key-of-somebody"})
    assert error.kind == "wrong-key"
    assert "the key in RECORDED_KEY is not accepted (401: " in error.message
    assert client(asked, {"RECORDED_KEY": KEY}).ask(question(asked)).text
