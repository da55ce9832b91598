"""What found too little memory beside others is tried once more, alone on the device."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import TypeVar

from pytest_tritonbench.judge.oracle_client import OutOfMemoryError

_T = TypeVar("_T")


def with_memory(
    work: Callable[[], _T],
    exhausted: Callable[[_T], bool],
    alone: Callable[[], AbstractContextManager[object]],
) -> _T:
    """Do something, and once more alone if memory was too little for it.

    Workers that share a GPU share its memory, and what one of them needs for a case another may
    have just then. Who is alone finds the others at rest: they keep their inputs, and no more.

    Args:
        work: What is done, from its beginning each time.
        exhausted: Whether the candidate found too little memory, by what ``work`` gave.
        alone: A turn at the device while nobody else computes on it.

    Raises:
        OutOfMemoryError: If memory is too little for the reference even alone.
    """
    with contextlib.suppress(OutOfMemoryError):
        found = work()
        if not exhausted(found):
            return found
    with alone():
        return work()
