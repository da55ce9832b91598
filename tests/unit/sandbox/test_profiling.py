"""One warmed call of a candidate is profiled, in the process that runs it."""

from __future__ import annotations

import gzip
import json
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from pytest_tritonbench.sandbox import Arena, Call, Reason, TensorArg, page, profiling
from pytest_tritonbench.sandbox.loading import CandidateError
from pytest_tritonbench.sandbox.poison import Poison
from pytest_tritonbench.sandbox.running import Runner

VALUES = (1.0, 2.0, 3.0)

Make = Callable[[Callable[..., Any]], tuple[Runner, Call]]


@pytest.fixture
def make() -> Make:
    """A runner of a function on a CPU, and a call with one vector."""

    def made(function: Callable[..., Any]) -> tuple[Runner, Call]:
        inputs = Arena()
        data = struct.pack("3f", *VALUES)
        start = inputs.allocate(len(data))
        inputs.write(start, data)
        runner = Runner(
            function,
            __file__,
            inputs=inputs,
            outputs=Arena(),
            device=torch.device("cpu"),
            page=page.Page(page.make()),
            poison=Poison(),
            limit=1 << 30,
        )
        arg = TensorArg("float32", (3,), (1,), 0, start, len(data))
        return runner, Call(args=(("x", arg),))

    return made


def trace_of(runner: Runner, answer: dict[str, Any]) -> dict[str, Any]:
    """The trace that an answer describes."""
    dtype, shape, _, _, start = answer["trace"]
    assert dtype == "uint8"
    assert answer["used"] >= start + shape[0]
    text = gzip.decompress(bytes(runner.outputs.view(start, shape[0])))
    assert len(text) == answer["nbytes"]
    found: dict[str, Any] = json.loads(text)
    return found


def operators(trace: dict[str, Any]) -> list[str]:
    """The names of torch's operators in a trace."""
    return [event["name"] for event in trace["traceEvents"] if event.get("cat") == "cpu_op"]


def test_one_call_is_in_the_trace(make: Make) -> None:
    """After the warm-up one call is recorded, and nothing of what restores its inputs."""
    calls = []

    def negate(x: torch.Tensor) -> torch.Tensor:
        calls.append(float(x[1]))
        return x.neg_()

    runner, call = make(negate)
    trace = trace_of(runner, profiling.traced(runner, call, cold=True))
    names = operators(trace)
    assert names.count("aten::neg_") == 1
    assert "aten::copy_" not in names
    assert calls == [VALUES[1]] * (profiling.WARM_UP + 2), "each call has its first inputs"


def test_a_trace_that_is_too_large_is_not_carried(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its size comes back in its place."""
    monkeypatch.setattr(profiling, "MAX_TRACE", 1000)
    runner, call = make(lambda x: x + 1)
    answer = profiling.traced(runner, call, cold=False)
    assert answer["trace"] is None
    assert answer["nbytes"] > 1000


def test_a_candidate_that_fails_is_told(make: Make) -> None:
    """Its exception is described like that of any call."""

    def broken(x: torch.Tensor) -> None:
        raise ValueError(f"no {len(x)} for me")

    runner, call = make(broken)
    with pytest.raises(CandidateError) as caught:
        profiling.traced(runner, call, cold=False)
    assert caught.value.reason is Reason.EXCEPTION
    assert "no 3 for me" in caught.value.message


def test_a_signature_that_does_not_fit_is_told(make: Make) -> None:
    """It is told before anything is profiled."""
    runner, call = make(lambda: None)
    with pytest.raises(CandidateError) as caught:
        profiling.traced(runner, call, cold=False)
    assert caught.value.reason is Reason.WRONG_SIGNATURE


def test_a_candidate_cannot_replace_the_profiler(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is put into torch after the import is not what is called."""

    def cheat(*_: Any, **__: Any) -> None:
        raise AssertionError("the cheat was called")

    for name in ("profile", "schedule"):
        monkeypatch.setattr(torch.profiler, name, cheat)
    runner, call = make(lambda x: x + 1)
    assert "aten::add" in operators(trace_of(runner, profiling.traced(runner, call, cold=False)))


def test_a_call_between_start_and_stop(make: Make) -> None:
    """For another profiler the last call alone is bracketed."""
    log: list[str] = []

    def noted(x: torch.Tensor) -> torch.Tensor:
        log.append("call")
        return x

    runner, call = make(noted)
    profiling.bracketed(runner, call, lambda: log.append("start"), lambda: log.append("stop"))
    assert log == [*(["call"] * profiling.WARM_UP), "start", "call", "stop"]


def test_the_bracket_is_closed_after_a_failure(make: Make) -> None:
    """A call that fails between start and stop does not leave the other profiler recording."""
    log: list[str] = []

    def breaks_at_last(x: torch.Tensor) -> torch.Tensor:
        if "start" in log:
            raise ValueError("now")
        return x

    runner, call = make(breaks_at_last)
    with pytest.raises(CandidateError):
        profiling.bracketed(runner, call, lambda: log.append("start"), lambda: log.append("stop"))
    assert log == ["start", "stop"]


def test_nothing_is_left_on_disk(
    make: Make, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The file through which torch hands out a trace is removed."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    runner, call = make(lambda x: x + 1)
    profiling.traced(runner, call, cold=False)
    assert list(tmp_path.iterdir()) == []
