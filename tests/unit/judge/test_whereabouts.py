"""Wrong elements are described by where they are."""

import pytest
import torch

from pytest_tritonbench.judge.whereabouts import whereabouts


def marked(*where: tuple[slice, ...]) -> torch.Tensor:
    """A (20, 300) mask with the given places set."""
    mask = torch.zeros(20, 300, dtype=torch.bool)
    for place in where:
        mask[place] = True
    return mask


ALL = slice(None)


@pytest.mark.parametrize(
    ("mask", "words"),
    [
        (marked((ALL, ALL)), "all elements"),
        (marked((ALL, slice(256, 300))), "only in columns 256..299 of 300 (the last 44)"),
        (marked((ALL, slice(0, 64))), "only in columns 0..63 of 300 (the first 64)"),
        (marked((ALL, slice(3, None, 4))), "only in every 4th column from 3 on"),
        (marked((slice(7, 8), ALL)), "only in row 7 of 20"),
        (marked((slice(2, 3), slice(9, 10))), "only in row 2 of 20 and column 9 of 300"),
        (marked((slice(0, None, 2), ALL), (ALL, slice(0, 1))), "scattered over the whole tensor"),
        (
            marked((slice(1, 2), ALL), (slice(4, 5), ALL), (slice(5, 6), ALL)),
            "only in 3 of 20 rows (1, 4, 5)",
        ),
    ],
)
def test_the_pattern_is_named(mask: torch.Tensor, words: str) -> None:
    """Tiles, strides, rows and single elements are recognised."""
    assert whereabouts(mask) == words


def test_more_dims_are_numbered() -> None:
    """Beyond matrices the dims have numbers, not names."""
    mask = torch.zeros(2, 3, 40, dtype=torch.bool)
    mask[:, 1, 32:] = True
    assert (
        whereabouts(mask)
        == "only in dim 1 index 1 of 3 and dim 2 indices 32..39 of 40 (the last 8)"
    )
