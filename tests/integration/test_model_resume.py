"""A run that is killed while it asks goes on where it was, with faults in every tenth request.

The tasks are many and their judging is short: all but a few answers are prose, which is an ERROR
that starts no process. What is under test is the asking, in the real session of pytest.
"""

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from tests.integration.checkout import Checkout, answer
from tests.integration.model_project import ModelProject, answers, fenced, surroundings
from tests.model_server.plan import PASSING
from tests.model_server.running import serving

COUNT, SAMPLES, CONCURRENCY = 200, 2, 16
TASKS = [f"task_{number:03d}" for number in range(COUNT)]
JUDGED = ("task_000", "task_150")
EVERY = {(task, sample) for task in TASKS for sample in range(SAMPLES)}


def text(task: str, sample: int) -> str:
    """The recorded answer to a sample, different for each."""
    if task in JUDGED:
        return fenced(answer(task, f"x * 2 + {sample}"))
    return f"Of {task} I know number {sample}, and no code."


class Resumed:
    """A run that is killed in the middle, and the one after it.

    Args:
        path: Where everything lies.
    """

    def __init__(self, path: Path) -> None:
        checkout = Checkout(path / "bench")
        for task in TASKS:
            checkout.task(task)
        self.project = ModelProject(path / "repository")
        self.project.write("pytest.ini", "[pytest]\n")
        recorded = answers(path, {t: [text(t, n) for n in range(SAMPLES)] for t in TASKS})
        faulty = {"rate": 0.1, "kinds": PASSING, "pause": 0.3, "delay": 0.15}
        with serving(answers=recorded, **faulty) as server:
            self.options = [
                f"--tb-suite={checkout.path}",
                f"--tb-model=m={server.base_url}#some-model",
                *(f"--tb-samples={SAMPLES}", "--tb-sampling-seed=0"),
                f"--tb-concurrency={CONCURRENCY}",
                *("-m", "tb_call", "-q", "--tb-gpu=cpu", "-p", "no:cacheprovider"),
            ]
            self._kill_in_the_middle(path / "killed.txt")
            self.before = self.samples()
            asked_before = server.requests()
            self.result = self.project.pytest(*self.options, "--tb-results", "out")
            self.requests = server.requests()
            self.asked_after = {
                (row["task"], row["asked"]["seed"]) for row in self.requests[len(asked_before) :]
            }
        self.records = self.project.records()

    def _kill_in_the_middle(self, output: Path) -> None:
        with (
            output.open("w", encoding="utf-8") as file,
            subprocess.Popen(
                [sys.executable, "-m", "pytest", *self.options],
                cwd=self.project.path,
                env=surroundings(),
                stdout=file,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            ) as running,
        ):
            deadline = time.monotonic() + 90
            while len(self.samples()) < COUNT * SAMPLES // 3:
                assert running.poll() is None, output.read_text(encoding="utf-8")
                assert time.monotonic() < deadline, output.read_text(encoding="utf-8")
                time.sleep(0.02)
            os.killpg(running.pid, signal.SIGKILL)

    @property
    def store(self) -> Path:
        """The model's folder."""
        return self.project.path / "generations/TritonBench-T/m"

    def samples(self) -> set[tuple[str, int]]:
        """Answers on disk."""
        return {(path.parent.name, int(path.stem)) for path in self.store.glob("*/*.json")}


@pytest.fixture(scope="module")
def resumed(tmp_path_factory: pytest.TempPathFactory) -> Resumed:
    """The runs that these tests look at."""
    return Resumed(tmp_path_factory.mktemp("resumed"))


def test_it_was_killed_in_the_middle(resumed: Resumed) -> None:
    """A good part of the answers was on disk, and a good part was not."""
    assert COUNT * SAMPLES // 4 < len(resumed.before) < COUNT * SAMPLES * 3 // 4


def test_every_sample_is_there_once(resumed: Resumed) -> None:
    """Each has its code and what it came from, and there is nothing else in the store."""
    files = sorted(
        path.relative_to(resumed.store).as_posix() for path in resumed.store.rglob("*.*")
    )
    expected = sorted(f"{task}/{n}.{suffix}" for task, n in EVERY for suffix in ("json", "py"))
    assert files == expected


def test_every_sample_has_its_own_answer(resumed: Resumed) -> None:
    """No answer is torn, mixed with another, or kept under another sample's name."""
    for task, sample in EVERY:
        path = resumed.store / task / f"{sample}.json"
        content = json.loads(path.read_text(encoding="utf-8"))
        assert (content["task"], content["sample"]) == (task, sample)
        assert content["text"] == text(task, sample)


def test_nothing_on_disk_is_asked_for_again(resumed: Resumed) -> None:
    """Only what was under way when it was killed may have been answered twice."""
    assert resumed.before & resumed.asked_after == set()
    answered = Counter(
        (row["task"], row["asked"]["seed"])
        for row in resumed.requests
        if row["outcome"] in {"answered", "stall"}
    )
    assert sum(count - 1 for count in answered.values()) <= CONCURRENCY


def test_there_were_faults(resumed: Resumed) -> None:
    """About a tenth of the requests met with one, and of each kind one at least."""
    outcomes = Counter(row["outcome"] for row in resumed.requests)
    faults = {kind: outcomes[kind] for kind in PASSING}
    assert all(faults.values()), faults
    assert 0.05 < sum(faults.values()) / len(resumed.requests) < 0.2


def test_every_sample_is_judged_once(resumed: Resumed) -> None:
    """The resumed run has one record a sample: prose is an error, code is judged."""
    told = Counter((record["task"], record["sample"]) for record in resumed.records)
    assert told == Counter(dict.fromkeys(EVERY, 1))
    reasons = Counter((record["outcome"], record["reason"]) for record in resumed.records)
    judged = len(JUDGED) * SAMPLES
    assert reasons == {("error", "no-code"): len(EVERY) - judged, ("passed", None): judged}
