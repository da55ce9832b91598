"""Special rules: right answers that differ from the gold's are accepted, wrong ones are not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch.nn import functional

from pytest_tritonbench.judge.finding import Fault, Verdict
from pytest_tritonbench.judge.randomness import LONGEST_ROW
from pytest_tritonbench.judge.special import _POOLED, _SINGLE
from pytest_tritonbench.task.tritonbench.rules import CALL_KINDS, Rule, Rules, rules_of
from tests.unit.judge.shown import called, shown, verdict, wrapped

G = torch.Generator().manual_seed(1)


def drawn(*size: int, dtype: torch.dtype = torch.float32) -> torch.Tensor:
    """Fresh random numbers."""
    return torch.randn(*size, generator=G, dtype=dtype)


def judged(task: str, *calls: tuple[Any, Any, list[Any]], **kwargs: Any) -> Verdict:
    """What the judge says by a task's own rules of calls: (candidate's, gold's, arguments)."""
    rules = rules_of(*task.split("/"))
    assert rules.needs_arguments
    mine, theirs = [], []
    for got, want, args in calls:
        given = wrapped({"args": args, "kwargs": kwargs})
        mine.append(called(got, "f"))
        theirs.append(called(want, "f", arguments=given))
    results = [{f"test_case_{n}": call.result for n, call in enumerate(c)} for c in (mine, theirs)]
    return verdict(shown(*mine, result=results[0]), shown(*theirs, result=results[1]), rules=rules)


def test_the_judge_has_every_kind_of_rule_that_may_be_written() -> None:
    """A kind that a rule file may name is one that the judge carries out."""
    assert {*_SINGLE, *_POOLED} == set(CALL_KINDS)


A = drawn(2, 4, 3)
U, S, VH = torch.linalg.svd(A)
FLIP = torch.tensor([-1.0, 1.0, -1.0])


def test_an_svd_with_other_signs_is_right() -> None:
    """Signs of singular vectors are free, and so is the null space."""
    got = (torch.cat([U[..., :3] * FLIP, -U[..., 3:]], -1), S, FLIP[:, None] * VH)
    assert judged("T/svd", (got, (U, S, VH), [A])).accepted
    thin = tuple(torch.linalg.svd(A, full_matrices=False))
    assert judged("T/svd", (thin, thin, [A, False])).accepted


@pytest.mark.parametrize(
    ("got", "message"),
    [
        ((U, S * 1.001, VH), "U S Vh is off"),
        ((U * FLIP.new_tensor([-1, 1, 1, 1]), S, VH), "U S Vh is off"),
        ((U * 2, S / 2, VH), "U as a unitary matrix is off"),
        ((U, S, torch.zeros_like(VH)), "U S Vh is off"),
        ((U[..., [1, 0, 2, 3]], S[..., [1, 0, 2]], VH[..., [1, 0, 2], :]), "singular values"),
        ((U[..., :3], S, VH), "has shape"),
    ],
)
def test_a_wrong_svd_is_told(got: tuple[torch.Tensor, ...], message: str) -> None:
    """Wrong values, vectors that belong to others, and vectors that are not unitary."""
    found = judged("T/svd", (got, (U, S, VH), [A]))
    assert not found.accepted
    assert message in found.summary
    assert found.summary.startswith("test_case_0")


def test_eigenvectors_may_have_another_phase_and_order() -> None:
    """An eigenvalue's vector is free up to a phase, and the order of both is free."""
    a = drawn(3, 3)
    w, v = torch.linalg.eig(a)
    order = [2, 0, 1]
    got = (w[order], v[:, order] * torch.tensor([1j, -1, 1]))
    assert judged("T/eig", (got, (w, v), [a])).accepted
    for wrong in [(w * 1.001, v), (w, v[:, order]), (w.flip(0), v), (w, v * 2)]:
        assert not judged("T/eig", (wrong, (w, v), [a])).accepted


def test_a_repeated_eigenvalue_needs_a_basis() -> None:
    """Any basis of the identity is right, the same vector twice is not."""
    eye = torch.eye(2)
    w, v = torch.linalg.eig(eye)
    turned = torch.tensor([[0.6, -0.8], [0.8, 0.6]]).to(torch.complex64)
    assert judged("T/eig", ((w, turned), (w, v), [eye])).accepted
    twice = judged("T/eig", ((w, turned[:, [0, 0]]), (w, v), [eye]))
    assert "not independent" in twice.summary


