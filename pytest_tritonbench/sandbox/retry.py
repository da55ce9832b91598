"""What finds too little memory on a device that others use as well is asked again, alone."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import TypeVar

from .reasons import Reason
from .results import Failure

Alone = Callable[[], AbstractContextManager[object]]
"""A turn at the device while no other worker uses it."""

_Answer = TypeVar("_Answer")


def retried_alone(ask: Callable[[], _Answer], alone: Alone | None) -> _Answer:
    """Ask, and once more alone if memory was too little.

    Args:
        ask: what a candidate is asked, from its beginning each time.
        alone: how to be alone; `None` where nobody else is.
    """
    answer = ask()
    exhausted = isinstance(answer, Failure) and answer.reason is Reason.OUT_OF_MEMORY
    if alone is None or not exhausted:
        return answer
    with alone():
        return ask()
