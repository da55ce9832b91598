"""`-n 2`: several workers share the tasks, and what they find is what a serial run finds."""

import json
from typing import Any

import pytest

from tests.integration.project import Project

SEED = "--hypothesis-seed=0"


def comparable(records: list[dict[str, Any]]) -> list[str]:
    """Records without order and without what no two runs share: when, and how long it took."""
    for record in records:
        for varies in ("run", "seconds"):
            del record[varies]
        for kernel in record["kernels"]:
            del kernel["compile_ms"]
    return sorted(json.dumps(record, sort_keys=True) for record in records)


def test_two_workers_write_the_records_of_a_serial_run(double: Project) -> None:
    """The records of `-n 2` and of a serial run differ in order and times only."""
    double.task("twice")
    double.kernel("twice", value="tl.where(n > 32, x * 3, x * 2)")
    double.task("missing")
    serial = double.run(SEED, "--tb-results", "serial")
    workers = double.run(SEED, "--tb-results", "workers", "-n", "2", "-p", "no:cacheprovider")
    assert serial.ret == workers.ret == pytest.ExitCode.TESTS_FAILED
    assert serial.parseoutcomes() == workers.parseoutcomes()
    one, two = (comparable(double.records(folder)) for folder in ("serial", "workers"))
    assert len(one) > 29 + 5, "every case of a good kernel, every test of a missing one, and more"
    assert one == two


def test_a_task_stays_on_one_worker(double: Project) -> None:
    """All phases of a task run on one worker, so that they share one candidate process."""
    double.task("twice")
    double.kernel("twice")
    result = double.run("-n", "2", "-v", "-m", "tb_call or tb_exec")
    result.assert_outcomes(passed=6)
    ran = [line.split() for line in result.outlines if line.startswith("[gw")]
    workers: dict[str, set[str]] = {}
    for worker, *_, nodeid in ran:
        workers.setdefault(nodeid.partition("::")[0], set()).add(worker)
    assert {name: len(on) for name, on in workers.items()} == {
        "references/double.py": 1,
        "references/twice.py": 1,
    }


def test_all_workers_record_the_same_start(double: Project) -> None:
    """One run is one run: the time in the records is when the controller began."""
    double.task("twice")
    double.kernel("twice")
    late = "if os.environ.get('PYTEST_XDIST_WORKER') == 'gw1':\n    time.sleep(1.5)\n"
    late = f"import os\nimport time\n\n{late}"
    (double.path / "conftest.py").write_text(late)
    double.run("-n", "2", "-m", "tb_call", "--tb-results", "out")
    assert len({record["run"] for record in double.records("out")}) == 1
    assert len({record["task"] for record in double.records("out")}) == 2
