"""Evidence of imported tasks: calls, form and values against the gold's."""

from __future__ import annotations

import math
import time
from typing import Any

import pytest
import torch

from pytest_tritonbench.judge import measure
from pytest_tritonbench.judge.evidence import Evidence
from pytest_tritonbench.judge.finding import Fault
from pytest_tritonbench.sandbox.results import Opaque
from pytest_tritonbench.task.tritonbench.rules import Rule, Rules
from tests.unit.judge.shown import NONE, called, shown, value, verdict, worth

G = torch.Generator().manual_seed(0)
X = torch.randn(4, 40, generator=G)
NAN = float("nan")


def drawn(*size: int) -> torch.Tensor:
    """Fresh random numbers."""
    return torch.randn(*size, generator=G)


@pytest.mark.parametrize(
    "nest",
    [
        X,
        X.half(),
        X.bfloat16(),
        X.to(torch.float8_e4m3fn),
        X.to(torch.float8_e5m2),
        X.double(),
        torch.complex(X, X),
        torch.tensor([1, 2, 3]),
        torch.tensor([1, 2, 3], dtype=torch.uint8),
        X > 0,
        torch.tensor(3.0),
        torch.empty(0, 3),
        torch.tensor([1.0, NAN, math.inf, -math.inf]),
        (X, [X.int(), {"a": X}], None, "text", 2.5, 3, True),
    ],
    ids=lambda nest: str(nest)[:20],
)
def test_the_gold_itself_is_right(nest: Any) -> None:
    """Whatever a call gives, the same is accepted, as result of the call and of the test."""
    run = shown(nest, result={"test_case_1": nest}, x=nest)
    assert verdict(run, run, moved=run, wide=run).accepted


WRONG: list[tuple[Any, Any, Fault, str]] = [
    (X + 1, X, Fault.WRONG_VALUES, "test_case_1 has wrong values"),
    (X.half(), X, Fault.WRONG_DTYPE, "test_case_1 is float16"),
    (X[0], X, Fault.WRONG_SHAPE, "test_case_1 has shape (40,)"),
    ((X,), X, Fault.WRONG_STRUCTURE, "test_case_1 is a tuple of 1 (tensor)"),
    ((X, X + 1), (X, X), Fault.WRONG_VALUES, "test_case_1[1] has wrong values"),
    ([X], (X,), Fault.WRONG_STRUCTURE, "test_case_1 is a list"),
    (2.5, torch.tensor(2.5), Fault.WRONG_STRUCTURE, "test_case_1 is a float"),
    (2.6, 2.5, Fault.WRONG_VALUES, "test_case_1 has wrong values"),
    (3, 2, Fault.WRONG_VALUES, "test_case_1 is 3, the gold gives 2"),
    (X.int() + 1, X.int(), Fault.WRONG_VALUES, "must equal the gold's"),
    (torch.complex(X, -X), torch.complex(X, X), Fault.WRONG_VALUES, "wrong values"),
    (torch.tensor([0.0]), torch.tensor([NAN]), Fault.WRONG_VALUES, "wrong values"),
    (torch.tensor([NAN]), torch.tensor([0.0]), Fault.WRONG_VALUES, "wrong values"),
    (torch.tensor([-math.inf]), torch.tensor([math.inf]), Fault.WRONG_VALUES, "wrong values"),
]


@pytest.mark.parametrize(("got", "want", "fault", "message"), WRONG, ids=lambda p: str(p)[:24])
def test_a_wrong_entry_is_named_as_the_test_names_it(
    got: Any, want: Any, fault: Fault, message: str
) -> None:
    """Form, dtype and values are exact or measured; the entry of the test's dict is named."""
    found = verdict(shown(X, result={"test_case_1": got}), shown(X, result={"test_case_1": want}))
    assert found.fault == fault
    assert message in found.summary


def test_a_result_that_only_a_call_shows_is_judged() -> None:
    """A test that keeps only the shape of a result is widened by the call's own."""
    want = shown(X, result={"test_case_1": (4, 40)})
    assert verdict(want, want).accepted
    found = verdict(shown(X + 1, result={"test_case_1": (4, 40)}), want)
    assert found.summary.startswith("the result of call 1 of softmax has wrong values")
    assert ("leaf", "calls[0].result") in found.details


