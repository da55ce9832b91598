"""Turns at a GPU, taken by real processes, some of which are killed."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pytest_tritonbench.sandbox.devices import Gpu
from pytest_tritonbench.sandbox.gpu_lock import GpuLock, LockError

HOLDER = """
import pathlib, sys, time
from pytest_tritonbench.sandbox.gpu_lock import GpuLock

folder, gpu, how, seconds = sys.argv[1:]
lock = GpuLock(gpu, pathlib.Path(folder))
print("asks", flush=True)
with getattr(lock, how)():
    print(time.monotonic(), flush=True)
    time.sleep(float(seconds))
    print(time.monotonic(), flush=True)
"""

Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where the lock's files lie."""
    return tmp_path / "locks"


@pytest.fixture
def start(folder: Path) -> Iterator[Start]:
    """Start a process that holds a turn; it says when it asks, when it has it, when it ends."""
    running: list[subprocess.Popen[str]] = []

    def begin(how: str, seconds: float = 60, gpu: str = "GPU-a") -> "subprocess.Popen[str]":
        command = [sys.executable, "-c", HOLDER, str(folder), gpu, how, str(seconds)]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        running.append(process)
        assert _line(process) == "asks"
        return process

    yield begin
    for process in running:
        process.kill()
        process.communicate()


def _line(process: "subprocess.Popen[str]") -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def _busy(folder: Path, gpu: str = "GPU-a") -> bool:
    """Whether nobody may be alone on a GPU now."""
    try:
        with GpuLock(gpu, folder).alone(timeout=0):
            return False
    except LockError:
        return True


def _open_to_all(folder: Path) -> bool:
    """Whether another process may compute on the GPU now."""
    try:
        with GpuLock("GPU-a", folder).shared(timeout=0):
            return True
    except LockError:
        return False


def test_who_times_is_alone(start: Start) -> None:
    """Of five processes of both kinds, no one's turn overlaps with that of one that is alone."""
    kinds = ["alone", "shared", "alone", "shared", "shared"]
    processes = [start(kind, 0.1) for kind in kinds]
    turns = [[float(_line(p)), float(_line(p))] for p in processes]
    for n, one in enumerate(turns):
        for m, other in enumerate(turns):
            if n != m and "alone" in (kinds[n], kinds[m]):
                assert one[1] <= other[0] or other[1] <= one[0]


def test_who_computes_shares(start: Start, folder: Path) -> None:
    """Two compute at once, and a third need not wait."""
    for process in (start("shared"), start("shared")):
        float(_line(process))
    with GpuLock("GPU-a", folder).shared(timeout=0) as waited:
        assert waited < 1
    assert _busy(folder)


@pytest.mark.parametrize("how", ["alone", "shared"])
def test_kill_9_frees_it(start: Start, folder: Path, how: str) -> None:
    """The turn of a process that was killed is over at once, without a trace to clear away."""
    holder = start(how)
    float(_line(holder))
    assert _busy(folder)
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    assert not _busy(folder)


def test_kill_9_while_waiting_frees_the_door(start: Start, folder: Path) -> None:
    """One that dies while it waits to be alone does not shut out those behind it."""
    first = start("shared")
    float(_line(first))
    waiting = start("alone")
    _until_shut(folder)
    waiting.send_signal(signal.SIGKILL)
    waiting.wait()
    assert _open_to_all(folder)


def test_one_that_waits_to_be_alone_is_not_overtaken(start: Start, folder: Path) -> None:
    """Those who come later to compute wait behind it, or it would wait for ever."""
    first = start("shared")
    float(_line(first))
    timer = start("alone", 0.2)
    _until_shut(folder)
    late = start("shared", 0)
    first.kill()
    float(_line(timer))
    assert float(_line(timer)) <= float(_line(late))


def _until_shut(folder: Path) -> None:
    """Wait until someone waits in the door."""
    for _ in range(200):
        if not _open_to_all(folder):
            return
        time.sleep(0.01)
    pytest.fail("nobody waits to be alone")


