"""Which task an answer answers, and which tasks have no answer."""

from __future__ import annotations

import difflib
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property

from pytest_tritonbench.candidate.predictions import PredictionFile, PredictionsError, Row
from pytest_tritonbench.task.tritonbench.checkout import Channel

# Marks of a model's chat format that prompts and labels carry.
_TOKENS = re.compile(r"<\|[^<>|\n]{1,40}\|>|<\uff5c[^<>\uff5c\n]{1,40}\uff5c>")
_ANCHOR = 5


class Rule(StrEnum):
    """How an answer was placed; the first that says something decides."""

    FILE = "file"
    """The row names the task."""

    INSTRUCTION = "instruction"
    """The prompt holds the instruction of one task alone."""

    LABEL = "label"
    """The label is the gold of one task alone."""

    LABEL_START = "start of label"
    """The label is the beginning of the gold of one task alone."""


@dataclass(frozen=True)
class Answer:
    """An answer and its task."""

    task: str
    text: str
    row: int
    """Number of the row in the file, from 0; empty lines do not count."""

    line: int
    """Number of the line in the file, from 1."""

    sample: int
    """Number of the answer among those to its task, from 0."""

    rule: Rule


@dataclass(frozen=True)
class Joined:
    """The answers of a file, by task."""

    channel: str
    """Name of the channel that the file answers."""

    samples: int
    """Answers that count for each task; 1 for all published files."""

    answers: Mapping[str, tuple[Answer, ...]]
    """By task, in the file's order. Those beyond ``samples`` do not count."""

    missing: tuple[str, ...]
    """Tasks without an answer: they count as failed."""

    empty: tuple[str, ...]
    """Tasks with a counted answer that says nothing."""

    surplus: tuple[Answer, ...]
    """Answers that do not count, because their task has enough."""

    unplaced: tuple[Row, ...]
    """Rows that are of no task."""

    problems: tuple[str, ...]
    """All of that as sentences."""


def join(file: PredictionFile, channels: Sequence[Channel]) -> Joined:
    """Place the rows of a file among the tasks of the channel that most of them answer.

    The order of the rows does not matter, but for which of several answers to a task comes first.

    Args:
        file: The rows.
        channels: The channels to choose from.

    Raises:
        PredictionsError: If no row answers a task of any.
    """
    placed = {channel.name: _place(file.rows, _Index(channel)) for channel in channels}
    best = max(channels, key=lambda c: len(placed[c.name][0]), default=None)
    if best is None or not placed[best.name][0]:
        suites = " or ".join(channel.suite for channel in channels) or "a suite"
        raise PredictionsError(
            f"{file.path}: none of its {len(file.rows)} rows answers a task of {suites}; give the "
            f"suite it was made for, or a 'file' key with the name of the task in every row"
        )
    found, unplaced = placed[best.name]
    answers = _by_task(file.rows, found, best)
    samples = _samples([len(of) for of in answers.values()])
    missing = tuple(task for task in best.tasks if task not in answers)
    counted = {task: of[:samples] for task, of in answers.items()}
    empty = tuple(t for t, of in counted.items() if any(not one.text.strip() for one in of))
    surplus = tuple(one for of in answers.values() for one in of[samples:])
    rows = tuple(file.rows[i] for i in unplaced)
    told = _Told(file.rows, best, samples)
    problems = [f"line {file.rows[i].line}: {why}" for i, why in unplaced.items()]
    problems += [told.surplus(one, answers[one.task][0]) for one in surplus]
    problems += told.short(answers, missing) + told.empty(empty)
    return Joined(best.name, samples, answers, missing, empty, surplus, rows, tuple(problems))


def normalised(text: str) -> str:
    """A text without marks of a chat format, its words separated by single blanks."""
    return " ".join(_TOKENS.sub("", text).split())


class _Index:
    """Finds the tasks whose instruction a prompt holds, and those that have a label for gold."""

    def __init__(self, channel: Channel) -> None:
        self.channel = channel
        # Wherever an instruction stands, so do its words: a few of them lead to it.
        self._anchored: dict[str, list[tuple[str, str]]] = {}
        self._short: list[tuple[str, str]] = []
        for name, text in self._needles():
            words = text.split(" ")
            if len(words) >= _ANCHOR + 2:
                anchor = " ".join(words[1 : 1 + _ANCHOR])
                self._anchored.setdefault(anchor, []).append((name, text))
            elif text:
                self._short.append((name, text))

    def _needles(self) -> Iterator[tuple[str, str]]:
        for name, task in self.channel.tasks.items():
            # T's descriptions tell all its tasks apart; the rest of a prompt may be cut off.
            texts = [task.description] if self.channel.name == "T" else task.instructions.values()
            yield from ((name, text) for text in set(map(normalised, texts)))

    def asked_in(self, prompt: str) -> set[str]:
        """Tasks whose instruction a prompt holds, without those whose is part of another's."""
        text = normalised(prompt)
        words = text.split(" ")
        tries = list(self._short)
        for i in range(len(words) - _ANCHOR + 1):
            tries += self._anchored.get(" ".join(words[i : i + _ANCHOR]), ())
        found = {(name, needle) for name, needle in tries if needle in text}
        return {
            name
            for name, needle in found
            if not any(needle != other and needle in other for _, other in found)
        }

    @cached_property
    def golds(self) -> Mapping[str, str]:
        """Golds without white space, by task."""
        tasks = self.channel.tasks.values()
        return {task.name: _solid(task.gold) for task in tasks if task.problem is None}


