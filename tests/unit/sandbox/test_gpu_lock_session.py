"""Turns as the plugin takes them: several at once, with processes of the sandbox below them."""

import fcntl
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pytest_tritonbench.options import Settings
from pytest_tritonbench.sandbox import proc
from pytest_tritonbench.sandbox.gpu_lock import FOLDER, GpuLock, LockError
from pytest_tritonbench.session import Session
from tests.unit.sandbox.nvml import Chip, Nvml

WORKER = """
import pathlib, sys, time
from pytest_tritonbench.sandbox.gpu_lock import GpuLock

folder, rounds = pathlib.Path(sys.argv[1]), int(sys.argv[2])
lock = GpuLock("GPU-a", folder / "locks")
print("ready", flush=True)
sys.stdin.readline()
for _ in range(rounds):
    with lock.shared():
        time.sleep(0.002)
        with lock.alone():
            # Nobody else may be in here.
            (folder / "inside").mkdir()
            time.sleep(0.002)
            (folder / "inside").rmdir()
print("done", flush=True)
"""

HOLDER = """
import pathlib, sys, time
from pytest_tritonbench.sandbox import Call, Delivered, Sandbox
from pytest_tritonbench.sandbox.gpu_lock import GpuLock

lock = GpuLock("GPU-a", pathlib.Path(sys.argv[1]) / "locks")
with lock.alone(), Sandbox() as sandbox:
    with sandbox.candidate("def f(): return 1\\n", "f.py", "f") as candidate:
        assert isinstance(candidate.call(Call(args=())), Delivered)
        print(sandbox._zygote.process.pid, flush=True)
        time.sleep(60)
"""

FUZZER = """
import pathlib, sys, time
from pytest_tritonbench.sandbox.gpu_lock import GpuLock

lock = GpuLock("GPU-a", pathlib.Path(sys.argv[1]) / "locks")
with lock.shared():
    print("computes", flush=True)
    until, waited = time.monotonic() + 60, 0.0
    while not waited and time.monotonic() < until:
        time.sleep(0.01)
        waited = lock.give_way()
    print(f"waited {waited}", flush=True)
    sys.stdin.readline()
"""

Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Start a Python program with the test's folder as its first argument."""
    running: list[subprocess.Popen[str]] = []

    def begin(program: str, *arguments: object) -> "subprocess.Popen[str]":
        command = [sys.executable, "-c", program, str(tmp_path), *map(str, arguments)]
        pipe = subprocess.PIPE
        running.append(subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True))
        return running[-1]

    yield begin
    for process in running:
        process.kill()
        process.communicate()


def _line(process: "subprocess.Popen[str]") -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def _free(lock: GpuLock) -> bool:
    try:
        with lock.alone(timeout=0):
            return True
    except LockError:
        return False


def test_several_that_compute_and_ask_to_be_alone_at_once(start: Start) -> None:
    """Three workers, each with a share that the others wait for: all come to their turn."""
    workers = [start(WORKER, 30) for _ in range(3)]
    for worker in workers:
        assert _line(worker) == "ready"
    for worker in workers:
        # They begin together.
        assert worker.stdin is not None
        worker.stdin.write("\n")
        worker.stdin.flush()
    for worker in workers:
        told, complaints = worker.communicate(timeout=60)
        assert (told, worker.returncode) == ("done\n", 0), complaints


def test_a_long_turn_gives_way(start: Start, tmp_path: Path) -> None:
    """Who waits to time goes in between two cases, and the long turn goes on afterwards."""
    long = start(FUZZER)
    assert _line(long) == "computes"
    lock = GpuLock("GPU-a", tmp_path / "locks")
    with lock.alone(timeout=50):
        time.sleep(0.2)
    assert float(_line(long).removeprefix("waited ")) > 0.1
    # It has its share again.
    assert not _free(lock)


def test_nobody_gives_way_to_nobody(tmp_path: Path) -> None:
    """Without a turn, without anybody who waits, and when alone, nothing happens."""
    lock, other = (GpuLock("GPU-a", tmp_path / "locks") for _ in range(2))
    assert lock.give_way() == 0
    with lock.shared():
        assert lock.give_way() == 0
        assert not _free(other)
    with lock.alone():
        assert lock.give_way() == 0
        assert not _free(other)


