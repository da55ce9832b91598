"""Workers of pytest-xdist have their GPU from the start, and replacements that of the dead.

The GPUs are made up: what counts is what a worker's environment says, and what the plugin makes of
it there.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.integration.checkout import Checkout
from tests.integration.made_up_gpus import install
from tests.integration.project import Project
from tests.warm import VARIABLE

# What each worker saw before anything of the plugin's was imported, and what was made of it.
CONFTEST = """
    import json, os, pathlib

    EARLY = {name: value for name, value in os.environ.items() if "VISIBLE" in name}

    def pytest_collection_finish(session):
        from pytest_tritonbench.session import session_of

        name = os.environ.get("PYTEST_XDIST_WORKER")
        if name is not None:
            gpu = session_of(session.config).gpu
            seen = {"early": EARLY, "gpu": gpu and gpu.uuid}
            pathlib.Path(f"seen-{name}").write_text(json.dumps(seen))
"""

TESTS = """
    import os, pathlib, signal, time
    import pytest

    @pytest.mark.parametrize("n", range(8))
    def test_where(worker_id, n):
        dies = pathlib.Path("dies")
        if dies.exists() and dies.read_text() == worker_id:
            dies.write_text("dead")
            os.kill(os.getpid(), signal.SIGKILL)
        # The others wait for its replacement.
        for _ in range(300):
            if len(list(pathlib.Path().glob("seen-*"))) >= int(os.environ["SEEN"]):
                return
            time.sleep(0.1)
        raise TimeoutError
"""

VISIBLE = ("CUDA_VISIBLE_DEVICES", "ROCR_VISIBLE_DEVICES", "HIP_VISIBLE_DEVICES")

Run = Callable[..., dict[str, Any]]


@pytest.fixture
def machine(double: Project, monkeypatch: pytest.MonkeyPatch) -> Project:
    """A repository with a task, and tests that note the GPU of their worker, on three GPUs."""
    for name in (*VISIBLE, "PYTEST_TRITONBENCH_GPU", "PYTEST_XDIST_AUTO_NUM_WORKERS"):
        monkeypatch.delenv(name, raising=False)
    install(double.path, "GPU-aaaa", "GPU-bbbb", "GPU-cccc")
    double.write("conftest.py", CONFTEST)
    double.write("test_places.py", TESTS)
    return double


@pytest.fixture
def run(machine: Project, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run these tests, all but that which kills its worker pass, and tell what each worker saw."""

    def places(*arguments: str, workers: int) -> dict[str, Any]:
        monkeypatch.setenv("SEEN", str(workers))
        result = machine.run("test_places.py", *arguments)
        outcomes = result.parseoutcomes()
        outcomes.pop("warnings", None)
        died = {"failed": 1} if (machine.path / "dies").exists() else {}
        assert outcomes == {"passed": 8 - len(died), **died}
        return seen(machine)

    return places


def seen(machine: Project) -> dict[str, Any]:
    """What each worker saw, by the worker's name."""
    noted = machine.path.glob("seen-*")
    return {path.name.split("-")[1]: json.loads(path.read_text()) for path in noted}


def on(uuid: str) -> dict[str, Any]:
    """What a worker sees that has this GPU."""
    return {"early": {"CUDA_VISIBLE_DEVICES": uuid}, "gpu": uuid}


def test_each_worker_has_a_gpu_of_its_own(run: Run) -> None:
    """Of two workers on three GPUs the second has the second, and both from the start."""
    assert run("-n", "2", workers=2) == {"gw0": on("GPU-aaaa"), "gw1": on("GPU-bbbb")}


