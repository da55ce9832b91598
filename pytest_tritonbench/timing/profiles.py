"""A profile of one call of a kernel: made by the tool that was asked for, kept, and shown."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from pytest_tritonbench.sandbox import Call, Failure
from pytest_tritonbench.sandbox.devices import Gpu
from pytest_tritonbench.timing import profile_trace
from pytest_tritonbench.timing.profile_place import Place
from pytest_tritonbench.timing.profile_tools import TOOLS, ToolError, Work, wrap

TORCH = "torch"


class Profilable(Protocol):
    """A candidate in its process."""

    source: str
    filename: str
    entry: str

    def profile(self, call: Call, timeout: float, *, cold: bool) -> memoryview | Failure:
        """A trace of one call, as :func:`profile_trace.read` takes it."""


@dataclass(frozen=True)
class Profile:
    """What came of profiling a case."""

    text: str
    """For people: the kernels, or why there are none; at most 80 columns but for paths."""

    files: tuple[Path, ...] = ()
    made: bool = True
    """Whether there is a profile."""

    def as_json(self) -> dict[str, Any]:
        """What a record's ``timing`` keeps of it."""
        return {"made": self.made, "text": self.text, "files": [str(one) for one in self.files]}


def profile(
    by: str,
    candidate: Profilable,
    work: Work,
    place: Place,
    *,
    cold: bool = True,
    device: str | Gpu = "cpu",
    timeout: float = 300.0,
) -> Profile:
    """Profile one warmed call.

    Args:
        by: ``torch``, ``nsys`` or ``ncu``.
        candidate: For torch's profiler; the inputs' bytes are in its arena already.
        work: The call; its module and its inputs are for the other tools, which start a process.
        place: Where the files go.
        cold: Whether the L2 cache is flushed before the call, under torch's profiler.
        device: As for the sandbox.
        timeout: Seconds for everything.

    Returns:
        The profile, or in its text why there is none: that fails no test.
    """
    try:
        if by == TORCH:
            return _by_torch(candidate, work.call, place, cold=cold, timeout=timeout)
        report = wrap(TOOLS[by], work, place, device=device, timeout=timeout)
    except ToolError as e:
        return Profile(str(e), made=False)
    except profile_trace.TraceError as e:
        return Profile(f"no profile: {e}", made=False)
    except OSError as e:
        return Profile(f"no profile: {place.folder}: {e.strerror or e}", made=False)
    doubt = "" if report.doubt is None else f"perhaps not whole: {report.doubt}\n"
    return Profile(f"{doubt}{_named(report.files)}", report.files)


def _by_torch(
    candidate: Profilable, call: Call, place: Place, *, cold: bool, timeout: float
) -> Profile:
    packed = candidate.profile(call, timeout, cold=cold)
    if isinstance(packed, Failure):
        message = f"no profile: the kernel failed under torch's profiler: {packed.reason}"
        return Profile(f"{message}: {packed.message}", made=False)
    trace = profile_trace.read(packed)
    text = profile_trace.table(trace)
    files = (place.file(".trace.json.gz"), place.file(".txt"))
    files[0].write_bytes(packed)
    files[1].write_text(f"{text}\n", encoding="utf-8", errors="replace")
    return Profile(f"{text}\n{_named(files)}", files)


def _named(files: tuple[Path, ...]) -> str:
    here = Path.cwd()
    shown = [os.path.relpath(one, here) if one.is_relative_to(here) else str(one) for one in files]
    return "\n".join(f"wrote {one}" for one in shown)
