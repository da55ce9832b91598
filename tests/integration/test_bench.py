"""``test_bench``: a kernel is timed beside its reference and judged while it is.

There is no GPU where these run, so the host's clock stands in for the device's: everything else,
from the processes to the gates, is what runs on a GPU.
"""

import re

import pytest

from tests.integration.project import TASK, Project

BENCH = "references/double.py::test_bench[float32-m4-n64]"
SWEPT = (BENCH, "--tb-results", "out", "--tb-bench-budget", "0.5", "-p", "no:benchmark")


@pytest.fixture(autouse=True)
def on_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have kernels timed without a GPU."""
    monkeypatch.setenv("PYTEST_TRITONBENCH_TIME_ON_CPU", "1")


@pytest.fixture
def timed(project: Project) -> Project:
    """A repository whose kernel is right and takes one short launch."""
    project.task(text=TASK.replace('"m": 64, "n": 1024', '"m": 4, "n": 64'))
    project.kernel()
    return project


def test_a_record_says_all_that_was_measured(timed: Project) -> None:
    """Both sides' medians and spread, the ratio with its interval, and how it came about."""
    timed.run(*SWEPT).assert_outcomes(passed=1)
    (record,) = timed.records()
    timing = record["timing"]
    assert timing["p10_ms"] <= timing["median_ms"] <= timing["p90_ms"]
    assert timing["reference_p10_ms"] <= timing["reference_ms"] <= timing["reference_p90_ms"]
    interval = timing["interval"]
    assert interval["low"] <= timing["speedup"] <= interval["high"]
    # An interpreted kernel is slower than PyTorch by orders of magnitude.
    assert (timing["verdict"], timing["stopped"]) == ("slower", "budget")
    assert (timing["method"], timing["fresh"]) == ("host-clock", True)
    assert timing["judged"] >= 2
    assert timing["compile_ms"] > 0


def test_the_compiled_reference_is_timed_as_well(timed: Project) -> None:
    """``--tb-baseline eager,compile`` adds torch.compile of the reference, in the same blocks."""
    timed.run(*SWEPT, "--tb-baseline", "eager,compile").assert_outcomes(passed=1)
    (record,) = timed.records()
    compiled = record["timing"]["compile"]
    assert compiled["median_ms"] > 0
    assert compiled["samples"] == record["timing"]["samples"]
    assert compiled["verdict"] == "slower"


def test_without_a_gpu_nothing_is_timed(timed: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """Times of an interpreter are of no use to anyone: the test is skipped and says why."""
    monkeypatch.delenv("PYTEST_TRITONBENCH_TIME_ON_CPU")
    done = timed.run(BENCH, "-rs")
    done.assert_outcomes(skipped=1)
    done.stdout.fnmatch_lines(["*no GPU here: a kernel is timed on the device or not at all"])


def test_a_speedup_that_is_excluded_fails(timed: Project) -> None:
    """``--tb-min-speedup`` fails on the interval's upper bound, with the line that repeats it."""
    done = timed.run(*SWEPT, "--tb-min-speedup", "1.0")
    done.assert_outcomes(failed=1)
    (record,) = timed.records()
    assert (record["outcome"], record["reason"]) == ("failed", "too-slow")
    assert record["timing"]["speedup"] < 1
    said = done.stdout.str()
    assert re.search(r"double: too slow: speedup 0\.\d+ \[.*\] of at least 1 is excluded", said)
    assert f"replay   pytest '{BENCH}' --tb-min-speedup 1" in said


def test_a_task_has_a_least_speedup_of_its_own(timed: Project) -> None:
    """``min_speedup`` in the declaration counts instead of the option; 0 is any."""
    text = timed.path / "references" / "double.py"
    text.write_text(text.read_text().replace("    sweep=", "    min_speedup=0,\n    sweep="))
    timed.run(*SWEPT, "--tb-min-speedup", "1.0").assert_outcomes(passed=1)
    text.write_text(text.read_text().replace("min_speedup=0", "min_speedup=0.5"))
    timed.run(*SWEPT).assert_outcomes(failed=1)


def test_a_negative_speedup_is_refused(timed: Project) -> None:
    """A declaration that no kernel could fulfil or fail is an error at collection."""
    text = timed.path / "references" / "double.py"
    text.write_text(text.read_text().replace("    sweep=", "    min_speedup=-1,\n    sweep="))
    done = timed.run(*SWEPT)
    done.stdout.fnmatch_lines(["*min_speedup is a ratio of 0 or more, not -1*"])
    assert done.ret != 0


@pytest.mark.parametrize(
    ("option", "value", "told"),
    [
        ("--tb-min-speedup", "0", "a speedup above 0"),
        ("--tb-max-regression", "2", "a percentage such as 2%"),
        ("--tb-baseline", "numpy", "'eager', or 'eager,compile'"),
        ("--tb-clock", "sun", "'events' (CUDA events)"),
        ("--tb-l2", "tepid", "'cold' or 'warm'"),
        ("--tb-bench-budget", "-1", "seconds"),
    ],
)
def test_a_wrong_value_is_refused(timed: Project, option: str, value: str, told: str) -> None:
    """Before anything runs, with what would be right."""
    done = timed.run(*SWEPT, f"{option}={value}")
    assert done.ret == pytest.ExitCode.USAGE_ERROR
    assert told in done.stderr.str()
