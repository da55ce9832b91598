"""Several processes, one run: each question once, within the limits, whatever dies."""

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path

from pytest_tritonbench.candidate.model.budget import Budget, parse_limit
from pytest_tritonbench.candidate.model.progress import line
from pytest_tritonbench.candidate.model.store import Store
from tests.unit.model import answering
from tests.unit.model.answering import Plan, log

ENVIRON = {**os.environ, "OMP_NUM_THREADS": "1"}


def begin(plan: Plan, processes: int) -> list[subprocess.Popen[str]]:
    """Start processes that wait for the same answers in different orders."""
    return [
        subprocess.Popen(
            [sys.executable, answering.__file__, replace(plan, order=number).write()],
            stdout=subprocess.PIPE,
            text=True,
            env=ENVIRON,
        )
        for number in range(processes)
    ]


def end(processes: list[subprocess.Popen[str]]) -> list[dict[str, str]]:
    """Wait for them, and read what they were given."""
    outcomes = []
    for process in processes:
        out, _ = process.communicate(timeout=60)
        assert process.returncode == 0
        outcomes.append(json.loads(out))
    return outcomes


def begun(folder: Path) -> Counter[str]:
    """How many times each task was asked for."""
    return Counter(entry.task for entry in log(folder) if entry.what == "begin")


def most_at_once(folder: Path) -> int:
    """How many requests were under way at the same time, at most."""
    now = most = 0
    for entry in log(folder):
        now += 1 if entry.what == "begin" else -1
        most = max(most, now)
    return most


def kept(folder: Path) -> list[str]:
    """The store's files, as paths."""
    store = folder / "generations"
    found = (path.relative_to(store) for path in store.rglob("*") if path.is_file())
    return sorted(str(path) for path in found if path.parts[0] != ".claims")


def pairs(tasks: int) -> list[str]:
    """The files of a store with each task once, and nothing else."""
    names = [f"references/fake/task{number}/0" for number in range(tasks)]
    return sorted(f"{name}.{suffix}" for name in names for suffix in ("json", "py"))


def test_each_question_is_asked_once_by_four_processes(tmp_path: Path) -> None:
    """Sixty questions, four processes that want them in different orders: sixty requests."""
    plan = Plan(tmp_path, concurrency=5)
    outcomes = end(begin(plan, 4))
    assert begun(tmp_path) == {f"task{number}": 1 for number in range(60)}
    assert kept(tmp_path) == pairs(60)
    for outcome in outcomes:
        assert outcome == {f"task{n}": f"def task{n}(): ...\n" for n in range(60)}
    assert line(tmp_path / "run" / "progress") == "60/60 answers, 30,000 tokens; $30.00"


def test_the_limit_of_requests_holds_over_processes(tmp_path: Path) -> None:
    """Three processes with a limit of three have three requests under way, not nine."""
    end(begin(Plan(tmp_path, tasks=24, concurrency=3, seconds=0.1), 3))
    assert most_at_once(tmp_path) == 3
    assert len({entry.pid for entry in log(tmp_path)}) > 1


def test_a_run_goes_on_where_processes_were_killed(tmp_path: Path) -> None:
    """Two of four are killed, then all, then it is run again: each sample is there once."""
    plan = Plan(tmp_path, concurrency=6, seconds=0.15)
    processes = begin(plan, 4)
    wait_for(tmp_path, 12)
    for process in processes[:2]:
        process.send_signal(signal.SIGKILL)
    wait_for(tmp_path, 30)
    for process in processes[2:]:
        process.send_signal(signal.SIGKILL)
    for process in processes:
        process.communicate(timeout=10)
    before = kept(tmp_path)
    assert 0 < len(before) < 120
    cut = len([e for e in log(tmp_path) if e.what == "begin"]) - len(
        [e for e in log(tmp_path) if e.what == "end"]
    )
    end(begin(replace(plan, run="again"), 4))
    assert kept(tmp_path) == pairs(60)
    # Only what was under way when its process died is asked for twice.
    assert sum(begun(tmp_path).values()) <= 60 + cut + 2
    assert set(begun(tmp_path)) == {f"task{number}" for number in range(60)}
    store = Store(tmp_path / "generations")
    assert all(store.get(question) for question in plan.questions())


def wait_for(folder: Path, count: int) -> None:
    """Wait until so many requests were begun."""
    until = time.monotonic() + 30
    while not (folder / "log").exists() or len(begun(folder)) < count:
        assert time.monotonic() < until
        time.sleep(0.01)


def test_the_others_take_over_what_a_killed_process_held(tmp_path: Path) -> None:
    """Of two processes one dies in the middle of its requests; the other ends with all answers."""
    plan = Plan(tmp_path, tasks=20, concurrency=4, seconds=0.3)
    first, second = begin(plan, 2)
    wait_for(tmp_path, 5)
    first.send_signal(signal.SIGKILL)
    first.communicate(timeout=10)
    (outcome,) = end([second])
    assert not [text for text in outcome.values() if text.startswith("error")]
    assert kept(tmp_path) == pairs(20)


def test_a_budget_is_never_passed_by_four_processes(tmp_path: Path) -> None:
    """Half a dollar an answer and ten dollars: twenty at most, the rest is told as undone."""
    plan = Plan(tmp_path, tasks=60, concurrency=8, budget="10.00")
    outcomes = end(begin(plan, 4))
    budget = Budget(tmp_path / "run", parse_limit("10.00"))
    spending = budget.spending()
    asked = sum(begun(tmp_path).values())
    # A request may cost 60 cents: with less than that left none is sent.
    assert spending.spent == asked * 0.5
    assert 9.4 < spending.spent <= 10
    assert spending.reserved == 0
    assert len(spending.undone) == 60 - asked
    for outcome in outcomes:
        assert Counter(outcome.values())["error budget"] == 60 - asked


def test_an_error_is_not_tried_again_by_other_processes(tmp_path: Path) -> None:
    """A question that failed was asked once in its run, and is asked again in the next."""
    plan = Plan(tmp_path, tasks=6, fail=("task3",))
    outcomes = end(begin(plan, 3))
    assert begun(tmp_path)["task3"] == 1
    assert [outcome["task3"] for outcome in outcomes] == ["error server-error"] * 3
    assert line(tmp_path / "run" / "progress").startswith("5/6 answers, 1 failed, ")
    (outcome,) = end(begin(replace(plan, run="next", fail=()), 1))
    assert begun(tmp_path)["task3"] == 2
    assert outcome["task3"] == "def task3(): ...\n"
    assert sum(begun(tmp_path).values()) == 7
