"""Checkouts of TritonBench: what is found in them, and what is said where something is wrong."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from pytest_tritonbench.task.tritonbench.checkout import Channel, SuiteError, find
from tests.unit.tritonbench.checkouts import (
    DOUBLE,
    DOUBLE_TEST,
    G_TASKS,
    SEPARATOR,
    checkout,
    published_checkout,
    task_file,
)


def channel_g(root: Path) -> Channel:
    """Channel G of a checkout."""
    [found] = find(f"{root}#G")
    return found


def test_both_channels_are_found(tmp_path: Path) -> None:
    """A path gives G and T, each with its tasks in the order of their names."""
    data = checkout(tmp_path)
    g, t = find(str(tmp_path))
    assert (g.name, g.suite, g.root, [*g.tasks]) == (
        "G",
        "TritonBench-G",
        data,
        ["double", "treble"],
    )
    assert (t.name, t.suite, [*t.tasks]) == ("T", "TritonBench-T", ["halve"])


@pytest.mark.parametrize("channel", ["G", "T"])
def test_one_channel_is_found(tmp_path: Path, channel: str) -> None:
    """``#G`` and ``#T`` take one channel alone."""
    checkout(tmp_path)
    assert [found.name for found in find(f"{tmp_path}#{channel}")] == [channel]


def test_a_task_is_read(tmp_path: Path) -> None:
    """Code above the separator, test below it, and what the listing says."""
    checkout(tmp_path)
    task = channel_g(tmp_path).tasks["double"]
    assert (task.gold, task.test) == (DOUBLE, DOUBLE_TEST)
    assert (task.channel, task.difficulty, task.problem) == ("G", 2, None)
    assert task.instructions == {
        "simp": G_TASKS[0]["simp_instru"],
        "comp": G_TASKS[0]["comp_instru"],
    }


def test_a_task_of_t_says_what_it_computes_and_how_it_is_called(tmp_path: Path) -> None:
    """T's instructions are its fields, without those that say nothing."""
    checkout(tmp_path)
    task = find(f"{tmp_path}#T")[0].tasks["halve"]
    assert task.description.startswith("Divides every element")
    assert task.instructions["comp"] == f"{task.instructions['simp']}\nx / 2"
    assert (task.parsed.entry, task.parsed.result) == ("halve", "test_results")


@pytest.mark.parametrize(
    "place", ["TritonBench/data", "geak_eval/data/TritonBench/data", "data/TritonBench/data", "."]
)
def test_the_data_is_found_from_outside(tmp_path: Path, place: str) -> None:
    """The data folder may lie as deep as GEAK-eval has it, with every folder above it given."""
    folder = tmp_path / place / "TritonBench_G_v1"
    folder.mkdir(parents=True)
    (folder / "double.py").write_text(task_file(DOUBLE, DOUBLE_TEST))
    (folder / "__init__.py").write_text("")
    given = folder
    while given != tmp_path.parent:
        [found] = find(str(given))
        assert (found.root, [*found.tasks]) == (folder.parent, ["double"])
        given = given.parent


def test_without_a_listing_the_difficulty_is_unknown(tmp_path: Path) -> None:
    """A folder of files alone is a suite; nothing is wrong with its tasks."""
    (checkout(tmp_path) / "TritonBench_G_v1.json").unlink()
    task = channel_g(tmp_path).tasks["double"]
    assert (task.difficulty, task.instructions, task.problem) == (None, {}, None)


