"""Shared memory grows, cannot be pulled away, and snapshots are nobody's but the holder's."""

import os

import pytest

from pytest_tritonbench.sandbox import Arena
from pytest_tritonbench.sandbox.memory import ArenaBoundsError, SnapshotPool


def test_both_sides_see_one_memory() -> None:
    """What one side writes the other reads, beyond the size it first mapped as well."""
    ours = Arena()
    theirs = Arena(os.dup(ours.descriptor))
    ours.write(0, b"one")
    ours.write(5 << 20, b"two")
    assert bytes(theirs.view(0, 3)) == b"one"
    assert bytes(theirs.view(5 << 20, 3)) == b"two"


def test_views_outlive_growth() -> None:
    """A view made before the arena grew still reads and writes the same bytes."""
    arena = Arena()
    early = arena.view(0, 4)
    arena.reserve(64 << 20)
    early[:] = b"same"
    assert bytes(arena.view(0, 4)) == b"same"


def test_arena_cannot_be_shrunk() -> None:
    """The other side cannot cut the memory from under a reader."""
    arena = Arena()
    with pytest.raises(PermissionError):
        os.ftruncate(arena.descriptor, 0)


def test_ranges_beyond_the_end_are_refused() -> None:
    """Reading past the end is an error, not a fault."""
    arena = Arena()
    for start, nbytes in ((0, arena.size + 1), (arena.size, 1), (-1, 1), (0, -1)):
        with pytest.raises(ArenaBoundsError):
            arena.view(start, nbytes)


def test_allocations_are_aligned_and_apart() -> None:
    """Allocations do not overlap and start at multiples of their alignment."""
    arena = Arena()
    first, second = arena.allocate(3), arena.allocate(5, 512)
    assert (first, second) == (0, 512)
    assert arena.used == 517
    arena.clear()
    assert arena.allocate(1) == 0


def test_limit_on_growth() -> None:
    """An arena does not grow beyond its limit."""
    with pytest.raises(ArenaBoundsError):
        Arena(limit=1 << 21).reserve(1 << 22)


def test_snapshot_in_use_is_not_given_out_again() -> None:
    """A buffer is used again once nobody views it, and not before."""
    pool = SnapshotPool()
    held = pool.take(100)
    part = held[10:20]
    held[:] = b"h" * 100
    del held
    other = pool.take(100)
    other[:] = b"o" * 100
    assert bytes(part) == b"h" * 10
    del other
    again = pool.take(100)
    assert len(pool._buffers) == 2
    again[:] = b"a" * 100
    assert bytes(part) == b"h" * 10
