"""``-n 2`` with ``--tb-model``: the workers share the asking, and find what a serial run finds."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.integration.model_project import ModelProject, answers, fenced, kernel
from tests.model_server.running import serving

TASKS = ("double", "twice")


def comparable(records: list[dict[str, Any]]) -> list[str]:
    """Records without order and without what no two runs share: when, and how long it took."""
    for record in records:
        for varies in ("run", "seconds"):
            del record[varies]
        for kernel_ in record["kernels"]:
            del kernel_["compile_ms"]
        for varies in ("started", "ended") if record["generation"] else ():
            del record["generation"][varies]
    return sorted(json.dumps(record, sort_keys=True) for record in records)


class Both:
    """A serial run, and one with two workers that starts from nothing again.

    Args:
        path: Where everything lies.
    """

    def __init__(self, path: Path) -> None:
        project = ModelProject(path / "repository")
        for name in TASKS:
            project.task(name)
        texts = {name: [fenced(kernel(name)), fenced(kernel(name, "x * 3"))] for name in TASKS}
        texts["twice"][1] = "I cannot."
        recorded = answers(path, texts)
        with serving(answers=recorded, delay=0.3) as server:
            model = f"--tb-model=m={server.base_url}#some-model"
            options = [model, "--tb-samples", "2", "--tb-sampling-seed", "0"]
            options += ["-m", "tb_call or tb_exec", "--tb-concurrency", "3"]
            self.serial = project.pytest(*options, "--tb-results", "serial")
            shutil.rmtree(project.path / "generations")
            server.plan(answers=recorded, delay=0.3)
            self.workers = project.pytest(*options, "--tb-results", "workers", "-n", "2")
            self.requests = server.requests()
            self.most_at_once = server.log()["most_at_once"]
        self.records = [comparable(project.records(run)) for run in ("serial", "workers")]


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Both:
    """The runs that these tests look at."""
    return Both(tmp_path_factory.mktemp("both"))


def test_each_sample_is_asked_for_once(both: Both) -> None:
    """Two workers and four samples are four requests."""
    asked = sorted((row["task"], row["asked"]["seed"]) for row in both.requests)
    assert asked == sorted((name, seed) for name in TASKS for seed in (0, 1))
    assert {row["outcome"] for row in both.requests} == {"answered"}


def test_the_workers_keep_to_the_limit_together(both: Both) -> None:
    """``--tb-concurrency`` counts the requests of all processes."""
    assert 1 <= both.most_at_once <= 3


def test_the_records_are_those_of_a_serial_run(both: Both) -> None:
    """They differ in order and times only; so do the outcomes."""
    serial, workers = both.records
    assert len(serial) > len(TASKS) * 2
    assert serial == workers
    assert both.serial.outcomes == both.workers.outcomes
    assert both.serial.status == both.workers.status == pytest.ExitCode.TESTS_FAILED
