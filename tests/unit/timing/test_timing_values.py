"""What the options of timing take, and what they say to anything else."""

from collections.abc import Callable
from typing import Any

import pytest

from pytest_tritonbench import timing_values


@pytest.mark.parametrize(
    ("read", "text", "value"),
    [
        (timing_values.baselines, "eager", ("eager",)),
        (timing_values.baselines, "compile", ("eager", "compile")),
        (timing_values.baselines, "compile, eager", ("eager", "compile")),
        (timing_values.clock, "graph", "graph"),
        (timing_values.l2, "warm", "warm"),
        (timing_values.revision, "HEAD~1", "HEAD~1"),
        (timing_values.profiler, "ncu", "ncu"),
    ],
)
def test_it_is_read(read: Callable[[str], Any], text: str, value: object) -> None:
    """The eager reference is always timed, and first."""
    assert read(text) == value


@pytest.mark.parametrize(
    ("read", "text", "told"),
    [
        (timing_values.baselines, "numpy", "'eager', or 'eager,compile'"),
        (timing_values.clock, "sun", "CUDA events"),
        (timing_values.l2, "tepid", "'cold' or 'warm'"),
        (timing_values.revision, "--all", "a git revision such as main"),
        (timing_values.profiler, "references", "--tb-profile=ncu"),
    ],
)
def test_it_is_refused(read: Callable[[str], Any], text: str, told: str) -> None:
    """With what would be right."""
    with pytest.raises(ValueError, match=told):
        read(text)
