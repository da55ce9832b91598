"""The data behind the grid: a letter for each answer, and what is told of it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pytest_tritonbench.report.metrics.outcomes import Answer

from .details import details, pack
from .letters import OUTCOMES, letter

Predictions = Mapping[tuple[str, str, str], str | Sequence[str]]
"""Texts by suite, model and task: one, or one for each sample."""


@dataclass(frozen=True)
class Blob:
    """All that is told of one model's answers to one suite, compressed."""

    name: str
    text: str


@dataclass(frozen=True)
class Grid:
    """What the page's script reads."""

    data: Mapping[str, Any]
    blobs: tuple[Blob, ...]


def lay_out(
    answers: Sequence[Answer],
    titles: Mapping[str, str],
    apart: Mapping[str, Collection[str]],
    predictions: Predictions,
) -> Grid:
    """Lay tasks against models.

    A cell shows the first sample of an answer; the others are told with it.

    Args:
        answers: All of them.
        titles: What the page calls each suite, by name, in the page's order.
        apart: Tasks that cannot be judged, by suite.
        predictions: Texts.
    """
    found: dict[tuple[str, str, str], list[Answer]] = {}
    facts: dict[tuple[str, str], list[Any]] = {}
    for answer in answers:
        found.setdefault((answer.suite, answer.model, answer.task), []).append(answer)
        if (answer.suite, answer.task) not in facts:
            facts[answer.suite, answer.task] = _facts(answer)
    suites, blobs = [], []
    for number, (suite, title) in enumerate(titles.items()):
        tasks = sorted(task for of, task in facts if of == suite)
        models = sorted({answer.model for answer in answers if answer.suite == suite})
        cells = []
        for column, model in enumerate(models):
            rows = [found.get((suite, model, task), []) for task in tasks]
            letters = [[letter(answer, apart.get(suite, ())) for answer in row] for row in rows]
            cells.append("".join(row[0] if row else " " for row in letters))
            told = [
                _told(row, marks, predictions) for row, marks in zip(rows, letters, strict=True)
            ]
            blobs.append(Blob(f"answers-{number}-{column}", pack(told)))
        suites.append(
            {
                "name": suite,
                "title": title,
                "tasks": [[task, *facts[suite, task]] for task in tasks],
                "models": models,
                "cells": cells,
            }
        )
    outcomes = [[outcome.letter, outcome.name, outcome.meaning] for outcome in OUTCOMES]
    return Grid({"suites": suites, "outcomes": outcomes}, tuple(blobs))


def _facts(answer: Answer) -> list[Any]:
    """Difficulty and family of the task, as far as a record names them."""
    record = next(iter(next(iter(answer.phases.values()))))
    difficulty, family = record.get("difficulty"), record.get("family")
    return [difficulty, None if family is None else str(family)]


def _told(
    samples: Sequence[Answer], letters: Sequence[str], predictions: Predictions
) -> list[dict[str, Any]] | None:
    if not samples:
        return None
    texts = predictions.get((samples[0].suite, samples[0].model, samples[0].task), ())
    listed = [texts] if isinstance(texts, str) else texts
    return [
        details(answer, mark, listed[answer.sample] if answer.sample < len(listed) else None)
        for answer, mark in zip(samples, letters, strict=True)
    ]
