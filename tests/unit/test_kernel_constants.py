"""``benchmarks.kernel_constants``: a kernel with other constants is a kernel, and timed as one."""

from __future__ import annotations

import subprocess

import pytest

from benchmarks.bundled import ROOT, task_files
from benchmarks.kernel_constants import chosen, combinations, with_constants
from tests.warm import python


def test_a_constant_is_replaced_where_it_is_assigned() -> None:
    """And nowhere else: the comment behind it stays, and so does every use."""
    source = "TILE = 2048  # elements\n\n\ndef f():\n    return TILE\n"
    assert with_constants(source, {"TILE": "64"}) == source.replace("2048", "64")


@pytest.mark.parametrize("name", ["LONGEST", "TILES", "f"])
def test_what_is_no_constant_is_refused(name: str) -> None:
    """With those that there are."""
    with pytest.raises(ValueError, match=f"no constant '{name}'; the kernel has TILE, WARPS"):
        with_constants("TILE = 2048\nWARPS = 4\n\n\ndef f():\n    TILES = 3\n", {name: "1"})


def test_every_choice_is_tried() -> None:
    """One value of each."""
    assert combinations(["A=1,2", "B=x"]) == [{"A": "1", "B": "x"}, {"A": "2", "B": "x"}]


def test_a_case_of_the_sweep_is_chosen_by_its_values() -> None:
    """The last of those that have them."""
    (taskfile,) = task_files(["logsumexp"])
    assert chosen(taskfile, []) == taskfile.task.sweep[-1]
    assert chosen(taskfile, ["dim=0"]).values["dim"] == 0
    with pytest.raises(ValueError, match="no case of the sweep of logsumexp has dim=7"):
        chosen(taskfile, ["dim=7"])


def test_forms_are_timed_beside_the_kernel() -> None:
    """A row for each, the wrong one with what it fails with."""
    command = [python(), "-m", "benchmarks.kernel_constants", "argmax", "_ENOUGH=8,0"]
    done = subprocess.run(
        [*command, "--where", "b=1", "--rounds", "3"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    rows = {line[:10].strip(): line.split() for line in done.stdout.splitlines()}
    assert rows["as it is"][-1] == "1.000"
    assert float(rows["_ENOUGH=8"][-1]) > 0
    assert "ZeroDivisionError:" in rows["_ENOUGH=0"]
