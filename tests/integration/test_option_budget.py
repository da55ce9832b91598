"""``--tb-budget``: asking stops before a limit is passed, and goes on when there is a new one."""

import textwrap
from pathlib import Path

import pytest

from tests.integration.model_project import ModelProject, answers, fenced, kernel
from tests.model_server.running import serving

TASKS = ("one", "two", "three", "four", "five", "six")
DOLLARS = 0.15

TABLE = """
    [tool.tritonbench.models.m]
    base_url = "{url}"
    model = "some-model"
    price = {{ prompt = 0.0, completion = 100.0 }}
"""


class Spent:
    """A run with a budget for some of six tasks, and one after it with a budget in tokens.

    A request is reckoned with at most 1000 tokens, 10 cents; an answer costs one or two.

    Args:
        path: Where everything lies.
    """

    def __init__(self, path: Path) -> None:
        self.project = ModelProject(path / "repository")
        for name in TASKS:
            self.project.task(name)
        recorded = answers(path, {name: [fenced(kernel(name))] for name in TASKS})
        with serving(answers=recorded) as server:
            self.project.write("pyproject.toml", textwrap.dedent(TABLE).format(url=server.base_url))
            options = ("--tb-model=m", "--tb-max-tokens", "1000", "-m", "tb_call")
            self.done = self.project.pytest(
                *options, "--tb-budget", str(DOLLARS), "--tb-results", "out"
            )
            self.asked = server.requests()
            self.later = self.project.pytest(
                *options, "--tb-budget", "100k tokens", "--tb-results", "later"
            )
            self.asked_later = server.requests()[len(self.asked) :]
        self.records = self.project.records()

    @property
    def undone(self) -> set[str]:
        """Tasks that were not asked for in the first run."""
        return set(TASKS) - {row["task"] for row in self.asked}


@pytest.fixture(scope="module")
def spent(tmp_path_factory: pytest.TempPathFactory) -> Spent:
    """The runs that these tests look at."""
    return Spent(tmp_path_factory.mktemp("spent"))


def test_it_stops_before_the_limit(spent: Spent) -> None:
    """What was asked cost less than the budget, and one more could have passed it."""
    costs = [r["generation"]["cost"] for r in spent.records if r["generation"]]
    assert len(costs) == len(spent.asked)
    assert sum(costs) <= DOLLARS < sum(costs) + 0.1
    assert 0 < len(spent.undone) < len(TASKS)


def test_what_was_not_asked_is_an_error_that_says_so(spent: Spent) -> None:
    """Each has the word, what it may have cost, and what to do; the others are judged."""
    for name in TASKS:
        test = f"references/{name}.py::test_call[m-0]"
        record = spent.project.by_test()[test]
        if name not in spent.undone:
            assert (spent.done.outcomes[test], record["outcome"]) == ("PASSED", "passed")
            continue
        assert spent.done.outcomes[test] == "ERROR"
        assert (record["outcome"], record["reason"]) == ("error", "budget")
        assert "was not asked: it may cost up to $0.1" in record["message"]
        assert "raise --tb-budget or lower --tb-max-tokens" in record["message"]


def test_the_header_names_the_budget(spent: Spent) -> None:
    """As it was given."""
    assert f"budget {DOLLARS}" in spent.done.words


def test_a_later_run_asks_for_the_rest_alone(spent: Spent) -> None:
    """What was answered is on disk; a budget may be in tokens."""
    assert {row["task"] for row in spent.asked_later} == spent.undone
    assert len(spent.asked_later) == len(spent.undone)
    assert set(spent.later.outcomes.values()) == {"PASSED"}
    assert spent.later.status == pytest.ExitCode.OK
