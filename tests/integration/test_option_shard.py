"""``--tb-shard``, ``--tb-env``, and a job of GitHub Actions."""

from pathlib import Path

import pytest

from tests.integration.project import Project


@pytest.fixture
def two(double: Project) -> Project:
    """A repository with two tasks."""
    double.task("twice")
    double.kernel("twice")
    return double


def collected(project: Project, *arguments: str) -> set[str]:
    """Node ids of the tests that a run would have."""
    lines = project.run_here("--co", "-q", *arguments).stdout.lines
    return {line for line in lines if line.startswith("references/")}


def test_parts_make_the_whole(two: Project) -> None:
    """Each task is in one part, whole; a part says how much it leaves out."""
    whole = collected(two)
    parts = [collected(two, f"--tb-shard={n}/2") for n in (1, 2)]
    assert len(whole) == 10
    assert parts[0] | parts[1] == whole
    assert not parts[0] & parts[1]
    assert {len({test.partition("::")[0] for test in part}) for part in parts} == {1}


@pytest.mark.parametrize("workers", [(), ("-n", "2")])
def test_an_empty_part_ends_well(two: Project, workers: tuple[str, ...]) -> None:
    """More parts than tasks: the run of one without any is no failure, and leaves its records."""
    found = []
    for number in (1, 2, 3):
        shard = (f"--tb-shard={number}/3", f"--tb-results=out/{number}", "-ktest_call")
        ran = two.run_here("-q", *workers, *shard)
        assert ran.ret == pytest.ExitCode.OK
        assert (two.path / "out" / str(number) / "records.jsonl").exists()
        found.append(f"part {number}/3 has no tests: other parts have all 2" in ran.stdout.str())
    assert sorted(found) == [False, False, True]


@pytest.mark.parametrize("workers", [(), ("-n", "2")])
def test_no_tests_at_all_are_a_failure(two: Project, workers: tuple[str, ...]) -> None:
    """A typo in -k must not pass on every machine."""
    ran = two.run_here(*workers, "--tb-shard=1/2", "-knothing_is_called_so")
    assert ran.ret == pytest.ExitCode.NO_TESTS_COLLECTED


def test_what_is_chosen_is_divided(two: Project) -> None:
    """-k comes first: of one task there is one part, whichever the task would have been in."""
    parts = [collected(two, f"--tb-shard={n}/2", "-ktwice") for n in (1, 2)]
    assert sorted(map(len, parts)) == [0, 5]


def test_last_failed_is_no_part(two: Project) -> None:
    """Every machine would deal out its own failures: that is a usage error."""
    result = two.run_here("--tb-shard=1/2", "--lf")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*--tb-shard: with --lf every machine would deal out its own*"])


def test_env_is_printed_and_nothing_runs(two: Project) -> None:
    """Versions, GPUs and whether the interpreter is used, in lines that fit a terminal."""
    result = two.run_here("--tb-env", "--tb-gpu=cpu")
    assert result.ret == pytest.ExitCode.OK
    text = result.stdout.str()
    for word in ("Python", "torch", "triton", "interpreter"):
        assert word in text
    assert all(len(line) <= 80 for line in text.splitlines())
    assert "passed" not in text
    assert "collected" not in text


def test_a_job_of_github_has_annotations_and_a_summary(
    two: Project, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A wrong kernel is annotated at its file, and the summary has a row for each task."""
    summary = tmp_path / "summary.md"
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(summary))
    monkeypatch.setenv("GITHUB_WORKSPACE", str(two.path))
    two.kernel("twice", "x * 3")
    result = two.run_here("--tb-gpu=cpu", "--tb-examples=2")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(["::error file=kernels/twice.py*"])
    text = summary.read_text()
    assert "double" in text
    assert "twice" in text
