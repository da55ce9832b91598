"""Access to names inside Triton that Triton does not publish.

Every private name that this package touches goes through here, so that a Triton which has moved
one of them is reported by name and version instead of failing somewhere inside a launch.
"""

from __future__ import annotations

from typing import Any

import triton


class SeamError(RuntimeError):
    """Triton no longer has a name that the interpreter's mends need."""


def inside(owner: Any, name: str) -> Any:
    """Return an attribute of a Triton module or class.

    Raises:
        SeamError: This version of Triton has no such name.
    """
    try:
        return getattr(owner, name)
    except AttributeError:
        where = getattr(owner, "__name__", type(owner).__name__)
        raise SeamError(f"Triton {triton.__version__} has no {where}.{name}") from None


def replace(owner: Any, name: str, value: Any) -> Any:
    """Set an attribute that must already be there and return what it was.

    Raises:
        SeamError: This version of Triton has no such name.
    """
    before = inside(owner, name)
    setattr(owner, name, value)
    return before
