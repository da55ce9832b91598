"""The server in a process of its own, for tests and benchmarks."""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.request
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.model_server.plan import Plan

ROOT = Path(__file__).resolve().parents[2]
ANSWERS = ROOT / "tests" / "data" / "model_answers" / "answers.jsonl"
"""A few answers, made for tests."""

_PATIENCE = 20.0


class ModelServer:
    """A running server.

    Args:
        port: Of the loopback.
    """

    def __init__(self, port: int) -> None:
        self.root = f"http://127.0.0.1:{port}"
        self.base_url = f"{self.root}/v1"

    def plan(self, **plan: Any) -> None:
        """Follow another plan from now on, and forget what was; see `Plan`."""
        plan.setdefault("answers", (str(ANSWERS),))
        self._call("/plan", Plan(**plan).as_json())

    def log(self) -> dict[str, Any]:
        """Which requests came, and what came of each."""
        log: dict[str, Any] = self._call("/log")
        return log

    def requests(self) -> list[dict[str, Any]]:
        """The requests, in order of arrival."""
        rows: list[dict[str, Any]] = self.log()["requests"]
        return rows

    def outcomes(self) -> list[str]:
        """What came of each request."""
        return [row["outcome"] for row in self.requests()]

    def answered(self) -> Counter[tuple[str, int | None]]:
        """How often each task was answered in full, by the seed that was sent."""
        return Counter(
            (row["task"], row["asked"].get("seed"))
            for row in self.requests()
            if row["outcome"] == "answered"
        )

    def _call(self, path: str, data: Any = None) -> Any:
        # A proxy of the environment does not lead to the loopback.
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        body = None if data is None else json.dumps(data).encode()
        with opener.open(f"{self.root}{path}", body, timeout=_PATIENCE) as response:
            return json.load(response)


@contextmanager
def serving(**plan: Any) -> Iterator[ModelServer]:
    """A server while the block lasts; see `Plan`."""
    plan.setdefault("answers", (str(ANSWERS),))
    text = json.dumps(Plan(**plan).as_json())
    with subprocess.Popen(
        [sys.executable, "-m", "tests.model_server", text],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stdout is not None
            port = process.stdout.readline()
            assert port.strip(), f"the server ended with {process.wait(_PATIENCE)}"
            server = ModelServer(int(port))
            # The port listens already: this waits until somebody answers there.
            server.log()
            yield server
        finally:
            process.kill()
