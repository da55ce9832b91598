"""Which tests are this machine's: ``--tb-shard=I/N``.

Every machine is given the same command with its own I. Each computes the whole split from the names
of the files alone, so that they agree without talking to each other, in whatever order a file
system or a command line lists them.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar


@dataclass(frozen=True)
class Shard:
    """One of several parts of a run, counted from 1."""

    number: int
    of: int

    def __str__(self) -> str:
        return f"{self.number}/{self.of}"


class Test(Protocol):
    """What a part of a run consists of."""

    @property
    def nodeid(self) -> str:
        """As pytest prints it."""


_Test = TypeVar("_Test", bound=Test)


def parse(text: str) -> Shard:
    """Read ``I/N``.

    Raises:
        ValueError: With what would be right, to go after the word "give".
    """
    match = re.fullmatch(r"\s*(\d+)\s*/\s*(\d+)\s*", text)
    if match is None:
        raise ValueError("I/N such as 1/4: part 1 of 4")
    number, of = (int(group) for group in match.groups())
    if of < 1:
        raise ValueError("I/N with an N of 1 or more")
    if number == 0:
        raise ValueError(
            f"I/N with an I from 1 to {of}: where the scheduler counts from 0, as "
            f"JOB_COMPLETION_INDEX and most Slurm arrays do, add 1"
        )
    if number > of:
        raise ValueError(f"I/N with an I from 1 to {of}")
    return Shard(number, of)


def key(nodeid: str, suites: Collection[str] = ()) -> str:
    """What is never divided: a file, or a task of a published benchmark.

    Args:
        nodeid: Of a test.
        suites: Names of the published benchmarks, which stand in the place of a file.
    """
    first, _, rest = nodeid.partition("::")
    return f"{first}::{rest.partition('::')[0]}" if first in suites else first


def split(keys: Iterable[str], of: int) -> dict[str, int]:
    """Deal keys out.

    Each key prefers the parts in an order of its own (rendezvous hashing) and goes to the first one
    that has room. Parts differ by one key at most; another key moves few of the others, so that
    timings of a task tend to come from the same machine from one revision to the next.

    Returns:
        The number of the part of each key, from 1.
    """
    waiting = sorted(set(keys), key=_hash)
    least, larger = divmod(len(waiting), of)
    sizes: Counter[int] = Counter()
    found: dict[str, int] = {}
    for one in waiting:
        full = sum(size > least for size in sizes.values())
        room = least + 1 if full < larger else least
        part = min(
            (n for n in range(1, of + 1) if sizes[n] < room), key=lambda n: _hash(f"{n}\0{one}")
        )
        sizes[part] += 1
        found[one] = part
    return found


def select(
    tests: Sequence[_Test], shard: Shard, suites: Collection[str] = ()
) -> tuple[list[_Test], list[_Test]]:
    """The tests of a part, and the others, each in their order.

    Args:
        tests: All that were collected, of every file: ordinary tests are dealt out as well, or
            every machine would run them all.
        shard: Which part.
        suites: Names of the published benchmarks.
    """
    parts = split((key(test.nodeid, suites) for test in tests), shard.of)
    mine: list[_Test] = []
    others: list[_Test] = []
    for test in tests:
        of_mine = parts[key(test.nodeid, suites)] == shard.number
        (mine if of_mine else others).append(test)
    return mine, others


def _hash(text: str) -> bytes:
    # Python's own differs from process to process.
    return hashlib.blake2b(text.encode(), digest_size=16).digest()
