"""A process that makes one call of a candidate for a profiler that is wrapped around it.

Run as `TOOL ... python -P -m pytest_tritonbench.sandbox.profiled FOLDER` by
`timing.profile_tools`, which has put a job into the folder. Tools such as Nsight talk to the
process that they profile through sockets and shared memory, and read counters with its rights. So
it is not confined as a worker is: Landlock binds it to its files where the kernel has that, rlimits
hold, and it gains no privileges; but it stays in the namespaces of whoever started it, may use the
network and signal that user's processes, and keeps its capabilities.
"""

import importlib
import json
import os
import sys
import traceback
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from . import child, confine, interpreter, system
from .limits import Limits

FAILED = 3
"""Exit status when the candidate failed; standard error says how."""

JOB, SOURCE, INPUTS, SCRATCH, TEMPORARY = "job.json", "source", "inputs", "scratch", "tmp"
"""What lies in the folder."""

_FILES_ALONE = 3
"""The last version of Landlock that knows files and neither sockets nor signals."""

_LONGEST = 4096
_SHARED_MEMORY = "/dev/shm"  # noqa: S108 - it is the tool's, not a place for files of ours


def file_rules() -> int:
    """The version of Landlock's rules that bind this process; 0 where the kernel has none."""
    return min(system.landlock_abi(), _FILES_ALONE)


def main() -> int:
    """Do the job in the folder that is the first argument.

    Returns:
        The exit status.
    """
    folder = Path(sys.argv[1])
    job = json.loads((folder / JOB).read_text(encoding="utf-8"))
    source = (folder / SOURCE).read_text(encoding="utf-8", errors="surrogatepass")
    inputs = os.open(folder / INPUTS, os.O_RDWR | os.O_CLOEXEC)
    # No stub is built ahead: that forks, which a tool in this process may not take well.
    importlib.import_module("triton.language")
    if job["device"] == "cpu":
        interpreter.prepare(warm=False)
    scratch = child._settle(str(folder / SCRATCH))  # noqa: SLF001 - as any worker does
    limits = Limits(**job["limits"])
    readable = [*confine.readable_paths(), *job["readable"]]
    system.no_new_privileges()
    if file_rules():
        writable = [str(scratch), str(folder / TEMPORARY), _SHARED_MEMORY]
        confine.landlock(file_rules(), readable, writable)
    confine.limit_resources(limits, own_user=False)
    told = os.dup(2)
    # What the candidate prints is nobody's message, and there may be much of it.
    nothing = os.open(os.devnull, os.O_WRONLY)
    for descriptor in (1, 2):
        os.dup2(nothing, descriptor)
    try:
        failed = _call(job, source, inputs, scratch, limits)
    except Exception:  # noqa: BLE001 - ours, as when the device cannot be had; nobody hears stderr
        failed = traceback.format_exc()[-_LONGEST:]
    if failed is None:
        return 0
    os.write(told, f"{failed}\n".encode("utf-8", "replace"))
    return FAILED


def _call(
    job: Mapping[str, Any], source: str, inputs: int, scratch: Path, limits: Limits
) -> str | None:
    """Load the candidate and call it; how it failed, if it did."""
    import torch  # noqa: PLC0415 - only this process imports it

    from . import loading, page, profiling  # noqa: PLC0415 - these import torch
    from .calls import decode_call  # noqa: PLC0415 - as above
    from .memory import Arena  # noqa: PLC0415 - as above
    from .poison import Poison  # noqa: PLC0415 - as above
    from .running import Runner  # noqa: PLC0415 - as above

    on_cpu = job["device"] == "cpu"
    start: Callable[[], object] = lambda: None  # noqa: E731 - there is nobody to tell
    stop = start
    if on_cpu:
        target = interpreter.Target.parse(job["targets"][0])
        interpreter.activate(compile_for=(), device=target)
    else:
        start, stop = torch.cuda.profiler.start, torch.cuda.profiler.stop
    path = scratch / "home" / job["name"]
    try:
        runner = Runner(
            loading.load(source, path, job["entry"]),
            str(path),
            inputs=Arena(inputs),
            outputs=Arena(limit=limits.file),
            device=torch.device("cpu" if on_cpu else "cuda:0"),
            page=page.Page(page.make()),
            poison=Poison(),
            limit=limits.file,
        )
        profiling.bracketed(runner, decode_call(job["call"]), start, stop)
    except loading.CandidateError as error:
        where = f" (line {error.line})" if error.line else ""
        return f"{error.reason}: {error.message}{where}"
    return None


if __name__ == "__main__":
    sys.exit(main())