def test_the_same_tensor_is_judged_once_and_named_by_its_entry() -> None:
    """A leaf of a call that is also an entry of the result is told as that entry."""
    want = shown(X, X * 2, result={"test_case_1": X, "test_case_2": X * 2}, out=X * 2)
    got = shown(X, X * 3, result={"test_case_1": X, "test_case_2": X * 3}, out=X * 3)
    found = verdict(got, want)
    assert found.summary.startswith("test_case_2 has wrong values")
    assert ("leaf", "calls[1].result") in found.details


def test_an_entry_that_differs_from_its_call_is_judged_by_itself() -> None:
    """Where a candidate's entry is not what its call gave, both are judged."""
    want = shown(X, result={"test_case_1": X})
    found = verdict(shown(X, result={"test_case_1": X + 1}), want)
    assert found.fault == Fault.WRONG_VALUES
    assert ("leaf", "result['test_case_1']") in found.details


def test_calls_must_agree_in_number_and_name() -> None:
    """A candidate that makes the test call less, or something else, is wrong."""
    want = shown(X, X)
    assert verdict(shown(X), want).summary == "the test makes 1 calls, 2 are expected"
    other = verdict(shown(X, called(X, "exp")), want)
    assert other.fault == Fault.WRONG_STRUCTURE
    assert other.summary == "call 2 of the test is to exp, expected is softmax"


def test_whether_a_call_raises_must_agree_and_what_it_raises_is_not_judged() -> None:
    """Raising where the gold returns, or returning where it raises, is wrong."""
    want = shown(X, called(raised="RuntimeError"))
    assert verdict(shown(X, called(raised="ValueError")), want).accepted
    found = verdict(shown(X, called(None)), want)
    assert found.summary == "call 2 of softmax returns; the gold's raises RuntimeError"
    assert not verdict(shown(called(raised="E"), called(raised="E")), want).accepted


def test_an_argument_that_the_gold_leaves_alone_must_come_back_untouched() -> None:
    """Changing it is a fault of its own."""
    found = verdict(shown(called(X, changed={"1": X})), shown(X))
    assert found.fault == Fault.INPUT_CHANGED
    assert found.summary == "argument 2 of call 1 of softmax was changed; the gold leaves it alone"


def test_an_argument_that_the_gold_changes_must_be_changed_likewise() -> None:
    """In-place results are judged by the same rule, and a missing one is told."""
    want = shown(called(None, changed={"kwargs.out": X}))
    assert verdict(want, want).accepted
    missing = verdict(shown(called(None)), want)
    assert missing.fault == Fault.WRONG_VALUES
    assert missing.summary.startswith("argument out of call 1 of softmax was left unchanged")
    wrong = verdict(shown(called(None, changed={"kwargs.out": X + 1})), want)
    assert wrong.summary.startswith("argument out of call 1 of softmax (changed in place)")


def test_a_rule_may_leave_open_whether_an_argument_changes() -> None:
    """`may_change` accepts both, and judges the value where both change it."""
    rules = Rules((Rule("may_change", {"leaf": "calls[*].changed[*]", "why": ""}),))
    changing, still = shown(called(X, changed={"0": X})), shown(X)
    assert verdict(still, changing, rules=rules).accepted
    assert verdict(changing, still, rules=rules).accepted
    other = shown(called(X, changed={"0": X + 1}))
    assert not verdict(other, changing, rules=rules).accepted


def test_a_call_that_returns_nothing_may_return_something() -> None:
    """A kernel that works in place in the gold may also return what it wrote."""
    want = shown(called(None, changed={"0": X}), out=None)
    assert verdict(shown(called(X, changed={"0": X}), out=X), want).accepted


def test_locals_are_compared_by_the_golds_names() -> None:
    """Further variables of the candidate's run are nobody's concern; a missing one is wrong."""
    want = shown(X, grad=X)
    assert verdict(shown(X, grad=X, more=X), want).accepted
    assert verdict(shown(X), want).summary == "the test's variable grad is never set"
    assert verdict(shown(X, grad=X + 1), want).summary.startswith("the test's variable grad")


def test_locals_that_change_from_run_to_run_drop_out() -> None:
    """A time stamp or an object is not compared."""
    plain, again = shown(X, start=1.0, when="a"), shown(X, start=time.time(), when="b")
    assert verdict(shown(X, start=99.0, when="c"), plain, again).accepted
    assert not verdict(shown(X, start=99.0, when="c"), plain).accepted
    assert verdict(shown(X, model=Opaque("A")), shown(X, model=Opaque("B"))).accepted


