"""A gold in the sandbox judges candidates on generalised cases."""

import textwrap
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from pytest_tritonbench.evaluation import Evaluation, Outcome
from pytest_tritonbench.fuzzing import NoCaseError, fuzz
from pytest_tritonbench.judge.gold_oracle import GoldOracle
from pytest_tritonbench.judge.gold_run import GoldRun
from pytest_tritonbench.judge.oracle_client import RefusedCaseError
from pytest_tritonbench.sandbox import Sandbox, TensorOut
from pytest_tritonbench.task.case import Case
from pytest_tritonbench.task.loading import TaskFile
from pytest_tritonbench.task.tritonbench.generalise import Generalised, generalise

SOFTMAX = """
import torch

def entry(x, dim=-1, *, scale=1.0):
    return torch.softmax(x * scale, dim)
"""
HERE = Path("entry.py")


class Recorded:
    """A recorded call of ``entry``."""

    name = "entry"
    raised = None
    result = None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.arguments = {"args": [_carried(a) for a in args], "kwargs": kwargs}


def _carried(value: Any) -> Any:
    if isinstance(value, list):
        return [_carried(part) for part in value]
    if not isinstance(value, torch.Tensor):
        return value
    dtype = str(value.dtype).removeprefix("torch.")
    data = memoryview(value.contiguous().reshape(-1).view(torch.uint8).numpy().tobytes())
    return TensorOut(dtype, tuple(value.shape), value.stride(), "cpu", data)


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    """A sandbox on the CPU."""
    with Sandbox() as started:
        yield started


class Sides:
    """A gold, what its calls generalise to, and candidates against it."""

    def __init__(
        self,
        sandbox: Sandbox,
        gold: str,
        *calls: Recorded,
        wide: bool = True,
        tf32: bool = False,
    ) -> None:
        self._sandbox = sandbox
        source = textwrap.dedent(gold)
        run = GoldRun(sandbox.candidate(source, "gold.py", "entry"), "cpu", 20.0)
        made = generalise("entry", calls, source, "entry", run, seconds=30.0)
        assert isinstance(made, Generalised), made
        self.made = made
        self.oracle = GoldOracle(run, made, wide=wide, tf32=tf32)

    def evaluation(self, candidate: str) -> Evaluation:
        """A candidate's evaluation."""
        source = textwrap.dedent(candidate)
        taskfile = TaskFile(self.made.task, HERE, "")
        make = lambda: self._sandbox.candidate(source, "entry.py", "entry")  # noqa: E731 - as short as it is
        return Evaluation(taskfile, self.oracle, make)

    def fuzzed(self, candidate: str, examples: int = 30) -> Outcome | None:
        """The smallest failing case of a candidate."""
        evaluation = self.evaluation(candidate)
        found, _ = fuzz(
            self.made.task,
            lambda case: evaluation.run(case, timeout=20),
            examples=examples,
            elements=4096,
            drawn=self.made.cases(4096),
            patience=0.3,
        )
        evaluation.close()
        return found

    def case(self, **what: Any) -> Case:
        """A case of the first form."""
        task = self.made.tasks[0]
        return task.case({"call": 0, "seed": 1, **what})


@pytest.fixture(scope="module")
def softmax(sandbox: Sandbox) -> Iterator[Sides]:
    """A softmax over a dim, recorded on 2 x 3 and with its scale by keyword."""
    x = torch.randn(2, 3)
    sides = Sides(sandbox, SOFTMAX, Recorded(x), Recorded(x, 0), Recorded(x, scale=0.5))
    yield sides
    sides.oracle.close()


def test_the_gold_passes_its_own_fuzz(softmax: Sides) -> None:
    """No case tells the gold from itself."""
    assert softmax.fuzzed(SOFTMAX) is None


def test_another_right_computation_passes(softmax: Sides) -> None:
    """A candidate that rounds elsewhere than the gold is right on every case."""
    candidate = """
        import torch

        def entry(x, dim=-1, *, scale=1.0):
            y = x.double() * scale
            y = torch.exp(y - y.amax(dim, keepdim=True))
            return (y / y.sum(dim, keepdim=True)).to(x.dtype)
    """
    assert softmax.fuzzed(candidate) is None


