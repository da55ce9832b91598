"""Verdicts: structure is exact, values are measured, and each fault is told in one line."""

import math
from typing import Any

import pytest
import torch

from pytest_tritonbench import dim, task, tensor
from pytest_tritonbench.judge.nest import Value
from pytest_tritonbench.judge.verdict import Answer, Expected, Fault, Verdict, judge
from pytest_tritonbench.task.declaration import MARK, Task


def declared(**how: Any) -> Task:
    """A task with one input."""

    def given(x: torch.Tensor) -> torch.Tensor:
        """One input."""
        return x

    one = {"inputs": {"x": tensor("n")}, "dims": {"n": dim(0)}, "cases": [{"n": 1}]}
    made: Task = getattr(task(**{**one, **how})(given), MARK)
    return made


PLAIN = declared()


def value(t: torch.Tensor, device: str = "cpu") -> Value:
    """A tensor as the sandbox delivers it."""
    return Value(t.contiguous(), t.stride(), device)


def wrapped(nest: Any) -> Any:
    """A nest of tensors as the sandbox delivers it."""
    match nest:
        case torch.Tensor():
            return value(nest)
        case tuple() | list():
            return type(nest)(wrapped(part) for part in nest)
        case dict():
            return {key: wrapped(part) for key, part in nest.items()}
        case _:
            return nest


def widened(nest: Any) -> Any:
    """A nest of tensors in float64."""
    match nest:
        case torch.Tensor():
            return nest.double() if nest.is_floating_point() else nest
        case tuple() | list():
            return type(nest)(widened(part) for part in nest)
        case dict():
            return {key: widened(part) for key, part in nest.items()}
        case _:
            return nest


def verdict(got: Any, want: Any, *, of: Task = PLAIN, x: torch.Tensor | None = None) -> Verdict:
    """What the judge says of ``got`` where the reference gives ``want``."""
    expected = Expected(Answer(wrapped(want)), Answer(wrapped(widened(want))))
    inputs = {"x": torch.zeros(1) if x is None else x}
    return judge(of, inputs, Answer(wrapped(got)), expected)


T = torch.arange(6.0).view(2, 3)


@pytest.mark.parametrize(
    "nest",
    [T, (T, T.int()), [T], {"a": T, "b": (T, None)}, 3, None, "text", 2.5, True, torch.empty(0)],
    ids=str,
)
def test_the_reference_itself_is_right(nest: Any) -> None:
    """Whatever a task returns, the same is accepted."""
    assert verdict(nest, nest).accepted


@pytest.mark.parametrize(
    ("got", "want", "fault", "told"),
    [
        (None, T, Fault.WRONG_STRUCTURE, "output is a None, the reference gives a tensor"),
        ((T,), T, Fault.WRONG_STRUCTURE, "output is a tuple of 1 (tensor), the reference gives a"),
        ([T, T], (T, T), Fault.WRONG_STRUCTURE, "list of 2 (tensor, tensor), the reference gives"),
        ({"b": T}, {"a": T}, Fault.WRONG_STRUCTURE, "dict with 'b', the reference gives a dict"),
        (1.0, 1, Fault.WRONG_STRUCTURE, "output is a float, the reference gives a int"),
        (T[:1], T, Fault.WRONG_SHAPE, "output has shape (1, 3), the reference gives (2, 3)"),
        ((T, T.view(6)), (T, T), Fault.WRONG_SHAPE, "output[1] has shape (6,), the reference"),
        (T.half(), T, Fault.WRONG_DTYPE, "output is float16, the reference gives float32"),
        (T[:1].expand(2, 3), T, Fault.ZERO_STRIDE, "output has stride 0 in dim 0"),
        (4, 3, Fault.WRONG_VALUES, "output is 4, the reference gives 3"),
        (T + 1, T, Fault.WRONG_VALUES, "output has wrong values"),
        (T.int() + 1, T.int(), Fault.WRONG_VALUES, "every element must equal the reference's"),
        (T > 0, T > 1, Fault.WRONG_VALUES, "every element must equal the reference's"),
        (2.5001, 2.5, Fault.WRONG_VALUES, "output has wrong values"),
    ],
    ids=lambda value: str(value) if isinstance(value, Fault) else "",
)
def test_a_fault_is_told(got: Any, want: Any, fault: Fault, told: str) -> None:
    """One word for the record, one line for the reader."""
    found = verdict(got, want)
    assert found.fault is fault
    assert told in found.summary
    assert not found.accepted
    assert found.ratio > 1


def test_the_device_counts() -> None:
    """A right tensor in the wrong place is wrong."""
    expected = Expected(Answer(value(T, "cuda")), Answer(value(T.double(), "cuda")))
    found = judge(PLAIN, {"x": T}, Answer(value(T, "cpu")), expected)
    assert found.fault is Fault.WRONG_DEVICE
    assert found.summary == "output is on cpu, the reference gives it on cuda"


def test_the_tolerance_does_not_come_from_the_candidate() -> None:
    """An answer in half precision is refused for its dtype, however close it is."""
    assert verdict(T.bfloat16(), T).fault is Fault.WRONG_DTYPE


def test_details_name_the_worst_element() -> None:
    """Index, value, expected value, error, allowance, and how many elements are off."""
    wrong = T.clone()
    wrong[1, 2] += 1
    found = dict(reversed(verdict(wrong, T).details))
    assert found["worst"] == "output[1, 2] is 6, expected 5"
    assert found["error"].startswith("1, allowed ")
    assert found["off"] == "1 of 6 elements, only in row 1 of 2 and column 2 of 3"


