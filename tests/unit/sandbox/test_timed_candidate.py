"""One call of a candidate, timed step by step in its own process."""

import struct
from collections.abc import Iterator

import pytest
import torch

from pytest_tritonbench.sandbox import Call, Candidate, Reason, Sandbox, TensorArg, TensorOut
from pytest_tritonbench.sandbox.timed_candidate import Clock, TimedCandidate, TimingFailedError
from pytest_tritonbench.sandbox.turning import turn

COUNT = 8
CALL = Call(args=(("x", TensorArg("float32", (COUNT,), (1,), 0, 0, 4 * COUNT)),))
DOUBLE = "def f(x):\n    return x * 2\n"


@pytest.fixture
def candidate(sandbox: Sandbox) -> Iterator[Candidate]:
    """A candidate that doubles."""
    with sandbox.candidate(DOUBLE, "f.py", "f") as made:
        yield made


def opened(candidate: Candidate, *, cupti: bool = False) -> TimedCandidate:
    """The call on 0, 1, 2, ... made ready."""
    candidate.inputs.write(0, struct.pack(f"{COUNT}f", *range(COUNT)))
    timed = TimedCandidate(candidate, CALL, timeout=30.0, cupti=cupti)
    timed.open()
    return timed


def doubled(number: int) -> list[float]:
    """What the call returns when its inputs are turned."""
    target = torch.empty(COUNT)
    turn(target, torch.arange(COUNT, dtype=torch.float32), number)
    return [float(2 * value) for value in target]


def values(timed: TimedCandidate) -> list[float]:
    """What the last call returned."""
    output = timed.take().output
    assert isinstance(output, TensorOut)
    return list(struct.unpack(f"{COUNT}f", output.data))


def test_each_call_has_the_inputs_it_was_told(candidate: Candidate) -> None:
    """Turned by so many places from how they were at first, not from the last call's."""
    timed = opened(candidate)
    seen = set()
    for number in (1, 5, 1 << 61):
        timed.time({"x": number})
        assert values(timed) == doubled(number)
        seen.add(tuple(values(timed)))
    assert len(seen) == 3


def test_the_clock_of_the_parent_bounds_a_call(candidate: Candidate) -> None:
    """A time of a call is above zero and no more than the parent has waited."""
    reading = opened(candidate).time({})
    assert 0 < reading.device <= reading.wall
    assert reading.host <= reading.wall


def test_a_clock_that_is_not_there_is_said(candidate: Candidate) -> None:
    """Without a GPU the host's clock is the one there is, and the reason is told."""
    timed = opened(candidate)
    assert timed.ready("graph") == Clock("host-clock", "no GPU")
    assert timed.ready("auto") == Clock("host-clock", None)


def test_a_call_goes_on_elsewhere(candidate: Candidate) -> None:
    """After the inputs were moved, the call works on the same values."""
    timed = opened(candidate)
    timed.move(4096)
    timed.time({"x": 2})
    assert values(timed) == doubled(2)


def test_calls_in_a_row_take_longer_than_one(sandbox: Sandbox) -> None:
    """A burst is bounded by the work of its calls."""
    source = "import time\n\ndef f(x):\n    time.sleep(0.01)\n    return x * 2\n"
    with sandbox.candidate(source, "f.py", "f") as candidate:
        burst = opened(candidate).burst(10)
    assert burst.seconds >= 0.1
    assert 0.01 <= burst.host <= burst.seconds / 10


def test_what_was_given_is_not_the_candidates_to_change(sandbox: Sandbox) -> None:
    """An input that was overwritten has its own values again in the next call."""
    source = "def f(x):\n    y = x * 2\n    x.zero_()\n    return y\n"
    with sandbox.candidate(source, "f.py", "f") as candidate:
        timed = opened(candidate)
        timed.time({})
        assert values(timed) == [2.0 * n for n in range(COUNT)]


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("    if x[0] != 0:\n        raise ValueError('turned')\n    return x * 2", "exception"),
        ("    import os\n    os._exit(0)", "exit"),
    ],
)
def test_a_failure_in_mid_measurement_is_told(sandbox: Sandbox, body: str, reason: str) -> None:
    """With the reason that a plain call has."""
    with sandbox.candidate(f"def f(x):\n{body}\n", "f.py", "f") as candidate:
        with pytest.raises(TimingFailedError) as caught:
            opened(candidate).time({"x": 1})
        assert str(caught.value.failure.reason) == reason


def test_threads_of_a_profiler_excuse_none_of_the_candidates(sandbox: Sandbox) -> None:
    """What is trusted is what runs before the module is loaded, and nothing later."""
    source = (
        "import threading, time\n\ndef f(x):\n"
        "    threading.Thread(target=time.sleep, args=(60,), daemon=True).start()\n"
        "    return x * 2\n"
    )
    with sandbox.candidate(source, "f.py", "f") as candidate:
        with pytest.raises(TimingFailedError) as raised:
            opened(candidate, cupti=True)
        assert raised.value.failure.reason == Reason.THREADS_LEFT
