"""Drawn cases for imported tasks: the calls that the test makes to its entry point, generalised."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from pytest_tritonbench.evaluation import Evaluation, Outcome
from pytest_tritonbench.fuzzing import NoCaseError, fuzz
from pytest_tritonbench.imported.answers import digest
from pytest_tritonbench.imported.golds import GoldRuns
from pytest_tritonbench.judge.gold_oracle import GoldOracle
from pytest_tritonbench.judge.gold_run import GoldRun
from pytest_tritonbench.sandbox import Candidate, Sandbox
from pytest_tritonbench.task.case import Case
from pytest_tritonbench.task.loading import TaskFile
from pytest_tritonbench.task.tritonbench.checkout import Upstream
from pytest_tritonbench.task.tritonbench.generalise import Generalised, NotGeneral, generalise

# Answers that are right in several ways: a drawn case would be compared with one of them.
_SEVERAL_ANSWERS = frozenset(
    {"svd", "eig", "qr", "lu", "ldl", "dropout", "uniform", "binomial", "window"}
)
# Where the first failing case is large, a smaller one is looked for so long.
_PATIENCE = 10.0
# For all cases of an answer: an autotuner compiles its configurations anew for nearly every case.
_LONGEST = 60.0
# For a gold's runs that settle what varies. On a GPU most of it goes into compiling.
_SECONDS = {"cpu": 5.0, "cuda": 20.0}


@dataclass(frozen=True)
class Fuzzed:
    """What became of an answer on drawn cases."""

    varied: str
    """What was varied, in a line or two."""

    failed: Outcome | None = None
    flaky: bool = False
    cases: int = 0
    """Cases that were judged before the first failure."""

    worst: float | None = None
    """The worst error over what was allowed, of those."""


class NotFuzzedError(Exception):
    """No case can be drawn for a task; the message says why."""


class Fuzzer:
    """Draws cases of one imported task.

    Args:
        task: The task.
        gold: What its gold showed, with the arguments of the recorded calls.
        sandbox: Where both sides run.
        device: ``cpu`` or ``cuda``.
        timeout: Seconds for one call of either side.

    Raises:
        NotFuzzedError: If the recorded calls cannot be generalised.
    """

    def __init__(
        self, task: Upstream, gold: GoldRuns, sandbox: Sandbox, device: str, timeout: float
    ) -> None:
        self._task, self._sandbox, self._timeout = task, sandbox, timeout
        kinds = {rule.kind for rule in gold.rules.rules}
        if several := sorted(kinds & _SEVERAL_ANSWERS):
            raise NotFuzzedError(f"right in more than one way ({', '.join(several)})")
        for rule in gold.rules.of("not_fuzzed"):
            raise NotFuzzedError(str(rule.options["why"]))
        entry = task.parsed.entry
        if gold.ran is None or entry is None:
            raise NotFuzzedError("the test calls nothing of the code above it")
        calls = [call for call in gold.ran.calls if call.name == entry]
        self._gold = sandbox.candidate(task.gold, f"{task.name}.py", entry)
        run = GoldRun(self._gold, device, timeout)
        try:
            made = generalise(
                task.name,
                calls,
                task.gold,
                entry,
                run,
                seconds=_SECONDS[device],
                checks=task.channel == "T",
            )
        except BaseException:
            self._gold.close()
            raise
        if isinstance(made, NotGeneral):
            self._gold.close()
            raise NotFuzzedError(made.reason)
        self._made: Generalised = made
        tf32 = bool(gold.rules.of("tf32"))
        self._oracle = GoldOracle(run, made, wide=task.channel == "T", tf32=tf32)
        self._file = TaskFile(made.task, task.path, digest(task.gold))

    def fuzz(
        self,
        code: str,
        *,
        examples: int | None,
        elements: int,
        line: str | None = None,
        seed: int | str | None = None,
    ) -> Fuzzed:
        """Put drawn cases to an answer.

        Args:
            code: The answer's code.
            examples: Cases to draw; ``None`` leaves it to the Hypothesis profile.
            elements: No tensor gets more elements than this.
            line: A case to put to it instead of drawn ones.
            seed: Of the cases; ``None`` draws others than any other answer has.

        Raises:
            NotFuzzedError: If the gold refuses every case that is drawn, or the time is up before
                the first one is judged.
            CaseError: If the line does not fit the task.
        """
        accepted: list[Outcome] = []

        def make() -> Candidate:
            entry = self._task.parsed.entry or ""
            # With its test in one file, as upstream runs it, an answer may use what that imports.
            whole = code + self._task.parsed.surroundings
            return self._sandbox.candidate(whole, f"{self._task.name}.py", entry)

        evaluation = Evaluation(self._file, self._oracle, make)
        end = time.monotonic() + _LONGEST

        def evaluate(case: Case) -> Outcome:
            outcome = evaluation.run(case, timeout=self._timeout)
            if outcome.accepted:
                accepted.append(outcome)
            return outcome

        try:
            failed, flaky = self._drive(evaluate, examples, elements, line, seed)
        except NoCaseError:
            raise NotFuzzedError("the gold refuses every case that was drawn") from None
        finally:
            evaluation.close()
        varied = self._made.varied.describe()
        if failed is None and line is None and time.monotonic() > end:
            if not accepted:
                raise NotFuzzedError(f"no case could be judged in {_LONGEST:g} s")
            varied += f" | {len(accepted)} cases in the {_LONGEST:g} s that an answer has"
        ratios = [outcome.ratio for outcome in accepted if outcome.ratio is not None]
        worst = max(ratios, default=None)
        return Fuzzed(varied, failed, flaky, len(accepted), worst)

    def _drive(
        self,
        evaluate: Callable[[Case], Outcome],
        examples: int | None,
        elements: int,
        line: str | None,
        seed: int | str | None,
    ) -> tuple[Outcome | None, bool]:
        if line is not None:
            outcome = evaluate(self._made.case(line))
            return (None if outcome.accepted else outcome), False
        return fuzz(
            self._made.task,
            evaluate,
            examples=examples,
            elements=elements,
            drawn=self._made.cases(elements),
            patience=_PATIENCE,
            seconds=_LONGEST,
            seed=seed,
        )

    def close(self) -> None:
        """End the gold's process."""
        self._gold.close()
