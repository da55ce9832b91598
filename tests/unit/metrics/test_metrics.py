"""All metrics of a small suite, counted by hand."""

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from pytest_tritonbench.report.metrics import ModelReport, Report, metrics
from pytest_tritonbench.report.metrics.similarity import Tally
from pytest_tritonbench.report.metrics.timings import Size


@dataclass(frozen=True)
class Task:
    """A task of the suite."""

    difficulty: int
    family: str


@dataclass(frozen=True)
class Suite:
    """A suite of five tasks."""

    suite: str
    tasks: Mapping[str, Task]


SUITE = Suite(
    "TritonBench-G",
    {
        "add": Task(1, "elementwise"),
        "softmax": Task(2, "softmax"),
        "matmul": Task(2, "matmul"),
        "empty": Task(3, "softmax"),
        "broken": Task(3, "matmul"),
    },
)
SECOND = Suite("TritonBench-T", {"abs": Task(1, "elementwise")})
UNJUDGED = {"published": {"call": True, "exec": True}, "strict": {"call": True, "exec": None}}


def verdicts(call: bool, published: bool, exec_: bool, right: bool) -> dict[str, Any]:  # noqa: FBT001
    """Both policies' verdicts."""
    strict = {"call": call, "exec": exec_, "right": right}
    return {"published": {"call": call, "exec": published if call else None}, "strict": strict}


def record(task: str, phase: str, outcome: str = "passed", **more: Any) -> dict[str, Any]:
    """A record of the model o1, run on an H200."""
    return {
        "suite": "TritonBench-G",
        "task": task,
        "model": "output_o1-2024-12-17_comp",
        "sample": 0,
        "phase": phase,
        "outcome": outcome,
        "reason": None,
        "case": None,
        "run": "2026-01-01T00:00:00Z",
        "environment": {"device": "NVIDIA H200"},
        **more,
    }


def records() -> Iterator[dict[str, Any]]:
    """Right and fast; right on the test alone; not Triton; no answer; not judgeable."""
    right = verdicts(call=True, published=True, exec_=True, right=True)
    yield record("add", "call", policy=right)
    yield record("add", "exec", policy=right)
    yield record("add", "fuzz", case={"m": 3})
    size = {"input_size": [[4]], "ms": 1.0, "gold_ms": 2.0, "gbs": 2400.0, "tflops": 1.0}
    yield record("add", "bench", timing={"sizes": [size], "speedup": 2.0})
    yield record("softmax", "call", policy=right)
    yield record("softmax", "exec", policy=right)
    yield record("softmax", "fuzz", "failed", case={"m": 7}, reason="wrong-values")
    torch = verdicts(call=True, published=True, exec_=False, right=True)
    yield record("matmul", "call", policy=torch)
    yield record("matmul", "exec", "failed", reason="not-triton", policy=torch)
    nothing = verdicts(call=False, published=False, exec_=False, right=False)
    yield record("empty", "call", "failed", reason="empty", policy=nothing)
    message = "gold-broken: illegal access"
    yield record("broken", "call", policy=UNJUDGED)
    yield record(
        "broken", "exec", "skipped", reason="gold-broken", message=message, policy=UNJUDGED
    )


def only(report: Report) -> ModelReport:
    """The one model of the one suite."""
    ((model,),) = (suite.models for suite in report.suites)
    return model


@pytest.fixture
def model() -> ModelReport:
    """What is measured of the one model."""
    golden = {"TritonBench-G": {"add": [Size([[4]], 3.0)]}}
    return only(metrics(records(), suites=[SUITE, SECOND], golden=golden))


@pytest.mark.parametrize(
    ("metric", "policy", "of_all", "of_judgeable"),
    [
        ("call", "published", (4, 5), (3, 4)),
        ("exec", "published", (4, 5), (3, 4)),
        ("call", "strict", (4, 5), (3, 4)),
        ("exec", "strict", (2, 5), (2, 4)),
        ("right", "strict", (3, 5), (3, 4)),
        ("fuzz", "strict", (1, 5), (1, 4)),
    ],
)
def test_accuracies_on_both_denominators(
    model: ModelReport,
    metric: str,
    policy: str,
    of_all: tuple[int, int],
    of_judgeable: tuple[int, int],
) -> None:
    """Every metric counts by both policies, of all tasks and of those that can be judged."""
    found = model.accuracy(metric, policy)
    assert found is not None
    assert (found.of_all.k, found.of_all.n) == of_all
    assert (found.of_judgeable.k, found.of_judgeable.n) == of_judgeable


def test_groups_partition_the_suite(model: ModelReport) -> None:
    """Difficulties and families each count every task once, and sum to the whole."""
    assert [group.name for group in model.by_difficulty] == ["1", "2", "3"]
    assert [group.name for group in model.by_family] == ["elementwise", "matmul", "softmax"]
    for groups in (model.by_difficulty, model.by_family):
        for i, whole in enumerate(model.accuracies):
            parts = [group.accuracies[i].of_all for group in groups]
            assert sum(part.n for part in parts) == whole.of_all.n == 5
            assert sum(part.k for part in parts) == whole.of_all.k
    execs = {g.name: next(a.of_all.k for a in g.accuracies[3:]) for g in model.by_difficulty}
    assert execs == {"1": 1, "2": 1, "3": 0}


def test_what_became_of_the_rest_is_named(model: ModelReport) -> None:
    """Not Triton, no answer, fallen in fuzz, broken: each by name."""
    assert model.not_triton == ("matmul",)
    assert model.unanswered == {"empty": ("empty",)}
    assert model.survival.fell == ("softmax",)
    assert (model.survival.survived.k, model.survival.survived.n) == (1, 2)
    assert model.errors.untyped == {"not-triton": 1}
    assert model.not_run == ()


