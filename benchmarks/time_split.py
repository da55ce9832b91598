"""A pytest plugin that notes where the time of a run over a suite goes, for ``upstream_speed.py``.

Loaded with ``-p benchmarks.time_split``; writes one JSON file for each process into the folder that
``TB_TIME_SPLIT`` names.
"""

from __future__ import annotations

import json
import os
import time
from collections import defaultdict
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any

import pytest

_spent: defaultdict[str, float] = defaultdict(float)
_begun = time.perf_counter()
_first: list[float] = []


def _timed(owner: Any, name: str, heading: str) -> None:
    function: Callable[..., Any] = getattr(owner, name)

    @wraps(function)
    def noted(*args: Any, **kwargs: Any) -> Any:
        start = time.perf_counter()
        try:
            return function(*args, **kwargs)
        finally:
            _spent[heading] += time.perf_counter() - start

    setattr(owner, name, noted)


def pytest_runtest_setup(item: pytest.Item) -> None:
    """With the first test, torch is imported and the clocks are set."""
    del item
    if _first:
        return
    from pytest_tritonbench.imported.examination import Examiner  # noqa: PLC0415 - imports torch
    from pytest_tritonbench.imported.golds import Golds  # noqa: PLC0415 - as above
    from pytest_tritonbench.sandbox.candidate import Candidate  # noqa: PLC0415 - as above

    _first.append(time.perf_counter() - _begun)
    _timed(Examiner, "examine", "examine")
    _timed(Candidate, "script", "script")
    _timed(Golds, "_run", "gold")


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Write what was noted."""
    del session
    if not _first:
        return
    total = time.perf_counter() - _begun
    folder = Path(os.environ["TB_TIME_SPLIT"])
    data = {"start": _first[0], "total": total, **_spent}
    (folder / f"{os.getpid()}.json").write_text(json.dumps(data), encoding="utf-8")
