"""The log of launches, in the interpreter."""

from __future__ import annotations

from typing import Any

import pytest

from pytest_tritonbench.sandbox.launches import KernelReport, LaunchLog

Found = dict[str, dict[str, Any]]


def test_disabled_launches_do_nothing(outcome: Found) -> None:
    """However a kernel is launched, it writes nothing while the log is disabled."""
    disabled = outcome["launches_disabled"]["value"]["disabled"]
    assert disabled == dict.fromkeys(
        ("jit", "run", "heuristics", "handle", "autotuner"),
        True,
    )
    assert outcome["launches_disabled_without_targets"]["value"] == [True, 1]


def test_launches_work_again_and_all_were_counted(outcome: Found) -> None:
    """Enabling the log brings the results back; disabled launches were counted."""
    found = outcome["launches_disabled"]["value"]
    assert found["enabled"] == {"jit": True, "handle": True}
    assert found["count"] == 7


def test_a_launch_is_announced_once(outcome: Found) -> None:
    """Compilation and launch together enter and leave once, and the kernel is remembered."""
    found = outcome["events_and_current"]["value"]
    assert found["events"] == ["enter add_kernel", "exit"]
    assert (found["last"], found["current"]) == ("add_kernel", None)
    assert found["kernels"] == ["add_kernel"]


def test_nested_marks_are_one() -> None:
    """Only the outermost mark calls back, and an error leaves as well."""
    seen: list[str] = []
    log = LaunchLog(on_enter=seen.append, on_exit=lambda: seen.append("-"))

    def fail() -> None:
        with log.inside("outer"), log.inside("inner"):
            seen.append(str(log.current))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert seen == ["outer", "outer", "-"]
    assert log.current is None


def test_report_is_plain_json() -> None:
    """A report gives its fields by name."""
    report = KernelReport("k", "sm_90", 4, 3, 0, 16, 0, None, "x: *fp32")
    assert report.as_json()["compile_ms"] is None
    assert list(report.as_json())[:3] == ["kernel", "target", "num_warps"]
