"""``--tb-suite`` with ``--tb-model``: a model answers the tasks of a published benchmark."""

import json
from pathlib import Path

import pytest

from tests.integration.checkout import Checkout, answer
from tests.integration.model_project import ModelProject, answers, fenced
from tests.model_server.running import serving

ASKED_T = """\
You are an expert in kernels.
Functional Description: Twice the values, as {name} does.
Wrapper Entry Information: {name}(x) -> Tensor
After generation, look at it again."""

ASKED_G = "Write a kernel and its wrapper.\n        Twice the values, as {name} does.\n        "


class Asked:
    """Tasks of two channels, asked for in the benchmark's own words; three of four have them.

    Args:
        path: Where everything lies.
    """

    def __init__(self, path: Path) -> None:
        checkout = Checkout(path / "bench")
        for name in ("double", "twice", "unlisted"):
            checkout.task(name)
        checkout.task("two_times", channel="G", gold=answer("two_times"))
        prompts = {"T": [ASKED_T.format(name=n) for n in ("double", "twice")]}
        prompts["G"] = [ASKED_G.format(name="two_times")]
        for channel, texts in prompts.items():
            rows = [{"instruction": text, "input": "", "output": "secret"} for text in texts]
            file = checkout.path / f"data/TritonBench_{channel}_comp_alpac_v1.json"
            file.write_text(json.dumps(rows), encoding="utf-8")
        self.prompts = {text for texts in prompts.values() for text in texts}
        self.project = ModelProject(path / "repository")
        self.project.write("pytest.ini", "[pytest]\n")
        given = {name: [fenced(answer(name))] for name in ("double", "two_times")}
        given["twice"] = [answer("twice", "x * 3")]
        with serving(answers=answers(path, given)) as server:
            options = [
                f"--tb-suite={checkout.path}",
                f"--tb-model=m={server.base_url}#some-model",
                *("--tb-prompt", "tritonbench", "--tb-examples", "5", "--tb-results", "out"),
            ]
            self.done = self.project.pytest(*options)
            self.requests = server.requests()
            chosen = ("-m", "tb_call", "-k", "not unlisted", "-p", "no:xdist")
            self.again = self.project.pytest(*options, *chosen, "--tb-resume")
            self.asked_again = server.requests()[len(self.requests) :]
        self.records = self.project.by_test()


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> Asked:
    """The run that these tests look at, and one after it."""
    return Asked(tmp_path_factory.mktemp("asked"))


def test_the_answers_are_judged(asked: Asked) -> None:
    """Model and sample stand in the node ids; what is right passes, what is wrong fails exec."""
    outcomes = asked.done.outcomes
    assert outcomes["TritonBench-T::double::test_exec[m-0]"] == "PASSED"
    assert outcomes["TritonBench-G::two_times::test_exec[m-0]"] == "PASSED"
    assert outcomes["TritonBench-T::twice::test_call[m-0]"] == "PASSED"
    assert outcomes["TritonBench-T::twice::test_exec[m-0]"] == "FAILED"
    assert asked.done.status == pytest.ExitCode.TESTS_FAILED


def test_the_benchmarks_own_words_are_sent(asked: Asked) -> None:
    """The style ``tritonbench`` is one message, the instruction word for word."""
    sent = set()
    for path in asked.project.path.glob("generations/*/m/*/0.json"):
        messages = json.loads(path.read_text(encoding="utf-8"))["messages"]
        assert [message["role"] for message in messages] == ["user"]
        sent.add(messages[0]["content"])
    assert {text.strip() for text in sent} == {text.strip() for text in asked.prompts}
    assert sent <= asked.prompts


def test_each_suite_has_its_folder(asked: Asked) -> None:
    """Answers lie by suite, model, task and sample."""
    assert asked.project.stored() == [
        f"TritonBench-{channel}/m/{task}/0.{suffix}"
        for channel, task in (("G", "two_times"), ("T", "double"), ("T", "twice"))
        for suffix in ("json", "py")
    ]


def test_a_task_without_such_words_is_an_error(asked: Asked) -> None:
    """Nobody is asked for it, and the sentence names the file."""
    test = "TritonBench-T::unlisted::test_call[m-0]"
    assert asked.done.outcomes[test] == "ERROR"
    record = asked.records[test]
    assert (record["outcome"], record["reason"]) == ("error", "prompt")
    assert "TritonBench_T_comp_alpac_v1.json" in record["message"]
    assert sorted(row["task"] for row in asked.requests) == ["double", "twice", "two_times"]


def test_records_say_how_the_answer_came_to_be(asked: Asked) -> None:
    """As for a repository's own tasks, beside what a suite's records have."""
    record = asked.records["TritonBench-T::double::test_call[m-0]"]
    assert (record["suite"], record["model"], record["sample"]) == ("TritonBench-T", "m", 0)
    assert record["generation"]["path"] == "TritonBench-T/m/double/0.py"
    assert record["generation"]["tokens"]["completion"] > 0
    assert record["policy"]["strict"]["exec"] is True


def test_a_resumed_run_neither_asks_nor_judges(asked: Asked) -> None:
    """With ``--tb-resume`` answers and verdicts are both there already."""
    assert asked.asked_again == []
    tests = [test for test in asked.again.outcomes if "test_call" in test]
    assert len(tests) == 3
    assert set(asked.again.outcomes.values()) == {"PASSED"}
    assert len(asked.project.records()) == len(asked.records)
