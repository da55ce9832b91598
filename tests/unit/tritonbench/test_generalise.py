"""Recorded calls are generalised as far as the gold accepts, and no further."""

import inspect
import textwrap
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import hypothesis
import pytest
import torch
from hypothesis import HealthCheck, given
from hypothesis import strategies as st

from pytest_tritonbench.sandbox import TensorOut
from pytest_tritonbench.task.case import Case, CaseError
from pytest_tritonbench.task.declaration import Task
from pytest_tritonbench.task.materialise import arguments
from pytest_tritonbench.task.tritonbench.forms import Form
from pytest_tritonbench.task.tritonbench.generalise import Generalised, NotGeneral, generalise
from pytest_tritonbench.task.tritonbench.trial import Tried


@dataclass(frozen=True)
class Opaque:
    """What cannot be carried out of a process."""

    kind: str


@dataclass(frozen=True)
class Call:
    """A recorded call."""

    name: str
    arguments: Any
    result: Any = None
    raised: str | None = None
    changed: Mapping[str, Any] = field(default_factory=dict)


def carried(value: Any) -> Any:
    """A value as the sandbox carries it."""
    match value:
        case torch.Tensor():
            data = value.contiguous().reshape(-1).view(torch.uint8).numpy().tobytes()
            dtype = str(value.dtype).removeprefix("torch.")
            shape = tuple(value.shape)
            return TensorOut(dtype, shape, value.stride(), "cpu", memoryview(data))
        case list() | tuple():
            return type(value)(map(carried, value))
        case dict():
            return {name: carried(part) for name, part in value.items()}
        case torch.dtype():
            return str(value)
        case _:
            return value


