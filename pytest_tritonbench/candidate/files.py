"""Candidates from kernel files: ``kernels/NAME.py`` answers the task NAME."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path


class NoKernelError(Exception):
    """There is no kernel file for a task."""


class UnreadableKernelError(Exception):
    """The kernel file is there but cannot be read."""


@dataclass(frozen=True)
class Source:
    """The source of a kernel module."""

    text: str
    name: str
    """How the file is shown: relative to the root folder where it lies below it."""

    entry: str
    """Name of the function that answers the task."""

    digest: str
    """SHA-256 of the text, in hex."""


def kernel_file(folder: Path, task: str, rootdir: Path) -> Source:
    """Read the kernel file of a task.

    Raises:
        NoKernelError: If there is none.
        UnreadableKernelError: If it cannot be read as UTF-8.
    """
    path = folder / f"{task}.py"
    shown = path.relative_to(rootdir) if path.is_relative_to(rootdir) else path
    try:
        raw = path.read_bytes()
        text = raw.decode()
    except FileNotFoundError:
        raise NoKernelError(f"no kernel file {shown} for the task {task!r}") from None
    except UnicodeDecodeError as e:
        line = raw[: e.start].count(b"\n") + 1
        told = f"{shown}:{line}: not UTF-8 ({e.reason}); save the kernel file as UTF-8"
        raise UnreadableKernelError(told) from None
    except OSError as e:
        raise UnreadableKernelError(f"{shown}: cannot read the kernel file: {e.strerror}") from None
    return Source(text, str(shown), task, hashlib.sha256(raw).hexdigest())
