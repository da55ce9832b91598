"""What a run judges of published benchmarks: the tasks of its suites and the answers to each."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pytest_tritonbench.candidate.join import Joined, join
from pytest_tritonbench.candidate.predictions import PredictionsError, read
from pytest_tritonbench.imported.answers import GOLD, Answered
from pytest_tritonbench.options import Settings
from pytest_tritonbench.report.metrics.timings import Size, golden_results
from pytest_tritonbench.task.tritonbench.checkout import Channel, SuiteError, Upstream, find

if TYPE_CHECKING:
    from pytest_tritonbench.asked.authors import Author


@dataclass(frozen=True)
class Model:
    """The answers of one file of predictions to one channel."""

    name: str
    path: Path
    joined: Joined
    labels: Mapping[int, str]
    """By number of the row."""

    def of(self, task: Upstream) -> Iterator[Answered]:
        """An answer for every sample; one without text where there is none."""
        found = self.joined.answers.get(task.name, ())
        for sample in range(self.joined.samples):
            if sample < len(found):
                origin = f"{self.path}:{found[sample].line}"
                label = self.labels.get(found[sample].row, "")
                yield Answered(self.name, sample, found[sample].text, origin, label)
            else:
                yield Answered(self.name, sample, None, str(self.path))

    def describe(self, channel: Channel) -> str:
        """One line for the header."""
        joined, total = self.joined, len(channel.tasks)
        answered = total - len(joined.missing)
        odd = {
            "missing": len(joined.missing),
            "empty": len(joined.empty),
            "not counted": len(joined.surplus),
            "of no task": len(joined.unplaced),
        }
        told = "".join(f", {count} {what}" for what, count in odd.items() if count)
        each = "" if joined.samples == 1 else f", {joined.samples} samples each"
        placed = f"{self.name} answers {answered} of {total} tasks of {channel.suite}"
        return f"predictions: {placed}{each}{told}"


@dataclass(frozen=True)
class Plan:
    """The suites of a run, and who answers each."""

    channels: tuple[Channel, ...]
    models: Mapping[str, Sequence[Model]] = field(default_factory=dict)
    """By name of the channel."""

    authors: Sequence[Author] = ()
    """Models that are asked instead."""

    store: Path | None = None
    """Where their answers are kept."""

    notes: tuple[str, ...] = ()
    """What is odd about the predictions, a line each."""

    left_out: tuple[str, ...] = ()
    """Suites that no file of predictions answers."""

    def answers(self, channel: Channel, task: Upstream) -> list[Answered]:
        """Every answer to a task: its own gold's where no predictions were given."""
        if self.authors:
            return [Answered(a.endpoint.name, a.sample, None, "", author=a) for a in self.authors]
        if not self.models:
            if task.problem is not None:
                return [Answered(GOLD, 0, "", str(task.path))]
            return [Answered(GOLD, 0, task.gold, str(task.path))]
        return [one for model in self.models.get(channel.name, ()) for one in model.of(task)]

    def describe(self) -> list[str]:
        """Lines for the header: the suites, and how each file of predictions fits them."""
        lines = [f"suite: {c.suite}, {len(c.tasks)} tasks, {c.root}" for c in self.channels]
        for channel in self.channels:
            lines += [model.describe(channel) for model in self.models.get(channel.name, ())]
        return lines + [f"  {note}" for note in self.notes]

    def _asked_for(self, record: Mapping[str, Any]) -> str | None:
        """The answer of a model that was asked, as it is kept on disk."""
        written = record.get("generation")
        if written is None or self.store is None:
            return None
        path = (self.store / written["path"]).with_suffix(".json")
        try:
            text = json.loads(path.read_text(encoding="utf-8"))["text"]
        except (OSError, ValueError, KeyError):
            return None
        return str(text)

    def texts(self) -> dict[tuple[str, str, str], list[str]]:
        """Every answer, by suite, model and task, in the order of the samples."""
        found: dict[tuple[str, str, str], list[str]] = {}
        for channel in self.channels:
            for model in self.models.get(channel.name, ()):
                for task, answers in model.joined.answers.items():
                    found[channel.suite, model.name, task] = [answer.text for answer in answers]
        return found

    def published_times(self) -> dict[str, dict[str, tuple[Size, ...]]]:
        """The times on an A100 that upstream ships, by suite and task."""
        found = {}
        for channel in self.channels:
            folder = Path("performance_metrics", f"perf_{channel.name}", "golden_results")
            # A checkout has its data in a folder beside that of the times.
            places = [channel.root / folder, channel.root.parent / folder]
            for place in places:
                if place.is_dir():
                    found[channel.suite] = golden_results(place, channel.tasks)
                    break
        return found

    def text_of(self, record: Mapping[str, Any]) -> str | None:
        """The answer that a record is of."""
        if self.authors:
            return self._asked_for(record)
        for channel in self.channels:
            task = channel.tasks.get(record["task"])
            if channel.suite != record["suite"] or task is None:
                continue
            for one in self.answers(channel, task):
                if (one.model, one.sample) == (record["model"], record["sample"]):
                    return one.text
        return None


def make_plan(settings: Settings, here: Path, authors: Sequence[Author] = ()) -> Plan:
    """Find the suites and place the predictions.

    Args:
        settings: What the user asked for.
        here: Folder that paths of suites are relative to.
        authors: Models that are asked for answers.

    Raises:
        pytest.UsageError: If one of them cannot be read; the message says what to do.
    """
    channels: list[Channel] = []
    for given in settings.suites:
        try:
            channels += find(str(here / Path(given).expanduser()))
        except SuiteError as e:
            raise pytest.UsageError(f"--tb-suite: {e}") from None
    names = [channel.name for channel in channels]
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise pytest.UsageError(
            f"--tb-suite: channel {twice} is in several of {', '.join(settings.suites)}, and its "
            f"tests would have the same names; give one of them, or PATH#G and PATH#T"
        )
    models: dict[str, list[Model]] = {}
    notes: list[str] = []
    for name, path in settings.predictions:
        try:
            file = read(str(path), name)
            joined = join(file, channels)
        except (PredictionsError, SuiteError) as e:
            raise pytest.UsageError(f"--tb-predictions: {e}") from None
        notes += [f"{path.name}: {problem}" for problem in (*file.problems, *joined.problems)]
        known = models.setdefault(joined.channel, [])
        if any(model.name == file.name for model in known):
            raise pytest.UsageError(
                f"--tb-predictions: two files for {joined.channel} are both called {file.name!r}; "
                f"give one of them another name: NAME={path}"
            )
        labels = {i: row.label for i, row in enumerate(file.rows)}
        known.append(Model(file.name, path, joined, labels))
    left_out = [c for c in channels if models and c.name not in models]
    notes += [f"{c.suite} is left out: no file of predictions answers it" for c in left_out]
    return Plan(
        tuple(channel for channel in channels if channel not in left_out),
        models,
        tuple(authors),
        None if settings.asking is None else settings.asking.store,
        tuple(notes),
        tuple(channel.suite for channel in left_out),
    )
