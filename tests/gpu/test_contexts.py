"""When a candidate's process gets its CUDA context: a driver makes one after the other."""

import pytest

from pytest_tritonbench.sandbox import Call, Delivered, Sandbox, Script
from pytest_tritonbench.sandbox.script import Ran

SOURCE = """
import os
import torch

THERE = torch.cuda.is_initialized()


def f(x):
    return THERE
"""
QUEUES = 'def test_f():\n    return os.environ["CUDA_DEVICE_MAX_CONNECTIONS"]\n\nr = test_f()\n'


@pytest.mark.parametrize(("warm", "there"), [(True, [True] * 3), (False, [True, False, False])])
def test_it_is_made_ahead_where_that_was_asked_for(warm: bool, there: list[bool]) -> None:  # noqa: FBT001
    """Of a suite's many candidates only the first one's process has a context before its code."""
    found = []
    with Sandbox("cuda:0", warm=warm) as sandbox:
        for _ in there:
            with sandbox.candidate(SOURCE, "f.py", "f") as candidate:
                delivered = candidate.call(Call(args=(("x", 1),)))
                assert isinstance(delivered, Delivered), delivered
                found.append(delivered.output)
    assert found == there


def test_what_is_only_judged_has_few_queues() -> None:
    """With fewer of them, its context is there sooner."""
    script = Script(test=QUEUES, names=("f",), test_function="test_f", result="r")
    with (
        Sandbox("cuda:0", warm=False) as sandbox,
        sandbox.candidate(SOURCE, "f.py", "f") as candidate,
    ):
        ran = candidate.script(script)
    assert isinstance(ran, Ran), ran
    assert ran.result == "1"


def test_nothing_timed_means_one_queue_from_the_start() -> None:
    """The first process's context, which is made ahead, has one queue where nothing is timed."""
    source = SOURCE.replace(
        "return THERE", 'return THERE and os.environ["CUDA_DEVICE_MAX_CONNECTIONS"]'
    )
    test = "def test_f():\n    return f(1)\n\nr = test_f()\n"
    script = Script(test=test, names=("f",), test_function="test_f", result="r")
    with (
        Sandbox("cuda:0", warm=False, times=False) as sandbox,
        sandbox.candidate(f"import os\n{source}", "f.py", "f") as candidate,
    ):
        ran = candidate.script(script)
    assert isinstance(ran, Ran), ran
    assert ran.result == "1"
