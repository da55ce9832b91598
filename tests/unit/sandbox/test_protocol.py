"""A child may send what it likes: the parent believes nothing and outlives everything."""

import json
import socket
import struct
import time
from collections.abc import Callable
from typing import Any

import pytest

from pytest_tritonbench.sandbox import (
    Arena,
    Call,
    Candidate,
    Connection,
    Delivered,
    Failure,
    Reason,
    protocol,
)
from pytest_tritonbench.sandbox.memory import SnapshotPool
from pytest_tritonbench.sandbox.results import Reader

Run = Callable[..., Delivered | Failure]

FORGE = """
import json, os, stat, struct
def frame(body): return struct.pack('>I', len(body)) + body
def f(x):
    for number in range(3, 64):
        try:
            if stat.S_ISSOCK(os.fstat(number).st_mode):
                os.write(number, {frame})
        except OSError:
            pass
    return x
"""


@pytest.fixture
def ends() -> Any:
    """Two connections that talk to each other, and the raw socket of the second."""
    left, right = protocol.pair()
    with Connection(left) as connection, right:
        yield connection, right


@pytest.mark.parametrize(
    "frame",
    [
        "b'garbage that is long enough to be a header'",
        "struct.pack('>I', 1 << 31)",
        "struct.pack('>I', 4) + b'[{{]'",
        "struct.pack('>I', 2) + b'[]'",
        "struct.pack('>I', 2) + b'{{}}'",
        (
            "frame(json.dumps({{'op': 'done', 'id': '0' * 16, 'output': 1, 'gradients': [],"
            " 'used': 0, 'launches': 1, 'kernels': [], 'incidents': []}}).encode())"
        ),
    ],
)
def test_forged_frames_are_a_breach(run: Run, frame: str) -> None:
    """A candidate that writes to the channel itself is found out and its process ended."""
    failure = run(FORGE.format(frame=frame.replace("{{", "{").replace("}}", "}")))
    assert isinstance(failure, Failure)
    assert (failure.reason, failure.fatal) == (Reason.PROTOCOL, True)


def test_frame_after_the_answer_is_a_breach(
    open_candidate: Callable[..., Candidate], one_vector: Callable[..., Call]
) -> None:
    """A second answer, sent once the first was taken, is not taken for the next call's."""
    candidate = open_candidate(
        """
        import os, stat, threading, time
        def late():
            time.sleep(0.05)
            for number in range(3, 64):
                try:
                    if stat.S_ISSOCK(os.fstat(number).st_mode):
                        os.write(number, b"\\0\\0\\0\\2{}")
                except OSError:
                    pass
        def f(x):
            threading.Thread(target=late).start()
            return x
        """
    )
    first = candidate.call(one_vector(candidate, [1.0]))
    assert isinstance(first, Delivered)
    time.sleep(0.1)
    second = candidate.call(one_vector(candidate, [1.0]))
    assert isinstance(second, Failure)
    assert second.reason == Reason.PROTOCOL


def test_message_survives_the_wire(ends: tuple[Connection, socket.socket]) -> None:
    """A message arrives as it was sent, however it is cut."""
    connection, raw = ends
    body = json.dumps({"text": "é" * 5000}).encode()
    frame = struct.pack(">I", len(body)) + body
    for start in range(0, len(frame), 777):
        raw.sendall(frame[start : start + 777])
    assert connection.recv(1) == {"text": "é" * 5000}


def test_long_messages_are_not_sent(ends: tuple[Connection, socket.socket]) -> None:
    """A message over the limit is refused by its sender, before a byte is on the wire."""
    connection, raw = ends
    with pytest.raises(protocol.FrameTooLongError):
        connection.send({"text": "x" * protocol.MAX_FRAME})
    raw.settimeout(0)
    with pytest.raises(BlockingIOError):
        raw.recv(1)


def test_waiting_ends(ends: tuple[Connection, socket.socket]) -> None:
    """A half message does not hold the receiver beyond its timeout."""
    connection, raw = ends
    raw.sendall(b"\0\0")
    with pytest.raises(TimeoutError):
        connection.recv(0.05)


def test_closed_connection_is_lost(ends: tuple[Connection, socket.socket]) -> None:
    """The end of the stream is no message."""
    connection, raw = ends
    raw.close()
    with pytest.raises(protocol.ConnectionLostError):
        connection.recv(1)


@pytest.mark.parametrize(
    "tensor",
    [
        ["float32", [1 << 40], [1], "cpu", 0],
        ["float32", [2, -1], [1, 1], "cpu", 0],
        ["float32", [1], [1], "cpu", 1 << 20],
        ["float32", [1], [1], "cpu", -4],
        ["float32", [1.0], [1], "cpu", 0],
        ["float32", [True], [1], "cpu", 0],
        ["float32", [1], [], "cpu", 0],
        ["object", [1], [1], "cpu", 0],
        ["float32", "1", [1], "cpu", 0],
        ["float32", [1], [1], None, 0],
        "float32",
        None,
    ],
)
def test_false_descriptions_are_refused(tensor: Any) -> None:
    """A description that does not fit the bytes that came with it is a breach."""
    reader = Reader(Arena(), SnapshotPool())
    reader.snapshot(64)
    with pytest.raises(protocol.ProtocolError):
        reader.node({"tensor": tensor})


def test_snapshot_cannot_pass_the_arena() -> None:
    """A child cannot make the parent read more than the arena has."""
    with pytest.raises(protocol.ProtocolError):
        Reader(Arena(), SnapshotPool()).snapshot(1 << 40)


def test_deep_nests_are_refused() -> None:
    """A nest deeper than any output is a breach, not a recursion error."""
    reader = Reader(Arena(), SnapshotPool())
    nest: Any = 1
    for _ in range(100):
        nest = {"list": [nest]}
    with pytest.raises(protocol.ProtocolError):
        reader.node(nest)
