"""A TritonBench checkout as tasks: the code above the separator, the test below it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from pytest_tritonbench.task.tritonbench.families import family_of
from pytest_tritonbench.task.tritonbench.listing import CHANNELS, Listed, SuiteError, listed
from pytest_tritonbench.task.tritonbench.parsed import Parsed, parse

__all__ = ["SEPARATOR", "Channel", "SuiteError", "Upstream", "find"]

SEPARATOR = "#" * 146
"""The line between the code of a task and its test."""

# Where the data lies: the folder itself, thunlp/TritonBench, and AMD's GEAK-eval from the outside
# inwards.
_PLACES = (
    ".",
    "data",
    "TritonBench/data",
    "data/TritonBench/data",
    "geak_eval/data/TritonBench/data",
)


@dataclass(frozen=True, eq=False)
class Upstream:
    """A task of a checkout; its file is read when something of it is asked for."""

    name: str
    """Stem of its file."""

    channel: str
    """``"G"``: a Triton kernel with its test; ``"T"``: a PyTorch function with its test."""

    path: Path
    difficulty: int | None = None
    """1 to 5; ``None`` where nothing says it."""

    family: str | None = None
    instructions: Mapping[str, str] = field(default_factory=dict)
    """What a model is told about it, by style: ``"simp"`` and ``"comp"``."""

    description: str = ""
    """What it computes, in words."""

    signature: str | None = None
    """T only: the call of its entry point and the arguments, in words."""

    fault: str | None = None
    """What the listing says against it."""

    @cached_property
    def problem(self) -> str | None:
        """Why it cannot be used and what to do about it; ``None`` if it can."""
        return self.fault or self._parts[2]

    @property
    def gold(self) -> str:
        """The code above the separator: a Triton kernel (G) or a PyTorch reference (T).

        Raises:
            SuiteError: If the task has a problem.
        """
        return self._usable[0]

    @property
    def test(self) -> str:
        """The test below the separator.

        Raises:
            SuiteError: If the task has a problem.
        """
        return self._usable[1]

    @cached_property
    def parsed(self) -> Parsed:
        """What the test uses of the code above it.

        Raises:
            SuiteError: If the task has a problem, or one of its halves is not what is expected.
        """
        gold, test = self._usable
        try:
            return parse(gold, test, stem=self.name, signature=self.signature)
        except SyntaxError as e:
            # The test's first line stands below the code and the separator.
            above = gold.count("\n") + 1 if e.filename == "test" else 0
            place = "" if e.lineno is None else f":{above + e.lineno}"
            told = f"{self.path}{place}: the {e.filename} is no Python ({e.msg}); restore the file"
        except ValueError as e:
            told = f"{self.path}: {e}; restore the file"
        raise SuiteError(told)

    @property
    def _usable(self) -> tuple[str, str]:
        if self.problem is not None:
            raise SuiteError(self.problem)
        return self._parts[:2]

    @cached_property
    def _parts(self) -> tuple[str, str, str | None]:
        """Code, test, and what is wrong with the file."""
        try:
            text = self.path.read_text(encoding="utf-8-sig")
        except OSError as e:
            return "", "", f"{self.path}: cannot be read ({e.strerror}); restore the file"
        except UnicodeDecodeError as e:
            return "", "", f"{self.path}: not UTF-8 (byte {e.start}); save the file as UTF-8"
        lines = text.splitlines(keepends=True)
        places = [i for i, line in enumerate(lines) if line.rstrip() == SEPARATOR]
        if len(places) != 1:
            found = (
                f"{self.path}: {len(places)} lines of exactly {len(SEPARATOR)} '#', one is wanted: "
                f"it separates the code from its test; put it there, or restore the file"
            )
            return "", "", found
        return "".join(lines[: places[0]]), "".join(lines[places[0] + 1 :]), None


@dataclass(frozen=True, eq=False)
class Channel:
    """The tasks of one channel of a checkout."""

    name: str
    """``"G"`` or ``"T"``."""

    root: Path
    """The folder that holds ``TritonBench_G_v1`` or ``TritonBench_T_v1``."""

    tasks: Mapping[str, Upstream]
    """By name, ordered by it."""

    @property
    def suite(self) -> str:
        """How the channel is called in node ids and records."""
        return f"TritonBench-{self.name}"


def find(path: str) -> tuple[Channel, ...]:
    """Read the listing of a checkout; no task's file is opened.

    Args:
        path: A checkout of thunlp/TritonBench or of GEAK-eval, its data folder, or a folder of the
            same layout; ``#G`` or ``#T`` behind it takes one channel alone.

    Returns:
        The channels that are there, G before T.

    Raises:
        SuiteError: If there is none, or its listing cannot be read; the message says what to do.
    """
    where, wanted = _split(path)
    root = Path(where).expanduser()
    if not root.is_dir():
        kind = "a file" if root.exists() else "not there"
        raise SuiteError(
            f"{where}: {kind}; give the folder of a TritonBench checkout, as "
            f"'git clone https://github.com/thunlp/TritonBench' makes one"
        )
    if root.name in {_folder(name) for name in CHANNELS}:
        wanted = wanted or root.name.split("_")[1]
        root = root.parent
    for place in _PLACES:
        data = root / place
        if found := [name for name in CHANNELS if (data / _folder(name)).is_dir()]:
            break
    else:
        folders = " or ".join(f"data/{_folder(name)}/" for name in CHANNELS)
        raise SuiteError(
            f"{where}: no TritonBench checkout: {folders} with one .py a task is expected in it; "
            f"give the checkout's top folder"
        )
    if wanted is not None and wanted not in found:
        raise SuiteError(
            f"{where}: this checkout has no channel {wanted}: {data / _folder(wanted)} is not "
            f"there; it has {' and '.join(found)}"
        )
    return tuple(_channel(data, name) for name in found if wanted in {None, name})


def _split(path: str) -> tuple[str, str | None]:
    where, hash_sign, channel = path.rpartition("#")
    if not hash_sign or Path(path).exists():
        return path, None
    if channel not in CHANNELS:
        raise SuiteError(
            f"{path}: no channel {channel!r}; write {where}#G or {where}#T, or {where} for both"
        )
    return where, channel


def _folder(channel: str) -> str:
    return f"TritonBench_{channel}_v1"


def _channel(data: Path, channel: str) -> Channel:
    folder = data / _folder(channel)
    files = {p.stem: p for p in folder.glob("*.py") if not p.name.startswith("_")}
    listing = listed(data, channel)
    if not files and (listing is None or not listing.tasks):
        raise SuiteError(f"{folder}: no task in it; restore the checkout (git checkout -- data)")
    names = sorted(files.keys() | (listing.tasks.keys() if listing else set()))
    tasks = {}
    for name in names:
        entry = listing.tasks.get(name) if listing else None
        fault = None
        if name not in files:
            told = listing.path if listing else folder
            fault = f"{told}: lists {name}, but {folder / name}.py is not there; restore the file"
        elif listing is not None and entry is None:
            fault = f"{files[name]}: {listing.path.name} does not list it; add it, or take it out"
        tasks[name] = _task(name, channel, files.get(name, folder / f"{name}.py"), entry, fault)
    return Channel(channel, data, tasks)


def _task(name: str, channel: str, path: Path, entry: Listed | None, fault: str | None) -> Upstream:
    family = family_of(channel, name)
    if entry is None:
        return Upstream(name, channel, path, family=family, fault=fault)
    return Upstream(
        name,
        channel,
        path,
        difficulty=entry.difficulty,
        family=family,
        instructions=entry.instructions,
        description=entry.description,
        signature=entry.signature,
        fault=fault or entry.fault,
    )
