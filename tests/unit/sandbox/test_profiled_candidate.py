"""A candidate's call is profiled behind its borders, and what comes out is checked."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from pytest_tritonbench.sandbox import Call, Candidate, Delivered, Failure, Reason
from pytest_tritonbench.timing.profile_trace import TraceError, read

TIMEOUT = 30.0
Profile = Callable[[str], memoryview | Failure]


@pytest.fixture
def profile(open_candidate: Callable[..., Candidate], one_vector: Callable[..., Call]) -> Profile:
    """Profile the `f` of a source on one vector."""

    def made(source: str) -> memoryview | Failure:
        candidate = open_candidate(source)
        return candidate.profile(one_vector(candidate, (1.0, 2.0, 3.0)), TIMEOUT, cold=True)

    return made


def test_a_trace_comes_out(profile: Profile) -> None:
    """The operators of one call are in it."""
    found = profile("def f(x):\n    return x.neg().exp()\n")
    assert isinstance(found, memoryview)
    rows = {row.name: row.calls for row in read(found).rows}
    assert rows == {"aten::neg": 1, "aten::exp": 1}


def test_the_candidate_goes_on(
    open_candidate: Callable[..., Candidate], one_vector: Callable[..., Call]
) -> None:
    """A call after a profile delivers as ever."""
    candidate = open_candidate("def f(x):\n    return x + 1\n")
    call = one_vector(candidate, (1.0, 2.0))
    assert isinstance(candidate.profile(call, TIMEOUT, cold=False), memoryview)
    assert isinstance(candidate.call(call), Delivered)


def test_a_trace_that_is_too_large(profile: Profile) -> None:
    """A call of too many operators has no profile, and is told why."""
    found = profile(
        """
        from pytest_tritonbench.sandbox import profiling

        profiling.MAX_TRACE = 1000

        def f(x):
            return x + 1
        """
    )
    assert isinstance(found, Failure)
    assert found.reason is Reason.OUTPUT_FLOOD
    assert "the trace of one call has" in found.message


def test_a_candidate_that_fails(profile: Profile) -> None:
    """The failure has the line, as in any call."""
    found = profile("def f(x):\n    raise ValueError('no')\n")
    assert isinstance(found, Failure)
    assert (found.reason, found.line) == (Reason.EXCEPTION, 2)


def test_a_forged_trace_is_refused(profile: Profile) -> None:
    """A candidate that has other bytes delivered gets no profile out of them."""
    found = profile(
        """
        from pytest_tritonbench.sandbox import profiling

        profiling._compress = lambda text: b"#!/bin/sh"

        def f(x):
            return x
        """
    )
    assert isinstance(found, memoryview)
    with pytest.raises(TraceError):
        read(found)


@pytest.mark.parametrize(
    "answer",
    [
        "{'trace': None, 'nbytes': 'many', 'used': 0}",
        "{'trace': 7, 'nbytes': 7, 'used': 0}",
        "{'trace': ['uint8', [1 << 40], [1], 'cpu', 0], 'nbytes': 7, 'used': 0}",
        "{'trace': ['uint8', [1], [1], 'cpu', 0], 'nbytes': 7, 'used': 1 << 50}",
        "{}",
    ],
)
def test_a_forged_answer_is_a_breach(profile: Profile, answer: str) -> None:
    """Numbers that describe no bytes end the process, and are named."""
    found = profile(
        f"""
        from pytest_tritonbench.sandbox import profiling

        profiling.traced = lambda *_, **__: {answer}

        def f(x):
            return x
        """
    )
    assert isinstance(found, Failure)
    assert found.reason is Reason.PROTOCOL
