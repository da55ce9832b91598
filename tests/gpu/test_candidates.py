"""What only a GPU can do to a candidate's process, and that it stays that process's own trouble."""

import math
import struct

import pytest
import torch

from pytest_tritonbench.sandbox import (
    Call,
    Delivered,
    Failure,
    Reason,
    Sandbox,
    TensorArg,
    TensorOut,
)
from pytest_tritonbench.sandbox.timed_candidate import TimedCandidate
from pytest_tritonbench.sandbox.turning import turn

HEAD = """
import torch
import triton
import triton.language as tl

@triton.jit
def doubled(x_ptr, out_ptr, n, BLOCK: tl.constexpr):
    at = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    tl.store(out_ptr + at, tl.load(x_ptr + at, mask=at < n) * 2, mask=at < n)

@triton.jit
def stray(x_ptr, BLOCK: tl.constexpr):
    at = tl.arange(0, BLOCK).to(tl.int64)
    tl.store(x_ptr + (at + 1) * (1 << 38), 1.0)

@triton.jit
def endless(x_ptr, BLOCK: tl.constexpr):
    while tl.atomic_add(x_ptr, 0.0) < 1e30:
        pass

def good(x):
    out = torch.empty_like(x)
    doubled[(triton.cdiv(x.numel(), 64),)](x, out, x.numel(), BLOCK=64)
    return out
"""
CALL = Call(args=(("x", TensorArg("float32", (100,), (1,), 0, 0, 400)),))


def ask(sandbox: Sandbox, body: str, timeout: float = 60.0) -> Delivered | Failure:
    """Call ``f(x)`` of a module once, on the numbers 0 to 99."""
    with sandbox.candidate(HEAD + body, "kernels/f.py", "f") as candidate:
        candidate.inputs.write(0, struct.pack("100f", *range(100)))
        return candidate.call(CALL, timeout=timeout)


def values(got: Delivered | Failure) -> list[float]:
    """The elements of the one tensor that was returned."""
    assert isinstance(got, Delivered), got
    assert isinstance(got.output, TensorOut)
    assert got.output.device == "cuda:0"
    return list(got.output.data.cast("f"))


def test_a_kernel_runs_on_the_device(sandbox: Sandbox) -> None:
    """The output comes from the GPU, with one launch and what the compiler says of it."""
    got = ask(sandbox, "f = good")
    assert values(got) == [2.0 * n for n in range(100)]
    assert isinstance(got, Delivered)
    assert got.launches == 1
    assert got.kernels[0].registers


@pytest.mark.parametrize(
    ("body", "reason", "timeout"),
    [
        ("def f(x):\n    stray[(1,)](x, BLOCK=64)\n    return x * 2", Reason.GPU_FAULT, 60.0),
        ("def f(x):\n    endless[(1,)](x, BLOCK=64)\n    return x * 2", Reason.HANG_IN_KERNEL, 8.0),
        (
            "def f(x):\n    return torch.empty(1 << 45, dtype=torch.uint8, device=x.device)",
            Reason.OUT_OF_MEMORY,
            60.0,
        ),
        ("def f(x):\n    while True: pass", Reason.HANG_IN_PYTHON, 5.0),
    ],
)
def test_trouble_on_the_device_is_told_apart(
    sandbox: Sandbox, body: str, reason: Reason, timeout: float
) -> None:
    """Each kind of trouble has its reason, and the next candidate is not touched by it."""
    got = ask(sandbox, body, timeout)
    assert isinstance(got, Failure), got
    assert got.reason == reason, got
    assert isinstance(ask(sandbox, "f = good"), Delivered)


def test_unwritten_memory_shows(sandbox: Sandbox) -> None:
    """What torch.empty returns on the device is NaN until it is written."""
    got = ask(sandbox, "def f(x):\n    return torch.empty_like(x)")
    assert all(math.isnan(value) for value in values(got))


def test_launches_can_be_left_out(sandbox: Sandbox) -> None:
    """With launches disabled a kernel's output stays poison."""
    with sandbox.candidate(HEAD + "f = good", "kernels/f.py", "f") as candidate:
        candidate.inputs.write(0, struct.pack("100f", *range(100)))
        got = candidate.call(Call(args=CALL.args, launches=False), timeout=60.0)
    assert all(math.isnan(value) for value in values(got))


def test_what_is_not_launched_is_compiled_on_demand(sandbox: Sandbox) -> None:
    """A wrapper that looks at the compiled kernel finds it; no other waits for the compiler."""
    looks = HEAD + (
        "def f(x):\n    out = torch.empty_like(x)\n"
        "    compiled = doubled[(2,)](x, out, x.numel(), BLOCK=64)\n"
        "    return out if compiled.n_regs > 0 else None"
    )
    kernels = []
    for source in (HEAD + "f = good", looks):
        with sandbox.candidate(source, "kernels/f.py", "f") as candidate:
            candidate.inputs.write(0, struct.pack("100f", *range(100)))
            got = candidate.call(Call(args=CALL.args, launches=False), timeout=60.0)
        assert all(math.isnan(value) for value in values(got))
        assert isinstance(got, Delivered)
        assert got.launches == 1
        kernels.append(len(got.kernels))
    assert kernels[0] == 0


def doubled(number: int) -> list[float]:
    """What the call returns when its inputs are turned."""
    target = torch.empty(100)
    turn(target, torch.arange(100, dtype=torch.float32), number)
    return [float(2 * value) for value in target]


def test_a_call_is_timed(sandbox: Sandbox) -> None:
    """Every call has a device time above zero, and its output is that of its own inputs."""
    with sandbox.candidate(HEAD + "f = good", "kernels/f.py", "f") as candidate:
        candidate.inputs.write(0, struct.pack("100f", *range(100)))
        timed = TimedCandidate(candidate, CALL, timeout=60.0)
        opened = timed.open()
        clock = timed.ready("events")
        readings = [timed.time({"x": turn}) for turn in range(20)]
        last = timed.take()
    assert (clock.method, clock.fallback) == ("cuda-events", None)
    assert all(0 < reading.device < 1 for reading in readings)
    assert values(opened.delivered) == [2.0 * n for n in range(100)]
    assert values(last) == doubled(19)


def test_a_graph_of_a_call_is_timed(sandbox: Sandbox) -> None:
    """Replays of a CUDA graph work on the inputs of the day, and on those that were moved."""
    with sandbox.candidate(HEAD + "f = good", "kernels/f.py", "f") as candidate:
        candidate.inputs.write(0, struct.pack("100f", *range(100)))
        timed = TimedCandidate(candidate, CALL, timeout=60.0)
        timed.open()
        clock = timed.ready("graph")
        timed.time({"x": 3})
        first = timed.take()
        timed.move(1 << 20)
        timed.time({"x": 7})
        second = timed.take()
    assert (clock.method, clock.fallback) == ("cuda-graph", None)
    assert values(first) == doubled(3)
    assert values(second) == doubled(7)