@pytest.mark.parametrize(
    "mistake",
    [
        "return good(x, -1, scale)",
        "return good(x, dim, 1.0)",
        "return good(x, dim, scale) if max(x.shape) <= 64 else good(x, dim, scale) * 1.01",
        "y = good(x, dim, scale); y[-1] = 0 if len(y) > 4 else y[-1]; return y",
        "return good(x.as_strided(x.shape, (x.shape[1], 1), x.storage_offset()), dim, scale)",
        "return good(x.float(), dim, scale)",
    ],
    ids=["dim", "scale", "large", "last row", "strides", "dtype"],
)
def test_a_planted_mistake_is_found(softmax: Sides, mistake: str) -> None:
    """What the recorded 2 x 3 matrices cannot show, the generalised cases do."""
    candidate = f"""
        import torch

        def good(x, dim, scale):
            return torch.softmax(x * scale, dim)

        def entry(x, dim=-1, *, scale=1.0):
            {mistake}
    """
    found = softmax.fuzzed(candidate, 60)
    assert found is not None
    assert not found.accepted


def test_arguments_are_passed_as_the_test_passes_them(sandbox: Sandbox) -> None:
    """Keywords, lists and dtypes arrive as such in the gold and in the candidate."""
    gold = """
        import torch

        def entry(parts, *, dim, dtype=None):
            assert type(parts) is list
            assert dtype is None or isinstance(dtype, torch.dtype)
            return torch.cat(parts, dim).sum(dtype=dtype)
    """
    parts = [torch.randn(2, 3), torch.randn(2, 3)]
    calls = [Recorded(parts, dim=0), Recorded(parts, dim=1, dtype="torch.float64")]
    sides = Sides(sandbox, gold, *calls)
    assert sides.fuzzed(gold, 20) is None
    assert sides.fuzzed(gold.replace("sum(dtype=dtype)", "sum()"), 20) is not None
    sides.oracle.close()


def test_what_is_changed_in_place_is_judged(sandbox: Sandbox) -> None:
    """A candidate that does not change what the gold changes is wrong, though it returns right."""
    gold = "def entry(x, inplace=False):\n    return x.relu_() if inplace else x.relu()\n"
    x = torch.randn(5)
    sides = Sides(sandbox, gold, Recorded(x), Recorded(x, inplace=True))
    assert sides.fuzzed(gold) is None
    found = sides.fuzzed("def entry(x, inplace=False):\n    return x.relu()\n")
    assert found is not None
    assert "in place" in (found.verdict.summary if found.verdict else "")
    sides.oracle.close()


def test_what_is_returned_beside_a_change_is_nobodys_business(sandbox: Sandbox) -> None:
    """Where the gold returns None its test looks at the arguments alone."""
    gold = "def entry(x):\n    x.mul_(2)\n"
    sides = Sides(sandbox, gold, Recorded(torch.randn(4)))
    assert sides.fuzzed("def entry(x):\n    return x.mul_(2)\n") is None
    assert sides.fuzzed("def entry(x):\n    return x.mul_(3)\n") is not None
    sides.oracle.close()


def test_a_change_that_the_gold_does_not_make_is_found(softmax: Sides) -> None:
    """A candidate that writes to its input is wrong."""
    found = softmax.fuzzed(f"{SOFTMAX.replace('return ', 'y = ')}    x[0] = 0\n    return y\n")
    assert found is not None
    assert found.reason == "input-changed"


REFUSED = {
    "raises": "if len(x) > 3: raise ValueError('too long')",
    "unwritten": "if len(x) > 3: return torch.empty_like(x)",
    "random": "if len(x) > 3: return torch.rand(3)",
}


@pytest.mark.parametrize("kind", REFUSED)
def test_a_case_that_says_nothing_is_refused(softmax: Sides, sandbox: Sandbox, kind: str) -> None:
    """Where the gold raises, leaves elements unwritten or rolls dice, no case is put."""
    gold = (
        f"import torch\n\ndef entry(x, dim=0, *, scale=1.0):\n    {REFUSED[kind]}\n    return x\n"
    )
    run = GoldRun(sandbox.candidate(gold, "gold.py", "entry"), "cpu", 20.0)
    oracle = GoldOracle(run, softmax.made, wide=True)
    assert oracle.ask(HERE, softmax.case(n=2, m=2)).expected.reference is not None
    with pytest.raises(RefusedCaseError):
        assert oracle.ask(HERE, softmax.case(n=9, m=2)).expected
    oracle.close()


