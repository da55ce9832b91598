"""What the gold of an imported task shows: run once, whatever the number of candidates."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import torch

from pytest_tritonbench.judge.evidence import Evidence, Gold, GoldState, compare, evidence_of, state
from pytest_tritonbench.judge.nest import Value
from pytest_tritonbench.sandbox import Candidate, Failure, Ran, Sandbox, Script
from pytest_tritonbench.task.tritonbench.checkout import Upstream
from pytest_tritonbench.task.tritonbench.rules import Rules, rules_of

SEED = 0
# The published benchmark seeds nothing, so what its tests print of random values never agrees.
OTHER_SEED = 1


@dataclass(frozen=True)
class GoldRuns:
    """The gold of one task."""

    rules: Rules
    failure: Failure | None
    """Why it does not run; then there is nothing to compare with."""

    gold: Gold | None = None
    state: GoldState | None = None
    ran: Ran | None = None
    """The plain run, with the arguments of its calls."""

    @cached_property
    def like_fresh_memory(self) -> bool:
        """Whether it shows what the plain run's fresh memory holds: NaN, True, the largest int."""
        leaves = {} if self.state is None else self.state.leaves
        shown = [leaf.plain for leaf in leaves.values() if not leaf.undefined]
        return any(_like_fresh(leaf.tensor) for leaf in shown if isinstance(leaf, Value))

    @property
    def unjudged(self) -> tuple[str, str] | None:
        """One word and a sentence for why nothing can be judged by it; ``None`` if it can."""
        if self.failure is not None:
            first = self.failure.message.partition("\n")[0]
            return "gold-broken", f"{self.failure.reason}: {first}"
        assert self.state is not None  # noqa: S101 - what ran has a state
        if self.state.judgeable:
            return None
        return self.state.word, self.state.reason


class Golds:
    """Runs golds in a process of their own, the last task's being remembered.

    Args:
        sandbox: Where that process is forked from.
        timeout: Seconds for one run of a gold.
    """

    def __init__(self, sandbox: Sandbox, timeout: float) -> None:
        self._sandbox = sandbox
        self._timeout = timeout
        self._candidate: Candidate | None = None
        self._last: tuple[Upstream, GoldRuns] | None = None

    def of(self, task: Upstream) -> GoldRuns:
        """The gold of a task."""
        if self._last is None or self._last[0] is not task:
            self._last = task, self._run(task)
        return self._last[1]

    def printed(self, task: Upstream) -> str:
        """What the gold and the test print as one script, with other random numbers."""
        result = self._script(task, script(task, seed=OTHER_SEED, main=True))
        return result.stdout if isinstance(result, Ran) else ""

    def _run(self, task: Upstream) -> GoldRuns:
        rules = rules_of(task.channel, task.name)
        plain = self._script(task, script(task, arguments=True))
        if isinstance(plain, Failure):
            return GoldRuns(rules, plain)
        again = self._script(task, script(task, fill=1))
        if isinstance(again, Failure):
            # It ran a moment ago: what it read from fresh memory decides whether it does.
            return GoldRuns(rules, again)
        moved = self._evidence(task, "moved")
        wide = self._evidence(task, "wide") if task.channel == "T" else None
        gold = Gold(evidence_of(plain), evidence_of(again), moved, wide)
        found = state(gold, rules)
        if task.channel == "G" and found.judgeable and self._is_idle(task, gold, found, rules):
            why = "the test shows the same with every launch of the gold's left out"
            found = replace(found, word="vacuous", reason=why)
        return GoldRuns(rules, None, gold, found, plain)

    def _is_idle(self, task: Upstream, gold: Gold, found: GoldState, rules: Rules) -> bool:
        """Whether nothing that a gold kernel computes is seen."""
        for fill in (1, 0):
            idle = self._script(task, script(task, fill=fill, launches=False))
            if isinstance(idle, Failure):
                return False
            if not compare(evidence_of(idle), gold, found, rules).accepted:
                return False
        return True

    def _evidence(self, task: Upstream, arithmetic: str) -> Evidence | None:
        ran = self._script(task, script(task, arithmetic=arithmetic))
        return evidence_of(ran) if isinstance(ran, Ran) else None

    def _script(self, task: Upstream, asked: Script) -> Ran | Failure:
        name = f"{task.name}.py"
        if self._candidate is None:
            entry = task.parsed.entry or ""
            self._candidate = self._sandbox.candidate(task.gold, name, entry)
        # One process serves every gold: it is loaded afresh for each run.
        self._candidate.source, self._candidate.filename = task.gold, name
        return self._candidate.script(asked, timeout=self._timeout)

    def close(self) -> None:
        """End the process."""
        if self._candidate is not None:
            self._candidate.close()
            self._candidate = None


def _like_fresh(tensor: torch.Tensor) -> bool:
    if tensor.dtype.itemsize == 1 and tensor.is_floating_point():
        return bool((tensor.view(torch.uint8) == 0x7F).any())
    if tensor.is_floating_point() or tensor.is_complex():
        return bool(torch.isnan(tensor).any())
    if tensor.dtype is torch.bool:
        return bool(tensor.any())
    return bool((tensor == torch.iinfo(tensor.dtype).max).any())


def script(
    task: Upstream,
    *,
    seed: int = SEED,
    fill: int = 0,
    arithmetic: str = "plain",
    launches: bool = True,
    compiled: bool = False,
    arguments: bool = False,
    main: bool = False,
) -> Script:
    """What is asked of the sandbox for one run of a task's test."""
    parsed = task.parsed
    return Script(
        test=task.test,
        names=parsed.names,
        test_function=parsed.test_function,
        result=parsed.result,
        lent=parsed.lent,
        seed=seed,
        fill=fill,
        arithmetic=arithmetic,
        launches=launches,
        compile=compiled,
        arguments=arguments,
        main=main,
    )
