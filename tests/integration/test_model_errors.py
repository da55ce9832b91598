"""What keeps a model from answering is an ERROR of that sample, with a sentence, and no failure."""

import textwrap
from pathlib import Path
from typing import Any

import pytest

from tests.integration.model_project import ModelProject, answers, fenced, kernel
from tests.integration.project import Project
from tests.model_server.running import serving

KEY = "sk-right-5d1c07aa93b84e6f"
WRONG = "sk-wrong-e0f1b2c3d4a59687"

# A kernel that does not run where it can see a key.
NO_KEY = """\
import os
for name, value in os.environ.items():
    if value.startswith('sk-'): raise RuntimeError('a key: ' + name)
"""

TABLE = """
    [tool.tritonbench.models.fine]
    base_url = "{url}"
    model = "some-model"
    key = "FINE_API_KEY"

    [tool.tritonbench.models.missing]
    server = "fine"
    model = "some-model"
    key = "MISSING_API_KEY"

    [tool.tritonbench.models.wrong]
    server = "fine"
    model = "some-model"
    key = "WRONG_API_KEY"

    [tool.tritonbench.models.unknown]
    server = "fine"
    model = "sone-model"
"""


class Told:
    """One run in which nearly everything goes wrong: by task for one model, by model for one task.

    Args:
        path: Where everything lies.
    """

    def __init__(self, path: Path) -> None:
        self.project = ModelProject(path / "repository")
        tasks = ("double", "quota", "context", "refused", "prose")
        for name in tasks:
            self.project.task(name)
        given = {
            "double": [fenced(kernel("double", before=NO_KEY))],
            **{name: [fenced(kernel(name))] for name in ("quota", "context", "refused")},
            "prose": ["I would rather explain what a kernel is. It is a function, and it is fast."],
        }
        faults = {"quota": "quota", "context": "context", "refused": "refusal"}
        plan: dict[str, Any] = {"key": KEY, "models": ("some-model",), "tasks": faults}
        with serving(answers=answers(path, given), **plan) as server:
            self.project.write("pyproject.toml", textwrap.dedent(TABLE).format(url=server.base_url))
            models = ("fine", "missing", "wrong", "unknown")
            self.done = self.project.pytest(
                *(f"--tb-model={model}" for model in models),
                *("-m", "tb_call or tb_exec", "-k", "fine or double"),
                *("--tb-results", "out", "--junitxml", "out/junit.xml", "--tb-report", "pages"),
                FINE_API_KEY=KEY,
                WRONG_API_KEY=WRONG,
            )
            self.requests = server.requests()
        self.records = self.project.by_test()


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Told:
    """The run that these tests look at."""
    return Told(tmp_path_factory.mktemp("told"))


ERRORS = [
    (
        "double[missing-0]",
        "missing-key",
        "MISSING_API_KEY is not set",
    ),
    ("double[wrong-0]", "wrong-key", "the key in WRONG_API_KEY is not accepted"),
    ("double[unknown-0]", "unknown-model", "does not serve the model 'sone-model'"),
    ("quota[fine-0]", "quota", "add credit or raise the limit at the provider"),
    ("context[fine-0]", "context-overflow", "lower --tb-shots or --tb-max-tokens"),
    ("refused[fine-0]", "refusal", "word the task in another way"),
    ("prose[fine-0]", "no-code", "was answered without code"),
]


@pytest.mark.parametrize(("sample", "kind", "sentence"), ERRORS)
def test_each_is_an_error_that_says_what_to_do(
    told: Told, sample: str, kind: str, sentence: str
) -> None:
    """The sample's call ends as ERROR, shown and recorded with one word and one sentence."""
    task, _, author = sample.removesuffix("]").partition("[")
    test = f"references/{task}.py::test_call[{author}]"
    assert told.done.outcomes[test] == "ERROR"
    record = told.records[test]
    assert (record["outcome"], record["reason"]) == ("error", kind)
    assert (record["model"], record["sample"]) == (author.removesuffix("-0"), 0)
    assert record["message"].startswith(f"not generated: {kind}: ")
    assert sentence in record["message"]
    assert sentence in told.done.words


