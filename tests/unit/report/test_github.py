"""Annotations and summary of a job of GitHub Actions."""

import re
from pathlib import Path
from typing import Any

import pytest

from pytest_tritonbench.report import github


def _record(phase: str = "exec", outcome: str = "passed", **fields: Any) -> dict[str, Any]:
    made: dict[str, Any] = {
        "suite": None,
        "task": "softmax",
        "model": None,
        "sample": None,
        "phase": phase,
        "outcome": outcome,
        "test": f"references/softmax.py::test_{phase}[float32]",
        "case": {"m": 4, "n": 128},
        "reason": None,
        "message": None,
        "ratio": 0.4,
        "timing": None,
        "candidate": "kernels/softmax.py",
        "environment": {"device": "NVIDIA H200"},
    }
    return made | fields


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A repository with a kernel whose function begins in line 3."""
    (tmp_path / "kernels").mkdir()
    (tmp_path / "kernels/softmax.py").write_text("import triton\n\ndef softmax(x):\n    ...\n")
    (tmp_path / "references").mkdir()
    (tmp_path / "references/softmax.py").write_text("\ndef softmax(x): ...\n")
    return tmp_path


def _marks(records: list[dict[str, Any]], root: Path, **options: Any) -> list[str]:
    return github.marks(records, root, root, **options)


def test_a_failure_is_marked_at_the_kernel(root: Path) -> None:
    """The annotation is at the function's line in the kernel file, with reason and replay."""
    [mark] = _marks([_record(), _record("fuzz", "failed", message="wrong values")], root)
    assert mark == (
        "::error file=kernels/softmax.py,line=3,title=softmax%3A fuzz failed::wrong values"
        "%0Areplay: pytest references/softmax.py::test_fuzz "
        '--tb-case \'{"m": 4, "n": 128}\''
    )


def test_what_passed_is_not_marked(root: Path) -> None:
    """Nor what was skipped."""
    assert _marks([_record(), _record("bench", "skipped")], root) == []


def test_each_phase_is_marked_once(root: Path) -> None:
    """Ten wrong cases of one kernel are one annotation, which says how many there are."""
    records = [_record("exec", "failed", message=f"case {n}") for n in range(10)]
    [mark] = _marks(records, root)
    assert "::case 0%0Aand 9 more in exec%0A" in mark


def test_more_than_github_shows(root: Path) -> None:
    """Of thirteen the first nine are shown, and the tenth says that there are four more."""
    records = [_record("call", "error", task=f"t{n}", message="no") for n in range(13)]
    marks = _marks(records, root)
    assert len(marks) == 10
    assert marks[-1] == "::error title=kernels::4 more failed; see the log"


def test_a_message_is_no_command(root: Path) -> None:
    """Lines of a kernel's message cannot become commands of the job, nor break its properties."""
    evil = "50%\r\n::add-mask::hello\n::stop-commands::x"
    record = _record("call", "failed", message=evil, task="a,b:c\n::error::d", candidate=None)
    [mark] = _marks([record], root)
    assert "\n" not in mark
    assert "\r" not in mark
    properties, message = re.fullmatch(r"::error (.*?)::(.*)", mark).groups()  # type: ignore[union-attr]
    assert message.startswith("50%25%0D%0A::add-mask::hello%0A::stop")
    assert properties.count(",") == 2, "file, line and title"
    assert "title=a%2Cb%3Ac%0A%3A%3Aerror%3A%3Ad%3A call failed" in properties


def test_without_a_candidate_the_task_is_marked(root: Path) -> None:
    """A kernel that is missing has no line; the task's function has."""
    record = _record("call", "error", candidate=None, case=None, message="no kernel")
    assert _marks([record], root) == [
        "::error file=references/softmax.py,line=2,title=softmax%3A call error::no kernel"
    ]


def test_an_answer_is_marked_at_its_line(root: Path) -> None:
    """Of a file of predictions; outside of the checkout there is nothing to mark."""
    (root / "mine.jsonl").write_text("{}\n" * 5)
    fields = {"suite": "TritonBench-T", "model": "m", "sample": 0, "message": "x"}
    inside = _record("call", "failed", candidate=str(root / "mine.jsonl:4"), **fields)
    [mark] = _marks([inside], root)
    assert mark == "::error file=mine.jsonl,line=4,title=softmax[m-0]%3A call failed::x"
    (root / "checkout").mkdir()
    [mark] = github.marks([inside], root, root / "checkout")
    assert mark == "::error title=softmax[m-0]%3A call failed::x"


def test_paths_are_the_checkouts(root: Path) -> None:
    """In a project below the checkout's top the annotation names the file from there."""
    record = _record("call", "failed", message="x")
    [mark] = github.marks([record], root, root.parent)
    assert f"file={root.name}/kernels/softmax.py," in mark