def test_another_gpu_is_another_lock(start: Start, folder: Path) -> None:
    """Timing on one does not hold up timing on the other."""
    float(_line(start("alone", gpu="GPU-a")))
    assert _busy(folder, "GPU-a")
    assert not _busy(folder, "GPU-b")


def test_instances_share_the_lock_of_their_gpu(folder: Path) -> None:
    """Timing in one instance waits for timing in the other."""
    one, two = (
        Gpu(0, f"MIG-{n}", "part", 1, "9.0", "580", parent="GPU-a") for n in ("1111", "2222")
    )
    longer = pytest.raises(LockError, match="longer than was to be waited")
    with GpuLock(one, folder).alone(), longer, GpuLock(two, folder).alone(timeout=0.05):
        pass


def test_a_forked_process_does_not_keep_it(folder: Path) -> None:
    """A turn is the holder's: it ends with it, though a process that it forked lives on."""
    read, write = os.pipe()
    holder = os.fork()
    if holder == 0:
        # Not pytest's any more: nothing of it may run here.
        context = GpuLock("GPU-a", folder).alone()
        context.__enter__()
        child = os.fork()
        if child == 0:
            time.sleep(60)
            os._exit(0)
        os.write(write, f"{child}\n".encode())
        time.sleep(60)
        os._exit(0)
    child = int(os.read(read, 20))
    try:
        assert _busy(folder)
        os.kill(holder, signal.SIGKILL)
        os.waitpid(holder, 0)
        assert not _busy(folder)
    finally:
        os.kill(child, signal.SIGKILL)
        os.close(read)
        os.close(write)


def test_a_fork_does_not_end_the_turn(folder: Path) -> None:
    """Forking a process and its end leave the holder's turn alone."""
    with GpuLock("GPU-a", folder).alone():
        child = os.fork()
        if child == 0:
            os._exit(0)
        os.waitpid(child, 0)
        assert _busy(folder)
    assert not _busy(folder)


def test_a_turn_within_a_turn(folder: Path) -> None:
    """Who computes may ask to be alone, has its share back after, and what it has it may ask."""
    lock = GpuLock("GPU-a", folder)
    with lock.shared():
        with lock.alone(timeout=0), lock.alone(timeout=0), lock.shared(timeout=0):
            assert not _open_to_all(folder)
        assert _busy(folder)
        assert _open_to_all(folder)
    assert not _busy(folder)


def test_an_error_ends_the_turn(folder: Path) -> None:
    """Whatever happens while it is held."""
    with pytest.raises(ZeroDivisionError), GpuLock("GPU-a", folder).alone():
        raise ZeroDivisionError
    assert not _busy(folder)


def test_waiting_has_an_end(start: Start, folder: Path) -> None:
    """Time is kept, and what was waited is told."""
    holder = start("alone")
    float(_line(holder))
    began = time.monotonic()
    with pytest.raises(LockError), GpuLock("GPU-a", folder).alone(timeout=0.1):
        pass
    assert 0.1 <= time.monotonic() - began < 30
    threading.Timer(0.2, holder.kill).start()
    with GpuLock("GPU-a", folder).alone(timeout=30) as waited:
        assert 0.1 < waited < 30


def test_every_user_may_take_turns(folder: Path) -> None:
    """The folder admits other users' files, and the files can be read by them."""
    with GpuLock("GPU-a", folder).alone():
        assert folder.stat().st_mode & 0o7777 == 0o1777
        modes = {path.stat().st_mode & 0o777 for path in folder.iterdir()}
    assert modes == {0o644}


def test_a_link_in_the_place_of_a_lock(folder: Path, tmp_path: Path) -> None:
    """It is not followed: another user might have put it there."""
    folder.mkdir()
    (folder / "GPU-a.turn").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(LockError, match=r"GPU-a\.turn"), GpuLock("GPU-a", folder).alone():
        pass
    assert not (tmp_path / "elsewhere").exists()