def test_the_published_tasks_have_families(tmp_path: Path) -> None:
    """All 350 published tasks have a difficulty, an instruction and a family."""
    published_checkout(tmp_path)
    g, t = find(str(tmp_path))
    tasks = [*g.tasks.values(), *t.tasks.values()]
    assert (len(g.tasks), len(t.tasks)) == (184, 166)
    assert all(task.difficulty and task.family and task.instructions["comp"] for task in tasks)
    assert g.tasks["softmax_triton1"].family == "softmax"
    levels = [task.difficulty for task in g.tasks.values()]
    assert [levels.count(level) for level in range(1, 6)] == [3, 27, 65, 84, 5]


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ("missing", r"missing: not there; give the folder of a TritonBench checkout"),
        ("file.txt", r"file\.txt: a file; give the folder"),
        ("empty", r"empty: no TritonBench checkout: data/TritonBench_G_v1/ or data/.* is expected"),
        ("empty#X", r"empty#X: no channel 'X'; write .*empty#G or .*empty#T"),
        (
            "one#T",
            r"one: this checkout has no channel T: .*TritonBench_T_v1 is not there; it has G",
        ),
        ("hollow", r"TritonBench_G_v1: no task in it; restore the checkout"),
    ],
)
def test_what_is_no_checkout_is_refused(tmp_path: Path, given: str, told: str) -> None:
    """The message names the path, what was expected and what to do."""
    (tmp_path / "file.txt").write_text("")
    (tmp_path / "empty").mkdir()
    (tmp_path / "hollow/data/TritonBench_G_v1").mkdir(parents=True)
    (tmp_path / "one/TritonBench_G_v1").mkdir(parents=True)
    (tmp_path / "one/TritonBench_G_v1/double.py").write_text(task_file(DOUBLE, DOUBLE_TEST))
    with pytest.raises(SuiteError, match=told):
        find(str(tmp_path / given))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('[\n  {"file": }\n]', r"TritonBench_G_v1\.json:2:12: no JSON"),
        (b"[\n\xff]", r"TritonBench_G_v1\.json:2: not UTF-8"),
        ("{}", r"a JSON array of tasks is expected"),
        ('[{"file": "a.py"}, {}]', r"entry 2 has no 'file'"),
        ('[{"file": "a.py"}, {"file": "a.py"}]', r"lists a twice"),
    ],
)
def test_a_broken_listing_is_refused(tmp_path: Path, text: str | bytes, told: str) -> None:
    """With file, line and column where there are some."""
    raw = text if isinstance(text, bytes) else text.encode()
    (checkout(tmp_path) / "TritonBench_G_v1.json").write_bytes(raw)
    with pytest.raises(SuiteError, match=told):
        find(str(tmp_path))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (DOUBLE + DOUBLE_TEST, r"double\.py: 0 lines of exactly 146 '#', one is wanted"),
        (task_file(task_file("", ""), ""), r"double\.py: 2 lines of exactly 146 '#'"),
        (f"{SEPARATOR}#\n", r"double\.py: 0 lines of exactly 146 '#'"),
        (b"caf\xe9", r"double\.py: not UTF-8 \(byte 3\); save the file as UTF-8"),
    ],
)
def test_a_bad_file_is_a_problem_of_its_task(tmp_path: Path, text: str | bytes, told: str) -> None:
    """The other tasks are there, and using the bad one says why not."""
    data = checkout(tmp_path)
    raw = text if isinstance(text, bytes) else text.encode()
    (data / "TritonBench_G_v1/double.py").write_bytes(raw)
    tasks = channel_g(tmp_path).tasks
    assert tasks["treble"].problem is None
    with pytest.raises(SuiteError, match=told):
        _ = tasks["double"].gold
    assert tasks["double"].problem is not None


@pytest.mark.parametrize(
    ("code", "test", "told"),
    [
        ("def f(:\n", DOUBLE_TEST, r"double\.py:1: the code is no Python"),
        (DOUBLE, "\ndef test_f(:\n", r"double\.py:11: the test is no Python"),
        (DOUBLE, "x = 1\n", r"one function test_\* is wanted below the separator; there is none"),
        (
            DOUBLE,
            "def test_a(): ...\ndef test_b(): ...\n",
            r"one function test_\* is wanted below the separator; there is test_a, test_b",
        ),
    ],
)
def test_a_half_that_cannot_be_used_is_told(
    tmp_path: Path, code: str, test: str, told: str
) -> None:
    """The line counts from the file's beginning."""
    data = checkout(tmp_path)
    (data / "TritonBench_G_v1/double.py").write_text(task_file(code, test))
    with pytest.raises(SuiteError, match=told):
        _ = channel_g(tmp_path).tasks["double"].parsed


def test_listing_and_files_must_agree(tmp_path: Path) -> None:
    """A listed task without its file, and a file that is not listed, are problems of their own."""
    data = checkout(tmp_path)
    (data / "TritonBench_G_v1/treble.py").rename(data / "TritonBench_G_v1/other.py")
    tasks = channel_g(tmp_path).tasks
    assert [*tasks] == ["double", "other", "treble"]
    assert "lists treble, but" in (tasks["treble"].problem or "")
    assert "TritonBench_G_v1.json does not list it" in (tasks["other"].problem or "")
    assert tasks["double"].problem is None


def test_a_difficulty_out_of_range_is_a_problem(tmp_path: Path) -> None:
    """It is told, not guessed."""
    data = checkout(tmp_path)
    (data / "TritonBench_G_v1.json").write_text(json.dumps([{**G_TASKS[0], "difficulty": "hard"}]))
    task = channel_g(tmp_path).tasks["double"]
    assert "the difficulty of double is 'hard', not 1 to 5" in (task.problem or "")


def test_nothing_heavy_is_imported() -> None:
    """Reading checkouts and predictions imports no torch, triton or NumPy."""
    code = (
        "import sys, pytest_tritonbench.task.tritonbench.checkout\n"
        "import pytest_tritonbench.candidate.extraction, pytest_tritonbench.candidate.published\n"
        "import pytest_tritonbench.candidate.join\n"
        "print([name for name in ('torch', 'triton', 'numpy') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