def test_a_gold_that_writes_past_its_arguments_is_refused(sandbox: Sandbox) -> None:
    """It fills eight elements whatever it is given: fewer than eight say nothing of anybody."""
    gold = """
        import torch

        def entry(x):
            torch.as_strided(x, (8,), (1,), x.storage_offset()).fill_(1)
            return x
    """
    sides = Sides(sandbox, gold, Recorded(torch.randn(8)))
    [n] = sides.made.task.dims.values()
    assert n.low == 8
    sides.oracle.close()


def test_ties_are_refused(sandbox: Sandbox) -> None:
    """Which of several equal values comes first is no matter of right and wrong."""
    gold = "def entry(x):\n    return x.argmax(0)\n"
    sides = Sides(sandbox, gold, Recorded(torch.tensor([1.0, 3.0, 2.0])))
    assert sides.oracle.ask(HERE, sides.case(n=50)).expected.reference is not None
    with pytest.raises(RefusedCaseError, match="rounding"):
        assert sides.oracle.ask(HERE, sides.case(n=50, pattern="integers")).expected
    last = "def entry(x):\n    return len(x) - 1 - x.flip(0).argmax(0)\n"
    assert sides.fuzzed(last) is None
    sides.oracle.close()


def test_ties_of_whole_numbers_are_refused(sandbox: Sandbox) -> None:
    """Where integers are compared, equal ones leave it open which comes first."""
    gold = "def entry(x):\n    return x.argmax(0)\n"
    sides = Sides(sandbox, gold, Recorded(torch.tensor([1, 3, 2])))
    last = "def entry(x):\n    return len(x) - 1 - x.flip(0).argmax(0)\n"
    first = "def entry(x):\n    return x.argmax(0) * 0\n"
    assert sides.fuzzed(last) is None
    assert sides.fuzzed(first) is not None
    sides.oracle.close()


def test_a_fuzz_without_a_case_is_no_success(softmax: Sides) -> None:
    """When every case is refused, the fuzz says so instead of passing."""

    def refuse(case: Case) -> Outcome:
        raise RefusedCaseError(case.to_json())

    with pytest.raises(NoCaseError):
        fuzz(softmax.made.task, refuse, examples=5, elements=64, drawn=softmax.made.cases(64))


def test_a_kernel_that_rounds_twice_is_right_where_nothing_moves(sandbox: Sandbox) -> None:
    """Moving the inputs need not move the gold's rounded answer; three units off are a fault."""
    gold = "def entry(x):\n    return (x.sign().float() * 1.3 * 1.7).to(x.dtype)\n"
    sides = Sides(sandbox, gold, Recorded(torch.randn(4, 16).half()), wide=False)
    ratios = []
    for value in ("x.sign().float() * 2.21", "x.sign() * 1.3 * 1.7", "x.sign() * 2.216"):
        evaluation = sides.evaluation(f"def entry(x):\n    return ({value}).to(x.dtype)\n")
        outcome = evaluation.run(sides.case(n=1, m=1, dtype="float16"), timeout=20)
        evaluation.close()
        ratios.append(outcome.ratio)
    assert ratios[0] == 0
    assert ratios[1] == pytest.approx(1 / 1.1), (
        "one unit, of what half a unit twice and a tenth are"
    )
    assert ratios[2] == pytest.approx(3 / 1.1)
    sides.oracle.close()


def test_no_case_is_tried_when_the_time_is_up(softmax: Sides) -> None:
    """Cases that are slow end a fuzz that has found nothing, and a failure ends as it does."""
    evaluation = softmax.evaluation(SOFTMAX)
    tried = []

    def slow(case: Case) -> Outcome:
        tried.append(case)
        time.sleep(0.3)
        return evaluation.run(case, timeout=20)

    def drive(seconds: float) -> Outcome | None:
        drawn = softmax.made.cases(64)
        task = softmax.made.task
        return fuzz(task, slow, examples=30, elements=64, drawn=drawn, seconds=seconds)[0]

    assert drive(0.5) is None
    assert 1 <= len(tried) <= 2
    evaluation.close()
    evaluation = softmax.evaluation("def entry(x, dim=-1, *, scale=1.0):\n    return x\n")
    tried.clear()
    assert drive(0.1) is not None
    assert len(tried) > 1
    evaluation.close()