class InProcess:
    """Runs a function as the gold."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self.function = function
        self.runs = 0

    def __call__(
        self,
        form: Form,
        task: Task,
        case: Case,
        *,
        seed: int = 0,
        contiguous: bool = False,
        cast: torch.dtype | None = None,
    ) -> Tried:
        """Try a case."""
        self.runs += 1
        torch.manual_seed(seed)
        try:
            made = arguments(task, case, lambda dtype, count: torch.empty(count, dtype=dtype))
            if contiguous:
                made = {
                    n: v.contiguous() if isinstance(v, torch.Tensor) else v for n, v in made.items()
                }
            if cast is not None:
                own = getattr(torch, case.dtype)
                made = {n: v.to(cast) if _is(v, own) else v for n, v in made.items()}
            before = {n: v.clone() for n, v in made.items() if isinstance(v, torch.Tensor)}
            filled = form.fill(made)
            by_name = {name: filled.pop(name) for name in form.keywords}
            output = self.function(*filled.values(), **by_name)
        except (RuntimeError, ValueError, IndexError, TypeError) as e:
            return Tried(refused=str(e))
        changed = {
            n for n, v in before.items() if not torch.equal(v.nan_to_num(), made[n].nan_to_num())
        }
        undefined = (
            isinstance(output, torch.Tensor)
            and output.is_floating_point()
            and bool(torch.isnan(output).any())
        )
        return Tried(None, output, frozenset(changed), undefined)


def _is(value: Any, dtype: torch.dtype) -> bool:
    return isinstance(value, torch.Tensor) and value.dtype == dtype


def generalised(
    function: Callable[..., Any],
    *calls: tuple[list[Any], dict[str, Any]],
    seconds: float = 20.0,
    checks: bool = True,
) -> tuple[Generalised, InProcess]:
    """What becomes of calls of a function that is its own gold."""
    gold = InProcess(function)
    made = _made(function, gold, calls, seconds, checks=checks)
    assert isinstance(made, Generalised), made
    return made, gold


def _made(
    function: Callable[..., Any],
    gold: InProcess,
    calls: Any,
    seconds: float = 20.0,
    *,
    checks: bool = True,
) -> Generalised | NotGeneral:
    source = textwrap.dedent(inspect.getsource(function))
    name = function.__name__
    recorded = [
        Call(name, {"args": carried(args), "kwargs": carried(kwargs)}) for args, kwargs in calls
    ]
    return generalise(name, recorded, source, name, gold, seconds=seconds, checks=checks)


def drawn(made: Generalised, count: int = 60) -> list[Case]:
    """Cases of the strategy."""
    found: list[Case] = []

    @hypothesis.settings(
        max_examples=count,
        deadline=None,
        database=None,
        derandomize=True,
        suppress_health_check=list(HealthCheck),
        phases=[hypothesis.Phase.generate],
    )
    @given(made.cases(4096))
    def keep(case: Case) -> None:
        found.append(case)

    keep()
    return found


def product(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """A matrix product."""
    return a @ b


def test_equal_extents_are_told_apart() -> None:
    """Of two recorded 2 x 2 matrices only the extents that must agree share a name."""
    made, _ = generalised(product, ([torch.randn(2, 2), torch.randn(2, 2)], {}))
    a, b = (made.tasks[0].inputs[name].dims for name in ("a", "b"))  # type: ignore[union-attr]  # tensors
    assert a[1] == b[0]
    assert len({a[0], a[1], b[1]}) == 3


def test_extents_reach_beyond_the_recorded_ones() -> None:
    """A recorded extent of 2 is drawn as 1 and as more than 64."""
    made, _ = generalised(product, ([torch.randn(2, 2), torch.randn(2, 2)], {}))
    sizes = {case.values[name] for case in drawn(made) for name in made.tasks[0].dims}
    assert 1 in sizes
    assert max(int(size or 0) for size in sizes) > 64


def overlap(x: torch.Tensor, y: torch.Tensor, block: int = 4) -> torch.Tensor:
    """Adds as a kernel does that is given pointers: nobody looks at how long the other one is."""
    del block
    size = min(len(x), len(y))
    return x[:size].float() + y[:size].float()


def test_extents_stay_equal_where_nobody_checks_them() -> None:
    """A right kernel may refuse what a careless gold takes: two vectors of different lengths."""
    calls: list[tuple[list[Any], dict[str, Any]]] = [
        ([torch.randn(size), torch.randn(size)], {}) for size in (16, 24)
    ]
    told, _ = generalised(overlap, *calls)
    kept, _ = generalised(overlap, *calls, checks=False)
    assert told.tasks[0].inputs["x"].dims != told.tasks[0].inputs["y"].dims  # type: ignore[union-attr]  # tensors
    assert kept.tasks[0].inputs["x"].dims == kept.tasks[0].inputs["y"].dims == ("n",)  # type: ignore[union-attr]  # tensors


def test_axes_of_one_argument_are_told_apart_where_nobody_checks_them() -> None:
    """A square matrix alone is square by accident; beside another of its size it may not be."""
    alone, _ = generalised(absolute, ([torch.randn(8, 8)], {}), checks=False)
    beside, _ = generalised(product, ([torch.randn(8, 8), torch.randn(8, 8)], {}), checks=False)
    assert len(alone.tasks[0].dims) == 2
    assert len(beside.tasks[0].dims) == 1


def test_numbers_and_dtypes_stay_where_nobody_checks_them() -> None:
    """A whole number may be a block's size; a dtype that the answer does not follow says little."""
    calls = (([torch.randn(16), torch.randn(16)], {"block": 4}),)
    told, _ = generalised(overlap, *calls)
    kept, _ = generalised(overlap, *calls, checks=False)
    assert (len(told.tasks[0].dtypes), kept.tasks[0].dtypes) == (3, ("float32",))
    assert len(told.tasks[0].inputs["block"].among) > 1  # type: ignore[union-attr]  # a choice
    assert kept.tasks[0].inputs["block"].among == (4,)  # type: ignore[union-attr]  # a choice


def careless(x: torch.Tensor) -> torch.Tensor:
    """Follows the dtype, and is another function in bfloat16."""
    return x + 1 if x.dtype == torch.bfloat16 else x * 2