def test_who_has_no_turn_has_none_to_give(tmp_path: Path) -> None:
    """It neither takes one nor waits, though somebody else waits to be alone."""
    lock = GpuLock("GPU-a", tmp_path / "locks")
    with lock.shared():
        pass
    door = os.open(tmp_path / "locks" / "GPU-a.turn", os.O_RDONLY)
    before = signal.signal(signal.SIGALRM, _too_long)
    signal.alarm(10)
    try:
        fcntl.flock(door, fcntl.LOCK_EX)
        assert lock.give_way() == 0
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)
        os.close(door)
    assert _free(lock)


def _too_long(*_: object) -> None:
    raise TimeoutError


def test_the_sandbox_does_not_keep_a_turn(start: Start, tmp_path: Path) -> None:
    """It is over when pytest is killed, though none of the sandbox's processes has ended yet."""
    holder = start(HOLDER)
    zygote = int(_line(holder))
    lock = GpuLock("GPU-a", tmp_path / "locks")
    below = [zygote, *proc.descendants(zygote)]
    assert len(below) > 2
    for pid in below:
        os.kill(pid, signal.SIGSTOP)
    try:
        assert not _free(lock)
        holder.kill()
        holder.wait()
        assert Path(f"/proc/{zygote}").exists()
        assert _free(lock)
    finally:
        for pid in below:
            # They see that nobody listens, end and clear away.
            os.kill(pid, signal.SIGCONT)


def test_a_program_that_inherits_all_does_not_keep_a_turn(tmp_path: Path) -> None:
    """Not even one that is started with every descriptor that may be inherited."""
    lock = GpuLock("GPU-a", tmp_path / "locks")
    with lock.alone():
        program = subprocess.Popen(["sleep", "60"], close_fds=False)  # noqa: S607 - coreutils
    try:
        assert _free(lock)
    finally:
        program.kill()
        program.wait()


def test_a_turn_costs_next_to_nothing(tmp_path: Path) -> None:
    """A thousand turns of each kind take less than a second where nobody else wants one."""
    lock = GpuLock("GPU-a", tmp_path / "locks")
    began = time.perf_counter()
    for _ in range(1000):
        with lock.shared(), lock.alone():
            pass
    assert time.perf_counter() - began < 1


def test_a_strict_umask_shuts_nobody_out(tmp_path: Path) -> None:
    """Other users can read the files of one who hides everything else."""
    before = os.umask(0o077)
    try:
        with GpuLock("GPU-a", tmp_path / "locks").alone():
            pass
    finally:
        os.umask(before)
    assert {path.stat().st_mode & 0o777 for path in (tmp_path / "locks").iterdir()} == {0o644}


@pytest.fixture
def session(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str | None], Session]:
    """Make the session of a pytest process, on a machine with one GPU."""
    monkeypatch.setitem(sys.modules, "pynvml", Nvml(Chip("GPU-aaaa")))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    for name in ("CUDA_VISIBLE_DEVICES", "PYTEST_XDIST_WORKER"):
        monkeypatch.delenv(name, raising=False)

    def make(gpu: str | None) -> Session:
        kernels = tmp_path / "kernels"
        made = Settings(tmp_path, kernels, ("references/*.py",), gpu, (), None, None, None, {})
        return Session(made, None)

    return make


def test_a_session_takes_turns_at_its_gpu(
    session: Callable[[str | None], Session], tmp_path: Path
) -> None:
    """Computing admits others that compute; timing, also within it, admits nobody."""
    one, other = session(None), GpuLock("GPU-aaaa", tmp_path / FOLDER)
    with one.computing():
        with other.shared(timeout=0):
            pass
        assert not _free(other)
        with one.timing():
            with pytest.raises(LockError), other.shared(timeout=0):
                pass
            with one.computing() as waited:
                assert waited == 0
                assert not _free(other)
        with other.shared(timeout=0):
            pass
    assert _free(other)


def test_without_a_gpu_nobody_waits(
    session: Callable[[str | None], Session], tmp_path: Path
) -> None:
    """On the CPU a turn is nothing and leaves no file."""
    one = session("cpu")
    with one.computing() as waited, one.timing() as again:
        assert (waited, again) == (0, 0)
    assert not (tmp_path / FOLDER).exists()