@pytest.mark.parametrize("mode", ["reduced", "complete", "r"])
def test_a_qr_may_have_other_signs(mode: str) -> None:
    """Signs of Q's columns and R's rows are free."""
    a = drawn(4, 3)
    q, r = torch.linalg.qr(a, mode=mode)
    signs = torch.tensor([-1.0, 1.0, -1.0, 1.0])[: r.shape[0]]
    got = (q if mode == "r" else q * signs, r * signs[:, None])
    assert judged("T/qr", (got, (q, r), [a, mode])).accepted
    assert not judged("T/qr", ((q, r + 0.01), (q, r), [a, mode])).accepted
    if mode != "r":
        assert not judged("T/qr", ((q * 2, r / 2), (q, r), [a, mode])).accepted


def test_an_lu_must_reconstruct_and_pivot() -> None:
    """P is a permutation, L is unit lower with nothing above 1, and the product is the matrix."""
    a = drawn(3, 3)
    gold = tuple(torch.linalg.lu(a))
    p, lower, upper = gold
    assert judged("T/lu", (gold, gold, [a])).accepted
    for wrong, message in [
        ((p, lower, upper * 1.001), "P L U is off"),
        ((p * 0.5, lower, upper * 2), "no permutation"),
        ((p, lower * 0.5, upper * 2), "unit diagonal"),
        ((p, lower, upper.mT), "off by"),
    ]:
        assert message in judged("T/lu", (wrong, gold, [a])).summary


def test_an_ldl_must_solve_with_its_matrix() -> None:
    """What the factors solve is the matrix; what stands above the diagonal is nobody's concern."""
    for a, hermitian in [
        (torch.tensor([[4.0, 1.0], [1.0, 3.0]]), False),
        (torch.tensor([[2.0, 1j], [-1j, 2.0]]), True),
    ]:
        gold = tuple(torch.linalg.ldl_factor(a, hermitian=hermitian))
        factors, pivots = gold
        above = factors.clone()
        above[0, 1] = 77
        calls = [((above, pivots), gold, [a])]
        assert judged("T/ldl_factor", *calls, hermitian=hermitian).accepted
        for wrong in [(factors * 1.01, pivots), (factors, pivots * 0), (factors, pivots + 9)]:
            calls = [(wrong, gold, [a])]
            assert not judged("T/ldl_factor", *calls, hermitian=hermitian).accepted


def test_ties_are_judged_by_the_value_at_the_index() -> None:
    """Any index of the largest value is right, and no other."""
    x = torch.tensor([[1.0, 5.0, 5.0], [2.0, 0.0, 2.0]])
    gold, tie = torch.tensor([1, 0]), torch.tensor([2, 2])
    assert judged("T/argmax", (tie, gold, [x, 1])).accepted
    assert judged("T/argmax", (tie[:, None], gold[:, None], [x, 1, True])).accepted
    assert not judged("T/argmax", (torch.tensor([0, 0]), gold, [x, 1])).accepted
    assert "out of range" in judged("T/argmax", (torch.tensor([3, 0]), gold, [x, 1])).summary
    both = (x.amax(1), tie), (x.amax(1), gold)
    assert judged("T/max", (*both, [x, 1])).accepted
    assert not judged("T/max", ((x.amax(1) + 1, tie), both[1], [x, 1])).accepted
    assert judged("T/sigmoid_argmax", (torch.tensor(2), torch.tensor(1), [x])).accepted
    assert not judged("T/sigmoid_argmax", (torch.tensor(0), torch.tensor(1), [x])).accepted


def dropped(x: torch.Tensor, p: float) -> torch.Tensor:
    """A dropout with fresh randomness."""
    return x * (torch.rand(x.shape, generator=G) >= p) / (1 - p)


def linears(change: Callable[[torch.Tensor, float], torch.Tensor]) -> Verdict:
    """A dropout's task with the candidate's dropout being ``change``."""
    calls = []
    for p in (0.5, 0.3):
        x, w = drawn(6, 8), drawn(10, 8)
        before = torch.sigmoid(functional.linear(x, w))
        calls.append((change(before, p), dropped(before, p), [x, w, None, p]))
    return judged("T/dropout_sigmoid_linear", *calls)


def test_another_choice_of_dropped_elements_is_right() -> None:
    """What is dropped is free; that survivors are scaled and as many are dropped is not."""
    assert linears(dropped).accepted


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda x, p: x / (1 - p), "0 of 120 elements were dropped"),
        (lambda x, _: x, "neither dropped nor scaled"),
        (lambda x, _: torch.zeros_like(x), "elements were dropped, expected are about"),
        (lambda x, p: dropped(x, p) * (1 - p), "neither dropped nor scaled"),
        (lambda x, p: dropped(x.flip(0), p), "neither dropped nor scaled"),
        (lambda x, p: dropped(x, 0.9) * 0.1 / (1 - p), "elements were dropped"),
    ],
)
def test_a_wrong_dropout_is_told(
    change: Callable[[torch.Tensor, float], torch.Tensor], message: str
) -> None:
    """Dropping nothing, everything, too much, or not scaling is wrong."""
    found = linears(change)
    assert found.fault == Fault.WRONG_PROPERTY
    assert message in found.summary


