"""`--tb-results`: records survive torn files, full disks and killed runs."""

import json
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from pytest_tritonbench.sandbox import proc
from tests.integration.project import Project

EXEC = ("-m", "tb_exec")


def wait(until: Callable[[], bool]) -> None:
    """Wait for something that happens soon."""
    deadline = time.monotonic() + 60
    while not until():
        assert time.monotonic() < deadline, "it does not happen"
        time.sleep(0.05)


def runs(pid: int) -> bool:
    """Whether a process is there and not just waiting to be reaped."""
    try:
        return " Z " not in Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2][:4]
    except OSError:
        return False


def test_records_of_a_later_run_are_appended(double: Project) -> None:
    """Two runs into one folder leave both runs' records, told apart by ``run``."""
    for _ in range(2):
        double.run_here(*EXEC, "--tb-results", "deep/out")
        time.sleep(1.1)
    records = double.records("deep/out")
    assert len(records) == 4
    assert len({record["run"] for record in records}) == 2


def test_a_torn_last_line_is_ended(double: Project) -> None:
    """What a killed writer left half-written costs that line only, not the record after it."""
    torn = '{"task": "double", "pha'
    double.write("out/records.jsonl", torn)
    double.run_here(*EXEC, "--tb-results", "out")
    first, *rest = (double.path / "out/records.jsonl").read_text().splitlines()
    assert first == torn
    assert [json.loads(line)["phase"] for line in rest] == ["exec", "exec"]


@pytest.mark.parametrize(
    ("folder", "told"),
    [("afile", "File exists"), ("afile/below", "Not a directory"), ("/proc/nothing", "No such *")],
)
def test_a_folder_that_cannot_be_written(double: Project, folder: str, told: str) -> None:
    """It is a usage error before anything has run, with the path and the system's reason."""
    double.write("afile", "")
    result = double.run_here("--tb-results", folder)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    path = double.path / folder / "records.jsonl"
    result.stderr.fnmatch_lines(
        [f"ERROR: cannot write records to {path}: {told}; name a writable folder with --tb-results"]
    )


def test_a_device_that_is_full(double: Project) -> None:
    """Verdicts are still given, the lost records are told, and the run is no success."""
    (double.path / "out").mkdir()
    (double.path / "out/records.jsonl").symlink_to("/dev/full")
    result = double.run_here(*EXEC, "--tb-results", "out")
    assert result.ret == pytest.ExitCode.INTERNAL_ERROR
    result.assert_outcomes(passed=2)
    result.stdout.fnmatch_lines(["records lost: cannot write a record to *: No space left *"])


@pytest.mark.skipif(shutil.which("unshare") is None, reason="needs unshare to mount a small disk")
def test_a_disk_that_fills_up(double: Project) -> None:
    """Records written before a disk was full stay whole; none is cut."""
    (double.path / "out").mkdir()
    inside = (
        "mount -t tmpfs -o size=16k tmpfs out && "
        f"{{ {sys.executable} -m pytest -m 'tb_exec or tb_fuzz' --tb-results out; "
        "echo rc=$?; cp out/records.jsonl kept.jsonl; }"
    )
    done = subprocess.run(
        ["unshare", "--map-root-user", "--mount", "sh", "-c", inside],  # noqa: S607 - the system's
        cwd=double.path,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    if "rc=" not in done.stdout:
        pytest.skip(f"no small disk can be mounted here: {done.stderr.strip()}")
    assert "rc=3" in done.stdout, done.stdout
    assert "records lost: cannot write a record" in done.stdout
    lines = (double.path / "kept.jsonl").read_text().splitlines()
    assert 3 <= len(lines) < 27
    assert {json.loads(line)["task"] for line in lines} == {"double"}


def test_a_killed_run_leaves_whole_lines_and_no_process(
    double: Project, started: list[subprocess.Popen[str]]
) -> None:
    """SIGKILL half-way: every line is JSON, and candidate and reference are gone soon after."""
    double.task("twice")
    double.kernel("twice", before="while True: pass\n")
    running = double.start("-m", "tb_exec", "--tb-results", "out")
    started.append(running)
    path = double.path / "out/records.jsonl"
    wait(lambda: path.exists() and path.read_bytes().count(b"\n") == 2)
    everyone = proc.descendants(running.pid)
    assert len(everyone) >= 3
    running.kill()
    running.wait()
    assert [record["task"] for record in double.records()] == ["double", "double"]
    wait(lambda: not any(map(runs, everyone)))
