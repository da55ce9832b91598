"""Memory layouts: every element has a place of its own inside the storage."""

import itertools

import pytest

from pytest_tritonbench.task.layouts import ANY, GUARD, geometry, possible

SHAPES = [(), (7,), (4, 6), (3, 1, 5), (2, 3, 4, 5), (0, 4), (1, 1)]


@pytest.mark.parametrize(
    ("shape", "layout"),
    [(shape, layout) for shape in SHAPES for layout in possible(ANY, len(shape))],
)
def test_elements_stay_inside_the_guards(shape: tuple[int, ...], layout: str) -> None:
    """No element touches a guard, and only an expanded tensor shares places."""
    found = geometry(shape, layout)
    places = [
        found.offset + sum(i * s for i, s in zip(index, found.strides, strict=True))
        for index in itertools.product(*map(range, shape))
    ]
    assert all(GUARD <= place < found.storage - GUARD for place in places)
    if layout != "expanded":
        assert len(set(places)) == len(places)


def test_layouts_are_what_their_names_say() -> None:
    """Strides and offset of a (4, 6) matrix in every layout."""
    strides = {layout: geometry((4, 6), layout).strides for layout in ANY}
    assert strides == {
        "contiguous": (6, 1),
        "transposed": (1, 4),
        "gap": (9, 1),
        "strided": (12, 2),
        "offset": (6, 1),
        "expanded": (0, 1),
    }
    assert geometry((4, 6), "offset").offset % 2 == 1


def test_a_layout_that_needs_more_dims_is_refused() -> None:
    """A vector cannot be transposed."""
    with pytest.raises(ValueError, match="needs 2 dims, not 1"):
        geometry((5,), "transposed")
