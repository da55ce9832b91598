"""A whole run on a GPU."""

import json

import pytest

from tests.integration.project import Project

# The plugin's entry point exists only where the package is installed.
LOADED = ("-p", "pytest_tritonbench.plugin")


def run(project: Project, pytester: pytest.Pytester, *arguments: str) -> pytest.RunResult:
    """Run pytest in a process of its own."""
    del project
    return pytester.runpytest_subprocess(*LOADED, "-rs", "--tb-results", "out", *arguments)


def records(pytester: pytest.Pytester) -> list[dict[str, object]]:
    """The records of the run."""
    lines = (pytester.path / "out" / "records.jsonl").read_text().splitlines()
    return [json.loads(line) for line in lines]


def test_all_four_phases_pass(project: Project, pytester: pytest.Pytester) -> None:
    """On a GPU the same command does call, exec, fuzz and bench, and records the timing."""
    done = run(project, pytester)
    done.assert_outcomes(passed=5)
    found = records(pytester)
    timing = next(r["timing"] for r in found if r["phase"] == "bench")
    assert isinstance(timing, dict)
    assert timing["median_ms"] > 0
    assert timing["speedup"] > 0
    environment = found[0]["environment"]
    assert isinstance(environment, dict)
    assert environment["gpu"].startswith("GPU-")


def test_pytest_itself_never_initialises_cuda(project: Project, pytester: pytest.Pytester) -> None:
    """CUDA lives in the children only."""
    project.write(
        "conftest.py",
        "import torch\n"
        "def pytest_sessionfinish():\n"
        "    print('initialised:', torch.cuda.is_initialized())\n",
    )
    done = run(project, pytester, "-s")
    done.stdout.fnmatch_lines(["*initialised: False*"])


def test_the_wrong_device_is_refused(project: Project, pytester: pytest.Pytester) -> None:
    """An output on the CPU is not an output on the GPU."""
    project.kernel()
    path = pytester.path / "kernels" / "double.py"
    path.write_text(path.read_text().replace("return out", "return out.cpu()"))
    done = run(project, pytester, "-k", "exec")
    done.stdout.fnmatch_lines(["*wrong-device: output is on cpu, the reference gives it on cuda*"])


def test_torch_instead_of_triton_is_named(project: Project, pytester: pytest.Pytester) -> None:
    """A right output without a Triton kernel is not-triton."""
    project.write("kernels/double.py", "def double(x):\n    return x * 2\n")
    done = run(project, pytester, "-k", "call")
    done.stdout.fnmatch_lines(["*not-triton: no Triton kernel was launched*"])


def test_the_interpreter_can_be_asked_for(project: Project, pytester: pytest.Pytester) -> None:
    """--tb-gpu=cpu leaves the GPU alone, and bench skips."""
    done = run(project, pytester, "--tb-gpu", "cpu")
    done.assert_outcomes(passed=4, skipped=1)


def test_a_gpu_that_is_not_there_is_a_usage_error(
    project: Project, pytester: pytest.Pytester
) -> None:
    """The message lists the GPUs that are there."""
    done = run(project, pytester, "--tb-gpu", "97")
    assert done.ret == pytest.ExitCode.USAGE_ERROR
    done.stderr.fnmatch_lines(["*--tb-gpu: there is no GPU '97' here*"])
