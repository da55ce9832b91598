"""What the parent judges holds still, whatever the candidate has left running."""

import struct
import time
from collections.abc import Callable, Sequence

import pytest

from pytest_tritonbench.sandbox import Call, Candidate, Delivered, TensorArg

Put = Callable[[Candidate, Sequence[float]], TensorArg]

# A thread that bears the name of one of torch's own is taken for it and lives on after the call.
# This one then scribbles over every piece of memory that the process shares with the parent.
SCRIBBLES = """
import ctypes, gc, mmap, threading, time

def scribble(maps):
    ctypes.CDLL(None).prctl(15, b"pt_autograd_0", 0, 0, 0)
    named.set()
    time.sleep(0.2)
    for number in range(100):
        for memory in maps:
            memory[: 1 << 16] = bytes([number + 1]) * (1 << 16)
        time.sleep(0.01)

named = threading.Event()

def f(x):
    x += 1
    maps = [o for o in gc.get_objects() + list(held(gc.get_objects())) if type(o) is mmap.mmap]
    maps = [memory for memory in maps if len(memory) >= 1 << 20]
    threading.Thread(target=scribble, args=(maps,), daemon=True).start()
    named.wait()
    return x * 2

def held(objects):
    for o in objects:
        if type(o).__name__ == "Arena":
            yield vars(o)["_map"]
"""


@pytest.fixture
def scribbled(
    open_candidate: Callable[..., Candidate], put_vector: Put
) -> tuple[Candidate, TensorArg, Delivered]:
    """A delivery, the argument of its call, and a candidate that has scribbled since."""
    candidate = open_candidate(SCRIBBLES)
    x = put_vector(candidate, [1.0, 2.0])
    delivered = candidate.call(Call((("x", x),)), copy_inputs=("x",))
    assert isinstance(delivered, Delivered), delivered
    deadline = time.monotonic() + 5
    while floats(delivered.inputs_after[x.start : x.start + x.nbytes]) == (2, 3):
        assert time.monotonic() < deadline, "the thread does not reach the shared memory"
        time.sleep(0.01)
    return candidate, x, delivered


def floats(data: memoryview) -> tuple[float, ...]:
    """Two float32 numbers."""
    return struct.unpack("2f", data)


def test_a_thread_left_behind_does_not_reach_an_output(
    scribbled: tuple[Candidate, TensorArg, Delivered],
) -> None:
    """An output is the parent's own copy: a thread that lives on changes shared memory alone."""
    _, _, delivered = scribbled
    output = delivered.output
    assert floats(getattr(output, "data", memoryview(b""))) == (4, 6)


def test_a_thread_left_behind_does_not_reach_an_argument_that_may_change(
    scribbled: tuple[Candidate, TensorArg, Delivered],
) -> None:
    """An argument that was to be copied has the bytes of the moment when the call returned."""
    _, x, delivered = scribbled
    assert floats(delivered.bytes_after(x)) == (2, 3)


def test_only_named_arguments_are_copied(
    open_candidate: Callable[..., Candidate], put_vector: Put
) -> None:
    """An argument that is not named is a view of the arena, one that is named is not."""
    candidate = open_candidate("def f(x, y): return None\n")
    x, y = put_vector(candidate, [1.0, 2.0]), put_vector(candidate, [3.0, 4.0])
    delivered = candidate.call(Call((("x", x), ("y", y))), copy_inputs=("y",))
    assert isinstance(delivered, Delivered)
    candidate.inputs.write(0, b"\0" * (y.start + y.nbytes))
    assert (floats(delivered.bytes_after(x)), floats(delivered.bytes_after(y))) == ((0, 0), (3, 4))
