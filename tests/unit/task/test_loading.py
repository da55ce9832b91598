"""Task files are run once and give one task, or an error with file and line."""

import hashlib
import sys
from pathlib import Path

import pytest

from pytest_tritonbench.task.loading import TaskFileError, load

TEXT = '''\
import torch

from pytest_tritonbench import task, tensor


@task(inputs={"x": tensor("n")}, cases=[{"n": 3}])
def halve(x: torch.Tensor) -> torch.Tensor:
    """Half a vector."""
    return x / 2
'''


def write(folder: Path, text: str, name: str = "halve") -> Path:
    """Write a task file."""
    path = folder / f"{name}.py"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_task_file_gives_its_task(tmp_path: Path) -> None:
    """The task, its line, and the digest of the very bytes of the file."""
    path = write(tmp_path, TEXT)
    found = load(path)
    assert (found.task.name, found.task.line, found.path) == ("halve", 6, path)
    assert found.digest == hashlib.sha256(path.read_bytes()).hexdigest()


def test_an_imported_task_does_not_count_twice(tmp_path: Path) -> None:
    """A second name for the same task is no second task."""
    assert load(write(tmp_path, TEXT + "\nalias = halve\n")).task.name == "halve"


@pytest.mark.parametrize(
    ("text", "line", "told"),
    [
        (TEXT.replace("x / 2", "x /"), ":9", "SyntaxError"),
        ("import nowhere_to_be_found\n", ":1", "ModuleNotFoundError"),
        ("\n\n1 / 0\n", ":3", "ZeroDivisionError: division by zero"),
        ("x = 1\n", "", "no task here"),
        (TEXT.replace("def halve", "def third"), ":6", "the task is called 'third'"),
        (TEXT + TEXT.replace("def halve", "def third"), "", "halve (line 6), third (line 15)"),
        (TEXT.replace('{"n": 3}', '{"n": 0}'), ":6", "the dim 'n' is at least 1, not 0"),
        ("raise SystemExit(3)\n", ":1", "SystemExit: 3"),
    ],
)
def test_a_broken_file_is_told_by_file_and_line(
    tmp_path: Path, text: str, line: str, told: str
) -> None:
    """Every way to break a task file ends in one kind of error that names the place."""
    path = write(tmp_path, text)
    with pytest.raises(TaskFileError) as caught:
        load(path)
    assert str(caught.value).startswith(f"{path}{line}: ")
    assert told in str(caught.value)


def test_a_broken_file_leaves_no_module(tmp_path: Path) -> None:
    """What failed half-way is not found by a later import."""
    with pytest.raises(TaskFileError):
        load(write(tmp_path, "1 / 0\n", "torn_apart"))
    assert not [name for name in sys.modules if name.endswith("torn_apart")]


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    """The system's own reason is passed on."""
    with pytest.raises(TaskFileError, match="cannot read the task file: No such file"):
        load(tmp_path / "nothing.py")