def test_one_seed_draws_the_same_cases_whatever_failed_before(softmax: Sides) -> None:
    """Two answers to a task are put to the same cases; no seed leaves the choice to Hypothesis."""
    evaluation = softmax.evaluation(SOFTMAX)
    wrong = softmax.evaluation("def entry(x, dim=-1, *, scale=1.0):\n    return x\n")

    def cases_of(answer: Evaluation, seed: str | None) -> list[Case]:
        tried = []

        def evaluate(case: Case) -> Outcome:
            tried.append(case)
            return answer.run(case, timeout=20)

        drawn = softmax.made.cases(64)
        fuzz(softmax.made.task, evaluate, examples=8, elements=64, drawn=drawn, seed=seed)
        return tried

    first = cases_of(evaluation, "softmax")
    assert cases_of(wrong, "softmax")[0] == first[0]
    assert cases_of(evaluation, "softmax") == first
    assert cases_of(evaluation, "another") != first
    evaluation.close()
    wrong.close()


def test_a_gold_kernel_is_its_own_truth(sandbox: Sandbox) -> None:
    """Without a float64 run a candidate may differ by what roundings of the inputs do."""
    gold = "def entry(x):\n    return x.float().cumsum(0).to(x.dtype)\n"
    sides = Sides(sandbox, gold, Recorded(torch.randn(4)), wide=False)
    assert sides.fuzzed("def entry(x):\n    return x.double().cumsum(0).to(x.dtype)\n") is None
    assert sides.fuzzed("def entry(x):\n    return x.cumsum(0) * 1.05\n") is not None
    sides.oracle.close()


def test_a_kernel_that_rounds_elsewhere_than_the_gold_is_right(sandbox: Sandbox) -> None:
    """In half precision the gold's answer is rounded, too: another order of roundings is no fault.

    A product that is off by two units in the last place is one.
    """
    gold = "def entry(x, w):\n    return (x.float() * 1.3 * w.float()).to(x.dtype)\n"
    call = Recorded(torch.randn(4, 16).half(), torch.randn(16).half())
    sides = Sides(sandbox, gold, call, wide=False)
    assert sides.fuzzed("def entry(x, w):\n    return (x.float() * 1.3).to(x.dtype) * w\n") is None
    off = "def entry(x, w):\n    return (x.float() * 1.3 * w.float() * 1.004).to(x.dtype)\n"
    assert sides.fuzzed(off) is not None
    sides.oracle.close()


PRODUCT = """
    import torch

    def entry(a, b):
        return {}(a) @ {}(b)

    def kept(x):
        return x

    def cut(x):
        if x.dtype != torch.float32:
            return x
        return (x.view(torch.int32) & ~0x1FFF).view(torch.float32)

    def coarse(x):
        if x.dtype != torch.float32:
            return x
        return (x.view(torch.int32) & ~0x3FFFF).view(torch.float32)
"""


def test_tf32_of_equal_factors_is_allowed(sandbox: Sandbox) -> None:
    """Tensor cores cut off bits and do not round: errors of constant factors do not cancel."""
    product = PRODUCT.replace("(a) @", "(a).tril() @")
    calls = Recorded(torch.randn(12, 12), torch.randn(12, 6))
    sides = Sides(sandbox, product.format("kept", "kept"), calls, tf32=True)
    sizes = dict.fromkeys(sides.made.tasks[0].dims, 40)
    worst = []
    for cut in ("cut", "coarse"):
        evaluation = sides.evaluation(product.format(cut, cut))
        cases = [sides.case(**sizes, pattern="constant", seed=seed) for seed in range(12)]
        worst.append(max(evaluation.run(case, timeout=20).ratio or 0.0 for case in cases))
        evaluation.close()
    assert worst[0] < 1 < worst[1]
    sides.oracle.close()


@pytest.mark.parametrize("tf32", [True, False])
def test_tf32_is_allowed_where_the_table_says_so(sandbox: Sandbox, *, tf32: bool) -> None:
    """A product whose operands lost their low 13 bits, as tensor cores lose them."""
    calls = Recorded(torch.randn(8, 12), torch.randn(12, 6))
    sides = Sides(sandbox, PRODUCT.format("kept", "kept"), calls, tf32=tf32)
    assert (sides.fuzzed(PRODUCT.format("cut", "cut")) is None) is tf32
    sides.oracle.close()
