"""What the gates found, at the end of a run."""

from typing import Any

from pytest_tritonbench.report import gate_summary


def _record(test: str, *found: tuple[str, str]) -> dict[str, Any]:
    told = [
        {"gate": "min-speedup", "outcome": outcome, "message": message}
        for outcome, message in found
    ]
    return {"test": test, "timing": {"gates": told}}


def test_a_run_without_gates_says_nothing() -> None:
    """Nor one that timed nothing."""
    records: list[dict[str, Any]] = [
        {"test": "a", "timing": None},
        {"test": "b", "timing": {"speedup": 2.0}},
    ]
    assert [*gate_summary.told(records)] == []
    assert gate_summary.counted(records) == ""


def test_what_could_not_be_told_is_named() -> None:
    """The test and its message in lines of 80 columns; what passed or failed is only counted."""
    long = "speedup 1.003 [0.994, 1.012] of at least 1 is neither shown nor excluded, " * 2
    records = [
        _record("b", ("ambiguous", long), ("passed", "fast")),
        _record("a", ("failed", "slow")),
    ]
    lines = [*gate_summary.told(records)]
    assert lines[0] == "ambiguous: b"
    assert "".join(line.strip() + " " for line in lines[1:-1]).strip() == long.strip()
    assert max(map(len, lines)) <= 80
    assert lines[-1] == "gates: 1 passed, 1 failed, 1 ambiguous"


def test_one_reason_is_told_once() -> None:
    """With the number of cases; an option in it is not broken."""
    missing = "nothing to compare with: give --tb-base REV or --benchmark-compare"
    lines = [*gate_summary.told([_record(str(n), ("uncompared", missing)) for n in range(3)])]
    assert lines == [
        "uncompared: 3 cases: nothing to compare with: give --tb-base REV or",
        "  --benchmark-compare",
        "gates: 3 uncompared",
    ]


def test_of_many_the_first_are_named() -> None:
    """A run of hundreds of cases does not end with as many lines."""
    records = [_record(f"t{n:02}", ("ambiguous", "neither")) for n in range(25)]
    lines = [*gate_summary.told(records)]
    assert [line for line in lines if line.startswith("ambiguous")][-2:] == [
        "ambiguous: t19",
        "ambiguous: 5 more, which the records have",
    ]
    assert lines[-1] == "gates: 25 ambiguous"
