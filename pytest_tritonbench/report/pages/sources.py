"""Texts of answers, for the page to show: kernel files and files of predictions."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from pytest_tritonbench.candidate.join import Joined, join
from pytest_tritonbench.candidate.predictions import PredictionFile, matching, read
from pytest_tritonbench.report.metrics.outcomes import identity
from pytest_tritonbench.report.metrics.similarity import (
    SimilarityUnavailableError,
    Tally,
    tallies,
)
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
    return {
        (channel.suite, file.name, task): [answer.text for answer in answers]
        for file, channel, joined in _joined(channels, files)
        for task, answers in joined.answers.items()
    }


def similarities(
    channels: Sequence[Channel],
    files: Iterable[str],
    records: Iterable[Mapping[str, Any]],
    tell: Callable[[str], None],
) -> dict[tuple[str, str], dict[str, dict[str, Tally]]]:
    """CodeBLEU of predictions for G whose records carry none.

    A record has it where the run had tree-sitter, which it need not have.

    Args:
        channels: As for :func:`predicted`.
        files: As for :func:`predicted`.
        records: What is reported.
        tell: Given a line for each model, as one takes seconds.

    Returns:
        By suite and model, then by policy and task; nothing without tree-sitter.

    Raises:
        PredictionsError: As :func:`predicted`.
    """
    missing: dict[tuple[str, str], bool] = {}
    for record in records:
        suite, model, *_ = identity(record)
        missing[suite, model] = missing.get((suite, model), True) and not record.get("similarity")
    found: dict[tuple[str, str], dict[str, dict[str, Tally]]] = {}
    for file, channel, joined in _joined(channels, files):
        if channel.name != "G" or not missing.get((channel.suite, file.name)):
            continue
        tell(f"similarity: {file.name}")
        own = found.setdefault((channel.suite, file.name), {})
        for task, (answer, *_) in joined.answers.items():
            try:
                told = tallies(answer.text, file.rows[answer.row].label, channel.tasks[task].gold)
            except SimilarityUnavailableError as e:
                tell(str(e))
                return {}
            for policy, tally in told.items():
                own.setdefault(policy, {})[task] = tally
    return found


def _joined(
    channels: Sequence[Channel], files: Iterable[str]
) -> Iterator[tuple[PredictionFile, Channel, Joined]]:
    by_name = {channel.name: channel for channel in channels}
    for given in files:
        name, equals, path = given.partition("=")
        named = bool(equals) and not Path(given).exists()
        model, pattern = (name, path) if named else (None, given)
        for one in matching(pattern, model, Path()):
            file = read(str(one), model)
            joined = join(file, channels)
            yield file, by_name[joined.channel], joined