def test_a_replacement_has_the_gpu_of_the_dead(
    run: Run, machine: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """gw2 replaces gw1, which was killed, and has its GPU; by its number it had the third."""
    # A real interpreter is what is killed.
    monkeypatch.delenv(VARIABLE, raising=False)
    machine.write("dies", "gw1")
    assert run("-n", "2", workers=3) == {
        "gw0": on("GPU-aaaa"),
        "gw1": on("GPU-bbbb"),
        "gw2": on("GPU-bbbb"),
    }


def test_more_workers_than_gpus_share(run: Run) -> None:
    """Of three workers on two GPUs the third has the first again."""
    assert run("-n", "3", "--tb-gpu=2,0", workers=3) == {
        "gw0": on("GPU-cccc"),
        "gw1": on("GPU-aaaa"),
        "gw2": on("GPU-cccc"),
    }


def test_a_variable_of_the_whole_run_is_what_is_shared_out(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`--tb-gpu` counts within CUDA_VISIBLE_DEVICES, and each worker has its own instead of it."""
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "2,0")
    assert run("-n", "2", "--tb-gpu=1", workers=2) == {
        "gw0": on("GPU-aaaa"),
        "gw1": on("GPU-aaaa"),
    }


def test_instances_are_shared_out_like_gpus(run: Run, machine: Project) -> None:
    """Both parts of a partitioned GPU, each to a worker."""
    install(machine.path, "GPU-aaaa", ("MIG-1111", "MIG-2222"))
    assert run("-n", "2", "--tb-gpu=GPU-0001", workers=2) == {
        "gw0": on("MIG-1111"),
        "gw1": on("MIG-2222"),
    }


def test_what_the_user_gave_a_worker_stays(run: Run) -> None:
    """A worker with a GPU of the user's own has that, the next one that of its place."""
    given = "popen//env:CUDA_VISIBLE_DEVICES=GPU-cccc"
    found = run("--dist=load", "--tx", given, "--tx", "popen", workers=2)
    assert found == {"gw0": on("GPU-cccc"), "gw1": on("GPU-bbbb")}


def test_a_run_on_the_cpu_is_left_alone(machine: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its workers see what the controller sees."""
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "1,0")
    machine.write("test_places.py", ALL_SEE)
    machine.run("test_places.py", "-n", "2", "--tb-gpu=cpu").assert_outcomes(passed=2)


def test_a_repository_without_tasks_is_left_alone(
    machine: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its tests may want every GPU, whatever its folder of references holds."""
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "1,0")
    machine.write("references/double.py", "PAPER = 'doi:10.1000/182'\n")
    machine.write("test_places.py", ALL_SEE)
    machine.run("test_places.py", "-n", "2").assert_outcomes(passed=2)


ALL_SEE = """
    import os, pytest

    @pytest.mark.parametrize("n", range(2))
    def test_all(worker_id, n):
        assert worker_id.startswith("gw")
        assert os.environ["CUDA_VISIBLE_DEVICES"] == "1,0"
        assert "PYTEST_TRITONBENCH_GPU" not in os.environ
"""


@pytest.fixture
def count(machine: Project) -> Callable[..., int]:
    """Run under `-n auto` and tell how many workers there were."""
    machine.write("test_places.py", "def test_nothing(): pass")
    machine.write("conftest.py", "")

    def workers(*arguments: str) -> int:
        result = machine.run("test_places.py", "-n", "auto", *arguments)
        (created,) = (line for line in result.outlines if line.startswith("created: "))
        return int(created.split("/")[1].split()[0])

    return workers


def test_auto_is_one_worker_a_gpu(count: Callable[..., int]) -> None:
    """Of all GPUs, and of those that were chosen."""
    assert count() == 3
    assert count("--tb-gpu=1") == 1


def test_auto_without_a_gpu_or_a_task_is_pytest_xdists(
    count: Callable[..., int], machine: Project
) -> None:
    """On the CPU, and in a repository without tasks, as many as without the plugin."""
    own = count("-p", "no:tritonbench")
    assert count("--tb-gpu=cpu") == own
    machine.write("references/double.py", "")
    assert count() == own


def test_tasks_of_a_published_benchmark_are_tasks(
    count: Callable[..., int], machine: Project, tmp_path: Path
) -> None:
    """They too have one worker a GPU."""
    machine.write("references/double.py", "")
    checkout = Checkout(tmp_path / "checkout")
    checkout.task("twice")
    assert count("--tb-suite", str(checkout.path), "-k", "nothing") == 3


def test_who_says_how_many_is_heard(
    count: Callable[..., int], machine: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A hook of the user's own, the variable of pytest-xdist, and its limit."""
    assert count("--maxprocesses=2") == 2
    monkeypatch.setenv("PYTEST_XDIST_AUTO_NUM_WORKERS", "4")
    assert count() == 4
    monkeypatch.delenv("PYTEST_XDIST_AUTO_NUM_WORKERS")
    machine.write("conftest.py", "def pytest_xdist_auto_num_workers(config): return 1\n")
    assert count() == 1


@pytest.mark.parametrize("workers", ["2", "auto"])
def test_a_gpu_that_is_not_there_is_refused_at_once(machine: Project, workers: str) -> None:
    """By the controller, before it starts a worker."""
    result = machine.run("test_places.py", "-n", workers, "--tb-gpu=0,3")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(
        ["ERROR: --tb-gpu: there is no GPU '3' here (GPUs: 0, 1, 2); give one of these, or cpu"]
    )
    assert not seen(machine)
