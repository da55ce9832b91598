"""Targets by name."""

from __future__ import annotations

import pytest

from pytest_tritonbench.sandbox.interpreter.targets import Target, known


@pytest.mark.parametrize(
    ("name", "backend", "arch", "warp_size", "shared"),
    [
        ("sm_80", "cuda", 80, 32, 166912),
        ("sm_86", "cuda", 86, 32, 101376),
        ("sm_90", "cuda", 90, 32, 232448),
        ("sm_100", "cuda", 100, 32, 232448),
        ("gfx90a", "hip", "gfx90a", 64, 65536),
        ("gfx942", "hip", "gfx942", 64, 65536),
        ("gfx950", "hip", "gfx950", 64, 163840),
        ("gfx1100", "hip", "gfx1100", 32, 65536),
    ],
)
def test_parse(name: str, backend: str, arch: int | str, warp_size: int, shared: int) -> None:
    """A name gives backend, architecture, warp size and the shared memory of a block."""
    target = Target.parse(name)
    assert (target.name, target.backend, target.arch) == (name, backend, arch)
    assert (target.warp_size, target.shared_memory) == (warp_size, shared)


@pytest.mark.parametrize("name", ["SM_90", "sm90", " sm_90 ", "sm_90a"])
def test_spellings(name: str) -> None:
    """Case, blanks, a missing underscore and the architecture-specific suffix do not matter."""
    assert Target.parse(name) == Target.parse("sm_90")


@pytest.mark.parametrize("name", ["", "sm_91", "gfx9", "h100", "sm_90; rm"])
def test_unknown_name_lists_the_known(name: str) -> None:
    """A bad name is an error that says what would be right."""
    with pytest.raises(ValueError, match="unknown target") as caught:
        Target.parse(name)
    assert all(right in str(caught.value) for right in known())


def test_capability() -> None:
    """The compute capability is that of the architecture."""
    assert Target.parse("sm_89").capability == (8, 9)
    assert Target.parse("sm_100").capability == (10, 0)
