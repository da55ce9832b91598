"""nsys and ncu are wrapped around a process of its own, and say clearly when there is no report.

The tools are stand-ins: programs on PATH that write a report, or refuse as the real ones do.
"""

from __future__ import annotations

import os
import struct
import sys
import textwrap
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from pytest_tritonbench.sandbox import Call, TensorArg, proc, system
from pytest_tritonbench.timing import profile_tools
from pytest_tritonbench.timing.profile_place import Place
from pytest_tritonbench.timing.profile_tools import TOOLS, Tool, ToolError, Work, find, wrap

WORK = Work(
    source="def double(x):\n    return x + x\n",
    filename="kernels/double.py",
    entry="double",
    call=Call(args=(("x", TensorArg("float32", (3,), (1,), 0, 0, 12)),)),
    inputs=struct.pack("3f", 1.0, 2.0, 3.0),
)

# Writes the report whose path follows the option, and runs what it is wrapped around.
WRITES = """
import subprocess, sys
if sys.argv[-1].endswith(SUFFIX):
    print("Kernel  Time"); sys.exit(SHOWN)
at = next(i for i, word in enumerate(sys.argv) if word in {"--output", "--export"})
open(sys.argv[at + 1] + SUFFIX, "w").write("the report")
sys.exit(subprocess.run(sys.argv[at + 2:]).returncode if RUNS else STATUS)
"""
# What Nsight Compute 2025.3 prints where counters are for administrators.
REFUSES = """
import sys
print("==PROF== Connected to process 17")
print("==ERROR== ERR_NVGPUCTRPERM - The user does not have permission to access NVIDIA GPU "
      "Performance Counters on the target device 0.", file=sys.stderr)
sys.exit(1)
"""

Install = Callable[..., Tool]


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """Where reports go."""
    return Place(tmp_path / "profiles", "double", "float32-n3")


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Install:
    """Put a stand-in for a tool on PATH."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")

    def put(name: str, code: str, **values: object) -> Tool:
        settings = {"SUFFIX": TOOLS[name].suffix, "RUNS": False, "STATUS": 0, "SHOWN": 0, **values}
        defined = "\n".join(f"{key} = {value!r}" for key, value in settings.items())
        path = folder / name
        path.write_text(f"#!{sys.executable}\n{defined}\n{code}")
        path.chmod(0o755)
        return TOOLS[name]

    return put


@pytest.mark.parametrize("name", ["nsys", "ncu"])
def test_a_report_lies_beside_the_records(install: Install, place: Place, name: str) -> None:
    """The tool's report and what it prints of it are kept under the task's and the case's names."""
    report = wrap(install(name, WRITES), WORK, place)
    suffix = TOOLS[name].suffix
    folder = place.folder / "double"
    assert report.files == (folder / f"float32-n3{suffix}", folder / f"float32-n3.{name}.txt")
    assert [path.read_text() for path in report.files] == ["the report", "Kernel  Time\n"]
    assert report.doubt is None


def test_a_report_without_a_summary(install: Install, place: Place) -> None:
    """A tool that cannot print its report has made it all the same."""
    report = wrap(install("nsys", WRITES, SHOWN=1), WORK, place)
    assert [path.suffix for path in report.files] == [".nsys-rep"]


def test_a_report_that_may_not_be_whole(install: Install, place: Place) -> None:
    """A tool that ended badly after writing is not taken for one that did well."""
    report = wrap(install("ncu", f"print('lost the GPU')\n{WRITES}", STATUS=7), WORK, place)
    assert report.doubt == "it ended with status 7\n  said     lost the GPU"


def test_missing_permission_is_explained(install: Install, place: Place) -> None:
    """Counters for administrators only: what was tried, what the tool said and what to do."""
    with pytest.raises(ToolError) as caught:
        wrap(install("ncu", REFUSES), WORK, place)
    first, why, *said, tried = str(caught.value).splitlines()
    assert first == "Nsight Compute made no report: it ended with status 1"
    assert "NVreg_RestrictProfilingToAdminUsers=0" in why
    assert any("ERR_NVGPUCTRPERM" in line for line in said)
    assert "--profile-from-start off" in tried
    assert "pytest_tritonbench.sandbox.profiled" in tried
    assert not place.folder.exists()


@pytest.mark.parametrize(
    ("said", "remedy"),
    [
        ("==WARNING== No kernels were profiled.", "no kernel was launched"),
        ("Unsupported GPU", "install a newer one"),
        ("something else", None),
        ("", None),
    ],
)
def test_other_refusals(install: Install, place: Place, said: str, remedy: str | None) -> None:
    """A reason is given where one is known, and the tool's words in any case."""
    with pytest.raises(ToolError) as caught:
        wrap(install("nsys", f"print({said!r})"), WORK, place)
    assert ("  why  " in str(caught.value)) is (remedy is not None)
    assert (remedy or "") in str(caught.value)
    assert f"  said     {said or 'nothing'}" in str(caught.value)


def test_words_of_a_tool_are_bounded(install: Install, place: Place) -> None:
    """Much output, escape sequences and long lines make a short message."""
    code = "print('line\\n' * 10_000); print('\\x1b[2J' + 'x' * 1000)"
    with pytest.raises(ToolError) as caught:
        wrap(install("nsys", code), WORK, place)
    assert "\x1b" not in str(caught.value)
    assert str(caught.value).count("\n") < 12
    assert "?[2Jxxx" in str(caught.value)
    assert "x" * 500 not in str(caught.value)


