"""``--tb-model``: models write the kernels, each answer is judged, and nobody is asked twice."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.integration.model_project import Done, ModelProject, answers, fenced, kernel
from tests.model_server.running import ModelServer, serving

AUTHORS = ("left-0", "left-1", "right-0", "right-1")
FEW = ("--tb-examples", "5", "--tb-results", "out")


class Asked:
    """Two models, two samples: the first answer is right, the second wrong.

    Args:
        path: Where everything lies.
        server: Who answers.
    """

    def __init__(self, path: Path, server: ModelServer) -> None:
        self.project = ModelProject(path)
        self.server = server
        self.project.task()
        self.options = [
            f"--tb-model=left={server.base_url}#maker/one",
            f"--tb-model=right={server.base_url}#two",
            *("--tb-samples", "2", "--tb-sampling-seed", "0", "--tb-temperature", "0.5"),
        ]
        self.first = self.project.pytest(*self.options, *FEW)
        self.requests = server.requests()
        self.stored = self.project.stored()
        self.records = self.project.records()
        absent = ("-p", "no:xdist", "-p", "no:benchmark", "-p", "no:cacheprovider")
        self.second = self.project.pytest(*self.options, *absent, "--tb-examples", "5")
        self.later = server.requests()[len(self.requests) :]


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Asked]:
    """The run that these tests look at, and a second one with the same answers."""
    path = tmp_path_factory.mktemp("asked")
    given = {"double": [fenced(kernel("double")), fenced(kernel("double", "x * 3"))]}
    with serving(answers=answers(path, given)) as server:
        yield Asked(path / "repository", server)


def test_each_answer_is_a_parameter_of_every_test(asked: Asked) -> None:
    """Model and sample stand in the node ids; right answers pass, wrong ones fail exec and fuzz."""
    expected = {}
    for author in AUTHORS:
        word = "PASSED" if author.endswith("0") else "FAILED"
        expected[f"references/double.py::test_call[{author}]"] = "PASSED"
        expected[f"references/double.py::test_fuzz[{author}]"] = word
        for case in ("float32-m2-n5", "float32-m1-n33"):
            expected[f"references/double.py::test_exec[{author}-{case}]"] = word
    assert asked.first.outcomes == expected
    assert asked.first.status == pytest.ExitCode.TESTS_FAILED


def test_a_failure_names_the_file_of_the_answer(asked: Asked) -> None:
    """The message says which kernel was judged, and repeats it with the model's options."""
    text = asked.first.output
    assert "  kernel   generations/references/right/double/1.py" in text
    replays = [line for line in text.splitlines() if line.startswith("  replay")]
    assert len(replays) == 6
    for line in replays:
        assert f"--tb-model='right={asked.server.base_url}#two'" in line
        assert "--tb-samples=2 --tb-temperature=0.5 --tb-sampling-seed=0" in line


def test_each_sample_is_asked_for_once(asked: Asked) -> None:
    """Four candidates of five tests each are four requests, with the options' parameters."""
    told = [(row["model"], row["task"], row["asked"]["seed"]) for row in asked.requests]
    assert sorted(told) == [
        (model, "double", seed) for model in ("maker/one", "two") for seed in (0, 1)
    ]
    assert {row["asked"]["temperature"] for row in asked.requests} == {0.5}


def test_answers_lie_in_the_store(asked: Asked) -> None:
    """Each is a ``.py`` that can be read and a ``.json`` with everything asked and answered."""
    assert asked.stored == [
        f"references/{model}/double/{sample}.{suffix}"
        for model in ("left", "right")
        for sample in (0, 1)
        for suffix in ("json", "py")
    ]
    folder = asked.project.path / "generations/references/left/double"
    assert (folder / "0.py").read_text(encoding="utf-8") == kernel("double")
    beside = json.loads((folder / "0.json").read_text(encoding="utf-8"))
    assert beside["text"] == fenced(kernel("double"))
    assert (beside["model"], beside["endpoint"]) == ("maker/one", "left")
    assert beside["sampling"]["temperature"] == 0.5
    assert "def double(" in beside["messages"][-1]["content"]
    assert "x * 2" not in json.dumps(beside["messages"])


def call_record(asked: Asked, author: str) -> dict[str, Any]:
    """The record of a candidate's call."""
    test = f"references/double.py::test_call[{author}]"
    [found] = [record for record in asked.records if record["test"] == test]
    return found


