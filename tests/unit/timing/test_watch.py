"""What disturbs a GPU while it is timed on is seen, told apart, and never guessed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from pytest_tritonbench.sandbox.devices import Gpu, inventory
from pytest_tritonbench.timing.disturbance import Disturbance, Kind
from pytest_tritonbench.timing.neighbours import Neighbours, descends
from pytest_tritonbench.timing.watch import Watch
from tests.unit.sandbox.nvml import Chip, Nvml

STRANGER = 1  # every process descends from it, and it from none of ours
SOON = 0.02


class Busy(Nvml):
    """A machine with one GPU on which things happen."""

    def __init__(self, *chips: Chip) -> None:
        super().__init__(*chips)
        self.workers: list[SimpleNamespace] | int = []
        """What is told of who worked, or the code of an error."""

        self.asked_since: list[int] = []

    def nvmlDeviceGetProcessUtilization(self, _: Chip, since: int) -> Any:  # noqa: N802 - NVML's
        """Samples of who worked."""
        self.asked_since.append(since)
        if isinstance(self.workers, int):
            error = self.NVMLError()
            error.value = self.workers
            raise error
        return [one for one in self.workers if one.timeStamp > since]


def processes(*pids: int) -> list[SimpleNamespace]:
    """Processes as NVML lists them."""
    return [SimpleNamespace(pid=pid, usedGpuMemory=None) for pid in pids]


@pytest.fixture
def chip() -> Chip:
    """An H200 that computes for us alone."""
    answers: dict[str, Any] = {
        "CurrentClocksEventReasons": 0,
        "ClockInfo/1": 1980,
        "Temperature/0": 41,
        "PowerUsage": 350_500,
        "ViolationStatus/0": SimpleNamespace(violationTime=5_000_000),
        "ViolationStatus/1": SimpleNamespace(violationTime=0),
        "ComputeRunningProcesses": processes(os.getpid()),
    }
    return Chip("GPU-aaaa-00", answers=answers)


@pytest.fixture
def nvml(chip: Chip, monkeypatch: pytest.MonkeyPatch) -> Busy:
    """NVML of that machine."""
    made = Busy(chip)
    monkeypatch.setitem(sys.modules, "pynvml", made)
    return made


@pytest.fixture
def watch(nvml: Busy) -> Iterator[Watch]:
    """An open watch over the GPU."""
    (gpu,) = inventory({})
    with Watch(gpu) as made:
        yield made
    assert nvml.open == 0


def block(watch: Watch, chip: Chip, **changes: Any) -> Disturbance | None:
    """A block of calls during which NVML's answers change."""
    watch.before()
    chip.answers.update({name.replace("_", "/"): value for name, value in changes.items()})
    time.sleep(SOON)
    return watch.after()


def kinds(found: Disturbance | None) -> set[Kind]:
    """What disturbed, if anything."""
    return set(found.kinds) if found else set()


def test_an_undisturbed_block(watch: Watch, chip: Chip) -> None:
    """Nothing is told of it, and the record has clocks, temperature and power of both its ends."""
    assert block(watch, chip, ClockInfo_1=1755) is None
    record = json.loads(json.dumps(watch.as_json()))
    assert record["before"] == {"sm_mhz": 1980, "celsius": 41, "watts": 350.5}
    assert record["after"]["sm_mhz"] == 1755
    assert record["sm_mhz"] == [1755, 1755]
    assert (record["disturbed"], record["others"], record["unknown"]) == ({}, 0, [])
    assert record["blocks"] == 1
    assert 0 < record["look_ms"] < 1000


@pytest.mark.parametrize(
    ("bit", "kind", "voids"),
    [
        (0x4, Kind.POWER_CAP, False),
        (0x8, Kind.HW_SLOWDOWN, True),
        (0x20, Kind.SW_THERMAL, True),
        (0x40, Kind.HW_THERMAL, True),
        (0x80, Kind.HW_POWER_BRAKE, True),
    ],
)
@pytest.mark.parametrize("name", ["Event", "Throttle"])
def test_reduced_clocks_are_told_apart(
    watch: Watch, chip: Chip, name: str, bit: int, kind: Kind, *, voids: bool
) -> None:
    """Each reason has its name, by NVML's new question and its old; a power cap voids nothing."""
    del chip.answers["CurrentClocksEventReasons"]
    chip.answers[f"CurrentClocks{name}Reasons"] = 0
    found = block(watch, chip, **{f"CurrentClocks{name}Reasons": bit})
    assert found is not None
    assert found.kinds == (kind,)
    assert found.voids is voids
    assert watch.as_json()["disturbed"] == {str(kind): 1}


