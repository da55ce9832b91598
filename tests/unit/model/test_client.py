"""Answers, as the real client gets them from a real server."""

from __future__ import annotations

import subprocess
import sys
import threading
from datetime import datetime

import pytest

from pytest_tritonbench.candidate.model.question import Price, Streamed, Usage
from tests.model_server.running import ModelServer
from tests.unit.model.asking import client, endpoint, question


def test_an_answer_is_streamed(server: ModelServer) -> None:
    """With text, finish reason, usage, cost and the times between which it came."""
    server.plan(delay=0.1)
    asked = endpoint(server, price=Price(prompt=3.0, completion=15.0))
    seen: list[Streamed] = []
    answer = client(asked).ask(question(asked), seen.append)
    assert "def double(x)" in answer.text
    assert answer.finish_reason == "stop"
    assert answer.served_by == "recorded-1"
    assert answer.requests == 1
    assert answer.usage.prompt
    assert answer.usage.completion
    assert answer.cost == (answer.usage.prompt * 3 + answer.usage.completion * 15) / 1e6
    assert datetime.fromisoformat(answer.started) < datetime.fromisoformat(answer.ended)
    assert [row["asked"]["stream"] for row in server.requests()] == [True]
    assert server.outcomes() == ["answered"]
    counts = [streamed.tokens for streamed in seen]
    assert len(counts) > 15
    assert counts == sorted(counts)
    assert counts[-1] == answer.usage.completion
    assert seen[-1].seconds >= 0.05


def test_reasoning_is_told_apart(server: ModelServer) -> None:
    """Under either of its names, in a stream or in one piece, and not as a part of the text."""
    for name in ("reasoning_content", "reasoning"):
        for quirks in ((), ("one-piece",)):
            server.plan(reasoning_field=name, quirks=quirks)
            asked = endpoint(server)
            answer = client(asked).ask(question(asked, "square"))
            assert answer.reasoning == "Squares are products: ünïcode, 二乗."
            assert answer.text.startswith("Here is the kernel.")
            assert answer.usage.reasoning == 9


def test_what_is_chosen_is_sent(server: ModelServer) -> None:
    """And nothing else: what is not chosen is left to the server."""
    asked = endpoint(server, extra={"top_k": 3})
    chosen = question(asked, temperature=0.2, top_p=0.9, seed=1, effort="low", max_tokens=99)
    client(asked).ask(chosen)
    client(asked).ask(question(asked))
    first, second = (row["asked"] for row in server.requests())
    plain = {"model": "recorded-1", "stream": True, "stream_options": {"include_usage": True}}
    assert second == {**plain, "top_k": 3}
    assert first == {
        **plain,
        "top_k": 3,
        "temperature": 0.2,
        "top_p": 0.9,
        "seed": 1,
        "reasoning_effort": "low",
        "max_tokens": 99,
    }


@pytest.mark.parametrize(
    ("quirk", "refused", "usage"),
    [
        ("no-stream-options", 1, False),
        ("no-stream", 1, True),
        ("one-piece", 0, True),
        ("max-completion-tokens", 1, True),
    ],
)
def test_a_server_that_understands_less(
    server: ModelServer,
    quirk: str,
    refused: int,
    usage: bool,  # noqa: FBT001 - a row of the table
) -> None:
    """Is asked in its own way; what was learned is kept for the next question."""
    server.plan(quirks=(quirk,))
    asked = endpoint(server)
    asking = client(asked)
    for _ in range(2):
        answer = asking.ask(question(asked, max_tokens=500))
        assert "def double(x)" in answer.text
        assert (answer.usage != Usage()) is usage
    assert server.outcomes() == [*[quirk] * refused, "answered", "answered"]


def test_a_server_that_understands_nothing_of_it(server: ModelServer) -> None:
    """Neither streams nor their options nor the old name of the limit: asked three times more."""
    server.plan(quirks=("no-stream-options", "no-stream", "max-completion-tokens"))
    asked = endpoint(server)
    assert "def double" in client(asked).ask(question(asked, max_tokens=9)).text
    assert server.outcomes()[-1] == "answered"
    assert server.requests()[-1]["asked"] == {"model": "recorded-1", "max_completion_tokens": 9}


def test_what_the_server_charges_counts_where_no_price_is_known(server: ModelServer) -> None:
    """A price of the table comes first."""
    server.plan(usage={"cost": 0.0123, "prompt_tokens_details": {"cached_tokens": 4}})
    asked = endpoint(server)
    answer = client(asked).ask(question(asked))
    assert (answer.cost, answer.usage.cached) == (0.0123, 4)
    priced = endpoint(server, price=Price(0.0, 0.0))
    assert client(priced).ask(question(priced)).cost == 0


def test_an_answer_that_is_cut_short_is_an_answer(server: ModelServer) -> None:
    """Its finish reason says so."""
    server.plan(order=("length",))
    asked = endpoint(server)
    answer = client(asked).ask(question(asked))
    assert answer.finish_reason == "length"
    assert answer.text


def test_threads_share_a_client(server: ModelServer) -> None:
    """Each gets its own answer, and counts its own requests."""
    server.plan(delay=0.2, order=("500",))
    asked = endpoint(server)
    asking = client(asked)
    answers = {}

    def ask(task: str) -> None:
        answers[task] = asking.ask(question(asked, task))

    threads = [threading.Thread(target=ask, args=(t,)) for t in ("double", "square", "negate")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(f"def {task}(x)" in answer.text for task, answer in answers.items())
    assert sorted(answer.requests for answer in answers.values()) == [1, 1, 2]
    assert server.log()["most_at_once"] >= 2
    asking.close()


def test_what_watches_may_stop_it(server: ModelServer) -> None:
    """An exception of the caller's own is the caller's, and the connection is given up."""
    server.plan(delay=2.0)
    asked = endpoint(server)

    def stop(streamed: Streamed) -> None:
        raise KeyError(streamed)

    with pytest.raises(KeyError):
        client(asked).ask(question(asked), stop)


def test_a_loopback_is_reached_without_a_proxy(
    server: ModelServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Even if the environment names one, which would not know the way."""
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    asked = endpoint(server)
    assert client(asked).ask(question(asked)).text


def test_the_package_is_imported_when_it_is_used() -> None:
    """Not by this package's import, and not for a key that is missing."""
    script = """
import sys
from pytest_tritonbench.candidate.model.client import Client
from pytest_tritonbench.candidate.model.question import Endpoint, GenerationError, Question
endpoint = Endpoint("a", "http://localhost/v1", "m", "NO_SUCH_KEY")
try:
    Client(endpoint, {}).ask(Question("s", "t", 0, 0, endpoint, ()))
except GenerationError as error:
    print(error.kind, sorted({"openai", "torch", "pytest"} & set(sys.modules)))
"""
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.strip() == "missing-key []"
