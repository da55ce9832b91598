"""One candidate of an imported task: run beside the gold, judged by both policies."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from pytest_tritonbench.candidate.published import published_code
from pytest_tritonbench.imported.golds import GoldRuns, Golds, script
from pytest_tritonbench.judge.evidence import compare, evidence_of
from pytest_tritonbench.judge.verdict import Verdict
from pytest_tritonbench.sandbox import Candidate, Failure, KernelReport, Ran, Sandbox
from pytest_tritonbench.sandbox.reasons import Reason
from pytest_tritonbench.task.tritonbench.checkout import Upstream
from pytest_tritonbench.task.tritonbench.rules import rules_of

_MAIN = "__main__"


@dataclass(frozen=True)
class Published:
    """What the published benchmark's own definitions say."""

    call: bool
    """Answer and test end without an error."""

    exec: bool | None
    """They print what gold and test print; ``None`` where call is false."""


@dataclass(frozen=True)
class Examined:
    """What became of one answer."""

    published: Published
    failure: Failure | None = None
    """Why the test did not run to its end."""

    verdict: Verdict | None = None
    """The judge's, where there was something to judge by."""

    unjudged: tuple[str, str] | None = None
    """One word and a sentence for why there was not."""

    not_triton: str | None = None
    """Why what it shows is not the work of Triton kernels."""

    launches: int | None = None
    kernels: tuple[KernelReport, ...] = ()
    seconds: float | None = None

    @property
    def called(self) -> bool:
        """Whether it ran to the end."""
        return self.failure is None

    @property
    def right(self) -> bool:
        """Whether everything that the test shows is right, whoever computed it."""
        return self.called and self.verdict is not None and self.verdict.accepted

    @property
    def executed(self) -> bool:
        """Whether it is right and the work of Triton kernels."""
        return self.right and self.not_triton is None

    @property
    def reason(self) -> str | None:
        """One word for what went wrong."""
        if self.failure is not None:
            return str(self.failure.reason)
        if self.not_triton is not None:
            return "not-triton"
        return str(self.verdict.fault) if self.verdict and self.verdict.fault else None

    def as_json(self) -> dict[str, Any]:
        """Both policies' verdicts as plain data, for the record."""
        judged = self.unjudged is None or not self.called
        return {
            "published": {"call": self.published.call, "exec": self.published.exec},
            "strict": {
                "call": self.called,
                "exec": self.executed if judged else None,
                "right": self.right if judged else None,
                "unjudged": None if self.unjudged is None else self.unjudged[0],
            },
        }


class Examiner:
    """Puts answers to the test of their task.

    Args:
        sandbox: Where they run.
        golds: What they are compared with.
        on_gpu: Whether kernels run on a GPU; without one they are compiled as well.
        timeout: Seconds for one run.
    """

    def __init__(self, sandbox: Sandbox, golds: Golds, *, on_gpu: bool, timeout: float) -> None:
        self._sandbox = sandbox
        self._golds = golds
        self._on_gpu = on_gpu
        self._timeout = timeout

    def examine(self, task: Upstream, code: str, answer: str, *, is_gold: bool = False) -> Examined:
        """Run one answer and judge it.

        Args:
            task: The task.
            code: The module that was taken out of the answer.
            answer: The answer as the model gave it; upstream takes other code out of it.
            is_gold: The answer is the gold itself, which need not be Triton's work.
        """
        needs_arguments = rules_of(task.channel, task.name).needs_arguments
        name = f"{task.name}.py"
        # One process for every run of the answer: what it leaves behind in it is its own to bear,
        # and on a GPU a process costs more than most tests.
        with self._sandbox.candidate(code, name, task.parsed.entry or "") as candidate:
            asked = script(task, compiled=not self._on_gpu, arguments=needs_arguments)
            ran = candidate.script(asked, timeout=self._timeout)
            found = Examined(Published(call=False, exec=None))
            if isinstance(ran, Failure):
                found = replace(found, failure=ran)
            else:
                # Half of all answers do not get here, and some golds take minutes without a GPU.
                gold = self._golds.of(task)
                found = replace(
                    found,
                    unjudged=gold.unjudged,
                    verdict=self._verdict(task, candidate, ran, gold),
                    launches=ran.launches,
                    kernels=ran.kernels,
                    seconds=ran.seconds,
                )
                if not is_gold:
                    found = replace(
                        found, not_triton=self._not_triton(task, candidate, found, gold, ran)
                    )
            published = self._published(task, candidate, answer, ran)
        return replace(found, published=published)

    def _verdict(
        self, task: Upstream, candidate: Candidate, ran: Ran, gold: GoldRuns
    ) -> Verdict | None:
        verdict = self._judged(ran, gold)
        if verdict is None or not verdict.accepted or not gold.like_fresh_memory:
            return verdict
        # What nobody wrote looks right where the gold shows what fresh memory holds.
        asked = script(task, fill=1, arguments=gold.rules.needs_arguments)
        again = candidate.script(asked, timeout=self._timeout)
        return verdict if isinstance(again, Failure) else self._judged(again, gold)

    @staticmethod
    def _judged(ran: Ran, gold: GoldRuns) -> Verdict | None:
        if gold.unjudged is not None or gold.gold is None or gold.state is None:
            return None
        return compare(evidence_of(ran), gold.gold, gold.state, gold.rules)

    def _not_triton(
        self,
        task: Upstream,
        candidate: Candidate,
        found: Examined,
        gold: GoldRuns,
        ran: Ran,
    ) -> str | None:
        if found.launches == 0:
            if not found.right and any(call.raised is not None for call in ran.calls):
                # It did not get as far as a launch.
                return None
            return "no Triton kernel was launched"
        if not found.right:
            return None
        for fill in (1, 0):
            # Twice: the gold may show the very thing that fresh memory holds.
            asked = script(task, fill=fill, launches=False, arguments=gold.rules.needs_arguments)
            idle = candidate.script(asked, timeout=self._timeout)
            verdict = None if isinstance(idle, Failure) else self._judged(idle, gold)
            if verdict is None or not verdict.accepted:
                return None
        return "the result is right with every Triton launch left out"

    def _published(
        self, task: Upstream, candidate: Candidate, answer: str, ran: Ran | Failure
    ) -> Published:
        code = published_code(answer, task.channel)
        same = code.strip() == candidate.source.strip() and _MAIN not in code
        prints = any("print" in text for text in (task.test, task.gold, code))
        # The recording asks for every name that the test uses, and calls a test that nobody calls.
        asked_more = isinstance(ran, Failure) and ran.reason is Reason.NO_ENTRY_POINT
        asked_more = asked_more or task.parsed.result is None
        if not same or asked_more or (prints and isinstance(ran, Ran)):
            candidate.source = code
            asked = script(task, main=True, compiled=not self._on_gpu)
            ran = candidate.script(asked, timeout=self._timeout)
        if isinstance(ran, Failure):
            return Published(call=False, exec=None)
        return Published(call=True, exec=not prints or ran.stdout == self._golds.printed(task))