@pytest.mark.parametrize("bits", [0x1, 0x2, 0x10, 0x100])
def test_what_is_no_disturbance(watch: Watch, chip: Chip, bits: int) -> None:
    """An idle GPU, clocks that the user has set and a group's common clock are none."""
    chip.answers["CurrentClocksEventReasons"] = bits
    assert block(watch, chip) is None


def test_a_slowdown_that_was_over_by_the_end(watch: Watch, chip: Chip) -> None:
    """NVML's counters show what no look has seen, with its share of the block's time."""
    ns = int(SOON * 1e9 / 2)
    found = block(watch, chip, ViolationStatus_0=SimpleNamespace(violationTime=5_000_000 + ns))
    assert found is not None
    assert found.kinds == (Kind.POWER_CAP,)
    assert 0.05 < found.shares[Kind.POWER_CAP] <= 0.5
    assert str(found).startswith("power cap (")
    assert str(found).endswith("% of the time)")


def test_a_blink_is_no_disturbance(watch: Watch, chip: Chip) -> None:
    """Clocks that were held back for a millionth of the block say nothing about it."""
    blink = SimpleNamespace(violationTime=20)
    assert block(watch, chip, ViolationStatus_1=blink) is None


def test_a_slowdown_at_the_beginning_counts(watch: Watch, chip: Chip) -> None:
    """A reason that was there before the block and has gone by its end disturbed it."""
    chip.answers["CurrentClocksEventReasons"] = 0x40
    assert kinds(block(watch, chip, CurrentClocksEventReasons=0)) == {Kind.HW_THERMAL}


def test_a_process_that_comes(watch: Watch, chip: Chip) -> None:
    """A process that begins or ends its use of the GPU within a block disturbs that block only."""
    came = block(watch, chip, ComputeRunningProcesses=processes(os.getpid(), STRANGER))
    assert kinds(came) == {Kind.CAME}
    assert came is not None
    assert came.voids
    assert block(watch, chip) is None
    assert kinds(block(watch, chip, ComputeRunningProcesses=processes(os.getpid()))) == {Kind.CAME}
    assert watch.as_json()["others"] == 1


def test_an_idle_neighbour_is_only_counted(watch: Watch, chip: Chip, nvml: Busy) -> None:
    """Another's process that holds memory and computes nothing voids no samples."""
    chip.answers["ComputeRunningProcesses"] = processes(os.getpid(), STRANGER)
    answers: tuple[list[SimpleNamespace] | int, ...] = ([], 0, 6)
    for nvml.workers in answers:
        assert block(watch, chip) is None
    assert watch.as_json()["others"] == 1
    assert watch.unknown == ()


def test_a_neighbour_that_works(watch: Watch, chip: Chip, nvml: Busy) -> None:
    """Another's process that computed since the last look disturbs one block, not all later."""
    chip.answers["ComputeRunningProcesses"] = processes(os.getpid(), STRANGER)
    later = int(time.time() * 1e6) + 1_000_000
    nvml.workers = [
        SimpleNamespace(pid=os.getpid(), timeStamp=later, smUtil=90),
        SimpleNamespace(pid=STRANGER, timeStamp=later, smUtil=5),
    ]
    found = block(watch, chip)
    assert kinds(found) == {Kind.WORKED}
    assert found is not None
    assert found.voids
    assert block(watch, chip) is None
    assert nvml.asked_since[1] == later
    assert nvml.asked_since[0] > 1e15, "microseconds since the epoch"


def test_our_own_work_is_none_of_a_neighbours(watch: Watch, chip: Chip, nvml: Busy) -> None:
    """What this process and those below it compute is no disturbance."""
    chip.answers["ComputeRunningProcesses"] = processes(os.getpid(), STRANGER)
    later = int(time.time() * 1e6) + 1_000_000
    nvml.workers = [
        SimpleNamespace(pid=os.getpid(), timeStamp=later, smUtil=99),
        SimpleNamespace(pid=STRANGER, timeStamp=later, smUtil=0),
    ]
    assert block(watch, chip) is None


def test_whether_a_neighbour_works_may_not_be_told(watch: Watch, chip: Chip, nvml: Busy) -> None:
    """Where NVML does not say who works, as on instances, that is unknown and disturbs nothing."""
    chip.answers["ComputeRunningProcesses"] = processes(os.getpid(), STRANGER)
    nvml.workers = 3
    assert block(watch, chip) is None
    assert watch.unknown == ("whether others worked",)