def test_a_dropout_that_is_switched_off_is_judged_like_any_other_call() -> None:
    """With p = 0 or without training the values must be the gold's."""
    x = drawn(5, 5)
    gold = functional.hardshrink(x, 0.5)
    assert judged("T/fused_hardshrink_dropout", (gold, gold, [x, 0.5, False])).accepted
    assert judged("T/fused_hardshrink_dropout", (gold, gold, [x, 0.0])).accepted
    zeros = torch.zeros_like(gold)
    for args in ([x, 0.5, False], [x, 0.0]):
        found = judged("T/fused_hardshrink_dropout", (zeros, gold, args))
        assert found.fault == Fault.WRONG_VALUES


def test_an_activation_may_follow_the_dropout() -> None:
    """Each element is the activation of a kept or of a dropped value."""
    a, b = drawn(4, 6, 5), drawn(4, 5, 7)
    x = torch.bmm(a, b)
    gold, got = (functional.gelu(dropped(x, 0.5)) for _ in range(2))
    assert judged("T/fused_bmm_dropout_gelu", (got, gold, [a, b])).accepted
    late = dropped(functional.gelu(x), 0.5)
    assert not judged("T/fused_bmm_dropout_gelu", (late, gold, [a, b])).accepted


def test_a_sum_may_follow_the_dropout() -> None:
    """Each row is what some combination of dropped elements gives, and as many are dropped."""
    x, w1, w2, rest = drawn(6, 5, 4), drawn(4, 5), drawn(5, 4), drawn(6, 5, 4)

    def block(p: float, drop: float) -> torch.Tensor:
        inner = dropped(torch.softmax(x @ w1, -1), drop) * (1 - drop) / (1 - p)
        return functional.layer_norm(inner @ w2 + rest, (4,))

    def found(drop: float, p: float = 0.3) -> Verdict:
        calls = (block(p, drop), block(p, p), [x, w1, w2, rest, p])
        return judged("T/fused_transformer_block", calls)

    assert found(0.3).accepted
    assert "0 of 150 elements were dropped" in found(0.0).summary
    assert "elements were dropped" in found(0.8).summary
    shuffled = (block(0.3, 0.3).flip(0), block(0.3, 0.3), [x, w1, w2, rest, 0.3])
    assert "no combination" in judged("T/fused_transformer_block", shuffled).summary


def test_a_row_that_is_too_long_to_try_is_said() -> None:
    """Nothing is accepted because it is too long."""
    n = LONGEST_ROW + 1
    x, w1, w2, rest = drawn(2, 4), drawn(4, n), drawn(n, 4), drawn(2, 4)
    out = functional.layer_norm(torch.softmax(x @ w1, -1) @ w2 + rest, (4,))
    found = judged("T/fused_transformer_block", (out, out, [x, w1, w2, rest, 0.3]))
    assert "too long" in found.summary


def samples(*sizes: int) -> list[torch.Tensor]:
    """Uniform samples."""
    return [torch.rand(size, generator=G) for size in sizes]


def uniforms(got: list[torch.Tensor]) -> Verdict:
    """What the judge says of random factories."""
    return judged("T/rand", *((g, torch.rand(g.shape), [*g.shape]) for g in got))


def test_other_uniform_numbers_are_right() -> None:
    """Only their range and distribution count."""
    assert uniforms(samples(6, 6, 100)).accepted
    assert uniforms(samples(6)).accepted


@pytest.mark.parametrize(
    ("got", "message"),
    [
        ([torch.randn(100, generator=G)], "outside of [0, 1)"),
        ([torch.full((6,), 0.5)], "all values are the same"),
        ([torch.rand(100, generator=G) / 2], "not uniform"),
        ([torch.rand(100, generator=G) ** 2], "not uniform"),
        ([torch.linspace(0, 1, 100)], "depends on the one before it"),
        ([torch.full((6,), float("nan"))], "outside of"),
    ],
    ids=["normal", "constant", "half", "squared", "sorted", "nan"],
)
def test_what_is_not_uniform_is_told(got: list[torch.Tensor], message: str) -> None:
    """A wrong range, a wrong distribution, a constant, a sequence."""
    assert message in uniforms(got).summary


