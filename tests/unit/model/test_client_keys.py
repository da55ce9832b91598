"""Keys: sent to their server, and never seen anywhere else."""

from __future__ import annotations

import logging
import pickle
import traceback

import pytest

from pytest_tritonbench.candidate.model.client import Client
from pytest_tritonbench.candidate.model.key import Key
from pytest_tritonbench.candidate.model.question import Endpoint, GenerationError
from tests.model_server.running import ModelServer
from tests.unit.model.asking import KEY, client, endpoint, failure, question

ENVIRON = {"RECORDED_KEY": KEY, "OTHER_KEY": "sk-other-abcdefghijklmnop"}


def told(error: BaseException) -> str:
    """All that a traceback with local variables, and whoever walks its chain, can show."""
    shown: list[str] = []
    seen: set[int] = set()
    chain: list[BaseException | None] = [error]
    while chain:
        one = chain.pop()
        if one is None or id(one) in seen:
            continue
        seen.add(id(one))
        shown += traceback.TracebackException.from_exception(one, capture_locals=True).format()
        shown += [repr(one), repr(vars(one))]
        chain += [one.__cause__, one.__context__]
    return "".join(shown)


def own_frames(error: BaseException) -> str:
    """As `told`, without the frames of the tests, which know the key."""
    trace = error.__traceback__
    while trace is not None and "tests" in trace.tb_frame.f_code.co_filename:
        trace = trace.tb_next
    return told(error.with_traceback(trace))


def test_a_key_is_sent_to_its_server(server: ModelServer) -> None:
    """From its own variable, whatever others there are."""
    asked = endpoint(server, key_variable="RECORDED_KEY")
    client(asked, ENVIRON).ask(question(asked))
    (row,) = server.requests()
    assert row["headers"]["authorization"] == f"Bearer {KEY}"


