"""`--tb-shard=I/N`: each test in one part, parts alike in size, and the same on every machine."""

import subprocess
import sys
from collections import Counter
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_tritonbench.sharding import Shard, key, parse, select, split

NAMES = [f"references/task_{n}.py" for n in range(41)]


def _tests(*nodeids: str) -> list[SimpleNamespace]:
    return [SimpleNamespace(nodeid=nodeid) for nodeid in nodeids]


@given(names=st.sets(st.text(min_size=1), max_size=40), of=st.integers(1, 12))
def test_parts_differ_by_one_at_most(names: set[str], of: int) -> None:
    """Every key is in one part, and no part has two more than another."""
    found = split(names, of)
    assert found.keys() == names
    counted = Counter(found.values())
    sizes = [counted[n] for n in range(1, of + 1)]
    assert sum(sizes) == len(names)
    assert max(sizes) - min(sizes) <= 1


def test_the_order_does_not_matter() -> None:
    """However files are listed, and however often, the split is the same."""
    mixed = [*NAMES[30:], *NAMES[::-1], *NAMES[7:20]]
    assert split(mixed, 4) == split(NAMES, 4)


def test_every_process_finds_the_same() -> None:
    """Python's hashes differ from one process to the next; the split does not."""
    program = "from pytest_tritonbench.sharding import split; print(split(map(str, range(50)), 3))"
    found = {
        subprocess.run(
            [sys.executable, "-c", program],
            env={"PYTHONHASHSEED": seed},
            check=True,
            capture_output=True,
            text=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert found == {f"{split(map(str, range(50)), 3)}\n"}


def test_a_new_task_moves_few_of_the_others() -> None:
    """On average less than one in ten changes its machine; dealing in order would move most."""
    moved = []
    for extra in range(20):
        before, after = split(NAMES, 4), split([*NAMES, f"references/new_{extra}.py"], 4)
        moved.append(sum(before[name] != after[name] for name in NAMES))
    assert sum(moved) / len(moved) < len(NAMES) / 10


def test_a_file_stays_together() -> None:
    """All tests of a task file are in one part, as are those of a task of a suite."""
    tests = _tests(
        *(f"{name}::test_{phase}" for name in NAMES for phase in ("call", "exec", "bench")),
        *(f"TritonBench-G::{n}::test_call[gold]" for n in range(10)),
        *(f"TritonBench-G::{n}::test_exec[gold]" for n in range(10)),
    )
    where: dict[str, set[int]] = {}
    for number in (1, 2, 3):
        for test in select(tests, Shard(number, 3), ["TritonBench-G"])[0]:
            where.setdefault(key(test.nodeid, ["TritonBench-G"]), set()).add(number)
    assert len(where) == 41 + 10
    assert all(len(parts) == 1 for parts in where.values())


def test_the_parts_make_the_whole() -> None:
    """Each test is in one part, in the order it had, ordinary tests as well."""
    tests = _tests(*(f"{name}::test_call" for name in NAMES), "tests/test_mine.py::test_a")
    parts = [select(tests, Shard(n, 4)) for n in (1, 2, 3, 4)]
    assert sorted(t.nodeid for mine, _ in parts for t in mine) == sorted(t.nodeid for t in tests)
    for mine, others in parts:
        assert len(mine) + len(others) == len(tests)
        assert mine == [test for test in tests if test in mine]


def test_a_suite_is_dealt_out_by_task() -> None:
    """Its name stands where others have a file, and would be one part else."""
    assert key("TritonBench-T::relu::test_exec[mine]", ["TritonBench-T"]) == "TritonBench-T::relu"
    assert key("references/relu.py::test_exec[float32]") == "references/relu.py"


def test_more_parts_than_tasks() -> None:
    """Some parts are empty then, and the others have one each."""
    assert sorted(split(["a", "b"], 5).values()) == sorted(set(split(["a", "b"], 5).values()))


@pytest.mark.parametrize(("text", "shard"), [("1/4", Shard(1, 4)), (" 4 / 4 ", Shard(4, 4))])
def test_parts_are_counted_from_one(text: str, shard: Shard) -> None:
    """1/4 is the first, 4/4 the last."""
    assert parse(text) == shard
    assert str(Shard(1, 4)) == "1/4"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "I/N such as 1/4"),
        ("4", "I/N such as 1/4"),
        ("1/4/2", "I/N such as 1/4"),
        ("-1/4", "I/N such as 1/4"),
        ("1.5/4", "I/N such as 1/4"),
        ("1/0", "an N of 1 or more"),
        ("5/4", "an I from 1 to 4$"),
        ("0/4", "an I from 1 to 4: where the scheduler counts from 0, as JOB_COMPLETION_INDEX"),
    ],
)
def test_what_is_no_part(text: str, told: str) -> None:
    """The message says what would be right, and what to do where counting starts at 0."""
    with pytest.raises(ValueError, match=told):
        parse(text)
