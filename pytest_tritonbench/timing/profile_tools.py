"""Profilers that wrap a process: Nsight Systems (``nsys``) and Nsight Compute (``ncu``)."""

from __future__ import annotations

import contextlib
import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pytest_tritonbench.sandbox import Call, Limits, profiled
from pytest_tritonbench.sandbox.calls import encode_call
from pytest_tritonbench.sandbox.devices import Gpu
from pytest_tritonbench.sandbox.environment import environment
from pytest_tritonbench.timing.profile_place import Place

_PAGE = 4096
_TAIL = 1 << 14
_LINES = 6
_SUMMARY_S = 60.0

PLACES = (
    *("/usr/local/cuda/bin", "/usr/local/cuda-*/bin", "/opt/nvidia/nsight-compute/*"),
    *("/opt/nvidia/nsight-systems/*/bin", "/opt/nvidia/nsight-systems-cli/*/bin"),
)
"""Folders where installers put the tools, beside those of ``PATH``."""


@dataclass(frozen=True)
class Tool:
    """How a profiler is called."""

    name: str
    product: str
    before: tuple[str, ...]
    """Options, and last the one that takes the report's path without its suffix."""

    suffix: str
    """What the tool appends to the report's path."""

    summary: tuple[str, ...]
    """Options that print a report, whose path comes last."""


TOOLS: Mapping[str, Tool] = {
    "nsys": Tool(
        "nsys",
        "Nsight Systems",
        (
            *("profile", "--trace=cuda,nvtx", "--sample=none", "--cpuctxsw=none"),
            *("--capture-range=cudaProfilerApi", "--capture-range-end=stop"),
            *("--force-overwrite=true", "--output"),
        ),
        ".nsys-rep",
        ("stats", "--report", "cuda_gpu_kern_sum"),
    ),
    "ncu": Tool(
        "ncu",
        "Nsight Compute",
        (
            *("--set", "detailed", "--profile-from-start", "off"),
            *("--target-processes", "application-only", "--force-overwrite", "--export"),
        ),
        ".ncu-rep",
        ("--page", "details", "--import"),
    ),
}

_TOO_OLD = "perhaps this version does not know the GPU or the driver; install a newer one"
# What the tools say, and what to do about it.
_REMEDIES = {
    "ERR_NVGPUCTRPERM": (
        "this user may not read the GPU's performance counters; have an administrator load the "
        "driver with NVreg_RestrictProfilingToAdminUsers=0, or run as root, in a container with "
        "--cap-add=SYS_ADMIN (https://developer.nvidia.com/ERR_NVGPUCTRPERM)"
    ),
    "No kernels were profiled": "no kernel was launched by the call; see what torch's profiler has",
    "not supported": _TOO_OLD,
    "nsupported": _TOO_OLD,
}


class ToolError(RuntimeError):
    """There is no report; the message says what was tried, what the tool said and what to do."""


@dataclass(frozen=True)
class Report:
    """What a tool has made."""

    files: tuple[Path, ...]
    """The report, and what the tool prints of it, if it does."""

    doubt: str | None = None
    """Why the report may not be whole."""


@dataclass(frozen=True)
class Work:
    """The call that is to be profiled."""

    source: str
    """Text of the candidate's module."""

    filename: str
    entry: str
    call: Call
    inputs: bytes | bytearray | memoryview
    """The bytes of the call's tensors."""


def find(
    name: str, outer: Mapping[str, str] = os.environ, places: Sequence[str] = PLACES
) -> Path | None:
    """Where a tool is installed: on ``PATH``, below ``CUDA_HOME``, or where installers put it."""
    on_path = shutil.which(name, path=outer.get("PATH"))
    if on_path is not None:
        return Path(on_path)
    homes = [outer[variable] for variable in ("CUDA_HOME", "CUDA_PATH") if outer.get(variable)]
    for pattern in (*(f"{home}/bin" for home in homes), *places):
        # Of several versions the newest, whose folder sorts last.
        for folder in sorted(Path("/").glob(pattern.lstrip("/")), reverse=True):
            found = shutil.which(name, path=str(folder))
            if found is not None:
                return Path(found)
    return None