def test_bounds_of_a_uniform_sample_may_be_arguments() -> None:
    """An in-place sampler is judged by what it changed."""
    rules = rules_of("G", "uniform_sampling")
    given = wrapped({"args": [torch.zeros(200)], "kwargs": {"from_": 2.0, "to": 5.0}})

    def sampled(values: torch.Tensor) -> Any:
        return shown(called(values, changed={"0": values}, arguments=given), x=values)

    right, wrong = torch.rand(200, generator=G) * 3 + 2, torch.rand(200, generator=G)
    gold = sampled(torch.rand(200, generator=G) * 3 + 2)
    # The test's own variable follows what was judged in the call.
    assert verdict(sampled(right), gold, rules=rules).accepted
    assert not verdict(sampled(wrong), gold, rules=rules).accepted


@pytest.mark.parametrize(
    ("low", "high", "values", "accepted"),
    [
        (float("nan"), float("inf"), float("nan"), True),
        (0.0, float("inf"), -3.0, True),
        (5.0, 5.0, 5.0, True),
        (5.0, 5.0, 5.5, False),
    ],
)
def test_a_range_may_be_a_point_or_none(
    low: float, high: float, values: float, *, accepted: bool
) -> None:
    """Bounds that are not finite ask for nothing; between equal bounds there is one value."""
    rules = rules_of("G", "uniform_sampling")
    given = wrapped({"args": [torch.zeros(200)], "kwargs": {"from_": low, "to": high}})

    def sampled(value: float) -> Any:
        x = torch.full((200,), value)
        return shown(called(x, changed={"0": x}, arguments=given), x=x)

    gold = sampled(5.0 if low == high else float("nan"))
    assert verdict(sampled(values), gold, rules=rules).accepted is accepted


def test_a_point_hides_no_other_call() -> None:
    """A call between equal bounds says nothing of the distribution, and takes nothing from it."""
    rules = rules_of("G", "uniform_sampling")

    def sampled(*pairs: tuple[torch.Tensor, float]) -> Any:
        made = []
        for x, low in pairs:
            given = wrapped({"args": [x], "kwargs": {"from_": low, "to": 5.0}})
            made.append(called(x, changed={"0": x}, arguments=given))
        return shown(*made)

    point, low = (torch.full((9,), 5.0), 5.0), torch.rand(400, generator=G)
    gold = sampled(point, (torch.rand(400, generator=G) * 5, 0.0))
    assert verdict(sampled(point, (low * 5, 0.0)), gold, rules=rules).accepted
    assert not verdict(sampled(point, (low, 0.0)), gold, rules=rules).accepted


def test_binomial_draws_are_judged_by_their_sum_and_spread() -> None:
    """Whole numbers up to the count, as many and as different as chance makes them."""
    n, p = torch.full((40,), 10.0), torch.full((40,), 0.3)
    ones = torch.ones(40, dtype=torch.int32)

    def found(got: torch.Tensor) -> Verdict:
        return judged("T/bitwise_and_binomial", (got, torch.binomial(n, p), [ones, ones, n, p]))

    assert found(torch.binomial(n, p, generator=G)).accepted
    assert "no count" in found(n * p + 0.5).summary
    assert "no count" in found(n + 1).summary
    assert "successes" in found(torch.binomial(n, p + 0.3, generator=G)).summary
    assert "spread" in found(n * p).summary


def test_fractional_pooling_may_choose_other_windows() -> None:
    """Every element is the maximum of a window, the last one of the last window."""
    x = drawn(1, 1, 9, 9)
    task = "T/fused_fractional_max_pool2d_with_relu"

    def pooled(seed: float) -> tuple[torch.Tensor, torch.Tensor]:
        chosen = torch.full((1, 1, 2), seed)
        pair: tuple[torch.Tensor, torch.Tensor] = functional.fractional_max_pool2d(
            torch.relu(x), 2, output_size=4, return_indices=True, _random_samples=chosen
        )
        return pair

    gold, got = pooled(0.1), pooled(0.7)
    assert not torch.equal(gold[0], got[0])
    for size in (2, (2, 2)):
        assert judged(task, (got[0], gold[0], [x, size])).accepted
        assert judged(task, (got, gold, [x, size])).accepted
    for wrong in [(got[0] + 1, got[1]), (got[0], got[1] * 0), (got[0].flip(-1), got[1])]:
        assert not judged(task, (wrong, gold, [x, 2])).accepted


def test_without_arguments_a_special_rule_is_not_carried_out() -> None:
    """A call whose arguments the gold did not deliver is judged like any other."""
    rules = Rules((Rule("svd", {"signature": "(A)"}),))
    gold, flipped = shown((U, S, VH)), shown((-U, S, -VH))
    assert not verdict(flipped, gold, rules=rules).accepted
    assert verdict(gold, gold, rules=rules).accepted