def test_records_say_who_wrote_it_and_how(asked: Asked) -> None:
    """Model, sample, and once a candidate how it came to be."""
    record = call_record(asked, "right-1")
    assert (record["model"], record["sample"], record["outcome"]) == ("right", 1, "passed")
    assert record["candidate"] == "generations/references/right/double/1.py"
    generation = record["generation"]
    store = asked.project.path / "generations"
    beside = json.loads((store / "references/right/double/1.json").read_text(encoding="utf-8"))
    assert generation["key"] == beside["key"]
    assert generation["path"] == "references/right/double/1.py"
    assert (generation["attempt"], generation["edited"], generation["requests"]) == (0, False, 1)
    assert generation["tokens"] == beside["usage"]
    assert generation["tokens"]["completion"] > 0
    assert [made["attempt"] for made in generation["rounds"]] == [0]
    others = [r["generation"] for r in asked.records if r["phase"] != "call"]
    assert others
    assert set(map(json.dumps, others)) == {"null"}


def test_the_header_says_who_is_asked(asked: Asked) -> None:
    """Names, models, samples and how many requests at a time."""
    assert "models: left (maker/one), right (two)" in asked.first.output
    assert "2 samples each, 8 at a time" in asked.first.words


def test_a_second_run_asks_nobody(asked: Asked) -> None:
    """The same question is answered from disk, with the same outcomes; no plugin is needed."""
    assert asked.later == []
    assert asked.second.outcomes == asked.first.outcomes
    assert asked.project.stored() == asked.stored


class Offline:
    """The store judged again: nobody is asked, one file was edited and one answer is gone.

    Args:
        asked: The run that made the store.
    """

    def __init__(self, asked: Asked) -> None:
        project = self.project = asked.project
        below = project.path / "generations/references"
        (below / "left/double/0.py").write_text(kernel("double", "x * 3"), encoding="utf-8")
        for suffix in ("py", "json"):
            (below / f"right/double/1.{suffix}").unlink()
        before = len(asked.server.requests())
        project.ini(
            "tb_model =",
            f"    left={asked.server.base_url}#maker/one",
            f"    right={asked.server.base_url}#two",
            "tb_samples = 2",
            "tb_sampling_seed = 0",
            "tb_temperature = 0.5",
            "tb_offline = true",
            "tb_generations = generations",
        )
        self.done: Done = project.pytest("--tb-results", "later", "-m", "tb_call or tb_exec")
        self.records = project.by_test("later")
        self.requests = asked.server.requests()[before:]


@pytest.fixture(scope="module")
def offline(asked: Asked) -> Offline:
    """The run, after which the store of the first one is another."""
    return Offline(asked)


def test_offline_judges_what_is_there(offline: Offline) -> None:
    """With ``tb_offline`` nobody is asked; every option may stand in the ini file."""
    assert offline.requests == []
    assert "offline" in offline.done.output
    outcomes = offline.done.outcomes
    assert outcomes["references/double.py::test_exec[right-0-float32-m2-n5]"] == "PASSED"
    assert outcomes["references/double.py::test_exec[left-1-float32-m2-n5]"] == "FAILED"


def test_offline_what_is_not_there_is_an_error(offline: Offline) -> None:
    """The sample's call is an ERROR that says what to do, and its other tests are skipped."""
    outcomes = offline.done.outcomes
    test = "references/double.py::test_call[right-1]"
    assert outcomes[test] == "ERROR"
    record = offline.records[test]
    assert (record["outcome"], record["reason"]) == ("error", "offline")
    assert record["message"].startswith("not generated: offline: ")
    assert "run without --tb-offline to ask for it" in offline.done.words
    skipped = offline.records["references/double.py::test_exec[right-1-float32-m2-n5]"]
    assert (skipped["outcome"], skipped["message"]) == ("skipped", "not generated: offline")


def test_an_edited_file_is_judged_as_edited(offline: Offline) -> None:
    """What a person made of the answer is what is judged, and the record says so."""
    outcomes = offline.done.outcomes
    assert outcomes["references/double.py::test_exec[left-0-float32-m2-n5]"] == "FAILED"
    generation = offline.records["references/double.py::test_call[left-0]"]["generation"]
    assert generation["edited"] is True
    assert "edited by hand" in generation["note"]
    untouched = offline.records["references/double.py::test_call[left-1]"]["generation"]
    assert untouched["edited"] is False
