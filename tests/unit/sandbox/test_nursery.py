"""One process that has imported torch, out of which the zygotes of many sandboxes are forked."""

import json
import os
import socket
import struct
from collections.abc import Iterator
from pathlib import Path

import pytest

from pytest_tritonbench.sandbox import Call, Sandbox, TensorArg, TensorOut
from pytest_tritonbench.sandbox.environment import environment
from pytest_tritonbench.sandbox.nursery import VARIABLE, Born, Nursery
from pytest_tritonbench.sandbox.protocol import Connection, ConnectionLostError

CALL = Call(args=(("x", TensorArg("float32", (2,), (1,), 0, 0, 8)),))


@pytest.fixture(scope="module")
def nursery() -> Iterator[Nursery]:
    """A nursery for sandboxes without a GPU."""
    with Nursery("cpu", ["sm_90"], environment(os.environ, "cpu")) as made:
        yield made


@pytest.fixture(autouse=True)
def used(nursery: Nursery, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have this process use it."""
    monkeypatch.setenv(VARIABLE, nursery.address)


def doubled(sandbox: Sandbox, source: str = "def f(x):\n    return x * 2\n") -> tuple[float, ...]:
    """What a candidate returns for 1 and 2."""
    with sandbox.candidate(source, "f.py", "f") as candidate:
        candidate.inputs.write(0, struct.pack("2f", 1, 2))
        got = candidate.call(CALL, timeout=30.0)
    output = getattr(got, "output", got)
    assert isinstance(output, TensorOut), got
    return struct.unpack("2f", output.data)


def is_born(sandbox: Sandbox) -> bool:
    """Whether its zygote came out of a nursery."""
    assert sandbox._zygote is not None
    return isinstance(sandbox._zygote.process, Born)


def test_its_zygotes_are_as_good_as_fresh_ones() -> None:
    """Two sandboxes of one nursery run candidates, each in processes of its own."""
    with Sandbox() as one, Sandbox() as other:
        assert doubled(one) == doubled(other) == (2.0, 4.0)
        assert is_born(one)
        assert is_born(other)
        assert one._zygote is not None
        assert other._zygote is not None
        assert one._zygote.process.pid != other._zygote.process.pid


def test_a_zygote_has_the_environment_of_its_own_sandbox(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was set since the nursery began counts; its address is nowhere to be seen."""
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    source = (
        "import os, time\n\ndef f(x):\n"
        f"    assert '{VARIABLE}' not in os.environ\n"
        "    assert time.strftime('%Z') == 'JST'\n"
        "    return x * 2\n"
    )
    with Sandbox() as sandbox:
        assert doubled(sandbox, source) == (2.0, 4.0)


def test_another_environment_has_an_interpreter_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """What torch reads when it is imported cannot be changed by a fork."""
    monkeypatch.setenv("LD_LIBRARY_PATH", "/nowhere")
    with Sandbox() as sandbox:
        assert doubled(sandbox) == (2.0, 4.0)
        assert not is_born(sandbox)


@pytest.mark.parametrize("address", ["", "null", "[]", '["/nowhere", "", ""]', "{"])
def test_a_wrong_address_does_no_harm(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The sandbox starts an interpreter of its own."""
    monkeypatch.setenv(VARIABLE, address)
    with Sandbox() as sandbox:
        sandbox.wait()
        assert not is_born(sandbox)


def test_who_does_not_know_the_secret_gets_nothing(nursery: Nursery) -> None:
    """A request with another token is dropped, and the next one is served."""
    path = json.loads(nursery.address)[0]
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as endpoint:
        endpoint.connect(path)
        connection = Connection(endpoint)
        connection.send({"token": "guessed", "env": {}, "cwd": "/"})
        with pytest.raises(ConnectionLostError):
            connection.recv(20.0)
    with Sandbox() as sandbox:
        sandbox.wait()
        assert is_born(sandbox)


def test_zygotes_outlive_their_nursery(monkeypatch: pytest.MonkeyPatch) -> None:
    """It may be closed while they work; a sandbox that comes later starts on its own."""
    made = Nursery("cpu", ["sm_90"], environment(os.environ, "cpu"))
    monkeypatch.setenv(VARIABLE, made.address)
    with Sandbox() as sandbox:
        assert doubled(sandbox) == (2.0, 4.0)
        made.close()
        assert doubled(sandbox) == (2.0, 4.0)
        with Sandbox() as late:
            late.wait()
            assert not is_born(late)


def test_a_closed_sandbox_leaves_no_process() -> None:
    """The zygote has ended when the sandbox is closed, though it is nobody's child here."""
    with Sandbox() as sandbox:
        sandbox.wait()
        assert sandbox._zygote is not None
        pid = sandbox._zygote.process.pid
    state = Path(f"/proc/{pid}/stat")
    assert not state.exists() or state.read_text().rpartition(")")[2].split()[0] == "Z"
