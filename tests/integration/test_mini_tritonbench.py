"""The miniature suite: every known defect of the published benchmark, and what must come of it.

Each model's answers are judged in one real run; the records of that run are compared with the
table.
"""

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.integration.mini_table import TABLE, Got
from tests.warm import python

DATA = Path(__file__).parents[1] / "data" / "mini_tritonbench"
CHANNELS = ("G", "T")
# What hangs is given up after these seconds; everything else takes one on a busy machine.
PATIENCE = 8


class Run(NamedTuple):
    """A run of pytest over the suite with the answers of one model."""

    status: int
    output: str
    got: dict[str, Got]
    """By channel and name of the task."""


@pytest.fixture
def judged(tmp_path: Path) -> Callable[[str], Run]:
    """Runs pytest over the suite with the answers of a model."""

    def run(model: str) -> Run:
        (tmp_path / "pytest.ini").write_text("[pytest]\n", encoding="utf-8")
        # What is set for the outer run is not for this one.
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("PYTEST_", "HYPOTHESIS_"))}
        done = subprocess.run(
            [
                *(python(), "-m", "pytest", "-n", "2", "-v", "--tb-gpu", "cpu"),
                *(f"--tb-suite={DATA}", "--tb-timeout-call", str(PATIENCE)),
                f"--tb-predictions={DATA}/predictions/*/{model}.jsonl",
                *("--tb-results", "out", "-k", "test_call or test_exec"),
            ],
            cwd=tmp_path,
            env={**kept, "COLUMNS": "100"},
            capture_output=True,
            text=True,
            timeout=540,
            check=False,
        )
        records = tmp_path / "out" / "records.jsonl"
        assert records.exists(), done.stdout + done.stderr
        lines = records.read_text(encoding="utf-8").splitlines()
        return Run(done.returncode, done.stdout, outcomes([json.loads(line) for line in lines]))

    return run


def outcomes(records: list[dict[str, Any]]) -> dict[str, Got]:
    """What the answers came to, by task."""
    phases: dict[str, dict[str, dict[str, Any]]] = {}
    for record in records:
        task = f"{record['suite'].removeprefix('TritonBench-')}/{record['task']}"
        phases.setdefault(task, {})[record["phase"]] = record
    return {task: outcome(found["call"], found["exec"]) for task, found in phases.items()}


def outcome(call: dict[str, Any], exec_: dict[str, Any]) -> Got:
    """What one answer came to."""
    published = (exec_["policy"] or {"published": {"call": None, "exec": None}})["published"]
    return Got(
        call["outcome"],
        exec_["outcome"],
        exec_["reason"],
        published_call=published["call"],
        published_exec=published["exec"],
    )


def compare(model: str, run: Run) -> None:
    """Fail where a run differs from the table, with a line a task."""
    lines = []
    for row in TABLE:
        expected, got = getattr(row, model), run.got[row.task]
        if got != expected:
            lines.append(
                f"{row.task} ({row.defect}): {in_words(got)}; expected {in_words(expected)}"
            )
    assert not lines, "\n".join([model, *lines])


def in_words(got: Got) -> str:
    """What one answer came to, as text."""
    published = f"published {got.published_call} {got.published_exec}"
    return f"call {got.call}, exec {got.exec}, {got.reason}, {published}"


def test_every_task_of_the_suite_has_a_row() -> None:
    """The table has each task of the suite once, and no other."""
    files = [
        f"{channel}/{path.stem}"
        for channel in CHANNELS
        for path in (DATA / "data" / f"TritonBench_{channel}_v1").glob("*.py")
    ]
    assert sorted(row.task for row in TABLE) == sorted(files)


def test_right_answers(judged: Callable[[str], Run]) -> None:
    """Right kernels pass wherever there is something to judge them by, and the run succeeds."""
    run = judged("right")
    compare("right", run)
    assert run.status == pytest.ExitCode.OK


def test_wrong_answers(judged: Callable[[str], Run]) -> None:
    """Wrong kernels fail for their own reason, also those that upstream takes for right."""
    run = judged("wrong")
    compare("wrong", run)
    assert run.status == pytest.ExitCode.TESTS_FAILED
    fooled = [task for task, got in run.got.items() if got.published_exec]
    assert len(fooled) > len(run.got) * 0.9


def test_answers_without_triton(judged: Callable[[str], Run]) -> None:
    """Right values that no Triton kernel has computed fail as such."""
    run = judged("lazy")
    compare("lazy", run)
    assert run.status == pytest.ExitCode.TESTS_FAILED


def test_odd_answers(judged: Callable[[str], Run]) -> None:
    """Code is found in odd answers, and each thing that is odd about the file is said."""
    run = judged("odd")
    compare("odd", run)
    assert run.status == pytest.ExitCode.TESTS_FAILED
    said = " ".join(run.output.split())
    assert "another answer to second_answer (first: line" in said
    assert "TritonBench-T has no task 'no_such_task'" in said
    assert "neither its prompt nor its label belongs to a task of TritonBench-T" in said
    assert "1 empty answer, counted as failed: says_nothing" in said
    assert "tasks of TritonBench-T have no answer and count as failed: module, no_answer" in said