def test_a_dtype_in_which_another_thing_is_computed_is_not_drawn() -> None:
    """Where nobody says what is right in a dtype, the gold must compute the same in it."""
    call: tuple[list[Any], dict[str, Any]] = ([torch.randn(16)], {})
    kept, _ = generalised(careless, call, checks=False)
    assert kept.tasks[0].dtypes == ("float32", "float16")


def coarse(x: torch.Tensor) -> torch.Tensor:
    """Follows the dtype and computes in half precision."""
    return (x * 2).half().to(x.dtype)


def exact(x: torch.Tensor) -> torch.Tensor:
    """Computes in the dtype that it is given."""
    return x * 2


@pytest.mark.parametrize(("gold", "drawn_too"), [(coarse, False), (exact, True)])
def test_a_finer_dtype_is_drawn_where_the_answer_needs_it(
    gold: Callable[..., Any],
    drawn_too: bool,  # noqa: FBT001 - a parameter
) -> None:
    """An answer that was rounded to half precision is no truth in float32, recorded or not."""
    calls: list[tuple[list[Any], dict[str, Any]]] = [
        ([torch.randn(16, dtype=dtype)], {}) for dtype in (torch.float16, torch.float32)
    ]
    both, _ = generalised(gold, *calls, checks=False)
    one, _ = generalised(gold, calls[0], checks=False)
    assert ("float32" in both.tasks[0].dtypes) == drawn_too
    assert one.tasks[0].dtypes == ("float16", "bfloat16")


