"""What the tests of imported tasks share in one pytest process, made when first needed."""

from __future__ import annotations

from functools import cached_property

from pytest_tritonbench.imported.examination import Examiner
from pytest_tritonbench.imported.fuzzers import Fuzzer, NotFuzzedError
from pytest_tritonbench.imported.golds import Golds
from pytest_tritonbench.imported.sizes import SizeTimer
from pytest_tritonbench.session import Session, share_cores
from pytest_tritonbench.task.tritonbench.checkout import Upstream


class Workshop:
    """The sandbox with the golds and what puts answers beside them.

    Args:
        session: What the process shares.
    """

    def __init__(self, session: Session) -> None:
        share_cores()
        self.session = session
        self._fuzzer: tuple[Upstream, Fuzzer | NotFuzzedError] | None = None

    @property
    def _timeout(self) -> float:
        return self.session.settings.timeouts["call"]

    @cached_property
    def golds(self) -> Golds:
        """The gold of each task."""
        return Golds(self.session.sandbox, self._timeout)

    @cached_property
    def examiner(self) -> Examiner:
        """Puts answers to the tests of their tasks."""
        session = self.session
        return Examiner(session.sandbox, self.golds, on_gpu=session.on_gpu, timeout=self._timeout)

    @cached_property
    def sizes(self) -> SizeTimer:
        """Times answers beside their golds."""
        session = self.session
        return SizeTimer(session.sandbox, session.settings.timeouts["bench"], session.peaks)

    def fuzzer(self, task: Upstream) -> Fuzzer | NotFuzzedError:
        """Draws cases of a task, or why nothing does; the last task's is kept."""
        if self._fuzzer is None or self._fuzzer[0] is not task:
            self._end_fuzzer()
            session = self.session
            device = "cuda" if session.on_gpu else "cpu"
            try:
                made: Fuzzer | NotFuzzedError = Fuzzer(
                    task,
                    self.golds.of(task),
                    session.sandbox,
                    device,
                    session.settings.timeouts["fuzz"],
                )
            except NotFuzzedError as e:
                made = e
            self._fuzzer = task, made
        return self._fuzzer[1]

    def _end_fuzzer(self) -> None:
        if self._fuzzer is not None and isinstance(self._fuzzer[1], Fuzzer):
            self._fuzzer[1].close()
        self._fuzzer = None

    def close(self) -> None:
        """End every process."""
        self._end_fuzzer()
        if "golds" in self.__dict__:
            self.golds.close()
