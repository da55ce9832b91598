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
    asked = _author(record)
    if record.get("suite"):
        options.append("--tb-suite=CHECKOUT")
        if asked is None and record.get("model") not in (None, "gold"):
            options.append(f"--tb-predictions={record['model']}=FILE")
    elif drawn:
        # Any case of a task of the repository is replayed by the test that takes one.
        whose = "" if asked is None else f"[{asked}]"
        test = f"{str(test).partition('::')[0]}::test_fuzz{whose}"
    if asked is not None:
        options += ["--tb-model", str(record["model"]), "--tb-offline"]
        options += ["--tb-samples", str(record["sample"] + 1)] if record["sample"] else []
    words = ["pytest", str(test), *options]
    if drawn:
        words += ["--tb-case", json.dumps(case)]
    elif record.get("seed") is not None and record.get("phase") == "fuzz":
        words.append(f"--hypothesis-seed={record['seed']}")
    return shlex.join(words)


def _author(record: Mapping[str, Any]) -> str | None:
    """The author in a test's name, where a model was asked; answers of files have no number 0."""
    model, sample = record.get("model"), record.get("sample")
    if model is None or sample is None:
        return None
    author = f"{model}-{sample}"
    if record.get("suite") and sample:
        # The second answer of a file is named like the second sample of a model.
        return author if record.get("generation") else None
    name = str(record.get("test")).partition("[")[2]
    return author if name.startswith(author) else None