def test_a_missing_tool(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is said where it was looked for, and what does without it."""
    monkeypatch.setenv("PATH", str(place.folder))
    monkeypatch.delenv("CUDA_HOME", raising=False)
    monkeypatch.setattr(find, "__defaults__", (os.environ, ()))
    with pytest.raises(ToolError, match=r"not installed.*no nsys on PATH.*--tb-profile=torch"):
        wrap(TOOLS["nsys"], WORK, place)


def test_tools_are_found_where_installers_put_them(tmp_path: Path) -> None:
    """PATH comes first, then CUDA_HOME, then the newest version in the usual folders."""
    places = [tmp_path / name for name in ("nsight/2024.3", "nsight/2025.1", "cuda/bin", "path")]
    for folder in places:
        folder.mkdir(parents=True)
        (folder / "ncu").write_text("")
    usual = (str(tmp_path / "nsight" / "*"),)
    outer = {"PATH": str(places[3]), "CUDA_HOME": str(tmp_path / "cuda")}
    assert find("ncu", outer, usual) is None, "no program, only a file"
    for expected in places:
        (expected / "ncu").chmod(0o755)
        assert find("ncu", outer, usual) == expected / "ncu"


def test_a_tool_that_cannot_be_run(install: Install, place: Place, tmp_path: Path) -> None:
    """A program for another machine is told, not raised through."""
    tool = install("nsys", "")
    (tmp_path / "bin" / "nsys").write_bytes(b"\x7fELF nonsense")
    with pytest.raises(ToolError, match=r"nsys cannot be run: .*; install it anew"):
        wrap(tool, WORK, place)


def test_a_tool_that_hangs(install: Install, place: Place) -> None:
    """At the end of its time it is killed with everything below it."""
    below = proc.descendants(os.getpid())
    code = "import subprocess, time; subprocess.Popen(['sleep', '60']); time.sleep(60)"
    began = time.monotonic()
    with pytest.raises(ToolError, match="it took too long"):
        wrap(install("nsys", code), WORK, place, timeout=2)
    assert time.monotonic() - began < 20
    assert proc.descendants(os.getpid()) <= below


def test_no_secret_reaches_the_process(
    install: Install, place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The tool, and so the kernel under it, has the sandbox's environment and no key."""
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret")
    with pytest.raises(ToolError) as caught:
        wrap(install("nsys", "import os; print(sorted(os.environ))"), WORK, place)
    assert "TMPDIR" in str(caught.value)
    assert "OPENAI_API_KEY" not in str(caught.value)


def test_the_kernel_runs_under_the_tool(install: Install, place: Place, tmp_path: Path) -> None:
    """It has the case's inputs and a warm-up, reads the tool's folder and writes its own alone."""
    source = f"""
        from pathlib import Path
        CALLS = []
        def double(x):
            assert x.tolist() == [1.0, 2.0, 3.0], x
            CALLS.append(x)
            Path("mine").write_text("mine")
            print("==ERROR== of mine")
            try:
                Path({str(tmp_path / "outside")!r}).write_text("outside")
            except PermissionError:
                kept = True
            else:
                kept = False
            assert Path({str(tmp_path / "bin" / "ncu")!r}).read_text()
            assert len(CALLS) < 4, f"the fourth call: kept in is {{kept}}"
            return x.mul_(2)
    """
    work = Work(textwrap.dedent(source), WORK.filename, WORK.entry, WORK.call, WORK.inputs)
    report = wrap(install("ncu", WRITES, RUNS=True), work, place)
    kept = system.landlock_abi() > 0
    assert report.doubt is not None
    assert "the kernel failed under it" in report.doubt
    assert f"AssertionError: the fourth call: kept in is {kept} (line 16)" in report.doubt
    assert "of mine" not in report.doubt
    assert (tmp_path / "outside").exists() is not kept


def test_a_kernel_that_does_well(install: Install, place: Place) -> None:
    """The runner ends with success, for a call without any tensor as well."""
    tool = install("nsys", WRITES, RUNS=True)
    assert wrap(tool, WORK, place).doubt is None
    none = Work("def one():\n    return 1\n", "kernels/one.py", "one", Call(args=()), b"")
    assert wrap(tool, none, place).doubt is None


def test_a_source_that_is_no_text(install: Install, place: Place) -> None:
    """Lone surrogates of a model's answer reach the runner, which says what is wrong with them."""
    work = Work("x = '\ud800'\nraise OSError(x)\n", WORK.filename, "f", WORK.call, b"")
    report = wrap(install("nsys", WRITES, RUNS=True), work, place)
    assert report.doubt is not None
    assert "syntax-error" in report.doubt


def test_every_tool_asks_for_the_bracketed_call() -> None:
    """Both tools record between cudaProfilerStart and cudaProfilerStop alone."""
    assert "--capture-range=cudaProfilerApi" in TOOLS["nsys"].before
    off = TOOLS["ncu"].before.index("--profile-from-start")
    assert TOOLS["ncu"].before[off + 1] == "off"
    assert set(profile_tools.TOOLS) == {"nsys", "ncu"}
