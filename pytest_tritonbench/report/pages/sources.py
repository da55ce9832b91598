"""Texts of answers, for the page to show: kernel files and files of predictions."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from pytest_tritonbench.candidate.join import join
from pytest_tritonbench.candidate.predictions import matching, read
from pytest_tritonbench.report.metrics.outcomes import identity
from pytest_tritonbench.task.tritonbench.checkout import Channel


def kernel_files(
    records: Iterable[Mapping[str, Any]], root: Path
) -> dict[tuple[str, str, str], list[str]]:
    """Read the kernel files that the records tell of, and what models wrote.

    Args:
        records: Records; answers to a suite that come out of a file of predictions are passed over.
        root: Folder that their paths start from.

    Returns:
        Texts by suite, model and task, in the order of the samples. A file that is gone, or is no
        longer what was judged, is left out.
    """
    found: dict[tuple[str, str, str], dict[int, str]] = {}
    for record in records:
        name, told = record.get("candidate"), record.get("candidate_hash")
        if not name or not told or (record.get("suite") and not record.get("generation")):
            continue
        suite, model, task, sample = identity(record)
        texts = found.setdefault((suite, model, task), {})
        if sample in texts:
            continue
        try:
            held = (root / name).read_bytes()
        except OSError:
            continue
        if hashlib.sha256(held).hexdigest() == told:
            texts[sample] = held.decode("utf-8", "replace")
    return {
        key: [texts.get(sample, "") for sample in range(max(texts) + 1)]
        for key, texts in found.items()
        if texts
    }


def predicted(
    channels: Sequence[Channel], files: Iterable[str]
) -> dict[tuple[str, str, str], list[str]]:
    """Read files of predictions.

    Args:
        channels: Channels of the checkouts that they answer.
        files: ``FILE``, a glob of files, or ``NAME=FILE``.

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
        model, pattern = (name, path) if named else (None, given)
        for one in matching(pattern, model, Path()):
            file = read(str(one), model)
            joined = join(file, channels)
            for task, answers in joined.answers.items():
                texts = [answer.text for answer in answers]
                found[suites[joined.channel], file.name, task] = texts
    return found
