"""``--tb-repair``: a model is told what is wrong with its kernel; the best attempt is judged."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.integration.model_project import ModelProject, answers, fenced, kernel
from tests.model_server.running import serving

TASKS = ("mended", "never", "first", "stuck")
OPTIONS = ("--tb-repair", "2", "--tb-examples", "30", "--tb-results", "out")

WRONG = "x * 3"
# Right on the pinned cases, and wrong in columns that only drawn ones have.
NARROW = "tl.where(cols >= 34, x * 3, x * 2)"
RAISES = "raise ValueError('not yet')\n"


class Mended:
    """Four tasks: mended at the second attempt, never, right at first, and cut off.

    Args:
        path: Where everything lies.
    """

    def __init__(self, path: Path) -> None:
        self.project = ModelProject(path / "repository")
        for name in TASKS:
            self.project.task(name)
        given = {
            "mended": [kernel("mended", WRONG), kernel("mended")],
            "never": [
                kernel("never", NARROW),
                kernel("never", before=RAISES),
                kernel("never", WRONG),
            ],
            "first": [kernel("first")],
            "stuck": [kernel("stuck", WRONG)],
        }
        recorded = answers(path, {task: map(fenced, texts) for task, texts in given.items()})
        with serving(answers=recorded, tasks={"stuck": [None, "context"]}) as server:
            model = f"--tb-model=m={server.base_url}#some-model"
            self.done = self.project.pytest(model, *OPTIONS)
            self.asked = [row["task"] for row in server.requests()]
            self.records = self.project.by_test()
            shutil.rmtree(self.project.path / ".hypothesis", ignore_errors=True)
            server.plan(answers=recorded, tasks={"stuck": "context"})
            chosen = ("-m", "tb_call", "-k", "never or stuck")
            self.again = self.project.pytest(model, *OPTIONS, *chosen)
            self.asked_again = [row["task"] for row in server.requests()]

    def generation(self, task: str) -> dict[str, Any]:
        """How a candidate came to be, as its record says."""
        found: dict[str, Any] = self.records[f"references/{task}.py::test_call[m-0]"]["generation"]
        return found

    def stored(self, task: str, name: str) -> dict[str, Any]:
        """What lies beside an attempt."""
        path = self.project.path / f"generations/references/m/{task}/{name}.json"
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return found


@pytest.fixture(scope="module")
def mended(tmp_path_factory: pytest.TempPathFactory) -> Mended:
    """The run that these tests look at, and one after it."""
    return Mended(tmp_path_factory.mktemp("mended"))


def outcomes(mended: Mended, task: str) -> str:
    """How call, the two cases of exec, and fuzz of a task ended."""
    found = mended.done.outcomes
    exec_ = [f"exec[m-0-float32-{case}]" for case in ("m2-n5", "m1-n33")]
    tests = ("call[m-0]", *exec_, "fuzz[m-0]")
    return " ".join(found[f"references/{task}.py::test_{test}"] for test in tests)


def test_the_mended_kernel_is_judged(mended: Mended) -> None:
    """What was wrong at first and right at the second attempt passes every phase."""
    assert outcomes(mended, "mended") == "PASSED PASSED PASSED PASSED"
    record = mended.records["references/mended.py::test_call[m-0]"]
    assert record["candidate"] == "generations/references/m/mended/0.repair-1.py"
    assert mended.generation("mended")["attempt"] == 1


def test_records_tell_every_round(mended: Mended) -> None:
    """How far each attempt got, and what it cost."""
    rounds = mended.generation("mended")["rounds"]
    told = [(r["attempt"], r["phase"], r["reason"], r["right"]) for r in rounds]
    assert told == [(0, "exec", "wrong-values", False), (1, "fuzz", None, True)]
    assert all(r["tokens"]["completion"] > 0 for r in rounds)


def test_the_best_attempt_is_judged_where_none_is_right(mended: Mended) -> None:
    """Of fuzz, call and exec, the attempt that got to fuzz is the candidate."""
    generation = mended.generation("never")
    phases = [(r["phase"], r["reason"]) for r in generation["rounds"]]
    assert phases == [("fuzz", "wrong-values"), ("call", "exception"), ("exec", "wrong-values")]
    assert generation["attempt"] == 0
    assert outcomes(mended, "never") == "PASSED PASSED PASSED FAILED"


def test_a_right_kernel_is_not_mended(mended: Mended) -> None:
    """Without a GPU there is no time to better: one request."""
    assert len(mended.generation("first")["rounds"]) == 1
    assert mended.asked.count("first") == 1


def test_a_repair_that_cannot_be_had_costs_nothing(mended: Mended) -> None:
    """The attempt before it is the candidate, and the record says why there is no more."""
    generation = mended.generation("stuck")
    assert generation["attempt"] == 0
    assert generation["stopped"].startswith("context-overflow: ")
    assert outcomes(mended, "stuck") == "PASSED FAILED FAILED FAILED"


def test_every_attempt_is_kept(mended: Mended) -> None:
    """Each has its files, and nothing is asked for more often than it was allowed to."""
    below = mended.project.path / "generations/references/m/never"
    python = sorted(path.name for path in below.glob("*.py"))
    assert python == ["0.py", "0.repair-1.py", "0.repair-2.py"]
    assert sorted(mended.asked) == sorted(
        ["mended"] * 2 + ["never"] * 3 + ["first"] + ["stuck"] * 2
    )


def test_the_model_is_told_what_went_wrong(mended: Mended) -> None:
    """The next question holds the kernel and the failing case, and no output or seed."""
    messages = mended.stored("never", "0.repair-1")["messages"]
    first = mended.stored("never", "0")["messages"]
    assert messages[: len(first)] == first
    kernel_, feedback = messages[len(first) :]
    assert (kernel_["role"], feedback["role"]) == ("assistant", "user")
    assert NARROW in kernel_["content"]
    told = feedback["content"]
    assert "wrong-values" in told
    assert '"n": 35' in told, "the smallest case that fails"
    assert "only in column 34" in told
    assert "seed" not in told
    assert "expected" not in told
    assert "x * 2\n" not in told
    [exception] = mended.stored("never", "0.repair-2")["messages"][len(first) + 1 :]
    assert "ValueError: not yet" in exception["content"]


def test_a_second_run_asks_for_nothing_that_was_answered(mended: Mended) -> None:
    """The same kernel goes wrong in the same way, so its repairs are on disk as well."""
    assert mended.asked_again == ["stuck"]
    assert mended.again.outcomes == {
        f"references/{task}.py::test_call[m-0]": "PASSED" for task in ("never", "stuck")
    }
