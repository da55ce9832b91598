"""One sandbox for all tests here, and the promise that no test leaves a process in it."""

import os
import struct
import textwrap
import time
from collections.abc import Callable, Iterator, Sequence

import pytest

from pytest_tritonbench.sandbox import (
    Call,
    Candidate,
    Delivered,
    Failure,
    Limits,
    Sandbox,
    TensorArg,
    proc,
)

MEBI = 1 << 20
LIMITS = Limits(memory=256 * MEBI, processes=16, output=MEBI, file=1 << 30)

Run = Callable[..., Delivered | Failure]


@pytest.fixture(scope="session")
def sandbox() -> Iterator[Sandbox]:
    """A sandbox on the CPU with tight limits."""
    with Sandbox(limits=LIMITS) as started:
        yield started


def below(sandbox: Sandbox) -> set[int]:
    """Every process of the sandbox but the one that forks and the spare worker's."""
    assert sandbox._zygote is not None
    spare = set()
    for worker in sandbox._spares:
        worker.wait_ready(10)
    everything = proc.descendants(sandbox._zygote.process.pid)
    if sandbox._spares:
        parents = proc.parents()
        # A spare is a warden, an init and a worker: the youngest warden and what is below it.
        wardens = [pid for pid in everything if parents.get(pid) == sandbox._zygote.process.pid]
        if wardens:
            spare = {max(wardens), *proc.descendants(max(wardens))}
    return everything - spare


@pytest.fixture(autouse=True)
def nothing_left(sandbox: Sandbox) -> Iterator[None]:
    """After each test only the forking process and one spare worker are alive."""
    yield
    deadline = time.monotonic() + 3
    while (left := below(sandbox)) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not left, f"processes left: {left}"


@pytest.fixture
def open_candidate(sandbox: Sandbox) -> Iterator[Callable[..., Candidate]]:
    """Make candidates that are closed when the test ends."""
    opened: list[Candidate] = []

    def make(source: str, entry: str = "f", filename: str = "kernels/f.py") -> Candidate:
        opened.append(sandbox.candidate(textwrap.dedent(source), filename, entry))
        return opened[-1]

    yield make
    for candidate in opened:
        candidate.close()


@pytest.fixture
def run(open_candidate: Callable[..., Candidate]) -> Run:
    """Load a source and call its `f` once, with one float32 vector unless told otherwise."""

    def once(
        source: str,
        *,
        values: Sequence[float] = (1.0, 2.0, 3.0),
        timeout: float = 20.0,
        **how: object,
    ) -> Delivered | Failure:
        candidate = open_candidate(source)
        return candidate.call(call_with(candidate, values, **how), timeout)

    return once


def put(candidate: Candidate, values: Sequence[float]) -> TensorArg:
    """Place a float32 vector in the candidate's input arena."""
    data = struct.pack(f"{len(values)}f", *values)
    start = candidate.inputs.allocate(len(data))
    candidate.inputs.write(start, data)
    return TensorArg("float32", (len(values),), (1,), 0, start, len(data))


def call_with(candidate: Candidate, values: Sequence[float], **how: object) -> Call:
    """A call with one float32 vector named `x`."""
    candidate.inputs.clear()
    return Call(args=(("x", put(candidate, values)),), **how)  # type: ignore[arg-type]


@pytest.fixture
def one_vector() -> Callable[..., Call]:
    """Build a call with one float32 vector."""
    return call_with


@pytest.fixture
def put_vector() -> Callable[..., TensorArg]:
    """Place a float32 vector in an input arena."""
    return put


@pytest.fixture
def outside() -> Iterator[str]:
    """A path that no candidate may write."""
    path = f"/var/tmp/tritonbench-outside-{os.getpid()}"  # noqa: S108 - that is the point
    yield path
    if os.path.exists(path):  # noqa: PTH110 - a string all along
        os.unlink(path)  # noqa: PTH108 - as above