def test_integers_are_exact_and_named() -> None:
    """The first wrong integer is shown."""
    found = dict(verdict(torch.tensor([1, 2, 4]), torch.tensor([1, 2, 3])).details)
    assert found["first"] == "output[2] is 4, expected 3"


def test_the_worst_of_several_outputs_is_told() -> None:
    """With two wrong outputs the one that is further off is shown."""
    found = verdict((T + 1, T + 1000), (T, T))
    assert found.summary == "output[1] has wrong values"


def test_complex_outputs_are_compared_by_parts() -> None:
    """A wrong imaginary part is found."""
    z = torch.complex(T, T)
    wide = Expected(Answer(value(z)), Answer(value(z.to(torch.complex128))))
    assert judge(PLAIN, {"x": T}, Answer(value(z.clone())), wide).accepted
    wrong = torch.complex(T, T + 1)
    assert judge(PLAIN, {"x": T}, Answer(value(wrong)), wide).fault is Fault.WRONG_VALUES


def test_without_an_oracle_every_bit_must_agree() -> None:
    """An exact task accepts the reference's own bits only; NaN agrees with NaN."""
    want = torch.tensor([1.0, math.nan, -math.inf])
    expected = Expected(Answer(value(want)), None)
    assert judge(PLAIN, {"x": T}, Answer(value(want.clone())), expected).accepted
    off = want.clone()
    off[0] = torch.nextafter(off[0], torch.tensor(2.0))
    assert judge(PLAIN, {"x": T}, Answer(value(off)), expected).fault is Fault.WRONG_VALUES


def test_changed_arguments_and_gradients_are_judged() -> None:
    """A wrong in-place argument or gradient is told by its name."""
    want = Answer(value(T), {"cache": value(T)}, {"x": value(T)})
    wide = Answer(*(value(T.double()), {"cache": value(T.double())}, {"x": value(T.double())}))
    expected = Expected(want, wide)
    stale = Answer(value(T), {"cache": value(T * 0)}, {"x": value(T)})
    assert judge(PLAIN, {"x": T}, stale, expected).summary == "cache (in place) has wrong values"
    flat = Answer(value(T), {"cache": value(T)}, {"x": value(T * 0)})
    assert judge(PLAIN, {"x": T}, flat, expected).summary == "gradient of x has wrong values"
    none = Answer(value(T), {"cache": value(T)}, {"x": None})
    assert judge(PLAIN, {"x": T}, none, expected).fault is Fault.WRONG_STRUCTURE


ARGMAX = declared(canonical=lambda inputs, output: inputs["x"][output])


def test_an_ambiguous_answer_is_judged_by_what_it_means() -> None:
    """Any index of the largest value is right; another index is not, nor one out of range."""
    x = torch.tensor([1.0, 5.0, 5.0])
    first, second = torch.tensor(1), torch.tensor(2)
    assert verdict(second, first, of=ARGMAX, x=x).accepted
    assert verdict(torch.tensor(0), first, of=ARGMAX, x=x).fault is Fault.WRONG_VALUES
    beyond = verdict(torch.tensor(7), first, of=ARGMAX, x=x)
    assert beyond.fault is Fault.WRONG_PROPERTY
    assert beyond.summary.startswith("the output cannot be an answer: ")


SHUFFLE = declared(
    check=lambda inputs, output: (
        None if torch.equal(output.sort().values, inputs["x"].sort().values) else "values were lost"
    )
)


def test_a_defining_property_replaces_the_comparison() -> None:
    """A random answer is right where its property holds; the reason is passed on where not."""
    x = torch.tensor([1.0, 2.0, 3.0])
    assert verdict(x[[2, 0, 1]], x, of=SHUFFLE, x=x).accepted
    found = verdict(x * 2, x, of=SHUFFLE, x=x)
    assert found.fault is Fault.WRONG_PROPERTY
    assert found.summary == "the defining property does not hold: values were lost"


def test_structure_comes_before_the_property() -> None:
    """A task's own function never sees an answer of the wrong shape."""
    x = torch.tensor([1.0, 2.0, 3.0])
    assert verdict(x[:2], x, of=SHUFFLE, x=x).fault is Fault.WRONG_SHAPE


@pytest.mark.parametrize("off", [0.0, 1e-7, 1e-3, math.inf, math.nan])
def test_a_yardstick_made_ahead_gives_the_same_verdict(off: float) -> None:
    """What is prepared while the candidate runs changes nothing about what is said of it."""
    want, wide, moved = T + 0.1, T.double() + 0.1, T.double() * (1 + 1e-7) + 0.1
    got = Answer((value(want + off), value(want.int())))
    made = Answer((value(want), value(want.int())))
    truth, nearby = (Answer((value(t), value(want.int()))) for t in (wide, moved))
    on_the_spot, ahead = (Expected(made, truth, nearby) for _ in range(2))
    ahead.prepare()
    assert list(ahead.yardsticks) == ["output[0]"]
    inputs = {"x": torch.zeros(1)}
    assert judge(PLAIN, inputs, got, ahead) == judge(PLAIN, inputs, got, on_the_spot)


def test_a_yardstick_made_ahead_is_not_used_for_a_canonical_form() -> None:
    """A task with ``canonical`` is measured by what that makes of the answers."""
    task_of = declared(canonical=lambda inputs, output: inputs["x"] + output.abs())
    expected = Expected(Answer(value(T)), Answer(value(T.double())))
    expected.prepare()
    assert judge(task_of, {"x": torch.ones(3)}, Answer(value(-T)), expected).accepted
