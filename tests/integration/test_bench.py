"""``test_bench``: a kernel is timed beside its reference, judged meanwhile, and gated."""

import re
from typing import Any

import pytest

from tests.integration.project import Project
from tests.integration.timed_project import QUICK, TimedProject

BENCH = "references/plain.py::test_bench[float32-m2-n16]"
CROWDED = QUICK.replace(
    "    return x * 2",
    """\
    from pathlib import Path

    tries = Path(__file__).with_suffix(".tries")
    if x.shape[1] == 16:
        tries.write_text(tries.read_text() + "+" if tries.exists() else "+")
    if x.shape[1] == 16 and len(tries.read_text()) <= MOST:
        raise torch.OutOfMemoryError("CUDA out of memory")
    return x * 2""",
)
"""A task whose reference finds too little memory for the timed case, some times."""


@pytest.fixture(scope="module")
def timed(tmp_path_factory: pytest.TempPathFactory) -> TimedProject:
    """A run without a gate, with the compiled reference beside."""
    project = TimedProject(tmp_path_factory.mktemp("timed"))
    project.quick("plain")
    project.time("--tb-baseline", "eager,compile", "--tb-sweep")
    return project


@pytest.fixture(scope="module")
def crowded(tmp_path_factory: pytest.TempPathFactory) -> TimedProject:
    """A run of two tasks, of which one finds too little memory once, the other always."""
    project = TimedProject(tmp_path_factory.mktemp("crowded"))
    for name, most in (("once", "1"), ("always", "99")):
        project.task(name, CROWDED.replace("MOST", most))
        project.kernel(name)
    project.time()
    return project


@pytest.fixture(scope="module")
def gated(tmp_path_factory: pytest.TempPathFactory) -> TimedProject:
    """A run in which every kernel must be as fast as its reference, but for some."""
    project = TimedProject(tmp_path_factory.mktemp("gated"))
    project.quick("plain")
    project.quick("lenient", more="min_speedup=0,")
    project.quick("strict", more="min_speedup=0.5,")
    project.quick("wrong", more="min_speedup=-1,")
    project.time("--tb-min-speedup", "1.0", "--continue-on-collection-errors")
    return project


def timing(project: TimedProject, task: str) -> dict[str, Any]:
    """The times of a task's only timed case."""
    (record,) = (record for record in project.records() if record["task"] == task)
    found: dict[str, Any] = record["timing"]
    return found


def test_a_record_says_all_that_was_measured(timed: TimedProject) -> None:
    """Both sides' medians and spread, the ratio with its interval, and how it came about."""
    found = timing(timed, "plain")
    assert found["p10_ms"] <= found["median_ms"] <= found["p90_ms"]
    assert found["reference_p10_ms"] <= found["reference_ms"] <= found["reference_p90_ms"]
    assert found["interval"]["low"] <= found["speedup"] <= found["interval"]["high"]
    # An interpreted kernel is slower than PyTorch by orders of magnitude.
    assert found["verdict"] == "slower"
    assert (found["method"], found["fresh"], found["l2"]) == ("host-clock", True, "cold")
    assert found["judged"] >= 2
    assert found["compile_ms"] > 0
    assert 0 < found["roofline"] < 1
    assert found["bytes"] == 2 * 2 * 16 * 4
    parts = ("opening", "waiting", "warming", "sampling", "in_a_row", "keeping", "judging")
    assert min(found["spent"][part] for part in parts) > 0
    assert sum(found["spent"][part] for part in parts) <= 1.01 * found["spent"]["all"]
    (record,) = (record for record in timed.records() if record["task"] == "plain")
    assert record["launches"] >= 1


def test_the_compiled_reference_is_timed_as_well(timed: TimedProject) -> None:
    """``--tb-baseline eager,compile`` adds torch.compile of the reference, in the same blocks."""
    compiled = timing(timed, "plain")["compile"]
    assert compiled["median_ms"] > 0
    assert compiled["samples"] == timing(timed, "plain")["samples"]
    assert compiled["verdict"] == "slower"


def test_curves_are_drawn_of_what_was_timed(timed: TimedProject) -> None:
    """``--tb-sweep`` writes a page and a table beside the records, and says where."""
    page = timed.path / "out" / "sweep.html"
    assert f"curves: {page}" in timed.output
    assert "plain" in page.read_text()
    rows = (timed.path / "out" / "sweep.csv").read_text().splitlines()
    assert len(rows) == 1 + 3


def test_what_finds_too_little_memory_is_timed_after_all(crowded: TimedProject) -> None:
    """Another worker may have had it: it is tried once more."""
    assert crowded.outcome("once") == ("passed", None)
    assert timing(crowded, "once")["samples"] > 0


def test_where_there_is_never_enough_memory_the_task_is_at_fault(crowded: TimedProject) -> None:
    """After two tries, with what the reference said."""
    assert (crowded.path / "references" / "always.tries").read_text() == "++"
    assert "always.py: the reference fails on" in crowded.output
    assert "OutOfMemoryError: CUDA out of memory" in crowded.output


def test_a_task_has_a_least_speedup_of_its_own(gated: TimedProject) -> None:
    """``min_speedup`` in the declaration counts instead of the option; 0 is any."""
    assert gated.outcome("strict") == ("failed", "too-slow")
    assert "strict: too slow" in gated.output
    assert "of at least 0.5 is excluded" in gated.output
    assert gated.outcome("lenient") == ("passed", None)
    assert "gates" not in timing(gated, "lenient")


def test_a_speedup_that_is_excluded_fails(gated: TimedProject) -> None:
    """``--tb-min-speedup`` fails on the interval's upper bound, with the line that repeats it."""
    assert gated.outcome("plain") == ("failed", "too-slow")
    told = r"plain: too slow: speedup 0\.\d+ \[.*\] of at least 1 is excluded"
    assert re.search(told, gated.output)
    assert f"replay   pytest '{BENCH}' --tb-min-speedup 1" in gated.output
    assert timing(gated, "plain")["speedup"] < 1
    (gate,) = timing(gated, "plain")["gates"]
    assert (gate["gate"], gate["outcome"]) == ("min-speedup", "failed")
    assert "gates: 2 failed" in gated.output


def test_a_negative_speedup_is_refused(gated: TimedProject) -> None:
    """A declaration that every kernel fulfils is an error at collection."""
    assert "min_speedup is a ratio of 0 or more, not -1" in gated.output


def test_without_a_gpu_nothing_is_timed(project: Project) -> None:
    """Times of an interpreter are of no use to anyone: the test is skipped and says why."""
    project.task()
    project.kernel()
    done = project.run("-m", "tb_bench", "-rs")
    done.assert_outcomes(skipped=1, deselected=4)
    done.stdout.fnmatch_lines(["*no GPU here: a kernel is timed on the device or not at all"])


def test_a_wrong_value_is_refused(project: Project) -> None:
    """Before anything runs, with what would be right."""
    done = project.run("--tb-max-regression=2")
    assert done.ret == pytest.ExitCode.USAGE_ERROR
    done.stderr.fnmatch_lines(["*--tb-max-regression: '2' is not usable; give a percentage*"])
