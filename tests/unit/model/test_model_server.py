"""The server that the other tests ask."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.model_server.answers import UNKNOWN, Answers
from tests.model_server.plan import Plan
from tests.model_server.running import ANSWERS, ModelServer, serving
from tests.unit.model.asking import client, endpoint, question


def test_the_task_is_found_in_the_prompt(tmp_path: Path) -> None:
    """By a recorded prompt, a definition, a call or a name; the last, since examples come first."""
    path = tmp_path / "a.jsonl"
    rows = [
        {"instruction": "Add two.\nWord for word.", "file": "x/add2.py", "predict": "a"},
        {"task": "add", "prompt": "", "predict": "b"},
        {"prompt": "Wrapper Entry Information: sub(x) -> Tensor", "predict": "c"},
    ]
    path.write_text("\n".join(map(json.dumps, rows)))
    answers = Answers([str(path)])

    def task(prompt: str) -> str | None:
        return answers.task(
            [{"role": "system", "content": "add"}, {"role": "user", "content": prompt}]
        )

    assert task("Please: Add two.\nWord for word. Call sub(x).") == "add2"
    assert task("def add(x): ...\n\ndef sub(x): ... calls add(1)") == "sub"
    assert task("like sub, but add(x)") == "add"
    assert task("add, sub") == "sub"
    assert task("address") is None
    assert answers.answer(None, 0).text == UNKNOWN


def test_faults_come_as_planned() -> None:
    """By arrival, by task, and for the rest by chance that repeats."""
    plan = Plan(order=("429", None), tasks={"a": "stall", "b": ["500"]}, rate=0.1, seed=3)
    assert [plan.fault(n, "c", 0) for n in (0, 1)] == ["429", None]
    assert [plan.fault(9, "a", n) for n in (0, 5)] == ["stall", "stall"]
    assert plan.fault(9, "b", 0) == "500"
    drawn = [plan.fault(n, "c", 0) for n in range(2, 2002)]
    assert drawn == [plan.fault(n, "c", 0) for n in range(2, 2002)]
    assert 140 < sum(fault is not None for fault in drawn) < 260
    assert set(drawn) == {None, *plan.kinds}


def test_the_recorded_answers_come_in_turn(server: ModelServer) -> None:
    """By the seed where one is sent, by count where none is."""
    asked = endpoint(server)
    asking = client(asked)
    by_count = ["x + x" in asking.ask(question(asked)).text for _ in range(3)]
    by_seed = ["x + x" in asking.ask(question(asked, seed=n)).text for n in (0, 1, 1)]
    assert by_count == [True, False, True]
    assert by_seed == [True, False, False]
    assert server.answered() == {("double", None): 3, ("double", 0): 1, ("double", 1): 2}


def test_it_serves_until_the_block_ends() -> None:
    """On a port of its own, from the files that it is given."""
    with serving(answers=(str(ANSWERS),), delay=0.0) as one, serving() as other:
        assert one.base_url != other.base_url
        asked = endpoint(one)
        assert client(asked).ask(question(asked)).text
    with pytest.raises(OSError, match="refused"):
        one.log()
