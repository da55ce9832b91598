"""``--tb-profile``: each timed case is profiled, and what cannot be profiled is said."""

import gzip
import json
import os
import re
import sys
from pathlib import Path

import pytest

from tests.integration.project import TASK, Project

BENCH = ("-m", "tb_bench", "--tb-results", "out", "--tb-bench-budget", "0.2", "-p", "no:benchmark")
SWEEP = '"m": 4, "n": 64}}, {{"m": 2, "n": 16'


@pytest.fixture(autouse=True)
def on_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have kernels timed without a GPU."""
    monkeypatch.setenv("PYTEST_TRITONBENCH_TIME_ON_CPU", "1")


@pytest.fixture
def timed(project: Project) -> Project:
    """A repository with a right kernel and two cases to time it on."""
    project.task(text=TASK.replace('"m": 64, "n": 1024', SWEEP))
    project.kernel()
    return project


def tool(project: Project, monkeypatch: pytest.MonkeyPatch, name: str, code: str) -> None:
    """Put a stand-in for a profiler on PATH."""
    path = project.write(f"bin/{name}", f"#!{sys.executable}\n{code}")
    path.chmod(0o755)
    monkeypatch.setenv("PATH", f"{path.parent}{os.pathsep}{os.environ['PATH']}")


@pytest.mark.parametrize("workers", [(), ("-n", "2")], ids=["serial", "xdist"])
def test_torch_is_the_default(timed: Project, workers: tuple[str, ...]) -> None:
    """A trace and a table of each case lie beside the records, and the tables are printed once."""
    done = timed.run(*BENCH, "--tb-profile", *workers)
    done.assert_outcomes(passed=2)
    folder = timed.path / "out" / "profiles" / "double"
    names = [f"float32-m{m}-n{n}" for m, n in ((2, 16), (4, 64))]
    assert sorted(path.name for path in folder.iterdir()) == sorted(
        f"{name}{suffix}" for name in names for suffix in (".trace.json.gz", ".txt")
    )
    said = done.stdout.str()
    for record in timed.records():
        profile = record["timing"]["profile"]
        assert profile["made"]
        trace, table = map(Path, profile["files"])
        events = json.loads(gzip.decompress(trace.read_bytes()))["traceEvents"]
        assert any(event.get("name") == "aten::empty" for event in events)
        assert table.read_text() in profile["text"] + "\n"
        assert said.count(profile["text"]) == 1
        assert f"wrote out/profiles/double/{trace.name}" in profile["text"]
    assert re.search(r"^aten::empty +1 +\S+ us", said, re.MULTILINE)
    assert max(map(len, said.partition("= profiles =")[2].splitlines())) <= 80


def test_without_results_profiles_have_a_folder(timed: Project) -> None:
    """They lie in the root folder's ``tb-profiles`` where no records are kept."""
    timed.run_here(*BENCH[:2], *BENCH[4:], "--tb-profile").assert_outcomes(passed=2)
    assert len(list((timed.path / "tb-profiles" / "double").iterdir())) == 4


def test_nothing_is_profiled_unless_asked_for(timed: Project) -> None:
    """A run without the option writes no profile and prints no section."""
    done = timed.run_here(*BENCH)
    done.assert_outcomes(passed=2)
    assert not (timed.path / "out" / "profiles").exists()
    assert "profiles" not in done.stdout.str()


def test_a_tool_that_is_not_installed(timed: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """The times stand, and it is said where the tool was looked for and what to do."""
    monkeypatch.setenv("PATH", "/nowhere")
    done = timed.run_here(*BENCH, "--tb-profile=nsys")
    done.assert_outcomes(passed=2)
    done.stdout.fnmatch_lines(["*Nsight Systems is not installed here*--tb-profile=torch*"])
    assert not any(record["timing"]["profile"]["made"] for record in timed.records())


def test_a_tool_that_may_not_read_counters(timed: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """A refusal is told with the tool's words and the remedy, and fails no test."""
    tool(timed, monkeypatch, "ncu", "print('==ERROR== ERR_NVGPUCTRPERM'); raise SystemExit(1)")
    done = timed.run_here(*BENCH, "--tb-profile=ncu")
    done.assert_outcomes(passed=2)
    done.stdout.fnmatch_lines(
        [
            "references/double.py::test_bench*",
            "Nsight Compute made no report: it ended with status 1",
            "  why *NVreg_RestrictProfilingToAdminUsers=0*",
            "  said *ERR_NVGPUCTRPERM",
            "  tried *--profile-from-start off*",
        ]
    )


def test_a_tool_that_works(timed: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """The kernel runs under it, and its report is named."""
    code = """
        import subprocess, sys
        at = sys.argv.index("--output")
        open(sys.argv[at + 1] + ".nsys-rep", "w").write("report")
        sys.exit(subprocess.run(sys.argv[at + 2:]).returncode)
    """
    tool(timed, monkeypatch, "nsys", "\n".join(line[8:] for line in code.splitlines()))
    done = timed.run_here(*BENCH, "--tb-profile=nsys")
    done.assert_outcomes(passed=2)
    done.stdout.fnmatch_lines(["wrote out/profiles/double/float32-m4-n64.nsys-rep"])
    assert "not whole" not in done.stdout.str()
