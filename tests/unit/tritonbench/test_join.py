"""Which task a prediction answers, on real rows and on small ones."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest

from pytest_tritonbench.candidate.join import Joined, Rule, join, normalised
from pytest_tritonbench.candidate.predictions import PredictionFile, PredictionsError, Row
from pytest_tritonbench.task.tritonbench.checkout import Channel, find
from tests.unit.tritonbench.checkouts import DOUBLE, G_TASKS, checkout, published_checkout, rows


@pytest.fixture
def channels(tmp_path: Path) -> tuple[Channel, ...]:
    """Both channels of a small checkout."""
    checkout(tmp_path)
    return find(str(tmp_path))


def row(text: str = "x = 1", **found: Any) -> dict[str, Any]:
    """A row without a line number."""
    return {"text": text, "prompt": "", "label": "", "task": None, **found}


def joined(channels: tuple[Channel, ...], *found: dict[str, Any]) -> Joined:
    """Join rows that stand on the lines from 1 on."""
    made = tuple(Row(line=i, **one) for i, one in enumerate(found, start=1))
    return join(PredictionFile("model", "a.jsonl", made), channels)


def asks(task: int, style: str = "comp_instru") -> str:
    """A prompt for a task of G."""
    return f"You are an expert.\n{G_TASKS[task][style]}\n"


def test_real_rows_find_their_tasks(tmp_path: Path) -> None:
    """Every chosen row of nine published files, whatever their order, by its prompt alone."""
    channels = {channel.name: channel for channel in find(str(published_checkout(tmp_path)))}
    chosen = list(rows("predictions"))
    random.Random(0).shuffle(chosen)  # noqa: S311 - no secret
    unplaced = 0
    for origin in sorted({one["origin"] for one in chosen}):
        own = [one for one in chosen if one["origin"] == origin]
        made = tuple(Row(o["line"], o["predict"], o["prompt"], "", None) for o in own)
        file = PredictionFile(origin, origin, made)
        found = join(file, tuple(channels.values()))
        assert found.channel == own[0]["channel"]
        placed = {a.line: (a.task, a.rule) for of in found.answers.values() for a in of}
        unplaced += len(found.unplaced)
        wanted = {one["line"]: (one["task"], Rule.INSTRUCTION) for one in own}
        assert placed == {line: wanted[line] for line in placed}
    # Their prompts end before the instruction does; only the label, left out here, says more.
    assert unplaced == 3


def test_a_named_task_comes_first(channels: tuple[Channel, ...]) -> None:
    """A row that names its task is of that task, whatever it asks."""
    found = joined(channels, row(task="treble", prompt=asks(0)))
    assert found.answers["treble"][0].rule == Rule.FILE


@pytest.mark.parametrize("style", ["comp_instru", "simp_instru"])
def test_an_instruction_is_found_in_the_prompt(channels: tuple[Channel, ...], style: str) -> None:
    """In either style, with other white space and marks of a chat format in it."""
    prompt = "<|im_start|>user\n" + asks(1, style).replace(" ", "\n   ") + "<|im_end|>"
    found = joined(channels, row(prompt=prompt))
    assert [*found.answers] == ["treble"]


@pytest.mark.parametrize(
    ("label", "rule"),
    [
        (DOUBLE + "<|EOT|>", Rule.LABEL),
        (DOUBLE.replace("double", "treble").replace("\n", "\n\n"), Rule.LABEL),
        (DOUBLE[:-20], Rule.LABEL_START),
    ],
)
def test_a_label_places_what_the_prompt_does_not(
    channels: tuple[Channel, ...], label: str, rule: Rule
) -> None:
    """The whole gold, or its beginning where no other gold begins so."""
    found = joined(channels, row(label=label))
    [(task, (answer,))] = found.answers.items()
    assert (task, answer.rule) == ("treble" if "treble" in label else "double", rule)


def test_a_label_that_several_golds_begin_with_places_nothing(
    channels: tuple[Channel, ...],
) -> None:
    """Then the row is told, with what to add."""
    found = joined(channels, row(label="import torch\nimport triton"), row(prompt=asks(0)))
    assert [one.line for one in found.unplaced] == [1]
    assert found.problems[0].startswith(
        "line 1: neither its prompt nor its label belongs to a task"
    )


def test_a_prompt_with_two_instructions_is_told(channels: tuple[Channel, ...]) -> None:
    """It is not guessed; its label may still decide between the two."""
    both = asks(0) + asks(1)
    found = joined(channels, row(prompt=both), row(prompt=both, label=DOUBLE))
    assert found.problems[0] == (
        "line 1: its prompt holds the instructions of double, treble; add a 'file' key"
    )
    assert [(a.line, a.rule) for a in found.answers["double"]] == [(2, Rule.LABEL)]


def test_an_unknown_name_is_told_with_the_nearest(channels: tuple[Channel, ...]) -> None:
    """A slip of the pen costs one look."""
    found = joined(channels, row(task="doubel"), row(task="double"))
    assert found.problems[0] == (
        "line 1: TritonBench-G has no task 'doubel'; did you mean 'double'?"
    )


def test_missing_and_empty_answers_are_told(channels: tuple[Channel, ...]) -> None:
    """They count as failed: the denominator stays."""
    found = joined(channels, row(" \n", task="double"))
    assert (found.missing, found.empty, found.samples) == (("treble",), ("double",), 1)
    assert found.problems == (
        "1 of 2 tasks of TritonBench-G have no answer and count as failed: treble",
        "1 empty answer, counted as failed: double",
    )


def test_of_two_answers_the_first_counts(channels: tuple[Channel, ...]) -> None:
    """The other is told, with both lines."""
    rows = [row("one", task="double"), row("x", task="treble"), row("two", task="double")]
    found = joined(channels, *rows)
    assert [(a.text, a.sample) for a in found.answers["double"]] == [("one", 0), ("two", 1)]
    assert (found.samples, [a.line for a in found.surplus]) == (1, [3])
    assert found.problems == ("line 3: another answer to double (first: line 1); that one counts",)


def test_as_many_answers_to_each_task_are_samples(channels: tuple[Channel, ...]) -> None:
    """Two to each of two tasks are two samples, and nothing is odd about it."""
    found = joined(channels, *[row(str(i), task=t) for i in (0, 1) for t in ("double", "treble")])
    assert (found.samples, found.surplus, found.problems) == (2, (), ())
    assert [(a.text, a.sample) for a in found.answers["treble"]] == [("0", 0), ("1", 1)]


def test_a_file_of_another_suite_is_refused(channels: tuple[Channel, ...]) -> None:
    """No row answers anything: that is no model without answers, but the wrong suite."""
    with pytest.raises(
        PredictionsError, match=r"a\.jsonl: none of its 1 rows answers a task of TritonBench-G or"
    ):
        joined(channels, row(prompt="Write a poem."))


def test_the_channel_is_the_one_that_most_rows_answer(channels: tuple[Channel, ...]) -> None:
    """A file for T is T's although both channels are there."""
    description = channels[1].tasks["halve"].description
    found = joined(channels, row(prompt=f"Functional Description: {description}\nWrapper"))
    assert (found.channel, [*found.answers]) == ("T", ["halve"])


def test_marks_of_a_chat_format_are_no_words() -> None:
    """Neither the plain nor the fullwidth ones."""
    text = "<\uff5cbegin\u2581of\u2581sentence\uff5c>User:  a\n\tb<|EOT|>"
    assert normalised(text) == "User: a b"
