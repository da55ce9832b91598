"""Texts of answers, for the page to show: kernel files and files of predictions."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from pytest_tritonbench.candidate.join import join
from pytest_tritonbench.candidate.predictions import read
from pytest_tritonbench.report.metrics.outcomes import identity
from pytest_tritonbench.task.tritonbench.checkout import Channel


def kernel_files(
    records: Iterable[Mapping[str, Any]], root: Path
) -> dict[tuple[str, str, str], str]:
    """Read the kernel files that the records tell of.

    Args:
        records: Records; those of a suite are passed over.
        root: Folder that their paths start from.

    Returns:
        Texts by suite, model and task. A file that is gone, or is no longer what was judged, is
        left out.
    """
    found: dict[tuple[str, str, str], str] = {}
    for record in records:
        name, told = record.get("candidate"), record.get("candidate_hash")
        if record.get("suite") or not name or not told:
            continue
        suite, model, task, _ = identity(record)
        if (suite, model, task) in found:
            continue
        try:
            held = (root / name).read_bytes()
        except OSError:
            continue
        if hashlib.sha256(held).hexdigest() == told:
            found[suite, model, task] = held.decode("utf-8", "replace")
    return found


def predicted(
    channels: Sequence[Channel], files: Iterable[str]
) -> dict[tuple[str, str, str], list[str]]:
    """Read files of predictions.

    Args:
        channels: Channels of the checkouts that they answer.
        files: ``FILE`` or ``NAME=FILE``.

    Returns:
        Texts by suite, model and task, in the order of the samples.

    Raises:
        PredictionsError: If a file cannot be read or answers none of the channels.
    """
    suites = {channel.name: channel.suite for channel in channels}
    found: dict[tuple[str, str, str], list[str]] = {}
    for given in files:
        name, equals, path = given.partition("=")
        named = bool(equals) and not Path(given).exists()
        file = read(path, name) if named else read(given)
        joined = join(file, channels)
        for task, answers in joined.answers.items():
            texts = [answer.text for answer in answers]
            found[suites[joined.channel], file.name, task] = texts
    return found
