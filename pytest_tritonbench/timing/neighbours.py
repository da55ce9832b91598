"""Whose processes use a GPU, where the process IDs that the driver tells can be read at all."""

from __future__ import annotations

import os
from collections.abc import Collection
from pathlib import Path


class Neighbours:
    """Tells our own processes on a GPU from those of others.

    In a container, drivers give IDs of the host's namespace or of none. As soon as one of our own
    processes is seen among them, they are taken for ours to read; before that nobody is a stranger.
    """

    def __init__(self) -> None:
        self._ours: dict[int, bool] = {}
        self._readable = False

    def others(self, listed: Collection[int]) -> frozenset[int] | None:
        """Those of the IDs that are not this process or below it; ``None`` if nobody can tell."""
        # A process of ours that has just ended may be listed a little longer.
        self._ours = {pid: self._ours[pid] for pid in listed if pid in self._ours}
        for pid in listed:
            if pid not in self._ours:
                self._ours[pid] = descends(pid)
        self._readable = self._readable or any(self._ours.values())
        if not self._readable:
            return None
        return frozenset(pid for pid, ours in self._ours.items() if not ours)


def descends(pid: int) -> bool:
    """Whether a process is this one or was started below it."""
    for _ in range(64):
        if pid == os.getpid():
            return True
        try:
            # The command's name stands in brackets and may hold anything.
            fields = Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2]
            pid = int(fields.split()[1])
        except (OSError, IndexError, ValueError):
            return False
    return False