@pytest.mark.parametrize(("sample", "kind"), [error[:2] for error in ERRORS])
def test_later_phases_are_skipped(told: Told, sample: str, kind: str) -> None:
    """What cannot be judged is no failure in any phase."""
    task, _, author = sample.removesuffix("]").partition("[")
    for case in ("float32-m2-n5", "float32-m1-n33"):
        record = told.records[f"references/{task}.py::test_exec[{author}-{case}]"]
        assert (record["outcome"], record["message"]) == ("skipped", f"not generated: {kind}")


def test_the_others_go_on(told: Told) -> None:
    """The sample that was answered is judged; the run fails because of the errors."""
    assert told.done.outcomes["references/double.py::test_exec[fine-0-float32-m2-n5]"] == "PASSED"
    assert "FAILED" not in told.done.outcomes.values()
    assert told.done.status == pytest.ExitCode.TESTS_FAILED


def test_only_what_can_change_is_asked_again(told: Told) -> None:
    """A wrong key, an unknown model, a used-up quota or a long prompt are each asked for once."""
    outcomes = sorted(row["outcome"] for row in told.requests)
    assert outcomes == ["401", "404", "answered", "answered", "context", "quota", "refusal"]


def test_an_answer_without_code_is_kept(told: Told) -> None:
    """It was paid for: its text lies in the store, beside a file without code."""
    below = told.project.path / "generations/references/fine/prose"
    assert (below / "0.py").read_text(encoding="utf-8") == ""
    assert "It is a function" in (below / "0.json").read_text(encoding="utf-8")


def test_what_was_paid_for_is_counted(told: Told) -> None:
    """A refusal and prose have their tokens in the record; where nothing came, nothing is told."""
    for task in ("prose", "refused"):
        generation = told.records[f"references/{task}.py::test_call[fine-0]"]["generation"]
        assert generation["tokens"]["prompt"] > 0
        assert generation["rounds"][0]["right"] is None
    assert told.records["references/quota.py::test_call[fine-0]"]["generation"] is None


def test_no_key_is_anywhere(told: Told) -> None:
    """Neither output, records, report nor store hold a key, and no candidate's process has one."""
    shown = {"the output": told.done.output}
    for path in told.project.path.rglob("*"):
        if path.is_file():
            shown[str(path)] = path.read_bytes().decode(errors="replace")
    assert len(shown) > 20
    for key in (KEY, WRONG):
        assert {name for name, text in shown.items() if key[3:] in text} == set()
    # The kernel that passed raises where it sees a key.
    code = (told.project.path / "generations/references/fine/double/0.py").read_text("utf-8")
    assert "startswith('sk-')" in code


USAGE = [
    (["--tb-model", "claud"], "no endpoint 'claud'; did you mean claude"),
    (["--tb-model", "claude", "--tb-model", "claude"], "'claude' is given twice"),
    (["--tb-model", "http://localhost:1/v1"], "which model? Write its name after '#'"),
    (["--tb-model", "claude", "--tb-shots", "2"], "--tb-shots: examples of what?"),
    (["--tb-model", "claude", "--tb-template", "broken.j2"], "broken.j2"),
    (["--tb-model", "claude", "--tb-template", "none.j2"], "none.j2"),
    (["--tb-model", "claude", "--tb-suite", ".", "--tb-predictions", "x.jsonl"], "give one"),
    (["--tb-model", "claude", "--tb-budget", "much"], "--tb-budget"),
    (["--tb-model", "claude", "--tb-samples", "0"], "--tb-samples"),
    (["--tb-show-prompt"], "--tb-show-prompt: whose?"),
]


@pytest.mark.parametrize(("arguments", "sentence"), USAGE)
def test_what_is_wrong_from_the_start_is_a_usage_error(
    double: Project, arguments: list[str], sentence: str
) -> None:
    """Nothing is asked and nothing judged where an option cannot be meant."""
    double.write("broken.j2", "{% for %}")
    double.write("x.jsonl", "{}")
    result = double.run_here(*arguments)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert sentence in " ".join(result.stderr.str().split())


def test_a_table_that_is_wrong_is_a_usage_error(double: Project) -> None:
    """An entry of ``pyproject.toml`` is named, and a key in place of a variable is not shown."""
    double.write(
        "pyproject.toml", f'[tool.tritonbench.models.mine]\nserver = "openai"\nkey = "{KEY}"'
    )
    result = double.run_here("--tb-model", "mine")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    told = result.stderr.str()
    assert "[tool.tritonbench.models.mine] key" in told
    assert KEY not in told + result.stdout.str()
