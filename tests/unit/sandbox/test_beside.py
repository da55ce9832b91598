"""What the parent does while it waits for a candidate."""

import os
import time
from collections.abc import Callable, Iterator

import pytest

from pytest_tritonbench.sandbox import Call, Candidate, Delivered, Failure, Reason
from pytest_tritonbench.sandbox.worker import Beside

SLEEPS = "import time\ndef f(s):\n    time.sleep(s)\n    return 1\n"


@pytest.fixture
def ends() -> Iterator[tuple[int, int]]:
    """The two ends of a pipe."""
    made = os.pipe()
    yield made
    for descriptor in made:
        os.close(descriptor)


def call(candidate: Candidate, seconds: float, timeout: float, beside: Beside) -> object:
    """Call a candidate that sleeps."""
    loaded = candidate.call(Call((("s", 0.0),)))
    assert isinstance(loaded, Delivered), loaded
    return candidate.call(Call((("s", seconds),)), timeout, beside=beside)


def test_it_is_done_once_while_the_candidate_runs(
    open_candidate: Callable[..., Candidate], ends: tuple[int, int]
) -> None:
    """Work whose time has come is done before the candidate's answer is there."""
    readable, writable = ends
    os.write(writable, b"!")
    started: list[float] = []
    beside = Beside(readable, lambda: started.append(time.monotonic()))
    got = call(open_candidate(SLEEPS), 1.0, 20.0, beside)
    assert isinstance(got, Delivered)
    assert len(started) == 1
    assert time.monotonic() - started[0] > 0.5


def test_it_is_not_done_before_its_time(
    open_candidate: Callable[..., Candidate], ends: tuple[int, int]
) -> None:
    """Without anything to read on the descriptor nothing is done."""
    done: list[int] = []
    got = call(open_candidate(SLEEPS), 0.1, 20.0, Beside(ends[0], lambda: done.append(1)))
    assert (isinstance(got, Delivered), done) == (True, [])


def test_its_time_is_not_the_candidates(
    open_candidate: Callable[..., Candidate], ends: tuple[int, int]
) -> None:
    """A candidate that answers in time is not refused for what the parent did meanwhile."""
    os.write(ends[1], b"!")
    got = call(open_candidate(SLEEPS), 0.1, 1.5, Beside(ends[0], lambda: time.sleep(2.0)))
    assert isinstance(got, Delivered)


def test_a_hang_is_found_all_the_same(
    open_candidate: Callable[..., Candidate], ends: tuple[int, int]
) -> None:
    """A candidate that does not answer is given up after its timeout."""
    os.write(ends[1], b"!")
    got = call(open_candidate(SLEEPS), 60.0, 0.5, Beside(ends[0], lambda: None))
    assert isinstance(got, Failure)
    assert got.reason is Reason.HANG_IN_PYTHON
