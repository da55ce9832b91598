"""A reference that finds too little memory beside others is tried once more, alone."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import TypeVar

from pytest_tritonbench.judge.oracle_client import OutOfMemoryError

_T = TypeVar("_T")


def with_memory(work: Callable[[], _T], alone: Callable[[], AbstractContextManager[object]]) -> _T:
    """Do something, and once more alone if the reference found too little memory in it.

    Workers that share a GPU share its memory, and what one of them needs for a case another may
    have just then. Who is alone finds the others at rest: they keep their inputs, and no more. To
    candidates the sandbox gives a second try (``sandbox.retry``).

    Args:
        work: What is done, from its beginning each time.
        alone: A turn at the device while nobody else computes on it.

    Raises:
        OutOfMemoryError: If memory is too little even alone.
    """
    with contextlib.suppress(OutOfMemoryError):
        return work()
    with alone():
        return work()
