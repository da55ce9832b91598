"""Who asks what: locks that the operating system frees when their process dies."""

from __future__ import annotations

import hashlib
import random
import uuid
from contextlib import suppress
from pathlib import Path

from filelock import FileLock, Timeout

from pytest_tritonbench.candidate.model.question import Question
from pytest_tritonbench.candidate.model.store import place, unwritable

# Its own: the tests beside these threads draw from the seeded one of the module.
_RANDOM = random.Random()  # noqa: S311 - spreads requests, hides nothing


def identity(question: Question) -> str:
    """One short name for a sample of a task, the same in every process."""
    return hashlib.sha256(place(question).as_posix().encode()).hexdigest()[:24]


class Held:
    """A lock that this process holds.

    Args:
        path: The lock's file.
        lock: The lock, taken.
    """

    def __init__(self, path: Path, lock: FileLock) -> None:
        self._path = path
        self._lock = lock

    def release(self, *, remove: bool = False) -> None:
        """Let others have it.

        Args:
            remove: Whether nobody will need the lock's file again.
        """
        if remove:
            # While it is held: whoever waits for it sees that its file is gone and looks again.
            with suppress(OSError):
                self._path.unlink()
        self._lock.release()


def take(path: Path) -> Held | None:
    """Take a lock if nobody has it, other threads of this process included.

    Args:
        path: Its file; the folder is made.

    Raises:
        OSError: If the file cannot be made.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(path, thread_local=False)
    try:
        lock.acquire(blocking=False)
    except Timeout:
        return None
    return Held(path, lock)


class Claims:
    """One lock a sample: only its holder asks for the sample.

    Args:
        folder: Inside the store, so that two runs over one store do not ask the same.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def take(self, question: Question) -> Held | None:
        """Claim a sample, or ``None`` if it is claimed already.

        Raises:
            StoreError: If the folder cannot be written.
        """
        try:
            if not self._folder.is_dir():
                self._folder.mkdir(parents=True, exist_ok=True)
                # A store is committed; its locks are not.
                (self._folder / ".gitignore").write_text("*\n")
            return take(self._folder / f"{identity(question)}.lock")
        except OSError as e:
            raise unwritable(self._folder, e) from None


class Slots:
    """As many locks as requests may be under way in all processes together.

    Args:
        folder: Shared by the processes of a run.
        count: At least 1.
    """

    def __init__(self, folder: Path, count: int) -> None:
        self._paths = [folder / f"{number}.lock" for number in range(count)]

    def take(self) -> Held | None:
        """A free slot, or ``None``."""
        start = _RANDOM.randrange(len(self._paths))
        for path in self._paths[start:] + self._paths[:start]:
            held = take(path)
            if held is not None:
                return held
        return None


class Life:
    """A lock that is held as long as its process lives.

    Args:
        folder: Shared by the processes of a run.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.name = uuid.uuid4().hex
        self._held = take(folder / f"{self.name}.lock")

    def alive(self, name: str) -> bool:
        """Whether a life, this one or another process's, goes on."""
        if name == self.name:
            return self._held is not None
        held = take(self._folder / f"{name}.lock")
        if held is not None:
            held.release(remove=True)
        return held is None

    def end(self) -> None:
        """End it before its process does."""
        if self._held is not None:
            self._held.release(remove=True)
            self._held = None