def test_unjudgeable_tasks_have_reasons() -> None:
    """A suite lists the tasks that cannot be judged, with why; models of other suites are out."""
    (suite,) = metrics(records(), suites=[SUITE, SECOND]).suites
    assert suite.judgeable == 4
    state = suite.unjudgeable["broken"]
    assert (state.state, state.reason) == ("gold-broken", "illegal access")


def test_speed_by_both_policies(model: ModelReport) -> None:
    """Against the gold on the same GPU, and against the A100's file."""
    assert model.speedup.tasks == {"add": 2.0}
    assert model.efficiency["datasheet"].tasks == {"add": 50.0}
    assert model.efficiency["measured"].dropped[0].reason == "no peaks were measured of NVIDIA H200"
    speed = model.published_speed
    assert speed is not None
    # 2400 GB/s are more than an A100's 2039: upstream drops the task.
    assert (speed.speedup, speed.efficiency) == (None, None)
    assert "cut-off of 100 %" in speed.dropped[0].reason


def test_paper_beside_ours(model: ModelReport) -> None:
    """The row of the file's model stands beside ours, with the difference and what is odd."""
    found = {comparison.metric: comparison for comparison in model.paper}
    assert (found["exec"].paper, found["exec"].published, found["exec"].strict) == (14.23, 80, 40)
    assert found["exec"].difference == pytest.approx(65.77)
    assert "26 of 184" in found["exec"].note
    assert found["similarity"].published is None


def test_parts_of_a_suite_count_what_was_not_run() -> None:
    """Tasks without records are named and stay in the denominator."""
    found = only(metrics([record("add", "call"), record("add", "exec")], suites=[SUITE]))
    assert found.not_run == ("softmax", "matmul", "empty", "broken")
    accuracy = found.accuracy("exec", "strict")
    assert accuracy is not None
    assert (accuracy.of_all.k, accuracy.of_all.n) == (1, 5)
    assert found.accuracy("exec", "published") is None


def test_samples_give_pass_at_k() -> None:
    """Two samples, of which one is right for one of five tasks; the unjudgeable stay in."""
    listed = [
        record(task, "exec", "passed" if (task, sample) == ("add", 1) else "failed", sample=sample)
        for task in SUITE.tasks
        for sample in (0, 1)
    ]
    found = only(metrics(listed, suites=[SUITE]))
    assert found.pass_at_k[1].value == pytest.approx(0.5 / 5)
    assert found.pass_at_k[2].value == pytest.approx(1 / 5)
    accuracy = found.accuracy("exec", "strict")
    assert accuracy is not None
    assert accuracy.of_all.k == 0  # of the first sample


def test_tasks_without_samples_count_in_pass_at_k() -> None:
    """A task that no sample answers is a task that every draw fails."""
    listed = [record("add", "exec", sample=sample) for sample in (0, 1)]
    assert only(metrics(listed, suites=[SUITE])).pass_at_k[2].value == pytest.approx(1 / 5)


def test_success_on_a_task_that_cannot_be_judged_counts_nowhere() -> None:
    """What one run passed does not count once a later run found the gold broken."""
    early = [record("broken", "call"), record("broken", "exec")]
    late = {"model": "other", "run": "2026-01-02T00:00:00Z"}
    skipped = record("broken", "exec", "skipped", reason="gold-broken", **late)
    (suite,) = metrics([*early, skipped], suites=[SUITE]).suites
    for model in suite.models:
        accuracy = model.accuracy("exec", "strict")
        assert accuracy is not None
        assert (accuracy.of_all.k, accuracy.of_judgeable.n) == (0, 4)


def test_golds_are_no_model() -> None:
    """Records of the golds tell of the tasks and have no row of their own."""
    golds = [record(task, "call", model="gold") for task in SUITE.tasks]
    (suite,) = metrics([*records(), *golds], suites=[SUITE]).suites
    assert [model.model for model in suite.models] == ["output_o1-2024-12-17_comp"]


def test_similarity_comes_from_records_or_from_the_caller() -> None:
    """Tallies in records are added up, per group too; the caller's take their place."""
    full = Tally(1, (4.0,) * 4, (4.0,) * 4, (4.0,) * 4, (4.0,) * 4, 4, 4, 2, 2, 2, 2)
    none = Tally(1, (0.0,) * 4, (4.0,) * 4, (0.0,) * 4, (4.0,) * 4, 4, 4, 0, 2, 0, 2)
    listed = [
        record("add", "call", similarity={"proper": full.as_json()}),
        record("softmax", "call", similarity={"proper": none.as_json()}),
    ]
    found = only(metrics(listed, suites=[SUITE]))
    assert found.similarity["proper"].syntax == 50.0
    assert found.by_difficulty[0].similarity["proper"].score == 100.0
    given = {(SUITE.suite, found.model): {"published": {"add": full}}}
    found = only(metrics(listed, suites=[SUITE], similarity=given))
    assert list(found.similarity) == ["published"]


def test_everything_is_json(model: ModelReport) -> None:
    """A report becomes plain JSON, without NaN."""
    report = metrics(records(), suites=[SUITE])
    text = json.dumps(report.as_json(), allow_nan=False)
    assert json.loads(text)["suites"][0]["models"][0]["model"] == model.model


def test_metrics_import_neither_torch_nor_tree_sitter() -> None:
    """Reading records on a machine without torch is enough for a report."""
    code = (
        "import sys; import pytest_tritonbench.report.metrics; "
        "print([m for m in ('torch', 'triton', 'tree_sitter') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