def spread(x: torch.Tensor, lengths: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """Whatever the lengths and the mask, there is an answer."""
    return x * mask[0] + lengths.clamp(0, 9).sum()


def test_positions_stay_as_they_were_where_nobody_checks_them() -> None:
    """Integers that may be positions keep their values and every extent; a mask varies in 0 and 1.

    Tensors of which nobody knows where they point are not moved, nor what they point into.
    """
    lengths, mask = torch.tensor([3, 5, 2]), torch.tensor([0, 1, 1])
    made, _ = generalised(spread, ([torch.randn(7, 5), lengths, mask], {}), checks=False)
    assert not made.tasks[0].dims
    masks = set()
    for case in drawn(made):
        given = arguments(made.tasks[0], case, lambda dtype, n: torch.empty(n, dtype=dtype))
        assert torch.equal(given["lengths"], lengths)
        assert given["x"].shape == (7, 5)
        masks.add(tuple(given["mask"].tolist()))
    assert len(masks) > 1
    assert {n for one in masks for n in one} == {0, 1}


def scattered(x: torch.Tensor, places: torch.Tensor, to: torch.Tensor) -> None:
    """Rows to where the places say."""
    to[places] = x


@pytest.mark.parametrize("counted", [True, False])
def test_places_that_count_up_are_cut_down_with_what_they_point_at(counted: bool) -> None:  # noqa: FBT001 - a parameter
    """A thousand rows in order say no more than a few; where they are shuffled all of them stay."""
    n = 2048
    places = torch.arange(n) if counted else torch.arange(n).flip(0)
    call: tuple[list[Any], dict[str, Any]] = (
        [torch.randn(n, 3), places, torch.zeros(2 * n, 3)],
        {},
    )
    made, _ = generalised(scattered, call, checks=False)
    given = arguments(
        made.tasks[0], drawn(made, 1)[0], lambda dtype, n: torch.empty(n, dtype=dtype)
    )
    rows = 32 if counted else n
    assert (len(given["x"]), len(given["to"])) == (rows, 2 * rows)
    assert torch.equal(given["places"], places[:rows])


def halves(x: torch.Tensor) -> torch.Tensor:
    """The sum of both halves of every row."""
    if x.shape[1] % 8:
        raise ValueError("rows come in eights")
    return x[:, : x.shape[1] // 2] + x[:, x.shape[1] // 2 :]


def test_an_extent_keeps_its_step() -> None:
    """Where only multiples of the recorded extent are accepted, only those are drawn."""
    made, _ = generalised(halves, ([torch.randn(3, 8)], {}))
    name = str(made.tasks[0].inputs["x"].dims[1])  # type: ignore[union-attr]  # a tensor
    assert {int(case.values[name] or 0) % 8 for case in drawn(made)} == {0}


def doubled(x: torch.Tensor) -> torch.Tensor:
    """Twice the argument, and no more than it was given."""
    largest.append(x.numel())
    return 2 * x


largest: list[int] = []


def test_large_recorded_tensors_are_tried_small() -> None:
    """A gold that was recorded on a million elements is tried on a few thousand at most."""
    made, _ = generalised(doubled, ([torch.randn(1 << 20)], {}))
    assert max(largest) < 4096
    assert made.tasks[0].dims["n"].low == 1


def total(x: torch.Tensor, dim: int = 0, *, keepdim: bool = False) -> torch.Tensor:
    """A sum."""
    return x.sum(dim, keepdim=keepdim)


def test_a_dim_stays_within_the_rank() -> None:
    """An argument named dim is drawn from every dim of the tensor, counted from either end."""
    made, _ = generalised(total, ([torch.randn(2, 3)], {"dim": 1}))
    assert {case.values["dim"] for case in drawn(made)} == {0, 1, -1, -2}


def test_what_one_call_left_out_takes_its_default() -> None:
    """Calls that differ in the scalars they pass are one form with all of them."""
    x = torch.randn(2, 3)
    made, _ = generalised(total, ([x], {"dim": 1}), ([x], {"keepdim": True}))
    assert len(made.forms) == 1
    assert {case.values["keepdim"] for case in drawn(made)} == {True, False}
    assert made.forms[0].keywords == ("dim", "keepdim")


def normalised(x: torch.Tensor, size: int) -> torch.Tensor:
    """A layer norm over rows of a size."""
    return torch.nn.functional.layer_norm(x, (size,))


def test_a_number_follows_its_extent() -> None:
    """A whole number that must equal an extent does so in every case."""
    made, _ = generalised(normalised, ([torch.randn(2, 5), 5], {}))
    name = str(made.tasks[0].inputs["x"].dims[1])  # type: ignore[union-attr]  # a tensor
    cases = drawn(made)
    assert all(case.values["size"] == case.values[name] for case in cases)
    assert len({case.values["size"] for case in cases}) > 5


def logarithm(x: torch.Tensor) -> torch.Tensor:
    """A logarithm."""
    return torch.log(x)


def absolute(x: torch.Tensor) -> torch.Tensor:
    """An absolute value."""
    return torch.abs(x)


@pytest.mark.parametrize(("function", "negative"), [(logarithm, False), (absolute, True)])
def test_values_stay_where_the_gold_is_defined(function: Any, negative: bool) -> None:  # noqa: FBT001 - a parameter of the test
    """Positive values stay positive where others give NaN, and do not where they give none."""
    made, gold = generalised(function, ([torch.tensor([1.0, 2.0, 4.0])], {}))
    seen = []
    for case in drawn(made):
        task = made.of(case)[1]
        made_now = arguments(task, case, lambda dtype, count: torch.empty(count, dtype=dtype))
        seen.append(bool((made_now["x"] < 0).any()))
    assert any(seen) == negative
    assert gold.runs


def rows(table: torch.Tensor, where: torch.Tensor) -> torch.Tensor:
    """Rows of a table."""
    return table[where]


def test_indices_reach_into_what_they_index() -> None:
    """An index may be any row of the table, whatever the number of rows, and none beyond."""
    call: tuple[list[Any], dict[str, Any]] = ([torch.randn(5, 3), torch.tensor([0, 2, 1])], {})
    made, gold = generalised(rows, call)
    piece = made.tasks[0].inputs["where"]
    assert piece.high == made.tasks[0].inputs["table"].dims[0]  # type: ignore[union-attr]  # tensors
    for case in drawn(made):
        assert gold(*made.of(case), case).refused is None


def lower_factor(a: torch.Tensor) -> torch.Tensor:
    """The Cholesky factor."""
    factor: torch.Tensor = torch.linalg.cholesky(a)
    return factor


def test_matrices_keep_their_structure() -> None:
    """A recorded positive definite matrix is drawn positive definite, of any size."""
    a = torch.tensor([[4.0, 1.0], [1.0, 3.0]])
    made, gold = generalised(lower_factor, ([a], {}))
    cases = drawn(made, 20)
    assert all(gold(*made.of(case), case).refused is None for case in cases)
    assert len({case.values["n"] for case in cases}) > 3


def shifted(x: torch.Tensor, bias: torch.Tensor | None = None) -> torch.Tensor:
    """A sum with what may be absent."""
    return x if bias is None else x + bias


def test_an_argument_that_was_left_out_may_be_absent() -> None:
    """A tensor that one call passes and another does not is drawn both ways."""
    x, bias = torch.randn(2, 3), torch.randn(3)
    made, _ = generalised(shifted, ([x, bias], {}), ([x], {}))
    assert len(made.forms) == 1
    assert {"bias" in case.absent for case in drawn(made)} == {True, False}


def side_by_side(parts: list[torch.Tensor], dim: int = 0) -> torch.Tensor:
    """A concatenation."""
    if not isinstance(parts, list):
        raise TypeError("parts is a list")
    return torch.cat(parts, dim)


def test_a_list_of_tensors_stays_a_list() -> None:
    """Tensors in a list have extents of their own and are passed in a list."""
    made, gold = generalised(side_by_side, ([[torch.randn(2, 3), torch.randn(2, 3)]], {}))
    inputs = made.tasks[0].inputs
    assert inputs["parts_0"].dims[0] != inputs["parts_1"].dims[0]  # type: ignore[union-attr]  # tensors
    assert all(gold(*made.of(case), case).refused is None for case in drawn(made, 20))


def widest_of(*several: torch.Tensor) -> torch.Tensor:
    """The largest of several tensors."""
    return torch.stack(several).amax(0)


def test_star_arguments_are_passed_by_position() -> None:
    """Tensors that are passed as ``*several`` are so in every case."""
    made, gold = generalised(widest_of, ([torch.randn(4), torch.randn(4)], {}))
    assert made.forms[0].keywords == ()
    assert all(gold(*made.of(case), case).refused is None for case in drawn(made, 20))


def rectified(x: torch.Tensor, inplace: bool = False, out: Any = None) -> torch.Tensor:  # noqa: FBT001, FBT002 - as upstream has it
    """A ReLU."""
    made = x.relu_() if inplace else x.relu()
    return made if out is None else out.copy_(made)


def test_what_a_call_changes_is_known() -> None:
    """An argument that a call changes is declared, and no buffer for the output is passed."""
    x = torch.randn(5)
    out = torch.empty(5)
    made, _ = generalised(rectified, ([x], {}), ([x], {"inplace": True}), ([x], {"out": out}))
    assert made.task.mutates == ("x",)
    assert "out" not in made.task.inputs


def into(x: torch.Tensor, out: torch.Tensor) -> None:
    """Writes its answer where it is told to."""
    out.copy_(2 * x)


def test_an_output_that_must_be_given_is_given() -> None:
    """Without a default ``out`` is an argument like any other: what is written there is judged."""
    made, _ = generalised(into, ([torch.randn(4), torch.empty(4)], {}), checks=False)
    assert made.task.mutates == ("out",)
    assert made.tasks[0].inputs["out"].dims == ("n",)  # type: ignore[union-attr]  # a tensor


def dropped(x: torch.Tensor, training: bool = True) -> torch.Tensor:  # noqa: FBT001, FBT002 - as upstream has it
    """A dropout."""
    return torch.nn.functional.dropout(x, 0.5, training)


def test_random_answers_are_not_asked_for() -> None:
    """A flag that makes the answer depend on random numbers keeps its other value."""
    x = torch.randn(64)
    made, _ = generalised(dropped, ([x], {}), ([x], {"training": False}))
    assert {case.values["training"] for case in drawn(made)} == {False}


def test_what_is_random_in_every_call_is_not_general() -> None:
    """A task whose every recorded answer is random is not fuzzed, and the reason says so."""
    made = _made(dropped, InProcess(dropped), [([torch.randn(64)], {})])
    assert isinstance(made, NotGeneral)
    assert "random" in made.reason


def single(x: torch.Tensor) -> torch.Tensor:
    """A function of float32 alone."""
    if x.dtype != torch.float32:
        raise TypeError("float32, please")
    return 2 * x


def test_a_dtype_that_the_gold_refuses_is_not_drawn() -> None:
    """Dtypes vary where the gold accepts them only."""
    made, _ = generalised(single, ([torch.randn(4)], {}))
    other, _ = generalised(absolute, ([torch.randn(4)], {}))
    assert made.task.dtypes == ("float32",)
    assert set(other.task.dtypes) == {"float32", "float16", "bfloat16"}


def blind_to_strides(x: torch.Tensor) -> torch.Tensor:
    """A function that takes its argument to be contiguous."""
    return 2 * x.as_strided(x.shape, (x.shape[1], 1), x.storage_offset())


def test_a_layout_that_the_gold_misreads_is_not_drawn() -> None:
    """Layouts on which the gold's answer is another than on a contiguous copy are left out."""
    made, _ = generalised(blind_to_strides, ([torch.randn(4, 6)], {}))
    layouts = made.tasks[0].inputs["x"].layouts  # type: ignore[union-attr]  # a tensor
    assert set(layouts) == {"contiguous", "offset"}


def masked(x: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """A kernel's way of keeping what a mask of ones and zeros says: it knows no strides."""
    flat = mask.as_strided(mask.shape, (1,), mask.storage_offset())
    return torch.where(flat != 0, x, 0.0)


def test_a_mask_that_is_misread_is_not_right_by_chance() -> None:
    """With three elements what lies between them may well agree; one try would not show it."""
    mask = torch.tensor([0, 1, 1, 0, 1, 0, 0, 1, 1, 1])
    made, _ = generalised(masked, ([torch.randn(10), mask], {}), checks=False)
    layouts = made.tasks[0].inputs["mask"].layouts  # type: ignore[union-attr]  # a tensor
    assert set(layouts) == {"contiguous", "offset"}


def converted(x: torch.Tensor, dtype: torch.dtype | None = None) -> torch.Tensor:
    """A sum in a dtype."""
    return x.sum(dtype=dtype)


def test_a_dtype_argument_is_passed_as_a_dtype() -> None:
    """A case spells a dtype as a string, and the call is given the dtype."""
    x = torch.randn(4)
    made, _ = generalised(converted, ([x], {}), ([x], {"dtype": torch.float64}))
    cases = drawn(made)
    form = made.forms[0]
    given_ = {case.values["dtype_"]: form.fill({**case.values, "x": x})["dtype"] for case in cases}
    assert given_ == {None: None, "float64": torch.float64}


def test_other_ranks_are_other_forms() -> None:
    """Calls with tensors of other ranks are drawn side by side, each with its own extents."""
    made, _ = generalised(absolute, ([torch.randn(4)], {}), ([torch.randn(2, 3)], {}))
    assert {case.values["call"] for case in drawn(made)} == {0, 1}


def test_a_drawn_case_replays_from_its_line() -> None:
    """Every case that is drawn is read back from its JSON line."""
    x, bias = torch.randn(2, 3), torch.randn(3)
    made, _ = generalised(shifted, ([x, bias], {}), ([x], {}), ([torch.randn(4)], {}))
    for case in drawn(made):
        again = made.case(case.to_json())
        assert (again.to_json(), made.of(again)) == (case.to_json(), made.of(case))
    with pytest.raises(CaseError):
        made.case('{"call": 7}')


def slow(x: torch.Tensor) -> torch.Tensor:
    """A slow copy."""
    time.sleep(0.02)
    return x.clone()


def test_the_time_is_kept() -> None:
    """When the time is up, what is settled is used and the rest stays as it was recorded."""
    began = time.monotonic()
    made, _ = generalised(slow, ([torch.randn(4, 6)], {}), seconds=0.4)
    assert time.monotonic() - began < 2
    assert made.tasks[0].inputs["x"].layouts == ("contiguous",)  # type: ignore[union-attr]  # a tensor


def test_the_number_of_runs_is_kept() -> None:
    """The gold is run no more often than allowed, and what was settled by then is used."""
    gold = InProcess(absolute)
    source = inspect.getsource(absolute)
    call = Call("absolute", {"args": carried([torch.randn(4, 6)]), "kwargs": {}})
    made = generalise("absolute", [call], source, "absolute", gold, runs=9)
    assert gold.runs == 9
    assert isinstance(made, Generalised)


def test_what_varies_is_told() -> None:
    """The description names extents, dtypes, layouts, scalars, and what does not vary."""
    x = torch.randn(2, 3)
    made, _ = generalised(total, ([x], {"dim": 1}), ([x], {"keepdim": True}))
    told = made.varied.describe()
    for part in (
        "x[n, m]",
        "n, m in 1..140",
        "bfloat16",
        "transposed",
        "dim of 1, 0",
        "keepdim of",
    ):
        assert part in told


@pytest.mark.parametrize(
    ("source", "args", "reason"),
    [
        ("class f:\n    pass\n", [torch.ones(2)], "class"),
        ("def f(m): ...\n", [Opaque("SimpleModel")], "takes a SimpleModel"),
        ("def f(a, b): ...\n", [2, 3.0], "no tensor argument"),
        ("def f(z): ...\n", [torch.ones(2, dtype=torch.complex64)], "complex"),
        ("def g(z): ...\n", [torch.ones(2)], "no function f"),
    ],
)
def test_what_is_not_general_says_why(source: str, args: list[Any], reason: str) -> None:
    """An entry point that cannot be fuzzed is refused with the reason."""
    call = Call("f", {"args": carried(args), "kwargs": {}})
    made = generalise("f", [call], source, "f", InProcess(absolute))
    assert isinstance(made, NotGeneral)
    assert reason in made.reason


def never(x: torch.Tensor) -> torch.Tensor:
    """Refuses everything."""
    raise ValueError(f"not {x.dim()} dims")


def test_a_gold_that_refuses_everything_is_not_general() -> None:
    """The gold's own words are in the reason."""
    made = _made(never, InProcess(never), [([torch.ones(2)], {})])
    assert isinstance(made, NotGeneral)
    assert "not 1 dims" in made.reason


def test_a_call_that_raised_is_left_out() -> None:
    """A recorded call that raised is no example of what the entry point takes."""
    good = Call("absolute", {"args": carried([torch.randn(3)]), "kwargs": {}})
    bad = Call(
        "absolute", {"args": carried([torch.randn(2, 2)]), "kwargs": {}}, raised="ValueError"
    )
    source = inspect.getsource(absolute)
    made = generalise("absolute", [good, bad], source, "absolute", InProcess(absolute))
    assert isinstance(made, Generalised)
    assert len(made.forms) == 1


def test_the_strategy_is_one_of_all_forms() -> None:
    """The strategy is an ordinary one of Hypothesis, to be combined with others."""
    made, _ = generalised(absolute, ([torch.randn(4)], {}))
    assert isinstance(made.cases(64), st.SearchStrategy)
