"""The mend of a kernel's names."""

from __future__ import annotations

from typing import Any

Found = dict[str, dict[str, Any]]


def test_unmended_interpreter_injects_its_modules(raw: Found) -> None:
    """After a launch the kernel's module has names that it never imported."""
    assert raw["namespace_of_module"]["value"] == ["ast", "inspect", "math", "np"]


def test_module_gains_no_modules(mended: Found) -> None:
    """After a launch a missing import is still missing."""
    assert mended["namespace_of_module"]["value"] == []


def test_unmended_interpreter_loses_closures(raw: Found) -> None:
    """A kernel made by a function cannot see the function's constants in Triton's interpreter."""
    assert "'scale' is not defined" in raw["namespace_of_closure"]["error"]


def test_kernel_sees_its_closure(mended: Found) -> None:
    """A kernel made by a function uses the function's constants."""
    assert mended["namespace_of_closure"]["value"] == 3.0
