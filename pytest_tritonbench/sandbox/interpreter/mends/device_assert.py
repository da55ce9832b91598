"""``tl.device_assert`` fires when the launch asks for it, and only then.

Fault: the interpreter's options say ``debug=False`` for good, so an assertion never fires even
under ``@triton.jit(debug=True)`` or ``kernel[grid](..., debug=True)``. They also say
``sanitize_overflow=True``, which spends several operations on every integer sum and never reports.
"""

from __future__ import annotations

import dataclasses
import functools

import triton.runtime.interpreter as triton_interpreter

VERSIONS = "3.6.0 - 3.7.1"


def applies() -> bool:
    """Return whether the options are still Triton's own."""
    options = triton_interpreter.interpreter_builder.options
    return not options.debug and options.sanitize_overflow


def apply() -> None:
    """Start without debugging, as a compiled launch does."""
    set_debug(debug=False)


def set_debug(*, debug: bool) -> None:
    """Set whether device assertions and overflow checks of the next launch fire.

    Args:
        debug: What the launch's ``debug`` option says.
    """
    triton_interpreter.interpreter_builder.options = _options(debug)


@functools.cache
def _options(debug: bool) -> object:  # noqa: FBT001 - the key of a cache
    ready = triton_interpreter.interpreter_builder.options
    options: object = dataclasses.replace(ready, debug=debug, sanitize_overflow=debug)
    return options
