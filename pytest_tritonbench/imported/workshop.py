"""What the tests of imported tasks share in one pytest process, made when first needed."""

from __future__ import annotations

from functools import cached_property

from pytest_tritonbench.imported.examination import Examiner
from pytest_tritonbench.imported.golds import Golds
from pytest_tritonbench.session import Session


class Workshop:
    """The sandbox with the golds and what puts answers beside them.

    Args:
        session: What the process shares.
    """

    def __init__(self, session: Session) -> None:
        self.session = session

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

    def close(self) -> None:
        """End every process."""
        if "golds" in self.__dict__:
            self.golds.close()