def _solid(text: str) -> str:
    return "".join(_TOKENS.sub("", text).split())


def _place(
    rows: Sequence[Row], index: _Index
) -> tuple[dict[int, tuple[str, Rule]], dict[int, str]]:
    """Tasks by number of the row, and why the others have none."""
    found: dict[int, tuple[str, Rule]] = {}
    unplaced: dict[int, str] = {}
    for i, row in enumerate(rows):
        placed = _place_one(row, index)
        if isinstance(placed, str):
            unplaced[i] = placed
        else:
            found[i] = placed
    return found, unplaced


def _place_one(row: Row, index: _Index) -> tuple[str, Rule] | str:
    tasks, suite = index.channel.tasks, index.channel.suite
    if row.task is not None:
        if row.task in tasks:
            return row.task, Rule.FILE
        close = difflib.get_close_matches(row.task, tasks, n=1)
        meant = f"; did you mean {close[0]!r}?" if close else ""
        return f"{suite} has no task {row.task!r}{meant}"
    asked = index.asked_in(row.prompt)
    if len(asked) == 1:
        return asked.pop(), Rule.INSTRUCTION
    if label := _solid(row.label):
        allowed = asked or set(tasks)
        golds = {name: gold for name, gold in index.golds.items() if name in allowed}
        for rule in (Rule.LABEL, Rule.LABEL_START):
            same = [
                name
                for name, gold in golds.items()
                if (gold == label if rule is Rule.LABEL else gold.startswith(label))
            ]
            if len(same) == 1:
                return same[0], rule
    if asked:
        return f"its prompt holds the instructions of {', '.join(sorted(asked))}; add a 'file' key"
    return f"neither its prompt nor its label belongs to a task of {suite}; add a 'file' key"


def _by_task(
    rows: Sequence[Row], found: Mapping[int, tuple[str, Rule]], channel: Channel
) -> dict[str, tuple[Answer, ...]]:
    answers: dict[str, list[Answer]] = {}
    for i, (task, rule) in found.items():
        of = answers.setdefault(task, [])
        of.append(Answer(task, rows[i].text, i, rows[i].line, len(of), rule))
    return {task: tuple(answers[task]) for task in channel.tasks if task in answers}


def _samples(counts: Sequence[int]) -> int:
    """Answers to most tasks: several to each are samples, several to a few are mistakes."""
    common = Counter(counts).most_common()
    return min(count for count, times in common if times == common[0][1])


class _Told:
    """What is odd about a join, in sentences."""

    def __init__(self, rows: Sequence[Row], channel: Channel, samples: int) -> None:
        self._rows, self._channel, self._samples = rows, channel, samples

    def surplus(self, answer: Answer, first: Answer) -> str:
        """An answer that does not count."""
        which = "another answer" if self._samples == 1 else f"answer {answer.sample + 1}"
        counts = "that one counts" if self._samples == 1 else f"the first {self._samples} count"
        return f"line {answer.line}: {which} to {answer.task} (first: line {first.line}); {counts}"

    def short(
        self, answers: Mapping[str, tuple[Answer, ...]], missing: tuple[str, ...]
    ) -> list[str]:
        """Tasks with no answer, or with too few."""
        lines = []
        if missing:
            lines.append(
                f"{len(missing)} of {len(self._channel.tasks)} tasks of {self._channel.suite} have "
                f"no answer and count as failed: {', '.join(missing)}"
            )
        if few := [task for task, of in answers.items() if len(of) < self._samples]:
            lines.append(f"fewer than {self._samples} answers, the rest failed: {', '.join(few)}")
        return lines

    def empty(self, tasks: tuple[str, ...]) -> list[str]:
        """Tasks whose answer says nothing."""
        if not tasks:
            return []
        what = "empty answer" if len(tasks) == 1 else "empty answers"
        return [f"{len(tasks)} {what}, counted as failed: {', '.join(tasks)}"]