def test_the_summary_begins_with_what_failed() -> None:
    """A headline, the failures with their reason, then every task, the bad ones first."""
    records = [
        _record("call"),
        _record("exec"),
        _record("exec", "failed", task="zeta", message="wrong values", ratio=12.5),
        _record("call", task="zeta"),
        _record("call", "skipped", task="idle", case=None, ratio=None),
    ]
    lines = github.summary(records).splitlines()
    assert lines[0] == "### Kernels: 1 of 3 good"
    assert "On NVIDIA H200." in lines
    assert "- ❌ **zeta** exec: wrong values" in lines
    rows = [line for line in lines if line.startswith("| ")]
    assert rows[0] == "| task | call | exec | fuzz | bench | cases | error/allowed |"
    assert rows[1] == "| zeta | ✅ | ❌ |  |  | 2 | 12.5 |"
    assert [row.split(" ")[1] for row in rows[2:]] == ["idle", "softmax"]


def test_the_summary_has_times_where_there_are() -> None:
    """The mean speedup over the cases, and how many of them have which verdict."""
    timings = [
        {"speedup": 2.0, "verdict": "faster"},
        {"speedup": 0.5, "verdict": "slower"},
        {"speedup": 1.0, "verdict": "faster"},
    ]
    text = github.summary([_record("bench", timing=timing) for timing in timings])
    assert "| 1.00x | 2 faster, 1 slower |" in text


def test_suites_have_a_row_a_model() -> None:
    """Thousands of answers are counted, not listed."""
    fields = {"suite": "TritonBench-T", "model": "gpt"}
    records = [
        *(_record("call", task=f"t{n}", **fields) for n in range(30)),
        *(_record("exec", "failed", task=f"t{n}", **fields) for n in range(10)),
        _record("exec", "skipped", task="t11", **fields),
        _record("exec", task="t12", **fields),
    ]
    text = github.summary(records)
    assert "| TritonBench-T | gpt | 30 of 30 | 1 of 11 |  |  |" in text
    assert "### Kernels" not in text


def test_a_message_is_no_markup() -> None:
    """No link, image, HTML or further column out of a kernel's message."""
    evil = "a|b\n<img src=x> [click](http://x) **bold** `code`"
    text = github.summary([_record("exec", "failed", message=evil)])
    [line] = [line for line in text.splitlines() if line.startswith("- ❌")]
    assert line.endswith(r"a\|b \<img src=x\> \[click\](http://x) \*\*bold\*\* \`code\`")


def test_the_summary_keeps_githubs_limit() -> None:
    """Of a run that is too large the first rows are there, and a line that says so."""
    records = [_record("exec", "failed", task=f"t{n:05}", message="x" * 500) for n in range(3000)]
    text = github.summary(records)
    assert 800_000 < len(text.encode()) < 1 << 20
    assert text.endswith("The summary is cut here; the log and the records have the rest.\n")


@pytest.mark.parametrize("inside", [True, False])
def test_only_in_a_job(root: Path, *, inside: bool) -> None:
    """On a developer's machine nothing is printed and nothing written."""
    said: list[str] = []
    summary = root / "summary.md"
    summary.write_text("before\n")
    environment = {"GITHUB_STEP_SUMMARY": str(summary), "GITHUB_WORKSPACE": str(root)}
    if inside:
        environment["GITHUB_ACTIONS"] = "true"
    records = [_record("call", "failed", message="x")]
    github.publish(records, root, said.append, environment=environment)
    assert bool(said) is inside
    assert summary.read_text().startswith("before\n")
    assert ("### Kernels" in summary.read_text()) is inside


def test_a_run_without_kernels_leaves_nothing(root: Path) -> None:
    """Other test runs of the job have no part in it."""
    summary = root / "summary.md"
    environment = {"GITHUB_ACTIONS": "true", "GITHUB_STEP_SUMMARY": str(summary)}
    github.publish([], root, pytest.fail, environment=environment)
    assert not summary.exists()


def test_the_summary_says_what_the_gates_could_not() -> None:
    """By name, up to as many as there are annotations, and the count of all."""
    passed = {"gate": "min-speedup", "outcome": "passed", "message": "fast"}
    unsure = passed | {"outcome": "ambiguous", "message": "speedup 1 [0.9, 1.1]: *neither*"}
    timing = {"speedup": 1.0, "verdict": "same", "gates": [passed, unsure]}
    records = [_record("bench", timing=timing, test=f"t{n:02}") for n in range(12)]
    told = github.summary(records)
    assert "Gates: 12 passed, 12 ambiguous.\n" in told
    assert "- ❔ t00: speedup 1 \\[0.9, 1.1\\]: \\*neither\\*\n" in told
    assert "t09" in told
    assert "t10" not in told
    assert "- ❔ 2 more\n" in told
    assert "Gates" not in github.summary([_record("bench", timing={"speedup": 1.0})])