def test_undefined_elements_are_left_out_and_the_others_judged() -> None:
    """Elements that the gold leaves to chance may be anything, NaN too."""
    plain, again = X.clone(), X.clone()
    plain[:, 30:], again[:, 30:] = NAN, 7.0
    got = X.clone()
    got[:, 30:] = math.inf
    assert verdict(shown(got), shown(plain), shown(again)).accepted
    got[0, 0] += 1
    found = verdict(shown(got), shown(plain), shown(again))
    assert found.fault == Fault.WRONG_VALUES
    assert any("40 more are undefined" in text for _, text in found.details)


def test_undefined_integers_are_left_out() -> None:
    """The same holds for integers and booleans."""
    plain, again = torch.tensor([1, 2, 3]), torch.tensor([1, 2, 9])
    assert verdict(shown(torch.tensor([1, 2, 5])), shown(plain), shown(again)).accepted
    assert not verdict(shown(torch.tensor([1, 3, 3])), shown(plain), shown(again)).accepted


def test_differences_that_roundings_explain_are_not_undefined() -> None:
    """Atomics that add in another order leave a gold defined."""
    again = X * (1 + 2e-7)
    state = worth(shown(X), shown(again))
    assert state.judgeable
    assert state.leaves["calls[0].result"].mask is None


def test_where_a_rounding_of_the_inputs_decides_nothing_is_judged() -> None:
    """On the brink between NaN and a number, or between two integers, both are right."""
    plain, moved = torch.tensor([NAN, 1.0, 2.0]), torch.tensor([0.0, 1.0, 2.0])
    got = torch.tensor([5.0, 1.0, 2.0])
    assert verdict(shown(got), shown(plain), moved=shown(moved)).accepted
    assert not verdict(shown(got), shown(plain)).accepted
    # What the float64 run confirms is no matter of rounding.
    wide = shown(plain.double())
    assert not verdict(shown(got), shown(plain), moved=shown(moved), wide=wide).accepted
    flipped = shown(torch.tensor([4, 1]))
    assert verdict(flipped, shown(torch.tensor([3, 1])), moved=flipped).accepted


def test_the_moved_run_is_the_yardstick_where_there_is_no_wide_one() -> None:
    """What roundings of the inputs do to the gold, a candidate may do three times."""
    moved = shown(X + 1e-3)
    assert verdict(shown(X + 2e-3), shown(X), moved=moved).accepted
    assert not verdict(shown(X + 5e-3), shown(X), moved=moved).accepted
    assert not verdict(shown(X + 2e-3), shown(X), moved=shown(X)).accepted


def test_the_wide_run_is_the_truth() -> None:
    """With a float64 run, the plain one's own error is the yardstick."""
    error = 1e-3 * torch.sign(drawn(4, 40))
    plain, wide = shown(X + error), shown(X.double())
    assert verdict(shown(X - error), plain, wide=wide).accepted
    assert not verdict(shown(X + 4 * error), plain, wide=wide).accepted


def test_a_wide_run_that_computes_something_else_is_not_believed() -> None:
    """Random numbers drawn in float64 are others: they widen no tolerance."""
    wide = shown(drawn(4, 40).double())
    assert not verdict(shown(X + 0.1), shown(X), wide=wide).accepted
    assert verdict(shown(X), shown(X), wide=wide).accepted


def test_a_wide_run_of_another_form_is_left_out_leaf_by_leaf() -> None:
    """Where a branch on the dtype changes the form, the plain run is the truth."""
    wide = Evidence((called((X[0], X)),), None, {})
    assert verdict(shown(X), shown(X), moved=shown(X), wide=wide).accepted
    assert not verdict(shown(X + 1), shown(X), moved=shown(X), wide=wide).accepted


def test_python_numbers_have_float32s_tolerance() -> None:
    """A test that returns `.item()` is judged like a tensor of one element."""
    want = shown(X, result=1.0)
    assert verdict(shown(X, result=1.0000001), want).accepted
    assert not verdict(shown(X, result=1.001), want).accepted


def test_other_devices_are_wrong_and_strides_are_not_judged() -> None:
    """Where an output lies is part of its form; how it lies in memory is not."""
    device = shown(called(None, changed={}), result=value(X, "cuda"))
    assert verdict(device, shown(called(None), result=X)).fault == Fault.WRONG_DEVICE
    expanded = torch.ones(1, 4).expand(3, 4)
    assert verdict(shown(expanded), shown(torch.ones(3, 4))).accepted