def test_no_key_is_sent_to_a_server_without_one(
    server: ModelServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor anything else of an account at OpenAI that the environment knows."""
    for name in ("OPENAI_API_KEY", "OPENAI_ADMIN_KEY", "OPENAI_ORG_ID", "OPENAI_PROJECT_ID"):
        monkeypatch.setenv(name, KEY)
    monkeypatch.setenv("OPENAI_CUSTOM_HEADERS", f"Authorization: Bearer {KEY}")
    asked = endpoint(server)
    client(asked).ask(question(asked))
    (row,) = server.requests()
    assert KEY not in str(row["headers"])
    assert "authorization" not in row["headers"]


@pytest.mark.parametrize("fault", ["401", "echo-key", "reset", "bad-json", "stall", "html", "404"])
def test_no_error_holds_the_key(server: ModelServer, fault: str) -> None:
    """Not in its message, its attributes, its chain, or the local variables of its frames."""
    server.plan(tasks={"double": fault})
    error = failure(endpoint(server, key_variable="RECORDED_KEY"), ENVIRON, stall=0.2, retries=0)
    text = own_frames(error)
    assert "recorded" in text
    assert KEY not in text
    assert KEY[:12] not in text
    assert ENVIRON["OTHER_KEY"] not in text
    assert error.__cause__ is None
    assert error.__context__ is None


def test_a_key_that_the_server_repeats_is_hidden(server: ModelServer) -> None:
    """In the message of an error; the rest of the message stays."""
    server.plan(tasks={"double": "echo-key"})
    error = failure(endpoint(server, key_variable="RECORDED_KEY"), ENVIRON, retries=0)
    assert "upstream got headers {'authorization': '***'}" in error.message


def test_logs_do_not_hold_the_key(server: ModelServer, caplog: pytest.LogCaptureFixture) -> None:
    """Not at the level at which the HTTP client tells everything."""
    caplog.set_level(logging.DEBUG)
    server.plan(order=("500", "bad-json"))
    asked = endpoint(server, key_variable="RECORDED_KEY")
    client(asked, ENVIRON).ask(question(asked))
    assert "openai" in {record.name.partition(".")[0] for record in caplog.records}
    assert KEY not in caplog.text
    assert KEY not in "".join(f"{record.args}{vars(record)}" for record in caplog.records)


@pytest.mark.parametrize("value", [None, "", "  \n"])
def test_a_missing_key_names_its_variable(server: ModelServer, value: str | None) -> None:
    """And nothing is sent."""
    environ = {} if value is None else {"RECORDED_KEY": value}
    error = failure(endpoint(server, key_variable="RECORDED_KEY"), environ)
    assert error.kind == "missing-key"
    assert "the environment variable RECORDED_KEY is not set or empty" in error.message
    assert server.requests() == []


@pytest.mark.parametrize("value", [f"{KEY} x", f"{KEY}\nX-Other: 1", f"{KEY}\u20ac", f"a\x7f{KEY}"])
def test_a_key_that_no_header_can_hold_is_told_and_not_shown(
    server: ModelServer, value: str
) -> None:
    """Before anything is sent: the HTTP client would put it into its error."""
    error = failure(endpoint(server, key_variable="RECORDED_KEY"), {"RECORDED_KEY": value})
    assert error.kind == "wrong-key"
    assert "blank" in error.message
    assert KEY not in own_frames(error)
    assert server.requests() == []


def test_a_key_from_a_file_ends_with_a_line_break(server: ModelServer) -> None:
    """Which is no part of it."""
    server.plan(key=KEY)
    asked = endpoint(server, key_variable="RECORDED_KEY")
    assert client(asked, {"RECORDED_KEY": f"{KEY}\n"}).ask(question(asked)).text


def test_a_key_in_an_address_is_refused_unseen(server: ModelServer) -> None:
    """An address is stored and shown; the HTTP client would send such a key as a password."""
    address = server.base_url.replace("//", f"//user:{KEY}@")
    asking = Client(Endpoint("hidden", address, "m"), {})
    with pytest.raises(GenerationError, match="a user or a key before its host") as caught:
        asking.ask(question(endpoint(server)))
    assert KEY not in str(caught.value)
    assert KEY not in repr(asking)
    assert server.requests() == []


def test_an_answer_that_holds_the_key_is_stored_without_it(server: ModelServer) -> None:
    """Whoever put it there."""
    key = "def double(x):\n    out"
    assert Key("K", {"K": key}).hidden_in_answer(f"a {key} b") == "a *** b"
    asked = endpoint(server, key_variable="RECORDED_KEY")
    answer = client(asked, {"RECORDED_KEY": "@triton.jit"}).ask(question(asked))
    assert "@triton.jit" in answer.text
    answer = client(asked, {"RECORDED_KEY": "triton.language"}).ask(question(asked))
    assert "triton.language" in answer.text
    answer = client(asked, {"RECORDED_KEY": "torch.empty_like"}).ask(question(asked))
    assert "torch.empty_like" not in answer.text
    assert "***(x)" in answer.text


def test_pieces_of_a_key_are_hidden_in_messages() -> None:
    """Of eight characters or more; a word that stands for no key is hidden as a whole."""
    key = Key("K", {"K": KEY})
    assert key.hidden_in_message(f"got {KEY[:20]}... and {KEY[5:]}!") == "got ***... and ***!"
    assert key.hidden_in_message("sk-test is short") == "sk-test is short"
    assert key.hidden_in_message(KEY) == "***"
    assert Key("K", {"K": "EMPTY"}).hidden_in_message("key EMPTY") == "key ***"
    assert Key("K", {"K": "x"}).hidden_in_message("exact") == "exact"
    assert Key(None, {}).hidden_in_message("abc") == "abc"


def test_a_key_shows_itself_nowhere() -> None:
    """Not printed, not formatted, not pickled to another process."""
    key = Key("RECORDED_KEY", ENVIRON)
    asking = Client(Endpoint("a", "http://localhost/v1", "m", "RECORDED_KEY"), ENVIRON)
    assert KEY not in f"{key!r} {key} {asking!r} {vars(asking)}"
    with pytest.raises(TypeError, match="stays in its process"):
        pickle.dumps(asking)