def test_ids_of_another_namespace(watch: Watch, chip: Chip, nvml: Busy) -> None:
    """While none of ours is among the listed, nobody is called a stranger; who comes is seen."""
    chip.answers["ComputeRunningProcesses"] = processes(0, STRANGER)
    nvml.workers = [SimpleNamespace(pid=STRANGER, timeStamp=1 << 60, smUtil=99)]
    assert block(watch, chip) is None
    assert watch.unknown == ("whose processes they are",)
    assert watch.as_json()["others"] is None
    found = block(watch, chip, ComputeRunningProcesses=processes(0, 0, STRANGER))
    assert kinds(found) == {Kind.CAME}


def test_a_gpu_that_says_nothing(watch: Watch, chip: Chip) -> None:
    """All is unknown, nothing is a disturbance, and nothing fails."""
    chip.answers.clear()
    assert block(watch, chip) is None
    assert len(watch.unknown) == 5
    assert watch.as_json()["after"] == {"sm_mhz": None, "celsius": None, "watts": None}


def test_a_package_newer_than_the_driver(watch: Watch, chip: Chip, nvml: Busy) -> None:
    """The error by which NVML's package says so is an unknown like any other."""

    class NVMLLibraryMismatchError(Exception):
        """Not one of NVML's own errors."""

    def refuse(_: Chip) -> None:
        raise NVMLLibraryMismatchError

    vars(nvml).update(
        NVMLLibraryMismatchError=NVMLLibraryMismatchError,
        nvmlDeviceGetComputeRunningProcesses=refuse,
    )
    assert block(watch, chip) is None
    assert watch.unknown == ("processes on the GPU",)


@pytest.mark.parametrize("maker", ["amd", "nvidia"])
def test_gpus_that_cannot_be_watched(monkeypatch: pytest.MonkeyPatch, maker: str) -> None:
    """AMD's GPUs, and NVIDIA's when NVML does not open, are unknown instead of an error."""

    class Closed(Nvml):
        """NVML without a driver."""

        def nvmlInit(self) -> None:  # noqa: N802 - NVML's name
            raise self.NVMLError

    monkeypatch.setitem(sys.modules, "pynvml", Closed() if maker == "nvidia" else None)
    with Watch(Gpu(0, "GPU-a", "x", 0, "9.0", "1", maker=maker)) as watch:
        watch.before()
        assert watch.after() is None
        assert len(watch.unknown) == 5


def test_a_gpu_that_fell_off_the_bus(nvml: Busy, chip: Chip) -> None:
    """A GPU that is lost between finding and watching it is unknown."""
    (gpu,) = inventory({})
    chip.lost = True
    with Watch(gpu) as watch:
        watch.before()
        assert watch.after() is None
    assert nvml.open == 0


def test_an_instance_has_its_own_processes(
    chip: Chip, nvml: Busy, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of an instance the clocks are its GPU's, and processes on its neighbour do not disturb it."""
    ours = {"ComputeRunningProcesses": processes(os.getpid())}
    theirs = {"ComputeRunningProcesses": processes(STRANGER)}
    chip.instances = [Chip("MIG-1", answers=theirs), Chip("MIG-2", answers=ours)]
    monkeypatch.setitem(sys.modules, "pynvml", nvml)
    _, gpu = inventory({})
    with Watch(gpu) as watch:
        watch.before()
        theirs["ComputeRunningProcesses"] = processes(STRANGER, 2)
        assert watch.after() is None
        assert watch.as_json()["others"] == 0
        assert watch.as_json()["sm_mhz"] == [1980, 1980]


def test_a_block_that_never_began(watch: Watch) -> None:
    """The end of a block without its beginning is a mistake of the caller's."""
    with pytest.raises(RuntimeError, match="not begun"):
        watch.after()


def test_descent_is_read_from_the_kernel() -> None:
    """This process and its children are ours; process 1 and one that is gone are not."""
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        assert descends(child.pid)
        assert descends(os.getpid())
        assert not descends(STRANGER)
        assert child.stdin is not None
        child.stdin.close()
    assert not descends(child.pid)


def test_one_of_ours_that_has_ended_stays_ours() -> None:
    """The driver lists a process a little longer than it lives: it is no stranger then."""
    neighbours = Neighbours()
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        assert neighbours.others([child.pid, STRANGER]) == frozenset({STRANGER})
        assert child.stdin is not None
        child.stdin.close()
    assert neighbours.others([child.pid, STRANGER]) == frozenset({STRANGER})
    assert neighbours.others([STRANGER]) == frozenset({STRANGER})