def test_large_tensors_are_judged_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    """The element that is named and counted is the same as without pieces."""
    want, got = drawn(64, 50), torch.empty(0)
    mask = want.clone()
    mask[1, 1] = NAN
    got = want.clone()
    got[60, 7] += 1
    got[3, 4] += 0.5
    whole = verdict(shown(got), shown(mask), shown(want))
    monkeypatch.setattr(measure, "LARGEST_PIECE", 500)
    pieces = verdict(shown(got), shown(mask), shown(want))
    assert dict(whole.details)["worst"] == dict(pieces.details)["worst"]
    assert dict(pieces.details)["worst"].startswith("the result of call 1 of softmax[60, 7]")
    assert dict(whole.details)["off"] == dict(pieces.details)["off"]
    assert verdict(shown(want), shown(mask), shown(want)).accepted


def test_texts_are_compared_unless_a_rule_says_otherwise() -> None:
    """The text of an exception is not the task; that there is one is."""
    rules = Rules((Rule("text", {"leaf": "result[*]", "why": ""}),))
    want, got = shown(X, result={"a": "singular"}), shown(X, result={"a": "no inverse"})
    assert verdict(got, want, rules=rules).accepted
    assert not verdict(got, want).accepted
    assert not verdict(shown(X, result={"a": X}), want, rules=rules).accepted


def test_only_some_keys_may_count() -> None:
    """`keys` compares those entries of a dict alone."""
    rules = Rules((Rule("keys", {"leaf": "result['a']", "keys": ["lr"], "why": ""}),))
    want = shown(X, result={"a": {"lr": 0.1, "fused": None}})
    assert verdict(shown(X, result={"a": {"lr": 0.1}}), want, rules=rules).accepted
    assert not verdict(shown(X, result={"a": {"lr": 0.2}}), want, rules=rules).accepted
    assert not verdict(shown(X, result={"a": {"fused": None}}), want, rules=rules).accepted
    assert not verdict(shown(X, result={"a": {"lr": 0.1}}), want).accepted


def test_quantised_values_may_be_off_by_a_step_in_a_few_elements() -> None:
    """`steps` accepts a rounding on the brink, not a shift of everything or a jump."""
    rules = Rules((Rule("steps", {"leaf": "*", "within": 1, "share": 0.01, "why": ""}),))
    want = torch.randint(-90, 90, (10, 40), generator=G).to(torch.int8)
    few, jump = want.clone(), want.clone()
    few[0, :3] += 1
    jump[0, 0] += 2
    assert verdict(shown(few), shown(want), rules=rules).accepted
    assert not verdict(shown(few), shown(want)).accepted
    assert not verdict(shown(jump), shown(want), rules=rules).accepted
    assert not verdict(shown(want + 1), shown(want), rules=rules).accepted


def test_a_yardstick_may_be_longer_by_a_rule() -> None:
    """`yardstick` multiplies what roundings of the inputs do."""
    rules = Rules((Rule("yardstick", {"leaf": "*", "times": 100, "why": ""}),))
    moved = shown(X + 1e-5)
    assert verdict(shown(X + 1e-3), shown(X), moved=moved, rules=rules).accepted
    assert not verdict(shown(X + 1e-3), shown(X), moved=moved).accepted
    assert not verdict(shown(X + 1e-2), shown(X), moved=moved, rules=rules).accepted


def test_ignored_leaves_are_not_compared() -> None:
    """`ignore` leaves out a leaf, its form included."""
    rules = Rules((Rule("ignore", {"leaf": "locals['w']", "why": ""}),))
    assert verdict(shown(X, w=X + 1), shown(X, w=X), rules=rules).accepted
    assert verdict(shown(X, w=X.half()), shown(X, w=X), rules=rules).accepted


def test_float32_has_float32s_yardstick_unless_matrices_are_multiplied() -> None:
    """The moved run moves float32 by roundings of TF32, which only a `tf32` rule grants in full."""
    tf32 = Rules((Rule("tf32", {"why": ""}),))
    moved = shown(X + 1e-3)

    def found(given: torch.Tensor, error: float, rules: Rules = NONE) -> bool:
        gold = shown(called(X, arguments={"args": [given], "kwargs": {}}))
        return verdict(shown(X + error), gold, moved=moved, rules=rules).accepted

    assert not found(X, 1e-3)
    assert found(X, 1e-6)
    assert found(X, 1e-3, tf32)
    assert found(X.half(), 1e-3)
    assert not found(X.half(), 1e-2)
