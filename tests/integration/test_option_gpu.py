"""`--tb-gpu`: the GPUs of a run, chosen out of those that are visible, or the CPU."""

import pytest

from tests.integration.made_up_gpus import install
from tests.integration.project import Project

# What would give the process a context on the GPU, or ask CUDA itself for one.
CONFTEST = """
    import os, pathlib
    import pytest

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection_finish(session):
        import torch

        def initialise(*arguments, **named):
            pathlib.Path("initialised").write_text("by " + str(os.getpid()))
            raise RuntimeError("CUDA was reached for")

        for name in ("init", "_lazy_init", "is_available", "device_count", "current_device"):
            setattr(torch.cuda, name, initialise)
        pathlib.Path("watched").write_text(str(os.getpid()))
"""

OWN = """
    def test_own(request, record_property):
        from pytest_tritonbench.session import session_of

        gpu = session_of(request.config).gpu
        print("has", gpu and gpu.uuid)
"""


@pytest.fixture
def machine(double: Project, monkeypatch: pytest.MonkeyPatch) -> Project:
    """A repository with a task, on a machine with two GPUs and one in parts."""
    for name in ("CUDA_VISIBLE_DEVICES", "PYTEST_TRITONBENCH_GPU"):
        monkeypatch.delenv(name, raising=False)
    install(double.path, "GPU-aaaa", "GPU-bbbb", ("MIG-1111", "MIG-2222"))
    double.write("test_own.py", OWN)
    return double


@pytest.mark.parametrize(
    ("given", "visible", "shown", "own"),
    [
        ([], None, "NVIDIA H200 (0, 1), NVIDIA H200 MIG 3g.71gb (2, 2)", "GPU-aaaa"),
        (["--tb-gpu=1"], None, "NVIDIA H200 (1)", "GPU-bbbb"),
        (["--tb-gpu", "GPU-bb, MIG-2"], None, "NVIDIA H200 (1), NVIDIA H200 MIG*(2)", "GPU-bbbb"),
        (
            ["--tb-gpu=all"],
            "MIG-2222,1",
            "NVIDIA H200 MIG 3g.71gb (2), NVIDIA H200 (1)",
            "MIG-2222",
        ),
        (["--tb-gpu=0"], "1", "NVIDIA H200 (1)", "GPU-bbbb"),
    ],
)
def test_what_is_chosen_is_shown_and_used(
    machine: Project,
    monkeypatch: pytest.MonkeyPatch,
    given: list[str],
    visible: str | None,
    shown: str,
    own: str,
) -> None:
    """The header names every GPU of the run; a process without workers has the first."""
    if visible is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    result = machine.run("-s", "test_own.py", *given)
    assert result.ret == pytest.ExitCode.OK
    result.stdout.fnmatch_lines([f"tritonbench: GPU {shown}, driver 580.1", f"*has {own}*"])


def test_the_cpu(machine: Project) -> None:
    """`cpu` is Triton's interpreter, whatever GPUs there are, also in the ini file."""
    machine.ini("tb_gpu = cpu")
    result = machine.run("-s", "test_own.py")
    result.stdout.fnmatch_lines(
        ["tritonbench: Triton's interpreter, compiling for *", "*has None*"]
    )


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ("4", "there is no GPU '4' here (GPUs: 0, 1, 2, 3)"),
        ("0,GPU-aaaa", "GPU 'GPU-aaaa' is named twice"),
        ("GPU-ffff", "there is no GPU 'GPU-ffff' here (GPUs: 0, 1, 2, 3)"),
    ],
)
def test_what_is_not_there_is_refused(machine: Project, given: str, told: str) -> None:
    """Before anything is collected, with what there is."""
    result = machine.run("test_own.py", "--tb-gpu", given)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"ERROR: --tb-gpu: {told}; give one of these, or cpu"])


def test_pytest_itself_does_not_reach_for_the_gpu(machine: Project) -> None:
    """Only the sandbox's processes do: here they fail, for lack of a real one."""
    machine.write("conftest.py", CONFTEST)
    result = machine.run("references", "-m", "tb_call or tb_exec")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(["tritonbench: GPU NVIDIA H200 *"])
    assert (machine.path / "watched").exists()
    assert not (machine.path / "initialised").exists()
