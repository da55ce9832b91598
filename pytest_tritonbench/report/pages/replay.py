"""The command that repeats what a record tells."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from typing import Any


def command(record: Mapping[str, Any]) -> str | None:
    """Write the command for a shell.

    A suite's checkout and the file of predictions lie elsewhere on every machine; words in
    capitals stand for them.

    Returns:
        ``None`` if the record names no test.
    """
    if record.get("replay"):
        return str(record["replay"])
    test = record.get("test")
    if not test:
        return None
    case = record.get("case")
    drawn = case is not None and record.get("phase") in ("exec", "fuzz")
    options = []
    if record.get("suite"):
        options += ["--tb-suite", "CHECKOUT"]
        if record.get("model") not in (None, "gold"):
            options += ["--tb-predictions", f"{record['model']}=FILE"]
    elif drawn:
        # Any case of a task of the repository is replayed by the test that takes one.
        test = f"{str(test).rsplit('::', 1)[0]}::test_fuzz"
    words = ["pytest", str(test), *options]
    if drawn:
        words += ["--tb-case", json.dumps(case)]
    elif record.get("seed") is not None and record.get("phase") == "fuzz":
        words.append(f"--hypothesis-seed={record['seed']}")
    return shlex.join(words)
