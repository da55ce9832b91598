"""From a case to tensors: values, memory layouts, guards, and the same data everywhere."""

import math

import pytest
import torch

from pytest_tritonbench import derived, dim, index, integers, task, tensor, uniform
from pytest_tritonbench.task.case import PATTERNS
from pytest_tritonbench.task.declaration import MARK, Task
from pytest_tritonbench.task.layouts import GUARD
from pytest_tritonbench.task.materialise import arguments, poison


@task(
    inputs={
        "x": tensor("m", "n", broadcast=True),
        "bias": tensor("n", optional=True),
        "p": tensor("n", dtype="float32", values=uniform(0.25, 0.5)),
        "s": tensor("n", values=torch.abs),
        "at": index("m", high="n", also=(-100,)),
        "order": index("n", high="n", unique=True, dtype="int32"),
        "q": integers("m", "n", low=-8, high=8, dtype="int8"),
        "flag": tensor("n", dtype="bool"),
        "rows": derived(
            lambda g, at, n, dtype: (at.clamp(0) % n).to(dtype) + torch.rand(1, generator=g)
        ),
    },
    dims={"m": dim(0)},
    cases=[{"m": 4, "n": 6}],
    patterns=PATTERNS,
)
def mixed(  # noqa: PLR0913, PLR0917 - one argument for each kind of piece
    x: torch.Tensor,
    bias: torch.Tensor | None,
    p: torch.Tensor,
    s: torch.Tensor,
    at: torch.Tensor,
    order: torch.Tensor,
    q: torch.Tensor,
    flag: torch.Tensor,
    rows: torch.Tensor,
) -> torch.Tensor:
    """A task with every kind of piece."""
    del bias, p, s, at, order, q, flag, rows
    return x


TASK: Task = getattr(mixed, MARK)


def made(**case: object) -> dict[str, torch.Tensor]:
    """The arguments of a case."""
    return arguments(
        TASK,
        TASK.case({"m": 40, "n": 60, **case}),
        lambda dtype, size: torch.empty(size, dtype=dtype),
    )


def storage_of(view: torch.Tensor) -> torch.Tensor:
    """The whole storage that a tensor lies in."""
    size = view.untyped_storage().nbytes() // view.itemsize
    return view.as_strided((size,), (1,), 0)


def test_values_are_what_the_pieces_say() -> None:
    """Ranges, uniqueness, special values, transformed draws and derived inputs."""
    a = made(seed=3)
    assert list(a) == list(TASK.inputs)
    assert 0.25 <= float(a["p"].min()) <= float(a["p"].max()) < 0.5
    assert bool((a["s"] >= 0).all())
    assert set(a["at"].tolist()) <= {-100, *range(60)}
    assert -100 in a["at"].tolist()
    assert sorted(a["order"].tolist()) == list(range(60))
    assert a["order"].dtype == torch.int32
    assert (int(a["q"].min()), int(a["q"].max())) == (-8, 7)
    assert set(a["flag"].tolist()) == {True, False}
    assert bool(((a["rows"] - (a["at"].clamp(0) % 60)) < 1).all())


def test_the_same_case_gives_the_same_bits() -> None:
    """Data depend on the case alone; another seed gives other data."""
    one, same, other = made(seed=1), made(seed=1), made(seed=2)
    assert all(torch.equal(one[name], same[name]) for name in one)
    assert not torch.equal(one["x"], other["x"])


def test_a_layout_moves_memory_and_no_value() -> None:
    """The elements of a tensor are the same in every layout that shares none of them."""
    plain = made(seed=1)["x"]
    for layout in ("transposed", "gap", "strided", "offset"):
        other = made(seed=1, x=layout)["x"]
        assert torch.equal(plain, other)
        assert (plain.stride(), plain.storage_offset()) != (other.stride(), other.storage_offset())


def test_broadcast_dims_have_one_element() -> None:
    """`gap/0` is one row, laid out with a gap."""
    x = made(x="gap/0")["x"]
    assert x.shape == (1, 60)


def test_an_absent_tensor_is_none() -> None:
    """An optional tensor that the case leaves out is None, and the rest is as before."""
    assert made(bias=None)["bias"] is None
    assert torch.equal(made(bias=None, seed=1)["s"], made(seed=1)["s"])


@pytest.mark.parametrize("layout", ["contiguous", "transposed", "gap", "strided", "offset"])
def test_what_is_between_the_elements_is_poison(layout: str) -> None:
    """Guards before and after, gaps and skipped elements are NaN: a stray read shows."""
    x = made(x=layout)["x"]
    whole = storage_of(x).clone()
    assert bool(whole[:GUARD].isnan().all())
    assert bool(whole[-GUARD:].isnan().all())
    whole.as_strided(x.shape, x.stride(), x.storage_offset()).fill_(math.nan)
    assert bool(whole.isnan().all())
    assert not bool(x.isnan().any())


def test_poison_of_integers_is_out_of_range() -> None:
    """The largest integer, and True for flags."""
    a = made()
    assert storage_of(a["q"])[0] == 127
    assert storage_of(a["flag"])[0]
    bits = torch.zeros(4, dtype=torch.float16)
    poison(bits)
    assert bool(bits.isnan().all())


@pytest.mark.parametrize("pattern", PATTERNS)
@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16"])
def test_patterns_are_finite_but_for_two(pattern: str, dtype: str) -> None:
    """Only `special` and `masked` have values that are not finite, and they do have some."""
    x = made(pattern=pattern, dtype=dtype, seed=4)["x"]
    assert str(x.dtype) == f"torch.{dtype}"
    assert bool(x.isfinite().all()) is (pattern not in ("special", "masked"))
    if pattern == "masked":
        assert not bool(x.isnan().any())


def test_patterns_are_what_they_are_called() -> None:
    """One value, whole numbers, one large value, denormals."""
    assert len(made(pattern="constant")["x"].unique()) == 1
    whole = made(pattern="integers")["x"]
    assert torch.equal(whole, whole.round())
    assert int((made(pattern="spike")["x"].abs() > 900).sum()) == 1
    tiny = made(pattern="tiny")["x"].abs()
    assert bool((tiny[tiny > 0] < torch.finfo(torch.float32).smallest_normal).any())


def test_empty_tensors_are_made() -> None:
    """A dim of 0 gives tensors without elements, not an error."""
    assert made(m=0)["x"].shape == (0, 60)
    assert made(m=0)["at"].shape == (0,)


def one_input(piece: object) -> Task:
    """A task with a single input ``x`` and the dim ``n``."""

    def only(x: torch.Tensor) -> torch.Tensor:
        """One input."""
        return x

    declared = task(inputs={"x": piece}, dims={"n": dim()}, cases=[{"n": 2}])  # type: ignore[dict-item]
    found: Task = getattr(declared(only), MARK)
    return found


@pytest.mark.parametrize(
    ("piece", "told"),
    [
        (tensor("n-3"), "extents are 0 or more"),
        (index("n", high="n-2"), r"index range \[0, 0\) is empty, but 2 values are asked for"),
        (index("n", high=1, unique=True), r"2 unique values do not fit the range \[0, 1\)"),
        (derived(lambda g: [g]), "the derived input 'x' is a list, not a tensor"),
    ],
)
def test_inputs_that_cannot_be_made_are_told(piece: object, told: str) -> None:
    """What a task file asks for in vain is an error that says why."""
    made_up = one_input(piece)
    with pytest.raises(ValueError, match=told):
        arguments(made_up, made_up.cases[0], lambda dtype, size: torch.empty(size, dtype=dtype))
