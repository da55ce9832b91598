"""Tests that an interrupted run has finished: their records say how, and they are not run again."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pytest_tritonbench.report.records import read_records


class Finished:
    """The records of earlier runs, by test.

    Args:
        records: What earlier runs have written, oldest first.
    """

    def __init__(self, records: Mapping[str, Mapping[str, Any]] | None = None) -> None:
        self._records = dict(records or {})

    def record(
        self, test: str, *, task_hash: str, candidate_hash: str | None, device: str
    ) -> Mapping[str, Any] | None:
        """What an earlier run has written of a test; ``None`` where the test is to be run.

        Args:
            test: Node id.
            task_hash: Of the task as it is now; a changed task is judged again.
            candidate_hash: Of the answer as it is now, likewise.
            device: As the environment of a record names it; verdicts of another kind of device
                are not taken over.
        """
        record = self._records.get(test)
        if record is None or record["outcome"] == "error":
            return None
        environment = record["environment"]
        then = (record["task_hash"], record["candidate_hash"], environment.get("device"))
        return record if then == (task_hash, candidate_hash, device) else None


def read_finished(folder: Path) -> Finished:
    """The last record of every test of a published benchmark in a folder."""
    records = [record for record in read_records(folder) if record.get("suite") is not None]
    return Finished({record["test"]: record for record in records})
