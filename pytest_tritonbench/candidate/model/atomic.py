"""Files that are there whole or not at all."""

from __future__ import annotations

import os
import secrets
from pathlib import Path


def staged(path: Path, data: bytes, *, durable: bool = False) -> Path:
    """Write what a file is to hold under a temporary name beside it.

    Args:
        path: Where it is to go; its folder exists.
        data: All of it.
        durable: Whether it has to outlast a loss of power.

    Returns:
        The temporary file; ``os.replace`` puts it in its place.

    Raises:
        OSError: If it cannot be written; nothing is left of it then.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}-{secrets.token_hex(4)}.tmp")
    try:
        with temporary.open("xb") as file:
            file.write(data)
            if durable:
                file.flush()
                os.fsync(file.fileno())
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    return temporary


def write_whole(path: Path, data: bytes) -> None:
    """Write a file so that a reader sees the old one or the new one.

    Raises:
        OSError: If it cannot be written; the old one is still there then.
    """
    temporary = staged(path, data)
    try:
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def sweep(path: Path) -> None:
    """Remove what writers of a file left behind when they were killed."""
    for left in path.parent.glob(f".{path.name}.*.tmp"):
        left.unlink(missing_ok=True)
