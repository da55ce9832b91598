"""An imported task on its way through the phases, for every answer to it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NoReturn

import pytest

from pytest_tritonbench.imported.answered import AnsweredTask
from pytest_tritonbench.imported.messages import explain
from pytest_tritonbench.task.case import CaseError
from pytest_tritonbench.timing.benchmark_rows import CANDIDATE, Rows

if TYPE_CHECKING:
    # These import torch; a task is collected without it.
    from pytest_tritonbench.imported.examination import Examined
    from pytest_tritonbench.imported.fuzzers import Fuzzed


class ImportedRun(AnsweredTask):
    """The phases of an imported task."""

    def ended_before(self) -> bool:
        """Repeat how the test ended in an earlier run, which has its record.

        Returns:
            Whether there is such a run.
        """
        earlier = self._earlier(self._test)
        if earlier is None:
            return False
        self.silent = True
        outcome = earlier["outcome"]
        message = earlier["message"] or earlier["reason"] or "as it was before"
        if outcome == "skipped":
            pytest.skip(message)
        if outcome == "failed":
            pytest.fail(f"{message} (in an earlier run)", pytrace=False)
        return True

    def _earlier(self, test: str) -> Mapping[str, Any] | None:
        return self._finished.record(
            test,
            task_hash=self._task_hash,
            candidate_hash=self._answer_hash,
            device=self._workshop.session.environment.device,
        )

    def refuse_misfit(self) -> None:
        """What an imported task is called with is known once its gold has run."""

    def call(self) -> None:
        """The answer and the upstream test run to their end."""
        self._refuse_unanswered()
        examined = self._examine()
        passed = examined.published.call if self._published else examined.called
        self._finish(examined, passed=passed)

    def exec(self) -> None:
        """What the upstream test shows is right, and the work of Triton kernels."""
        self._refuse_unanswered()
        examined = self._examine()
        if self._published:
            if not examined.published.call:
                self._skip("call failed: the answer does not run to its end", examined)
            self._finish(examined, passed=bool(examined.published.exec))
            return
        self._refuse_unjudged(examined)
        self._finish(examined, passed=examined.executed)

    def _refuse_unjudged(self, examined: Examined) -> None:
        """Skip what does not run, and what its gold cannot judge."""
        if not examined.called:
            self._skip(f"call failed: {examined.reason}", examined)
        if examined.unjudged is not None:
            word, why = examined.unjudged
            self._skip(f"{word}: {why}", examined, reason=word)

    def fuzz(self) -> None:
        """The answer is right on cases that generalise the calls of the upstream test."""
        self._refuse_unanswered()
        policy = self._judged_before() or self._judged_now()
        from pytest_tritonbench.imported.fuzzers import (  # noqa: PLC0415 - imports torch
            NotFuzzedError,
        )

        workshop = self._workshop
        settings, session = workshop.session.settings, workshop.session
        fuzzer = workshop.fuzzer(self.task)
        try:
            if isinstance(fuzzer, Exception):
                raise fuzzer
            fuzzed = fuzzer.fuzz(
                self._code,
                examples=settings.examples,
                elements=session.elements,
                line=settings.case,
                # All answers are put to the same cases: which of them pass is no luck of theirs.
                seed=self.task.name if session.seed is None else session.seed,
            )
        except CaseError as e:
            pytest.fail(f"--tb-case does not fit {self.task.name!r}: {e}", pytrace=False)
        except NotFuzzedError as e:
            self._skip_fuzz(f"not-fuzzed: {e}", "not-fuzzed", policy)
        self._keep_fuzzed(fuzzed)

    def _judged_before(self) -> Mapping[str, Any] | None:
        """What an earlier run says of the answer on its own test, where its record says enough.

        An answer that is wrong there is skipped.
        """
        earlier = self._earlier(self._test.replace("::test_fuzz[", "::test_exec["))
        policy = None if earlier is None else earlier["policy"]
        if earlier is None or policy is None:
            return None
        if policy["strict"]["exec"]:
            return dict(policy)
        reason, outcome = earlier["reason"], earlier["outcome"]
        if outcome in {"failed", "skipped"}:
            message = earlier["message"] if outcome == "skipped" else f"exec failed: {reason}"
            self._skip_fuzz(message, reason, policy, " (in an earlier run)")
        # Judged by the other policy, which gives no reason of this one's.
        return None

    def _judged_now(self) -> Mapping[str, Any]:
        """What the answer is worth on its own test; one that is wrong there is skipped."""
        examined = self._examine()
        self._refuse_unjudged(examined)
        if not examined.executed:
            self._skip(f"exec failed: {examined.reason}", examined)
        return examined.as_json()

    def _skip_fuzz(
        self, message: str, reason: str | None, policy: Mapping[str, Any], told: str = ""
    ) -> NoReturn:
        self.records.append(self.record("skipped", reason=reason, message=message, policy=policy))
        pytest.skip(message + told)

    def bench(self) -> Rows:
        """The answer is timed beside the gold, on the sizes of the checkout's timing script.

        Returns:
            Time of a call on each size, of the gold and of the answer.
        """
        from pytest_tritonbench.imported.sizes import NotTimedError  # noqa: PLC0415 - light, late

        self._refuse_unanswered()
        if not self._workshop.session.on_gpu:
            pytest.skip("no GPU here: a kernel is timed on the device or not at all")
        examined = self._examine()
        if not examined.executed:
            why = f"{examined.reason}: how fast a wrong answer is says nothing"
            self._skip(f"call or exec failed: {why}", examined)
        try:
            with self._workshop.session.timing():
                timing = self._workshop.sizes.time(self.task, self._code)
        except NotTimedError as e:
            self._skip(f"not-timed: {e}", examined, reason="not-timed")
        self.records.append(self.record("passed", timing=timing))
        sides = {"gold": "gold_ms", CANDIDATE: "ms"}
        return Rows(
            task=self.task.name,
            group=f"{self.task.name}, every size",
            rows={s: [size[ms] / 1e3 for size in timing["sizes"]] for s, ms in sides.items()},
            method=timing["method"],
            extra_info={"speedup": timing["speedup"]},
        )

    def _keep_fuzzed(self, fuzzed: Fuzzed) -> None:
        failed = fuzzed.failed
        found: dict[str, Any] = {"varied": fuzzed.varied, "ratio": fuzzed.worst}
        if failed is None:
            self.records.append(self.record("passed", **found))
            return
        from pytest_tritonbench.report.explanation import (  # noqa: PLC0415 - imports torch
            explain as explain_case,
        )

        message = explain_case(
            failed,
            task=self.task.name,
            nodeid=self._test,
            phase="fuzz",
            source=self._answered.origin,
            flags=self._workshop.session.settings.flags,
        )
        if fuzzed.flaky:
            message = f"{message}\n  note     the case fails, but passed when it was run again"
        case = json.loads(failed.case.to_json())
        found |= {"ratio": failed.ratio, "reason": failed.reason, "case": case}
        self.records.append(self.record("failed", message=message.splitlines()[0], **found))
        pytest.fail(message, pytrace=False)

    def _similarity(self) -> dict[str, Any] | None:
        """CodeBLEU of the answer, on the record of its call."""
        from pytest_tritonbench.imported.similarity import (  # noqa: PLC0415 - brings numpy
            similarity,
        )

        return similarity(self._answered, self.task) if self._phase == "call" else None

    def _finish(self, examined: Examined, *, passed: bool) -> None:
        if passed:
            self._keep(examined, "passed", None, None)
            return
        message = explain(
            examined,
            task=self.task,
            phase=self._phase,
            test=self._test,
            origin=self._answered.origin,
            flags=self._workshop.session.settings.flags,
            published=self._published,
        )
        reason = examined.reason or "prints-differ"
        self._keep(examined, "failed", reason, message.splitlines()[0])
        pytest.fail(message, pytrace=False)

    def _skip(self, message: str, examined: Examined, *, reason: str | None = None) -> None:
        self._keep(examined, "skipped", reason or examined.reason, message)
        pytest.skip(message)

    def _keep(
        self, examined: Examined, outcome: str, reason: str | None, message: str | None
    ) -> None:
        failure, verdict = examined.failure, examined.verdict
        self.records.append(
            self.record(
                outcome,
                reason=reason,
                message=message,
                exception=None if failure is None else failure.exception,
                ratio=None if verdict is None else verdict.ratio,
                seconds=examined.seconds,
                launches=examined.launches,
                kernels=tuple(map(vars, examined.kernels)) if self._phase == "call" else (),
                policy=examined.as_json(),
                similarity=self._similarity(),
            )
        )
