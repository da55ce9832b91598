"""``--tb-suite`` and ``--tb-predictions``: tasks of a checkout, answers of a file, one real run."""

import json
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.integration.checkout import Checkout, answer
from tests.warm import python

WORDS = ("PASSED", "FAILED", "SKIPPED", "ERROR")


def run(folder: Path, *arguments: Any, interpreter: str = "") -> subprocess.CompletedProcess[str]:
    """Run pytest in a folder."""
    command = [
        interpreter or python(),
        "-m",
        "pytest",
        "-rA",
        "--tb-gpu",
        "cpu",
        *map(str, arguments),
    ]
    return subprocess.run(
        command, cwd=folder, capture_output=True, text=True, check=False, timeout=300
    )


def outcomes(result: subprocess.CompletedProcess[str]) -> dict[str, str]:
    """How each test ended, by node id."""
    found = {}
    for line in result.stdout.splitlines():
        word, _, rest = line.partition(" ")
        if word in WORDS and "::" in rest:
            found[rest.split(" - ")[0].strip()] = word
    return found


def records(folder: Path) -> list[dict[str, Any]]:
    """The records of a folder."""
    lines = (folder / "records.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


class Ran:
    """A run over a small checkout: one answer is right, one wrong, one missing.

    Args:
        path: Where everything lies.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.checkout = Checkout(path / "bench")
        for number, name in enumerate(("double", "twice", "two_times")):
            self.checkout.task(name, difficulty=number + 1)
        answers = {"double": answer("double"), "twice": answer("twice", "x * 3")}
        file = self.checkout.predictions("mine", answers)
        (path / "pytest.ini").write_text("[pytest]\n", encoding="utf-8")
        self.options = ["--tb-suite", self.checkout.path, "--tb-predictions", file]
        self.result = run(path, *self.options, "--tb-results", "out", "--tb-report", "pages")


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Ran:
    """The run that most of these tests look at."""
    return Ran(tmp_path_factory.mktemp("suite"))


def test_answers_are_judged_by_task(ran: Ran) -> None:
    """A right answer passes, a wrong one fails exec, and a task without an answer fails."""
    assert outcomes(ran.result) == {
        "TritonBench-T::double::test_call[mine]": "PASSED",
        "TritonBench-T::double::test_exec[mine]": "PASSED",
        "TritonBench-T::double::test_fuzz[mine]": "PASSED",
        "TritonBench-T::twice::test_call[mine]": "PASSED",
        "TritonBench-T::twice::test_exec[mine]": "FAILED",
        "TritonBench-T::two_times::test_call[mine]": "FAILED",
        "TritonBench-T::two_times::test_exec[mine]": "FAILED",
        "TritonBench-T::two_times::test_fuzz[mine]": "FAILED",
    }
    assert ran.result.returncode == pytest.ExitCode.TESTS_FAILED


def test_a_failure_says_where_what_and_how_to_repeat_it(ran: Ran) -> None:
    """The message has the answer's line, the worst element and a command."""
    text = ran.result.stdout
    assert "twice: wrong-values: test_case_" in text
    assert re.search(r"answer   \S+mine\.jsonl:2$", text, re.MULTILINE)
    replay = "pytest 'TritonBench-T::twice::test_exec[mine]' --tb-gpu=cpu --tb-suite="
    assert f"replay   {replay}" in text
    assert "two_times: missing: " in text


def test_the_header_says_how_the_predictions_fit(ran: Ran) -> None:
    """Suite, number of answers, and which task has none."""
    assert "suite: TritonBench-T, 3 tasks, " in ran.result.stdout
    assert "predictions: mine answers 2 of 3 tasks of TritonBench-T, 1 missing" in ran.result.stdout


def test_the_leaderboard_counts_every_task(ran: Ran) -> None:
    """The missing answer counts as failed: two of three called, one of three right."""
    [line] = [line for line in ran.result.stdout.splitlines() if line.startswith("mine  ")]
    assert line.split() == ["mine", "2", "66.7%", *["1", "33.3%"] * 3, *["2", "66.7%"] * 2]


def test_records_tell_both_policies(ran: Ran) -> None:
    """Upstream prints nothing and calls the wrong answer right; the judge does not."""
    found = {(r["task"], r["phase"]): r for r in records(ran.path / "out")}
    assert len(found) == len(records(ran.path / "out")) == 9
    wrong = found["twice", "exec"]
    assert wrong["policy"]["published"] == {"call": True, "exec": True}
    assert wrong["policy"]["strict"]["exec"] is False
    assert (wrong["suite"], wrong["model"], wrong["sample"]) == ("TritonBench-T", "mine", 0)
    assert (wrong["reason"], wrong["difficulty"]) == ("wrong-values", 2)
    assert found["two_times", "call"]["reason"] == "missing"
    assert found["double", "fuzz"]["varied"]
    assert found["double", "call"]["launches"] > 0


def test_the_answers_lie_beside_the_records(ran: Ran) -> None:
    """Each answer is kept once, by the hash that its records carry."""
    lines = (ran.path / "out" / "answers.jsonl").read_text(encoding="utf-8").splitlines()
    kept = {row["hash"]: row["text"] for row in map(json.loads, lines)}
    hashes = {r["candidate_hash"] for r in records(ran.path / "out")} - {None}
    assert set(kept) == hashes
    assert answer("double") in kept.values()


def test_a_report_is_written(ran: Ran) -> None:
    """The pages are there and know the model."""
    assert "mine" in (ran.path / "pages" / "report.html").read_text(encoding="utf-8")
    assert "TritonBench-T" in (ran.path / "pages" / "report.md").read_text(encoding="utf-8")


def same(record: Mapping[str, Any]) -> tuple[Any, ...]:
    """What two runs must agree about."""
    fields = ("test", "outcome", "reason", "message", "ratio", "launches", "case", "candidate_hash")
    return tuple(json.dumps(record[field]) for field in fields)


def test_workers_find_the_same(ran: Ran) -> None:
    """Under ``-n 2`` the records differ in their order only."""
    run(ran.path, *ran.options, "--tb-results", "out2", "-n", 2, "-p", "no:cacheprovider")
    assert sorted(map(same, records(ran.path / "out2"))) == sorted(
        map(same, records(ran.path / "out"))
    )


def test_a_finished_run_is_not_run_again(ran: Ran) -> None:
    """With ``--tb-resume`` every outcome is as before, and no record is added."""
    before = records(ran.path / "out")
    again = run(ran.path, *ran.options, "--tb-results", "out", "--tb-resume")
    assert outcomes(again) == outcomes(ran.result)
    assert records(ran.path / "out") == before
    assert "(in an earlier run)" in again.stdout


def test_an_interrupted_run_goes_on(ran: Ran, tmp_path: Path) -> None:
    """Records of the first two tests and half a line: the rest is run, nothing twice."""
    lines = (ran.path / "out" / "records.jsonl").read_text(encoding="utf-8").splitlines()
    (tmp_path / "records.jsonl").write_text("\n".join(lines[:2]) + "\n" + lines[2][:40])
    again = run(ran.path, *ran.options, "--tb-results", tmp_path, "--tb-resume")
    assert outcomes(again) == outcomes(ran.result)
    whole = []
    for line in (tmp_path / "records.jsonl").read_text(encoding="utf-8").splitlines():
        try:
            whole.append(json.loads(line))
        except ValueError:
            assert line == lines[2][:40]
    assert sorted(r["test"] for r in whole) == sorted(r["test"] for r in records(ran.path / "out"))


def test_a_resumed_run_goes_on_with_fuzz(ran: Ran, tmp_path: Path) -> None:
    """Records without fuzz: what was wrong on its own test is not run again, the rest is fuzzed.

    The wrong answer's record is given another reason, which only that record can have told.
    """
    whole = records(ran.path / "out")
    earlier = [{**record} for record in whole if record["phase"] != "fuzz"]
    [wrong] = [r for r in earlier if (r["task"], r["phase"]) == ("twice", "exec")]
    wrong["reason"] = "wrong-shape"
    lines = [json.dumps(record) + "\n" for record in earlier]
    (tmp_path / "records.jsonl").write_text("".join(lines), encoding="utf-8")
    run(ran.path, *ran.options, "--tb-results", tmp_path, "--tb-resume")
    fuzzed = {r["task"]: r for r in records(tmp_path)[len(earlier) :]}
    assert {task: (r["phase"], r["outcome"]) for task, r in fuzzed.items()} == {
        "double": ("fuzz", "passed"),
        "twice": ("fuzz", "skipped"),
        "two_times": ("fuzz", "failed"),
    }
    assert fuzzed["twice"]["message"] == "exec failed: wrong-shape"
    assert fuzzed["two_times"]["reason"] == "missing"


def test_the_exit_code_follows_the_policy(ran: Ran) -> None:
    """Under ``--tb-policy published`` the wrong answer passes, as nothing is printed."""
    found = outcomes(run(ran.path, *ran.options, "--tb-policy", "published", "-k", "twice"))
    assert found["TritonBench-T::twice::test_exec[mine]"] == "PASSED"


@pytest.mark.parametrize(
    ("arguments", "listed"),
    [
        (["TritonBench-T::twice::test_exec[mine]"], ["twice::test_exec[mine]"]),
        (["TritonBench-T::twice", "-k", "call"], ["twice::test_call[mine]"]),
        (["-m", "difficulty3 and tb_call"], ["two_times::test_call[mine]"]),
        (
            ["-k", "double and (exec or fuzz)"],
            ["double::test_exec[mine]", "double::test_fuzz[mine]"],
        ),
    ],
)
def test_tests_are_chosen_as_anywhere(ran: Ran, arguments: list[str], listed: list[str]) -> None:
    """Node ids, ``-k`` and ``-m`` work on imported tasks."""
    result = run(ran.path, *ran.options, "--co", "-q", *arguments)
    found = [line for line in result.stdout.splitlines() if "::" in line]
    assert found == [f"TritonBench-T::{name}" for name in listed]


@pytest.mark.parametrize(
    "misspelt", ["thrice", "twice::test_cal", "twice::test_call[yours]", "twice::test_call[mine"]
)
def test_an_id_that_is_no_test_is_a_usage_error(ran: Ran, misspelt: str) -> None:
    """A misspelt id does not end as a green run of nothing."""
    result = run(ran.path, *ran.options, f"TritonBench-T::{misspelt}")
    assert result.returncode == pytest.ExitCode.USAGE_ERROR
    assert f"not found: TritonBench-T::{misspelt}" in result.stderr


def test_only_the_suite_is_run(ran: Ran) -> None:
    """Tests that lie in the folder are run when they are named, beside the suite's that are."""
    (ran.path / "test_mine.py").write_text("def test_it(): pass\n", encoding="utf-8")
    alone = run(ran.path, *ran.options, "--co", "-q")
    assert "test_mine.py" not in alone.stdout
    both = run(ran.path, *ran.options, "--co", "-q", "test_mine.py", "TritonBench-T::double")
    found = [line for line in both.stdout.splitlines() if "::" in line]
    assert found[0] == "test_mine.py::test_it"
    assert len(found) == 4


def test_workers_run_what_was_asked_for(ran: Ran) -> None:
    """Under ``-n 2`` ids and paths of the command line choose as they do without it."""
    (ran.path / "test_mine.py").write_text("def test_it(): pass\n", encoding="utf-8")
    asked = ("test_mine.py", "TritonBench-T::double::test_call", "-n", 2)
    assert outcomes(run(ran.path, *ran.options, *asked)) == {
        "test_mine.py::test_it": "PASSED",
        "TritonBench-T::double::test_call[mine]": "PASSED",
    }


def test_workers_refuse_an_id_that_is_no_test(ran: Ran) -> None:
    """Under ``-n 2`` a misspelt id does not end as a green run of nothing either."""
    result = run(ran.path, *ran.options, "TritonBench-T::thrice", "-n", 2)
    assert result.returncode == pytest.ExitCode.USAGE_ERROR
    assert "not found: TritonBench-T::thrice" in result.stderr


def test_collecting_imports_no_torch(ran: Ran) -> None:
    """The tests of a suite are listed without torch, triton or Hypothesis' engine."""
    (ran.path / "conftest.py").write_text(
        "import sys\n\n\ndef pytest_unconfigure():\n"
        "    print('torch' in sys.modules, 'triton' in sys.modules)\n",
        encoding="utf-8",
    )
    # A process that has torch already would not show it.
    result = run(ran.path, *ran.options, "--co", "-q", "-s", interpreter=sys.executable)
    (ran.path / "conftest.py").unlink()
    assert "9 tests collected" in result.stdout
    assert result.stdout.splitlines()[-1] == "False False"


def test_the_golds_answer_where_nobody_does(ran: Ran) -> None:
    """Without predictions each task's own gold is put to its test."""
    result = run(ran.path, "--tb-suite", ran.checkout.path, "-k", "double and not fuzz")
    assert outcomes(result) == {
        "TritonBench-T::double::test_call[gold]": "PASSED",
        "TritonBench-T::double::test_exec[gold]": "PASSED",
    }


def test_an_answer_is_fuzzed_with_what_its_test_imports(tmp_path: Path) -> None:
    """Upstream runs both in one file: an answer without an import of torch has its test's."""
    checkout = Checkout(tmp_path / "bench")
    checkout.task("twice")
    text = answer("twice").removeprefix("import torch\n")
    mine = checkout.predictions("mine", {"twice": text})
    result = run(tmp_path, "--tb-suite", "bench", "--tb-predictions", mine)
    assert set(outcomes(result).values()) == {"PASSED"}, result.stdout


def test_a_task_that_is_wrong_beyond_its_test_is_not_fuzzed(tmp_path: Path) -> None:
    """The table of special rules names it, and the reason is told."""
    checkout = Checkout(tmp_path / "bench")
    name = "layer_norm_welfold"
    checkout.task(name, channel="G", gold=answer(name))
    result = run(tmp_path, "--tb-suite", "bench", "-k", "fuzz")
    assert outcomes(result) == {}
    assert "1 skipped" in result.stdout
    assert "not-fuzzed: the gold sums what a masked load leaves in registers" in result.stdout


def test_a_channel_that_no_file_answers_is_left_out(tmp_path: Path) -> None:
    """Answers to T do not fail the tasks of G, and the header says that these are not judged."""
    checkout = Checkout(tmp_path / "bench")
    checkout.task("twice")
    checkout.task("doubled", channel="G", gold=answer("doubled"))
    mine = checkout.predictions("mine", {"twice": answer("twice")})
    result = run(tmp_path, "--tb-suite", "bench", "--tb-predictions", mine, "-k", "not fuzz")
    assert result.returncode == 0, result.stdout + result.stderr
    assert {name.partition("::")[0] for name in outcomes(result)} == {"TritonBench-T"}
    assert "TritonBench-G is left out: no file of predictions answers it" in result.stdout


def test_a_glob_without_quotes_is_told(ran: Ran) -> None:
    """The shell hands over several files where the option takes one: that is no test path."""
    result = run(ran.path, *ran.options, "mine.jsonl", "-n", "2")
    assert result.returncode == pytest.ExitCode.USAGE_ERROR
    assert "--tb-predictions takes one file or a glob in quotes, and mine.jsonl" in result.stderr


def test_an_id_of_a_channel_that_is_left_out_is_a_usage_error(tmp_path: Path) -> None:
    """It is told like any other id that no test has."""
    checkout = Checkout(tmp_path / "bench")
    checkout.task("twice")
    checkout.task("doubled", channel="G", gold=answer("doubled"))
    mine = checkout.predictions("mine", {"twice": answer("twice")})
    options = ("--tb-suite", "bench", "--tb-predictions", mine)
    result = run(tmp_path, *options, "TritonBench-G::doubled")
    assert result.returncode == pytest.ExitCode.USAGE_ERROR
    assert "not found: TritonBench-G::doubled (no such test in TritonBench-T)" in result.stderr


def test_an_answer_has_a_minute_for_its_cases(tmp_path: Path) -> None:
    """How many cases there was time for is told; none is no success."""
    checkout = Checkout(tmp_path / "bench")
    checkout.task("double")
    mine = checkout.predictions("mine", {"double": answer("double")})
    limit = "from pytest_tritonbench.imported import fuzzers\n\nfuzzers._LONGEST = {}\n"

    def fuzzed(seconds: float) -> Mapping[str, Any]:
        (tmp_path / "conftest.py").write_text(limit.format(seconds), encoding="utf-8")
        results = f"out{seconds}"
        command = ("--tb-suite", "bench", "--tb-predictions", mine, "-k", "fuzz")
        run(tmp_path, *command, "--tb-examples", "2000", "--tb-results", results)
        return records(tmp_path / results)[-1]

    some = fuzzed(1.0)
    assert some["outcome"] == "passed"
    assert re.search(r" \| [1-9]\d* cases in the 1 s that an answer has$", some["varied"])
    none = fuzzed(-1.0)
    assert (none["outcome"], none["reason"]) == ("skipped", "not-fuzzed")
    assert none["message"] == "not-fuzzed: no case could be judged in -1 s"


SPY = """\
from pathlib import Path

from pytest_tritonbench.imported import fuzzers


class Told(fuzzers.Evaluation):
    def run(self, case, **how):
        with Path("cases").open("a") as file:
            print(case.to_json(), file=file)
        return super().run(case, **how)


fuzzers.Evaluation = Told
"""


def test_all_answers_are_put_to_the_same_cases(tmp_path: Path) -> None:
    """In every run, unless a seed is given: that one survives and another does not is no luck."""
    checkout = Checkout(tmp_path / "bench")
    checkout.task("double")
    (tmp_path / "conftest.py").write_text(SPY, encoding="utf-8")
    files = [checkout.predictions(name, {"double": answer("double")}) for name in ("mine", "yours")]
    command = ["--tb-suite", "bench", "-k", "fuzz", "--tb-examples", "6"]

    def cases(*more: Any) -> list[str]:
        result = run(tmp_path, *command, *more)
        assert "1 passed" in result.stdout, result.stdout
        file = tmp_path / "cases"
        lines = file.read_text(encoding="utf-8").splitlines()
        file.unlink()
        return lines

    mine = cases("--tb-predictions", files[0])
    assert len(mine) == 6
    assert cases("--tb-predictions", files[1]) == mine
    assert cases("--tb-predictions", files[0], "--hypothesis-seed=1") != mine
