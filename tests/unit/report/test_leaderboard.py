"""The terminal's table of models: names that differ, and nothing of phases that were not run."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from pytest_tritonbench.report.leaderboard import leaderboard
from tests.unit.report_pages.made import record


@dataclass(frozen=True)
class Task:
    """A task of the suite."""

    difficulty: int = 1
    family: str = "softmax"


@dataclass(frozen=True)
class Suite:
    """A suite of one task."""

    suite: str = "TritonBench-T"
    tasks: Mapping[str, Task] = field(default_factory=lambda: {"softmax": Task()})


def rows(*phases: str, models: tuple[str, ...] = ("mine",)) -> list[str]:
    """The rows of models that pass these phases."""
    strict = {"call": True, "exec": True, "right": True}
    policy = {"published": {"call": True, "exec": True}, "strict": strict}
    made = [record(phase, model=model, policy=policy) for model in models for phase in phases]
    return [line for line in leaderboard(made, [Suite()]) if "%" in line]


def test_phases_that_nobody_ran_are_left_empty() -> None:
    """Without fuzzing there is no share of survivors, where 0 % would be a verdict."""
    [without], [fuzzed] = rows("call", "exec"), rows("call", "exec", "fuzz")
    assert without.split()[1:] == ["1", "100%"] * 5
    assert fuzzed.split()[1:] == ["1", "100%"] * 6
    # The columns stay where they are.
    assert without[:50] == fuzzed[:50]
    assert without[60:] == fuzzed[60:]


def test_long_names_stay_apart() -> None:
    """Models differ at the end of their names more often than at the start."""
    names = [f"Qwen2.5-72B-Instruct_{how}" for how in ("comp", "comp_rag", "simp", "simp_rag")]
    found = [line.split()[0] for line in rows("call", models=tuple(names))]
    assert len(set(found)) == 4
    assert all(len(name) == 19 for name in found)
    assert [name.rpartition("_")[2] for name in found] == ["comp", "rag", "simp", "rag"]
    assert rows("call", models=("a" * 19,))[0].startswith("a" * 19 + " ")
