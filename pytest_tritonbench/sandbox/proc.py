"""What /proc says about processes, read cheaply."""

import os
from collections.abc import Iterable


def _read(path: str) -> str:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return ""
    try:
        return os.read(descriptor, 1 << 16).decode("utf-8", "replace")
    except OSError:
        return ""
    finally:
        os.close(descriptor)


def numbers(folder: str) -> list[int]:
    """The numeric entries of a folder of /proc; empty if it is gone."""
    try:
        with os.scandir(folder) as entries:
            return [int(entry.name) for entry in entries if entry.name.isdigit()]
    except OSError:
        return []


def private_bytes(pid: int) -> tuple[int, int]:
    """Bytes of anonymous and shared memory that a process has touched; zeros once it is gone."""
    kilobytes: dict[str, int] = {}
    for line in _read(f"/proc/{pid}/status").splitlines():
        name, _, value = line.partition(":")
        if name in {"RssAnon", "RssShmem", "VmRSS"}:
            kilobytes[name] = int(value.split()[0])
    # Some kernels (gVisor's) tell the sum alone.
    anonymous = kilobytes.get("RssAnon", kilobytes.get("VmRSS", 0))
    return anonymous * 1024, kilobytes.get("RssShmem", 0) * 1024


def parents() -> dict[int, int]:
    """Every living process that /proc shows, with its parent."""
    found = {}
    for pid in numbers("/proc"):
        # The command's name stands in brackets and may hold anything.
        fields = _read(f"/proc/{pid}/stat").rpartition(")")[2].split()
        if len(fields) > 1 and fields[0] not in {"Z", "X"}:
            found[pid] = int(fields[1])
    return found


def descendants(ancestor: int) -> set[int]:
    """Living processes below `ancestor`, itself not counted."""
    children: dict[int, list[int]] = {}
    for pid, parent in parents().items():
        children.setdefault(parent, []).append(pid)
    found: set[int] = set()
    open_ends = [ancestor]
    while open_ends:
        below = [pid for pid in children.get(open_ends.pop(), ()) if pid not in found]
        found.update(below)
        open_ends += below
    return found


def threads(pid: int) -> dict[int, str]:
    """A process's threads and their names."""
    tasks = numbers(f"/proc/{pid}/task")
    return {task: _read(f"/proc/{pid}/task/{task}/comm").strip() for task in tasks}


def tasks_on_machine() -> int:
    """How many threads the machine has, in one cheap read; 0 where that is not told."""
    fields = _read("/proc/loadavg").split()
    running = fields[3].partition("/")[2] if len(fields) > 3 else ""
    return int(running) if running.isdigit() else 0


def strangers(names: Iterable[str], allowed: Iterable[str]) -> list[str]:
    """Thread names that begin with none of the allowed prefixes."""
    prefixes = tuple(allowed)
    return sorted(name for name in names if not name.startswith(prefixes))
