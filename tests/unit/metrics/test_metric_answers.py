"""Records folded into answers, and the states of tasks."""

from typing import Any

from pytest_tritonbench.report.metrics.outcomes import gather, merge
from pytest_tritonbench.report.metrics.states import states


def record(phase: str = "exec", outcome: str = "passed", **more: Any) -> dict[str, Any]:
    """A record with what the metrics look at."""
    found = {"suite": "TritonBench-T", "task": "add", "model": "m", "sample": 0, "case": None}
    found |= {"phase": phase, "outcome": outcome, "reason": None, "run": "2026-01-01T00:00:00Z"}
    return {**found, **more}


def test_later_run_wins_whatever_the_order() -> None:
    """Of one phase of one answer, the run that began last is kept, also if it is read first."""
    old, new = record(outcome="failed"), record(run="2026-01-02T00:00:00Z")
    for order in ([old, new], [new, old]):
        assert merge(order) == [new]


def test_cases_of_an_older_run_are_gone() -> None:
    """A drawn case that failed in an older run does not outlive a newer run of the phase."""
    old = record("fuzz", "failed", case={"m": 1})
    new = record("fuzz", case={"m": 2}, run="2026-01-02T00:00:00Z")
    (answer,) = gather([old, new])
    assert answer.fuzz is True


def test_cases_of_one_run_stay_together() -> None:
    """Within a run each case counts, and one that fails makes the phase fail."""
    cases = [record("fuzz", case={"m": 1}), record("fuzz", "failed", case={"m": 2})]
    (answer,) = gather(cases)
    assert answer.fuzz is False
    assert len(answer.phases["fuzz"]) == 2


def test_both_policies_are_read_apart() -> None:
    """An answer may be right as published and wrong to the judge."""
    policy = {
        "published": {"call": True, "exec": True},
        "strict": {"call": True, "exec": False, "right": False},
    }
    (answer,) = gather([record("call"), record(outcome="failed", policy=policy)])
    assert (answer.published_call, answer.published_exec) == (True, True)
    assert (answer.call, answer.exec, answer.right) == (True, False, False)


def test_outcomes_serve_where_no_policy_was_recorded() -> None:
    """Records of older runs have outcomes alone; nothing is then said of the published policy."""
    (answer,) = gather([record("call"), record()])
    assert (answer.call, answer.exec, answer.right) == (True, True, True)
    assert answer.published_exec is None


def test_right_without_triton_is_not_executed() -> None:
    """A right result without a Triton kernel counts as right, not as executed."""
    failed = record(outcome="failed", reason="not-triton", right_without_triton=True)
    (answer,) = gather([record("call"), failed])
    assert (answer.right, answer.exec, answer.not_triton) == (True, False, True)


def test_exec_that_did_not_run_is_no_success() -> None:
    """A call that passed says nothing about the values."""
    (answer,) = gather([record("call")])
    assert (answer.call, answer.exec, answer.right) == (True, False, False)


def test_unjudgeable_is_no_success_even_where_the_published_policy_passes() -> None:
    """A run under the published policy passes a vacuous task; strict execution does not."""
    policy = {"published": {"call": True, "exec": True}, "strict": {"unjudged": "vacuous"}}
    (answer,) = gather([record("call"), record(policy=policy)])
    assert (answer.published_exec, answer.exec) == (True, False)


def test_state_is_told_by_any_model() -> None:
    """One model's record that the gold is broken holds for a model that failed before it."""
    message = "gold-broken: it needs torch._inductor"
    skipped = record(outcome="skipped", reason="gold-broken", message=message)
    other = record("call", "failed", model="n", reason="exception")
    found = states(gather([record("call"), skipped, other]))
    assert found["add"].state == "gold-broken"
    assert found["add"].reason == "it needs torch._inductor"


def test_later_machine_that_can_judge_wins() -> None:
    """A gold that is broken on a CPU and judged later on a GPU is not broken."""
    skipped = record(outcome="skipped", reason="gold-broken")
    later = {"run": "2026-01-03T00:00:00Z", "model": "n"}
    judged = [record("call", **later), record(outcome="failed", reason="wrong-values", **later)]
    assert not states(gather([skipped, *judged]))
    earlier = [{**r, "run": "2025-12-31T00:00:00Z"} for r in judged]
    assert states(gather([skipped, *earlier]))["add"].state == "gold-broken"


def test_gold_that_fails_its_own_test_is_broken() -> None:
    """A record of the gold as an answer tells of the task, too."""
    failed = record("call", "failed", model="gold", reason="gpu-fault", message="illegal access")
    assert states(gather([failed]))["add"].reason == "illegal access"
