"""Where samples of one pair of processes cannot tell, further ones are started and timed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

import pytest

from pytest_tritonbench.evaluation import Evaluation
from pytest_tritonbench.judge.oracle_client import Oracle
from pytest_tritonbench.measurement import Measured, Measurement
from pytest_tritonbench.sandbox import Candidate, Sandbox
from pytest_tritonbench.task.loading import load
from pytest_tritonbench.timers import Timer
from pytest_tritonbench.timing import sampler
from pytest_tritonbench.timing.stopping import MOST_PAIRS, Rule
from pytest_tritonbench.timing_options import TimingSettings

ROOT = Path(__file__).resolve().parents[3]
ADD = (ROOT / "kernels" / "add.py").read_text()

WRONG = """

def add(x, y):
    return _right(x, y) + 1
"""


class Measure(Protocol):
    """Times a kernel on a case."""

    def __call__(self, source: str, later: str | None = None) -> tuple[Measured, int]:
        """What was measured, and how many processes of the kernel there were.

        Args:
            source: The kernel.
            later: What it is in all processes but the first.
        """


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    """A sandbox on the CPU."""
    with Sandbox() as started:
        yield started


@pytest.fixture
def measure(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Iterator[Measure]:
    """Times a kernel where each pair of processes is said to be far off."""
    monkeypatch.setattr(sampler, "assumed_pair_bias", lambda *_: 0.2)
    monkeypatch.setattr(Rule, "_another", lambda self, _, pairs: pairs < self.pairs)
    oracle = Oracle(sandbox, "cpu", 60.0)

    def measured(source: str, later: str | None = None) -> tuple[Measured, int]:
        forks = 0

        def make() -> Candidate:
            candidate = sandbox.candidate(source, "add.py", "add")
            fork = candidate._fork

            def counted() -> object:
                nonlocal forks
                forks += 1
                if forks > 1 and later is not None:
                    candidate.source = later
                return fork()

            monkeypatch.setattr(candidate, "_fork", counted)
            return candidate

        taskfile = load(ROOT / "references" / "add.py")
        with Evaluation(taskfile, oracle, make) as evaluation:
            timer = Timer(oracle, lambda: Oracle(sandbox, "cpu", 60.0))
            measurement = Measurement(TimingSettings(budget=60.0), {"reference": timer})
            return measurement.measure(evaluation, taskfile.task.cases[0], timeout=60), forks

    yield measured
    oracle.close()


def test_both_sides_get_new_processes(measure: Measure) -> None:
    """As many pairs as there may be; the record tells, and all that they delivered is right."""
    found, forks = measure(ADD)
    assert found.outcome.accepted, found.outcome
    assert found.timing["pairs"] == forks == MOST_PAIRS
    assert found.timing["stopped"] == "settled"
    assert found.timing["blocks"] >= MOST_PAIRS * Rule().fewest
    assert len(found.samples["candidate"]) == found.timing["samples"]
    # Each process's first call is judged, and its last.
    assert found.timing["judged"] >= 2 * MOST_PAIRS


def test_what_a_later_process_does_wrong_is_found(measure: Measure) -> None:
    """A kernel that is right in the first process and wrong in the second is no right kernel."""
    found, forks = measure(ADD, ADD.replace("def add(", "def _right(", 1) + WRONG)
    assert found.outcome.reason == "wrong-values"
    assert forks == 2
