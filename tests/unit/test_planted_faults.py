"""The table of planted faults follows the kernels it names."""

import runpy
from pathlib import Path
from typing import Any

import pytest

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "planted_faults.py"


@pytest.fixture(scope="module")
def script() -> dict[str, Any]:
    """Names of the script that plants the faults."""
    return runpy.run_path(str(SCRIPT))


def test_every_fault_names_a_unique_place(script: dict[str, Any]) -> None:
    """Every fault of the table can be planted in the kernel as it is now."""
    assert script["faults"]()


def test_every_kernel_has_a_fault(script: dict[str, Any]) -> None:
    """No bundled kernel is left out of the table."""
    kernels = {path.stem for path in (SCRIPT.parents[1] / "kernels").glob("*.py")}
    assert {fault.kernel for fault in script["faults"]()} == kernels


def test_a_place_that_is_not_unique_is_refused(script: dict[str, Any]) -> None:
    """A fault whose text occurs twice is an error that names the kernel and the text."""
    fault = script["Fault"]("add", "off-by-one", "x", "y")
    with pytest.raises(ValueError, match=r"'x' occurs 2 times in kernels/add\.py"):
        fault.planted("x + x")