def wrap(
    tool: Tool,
    work: Work,
    place: Place,
    *,
    device: str | Gpu = "cpu",
    targets: Sequence[str] = ("sm_90",),
    timeout: float = 300.0,
) -> Report:
    """Call a candidate once in a fresh process that a tool is wrapped around.

    The process is confined less than a worker; :mod:`pytest_tritonbench.sandbox.profiled` says
    what by.

    Args:
        tool: Of :data:`TOOLS`.
        work: What is called.
        place: Where the report goes.
        device: As for the sandbox.
        targets: As for the sandbox.
        timeout: Seconds for everything.

    Raises:
        ToolError: If there is no report.
    """
    executable = find(tool.name)
    if executable is None:
        raise ToolError(
            f"{tool.product} is not installed here: there is no {tool.name} on PATH, below "
            f"CUDA_HOME, or in {', '.join(PLACES)}; install it, or give --tb-profile=torch, which "
            f"needs nothing"
        )
    with tempfile.TemporaryDirectory(prefix="tritonbench-profile-") as name:
        folder = Path(name)
        # The tool loads a library of its own into the process.
        readable = [str(executable.resolve().parent)]
        _prepare(folder, work, device, targets, readable)
        env = environment(os.environ, device)
        env |= {"HOME": name, "TMPDIR": str(folder / profiled.TEMPORARY)}
        base = folder / "report"
        runner = [sys.executable, "-P", "-m", profiled.__name__, name]
        command = [str(executable), *tool.before, str(base), *runner]
        status, said = _run(command, env, folder, timeout)
        made = base.with_suffix(tool.suffix)
        if not made.is_file():
            raise ToolError(_refusal(tool, command, status, said))
        doubt = None if status == 0 else f"{_ended(status)}\n{_last_lines(said)}"
        report = place.file(tool.suffix)
        shutil.move(made, report)
        shown = [str(executable), *tool.summary, str(report)]
        status, said = _run(shown, env, folder, _SUMMARY_S)
        if status != 0 or not said.strip():
            return Report((report,), doubt)
        text = place.file(f".{tool.name}.txt")
        text.write_text(said, encoding="utf-8")
        return Report((report, text), doubt)


def _prepare(
    folder: Path, work: Work, device: str | Gpu, targets: Sequence[str], readable: Sequence[str]
) -> None:
    job = {
        "device": "cpu" if device == "cpu" else "cuda",
        "targets": list(targets),
        "readable": list(readable),
        "limits": Limits().as_json(),
        "name": f"{Path(work.filename).stem or 'candidate'}.py",
        "entry": work.entry,
        "call": encode_call(work.call),
    }
    (folder / profiled.TEMPORARY).mkdir()
    (folder / profiled.JOB).write_text(json.dumps(job), encoding="utf-8")
    source = work.source.encode("utf-8", "surrogatepass")
    (folder / profiled.SOURCE).write_bytes(source)
    with (folder / profiled.INPUTS).open("wb") as inputs:
        inputs.write(work.inputs)
        # Of nothing there is no mapping.
        inputs.truncate(max(_PAGE, inputs.tell()))


def _run(
    command: Sequence[str], env: Mapping[str, str], folder: Path, timeout: float
) -> tuple[int | None, str]:
    """Run a command; its exit status, ``None`` if it took too long, and what it printed."""
    log = folder / "log"
    with log.open("wb") as output:
        try:
            process = subprocess.Popen(  # noqa: S603 - a tool that the user asked for, by its path
                command,
                env=dict(env),
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        except OSError as e:
            raise ToolError(f"{command[0]} cannot be run: {e.strerror}; install it anew") from None
        status: int | None = None
        try:
            with contextlib.suppress(subprocess.TimeoutExpired):
                status = process.wait(timeout)
        finally:
            # What it has started goes with it.
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
    return status, log.read_bytes()[-_TAIL:].decode("utf-8", "replace")


def _refusal(tool: Tool, command: Sequence[str], status: int | None, said: str) -> str:
    remedy = next((told for sign, told in _REMEDIES.items() if sign in said), None)
    why = "" if remedy is None else f"\n  why      {remedy}"
    return (
        f"{tool.product} made no report: {_ended(status)}{why}\n{_last_lines(said)}\n"
        f"  tried    {shlex.join(command)}"
    )


def _ended(status: int | None) -> str:
    if status is None:
        return "it took too long"
    if status == profiled.FAILED:
        return "the kernel failed under it"
    return f"it ended with status {status}"


def _last_lines(said: str) -> str:
    printable = "".join(c if c.isprintable() or c == "\n" else "?" for c in said)
    last = [line.strip() for line in printable.splitlines() if line.strip()][-_LINES:]
    return "\n".join(f"  said     {line[:400]}" for line in last or ["nothing"])
