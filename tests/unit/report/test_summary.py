"""The summary: a row a task, eighty columns, the reason of the first failure."""

from typing import Any

from pytest_tritonbench.report.summary import summarise


def record(task: str, phase: str, outcome: str = "passed", **more: Any) -> dict[str, Any]:
    """The parts of a record that the summary reads."""
    empty = {"case": None, "reason": None, "message": None, "ratio": None, "timing": None}
    return {"task": task, "phase": phase, "outcome": outcome, **empty, **more}


def text(*records: dict[str, Any]) -> list[str]:
    """The lines without their verdict."""
    return [line for line, _ in summarise(records)]


def test_a_row_has_phases_cases_and_the_worst_ratio() -> None:
    """Phases that were not run are empty; the worst ratio of all cases is shown."""
    rows = text(
        record("add", "call", case={}, ratio=0.25),
        record("add", "exec", case={}, ratio=0.75),
        record("add", "exec", case={}),
    )
    assert rows[0].split() == ["task", "call", "exec", "fuzz", "bench", "cases", "error/allowed"]
    assert rows[1].split() == ["add", "ok", "ok", "3", "0.75"]
    assert rows[-1] == "1 of 1 tasks good"


def test_the_worst_outcome_of_a_phase_counts() -> None:
    """One failed case among passed ones makes the phase FAIL, and an error is worse."""
    rows = text(
        record("a", "exec"),
        record("a", "exec", "failed", message="a: wrong-values"),
        record("b", "call", "failed", message="b: exception"),
        record("b", "call", "error", message="b: the reference fails"),
    )
    assert rows[1].split()[:2] == ["a", "FAIL"]
    assert rows[2] == "  exec: a: wrong-values"
    assert rows[3].split()[:2] == ["b", "ERROR"]
    assert rows[-1].startswith("0 of 2 tasks good, 2 not")


def test_the_first_failure_by_phase_is_told() -> None:
    """What broke first explains the rest, in whatever order the records came."""
    rows = text(
        record("a", "fuzz", "failed", message="later"),
        record("a", "exec", "failed", message="earlier"),
    )
    assert "  exec: earlier" in rows
    assert not [line for line in rows if "later" in line]


def test_why_nothing_was_judged_is_what_the_last_phase_says() -> None:
    """With ``--benchmark-only`` the phases before it are skipped as a matter of course."""
    rows = text(
        record("a", "bench", "skipped", message="no GPU here"),
        record("a", "call", "skipped", message="only benchmarks are run"),
    )
    assert rows[2] == "  no GPU here"
    assert not [line for line in rows if "only benchmarks" in line]


def test_times_appear_where_there_are_any() -> None:
    """Median time and speedup are columns of a run that timed something."""
    timing = {"median_ms": 0.0125, "speedup": 2.0}
    rows = text(
        record("a", "bench", case={}, timing=timing),
        record("a", "bench", case={}, timing={"median_ms": 12.5, "speedup": 0.5}),
        record("b", "call", case={}),
    )
    assert rows[0].split()[-2:] == ["median", "speedup"]
    # The median over the cases, and the geometric mean of their speedups.
    assert rows[1].split()[-3:] == ["6.26", "ms", "1.00x"]
    assert text(record("c", "bench", timing=timing))[1].split()[-3:] == ["12.5", "us", "2.00x"]


def test_lines_fit_eighty_columns() -> None:
    """Long names and messages are cut, and the cut shows."""
    name = "n" * 60
    timing = {"median_ms": 123456.789, "speedup": 12345.678}
    found = list(
        summarise(
            [
                record(name, "call", "failed", message="m" * 200, case={}, ratio=1e9),
                record("b", "bench", case={}, timing=timing, ratio=123456789.0),
            ]
        )
    )
    assert all(len(line) <= 80 for line, _ in found), found
    assert [line for line, _ in found if line.endswith("...")]
    assert [good for line, good in found if "~" in line] == [False]


def test_the_order_of_records_does_not_matter() -> None:
    """Workers deliver in any order; the table is the same."""
    records = [
        record("b", "call"),
        record("a", "exec", "failed", message="one"),
        record("a", "call", case={}, ratio=0.5),
    ]
    assert text(*records) == text(*reversed(records))


def test_sizes_of_a_timed_answer_are_told_by_their_median() -> None:
    """An answer to a suite is timed on several sizes; a bundled task's case is one."""
    sizes = [{"ms": ms, "gold_ms": 1.0} for ms in (0.5, 2.0, 4.0)]
    rows = text(
        record("relu", "bench", timing={"sizes": sizes, "speedup": 0.5}),
        record("softmax", "bench", timing={"median_ms": 3.0, "speedup": 1.25}),
    )
    assert rows[1].split() == ["relu", "ok", "0", "2.00", "ms", "0.50x"]
    assert rows[2].split() == ["softmax", "ok", "0", "3.00", "ms", "1.25x"]
