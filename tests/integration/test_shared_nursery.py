"""Under ``-n``, torch is imported once for the sandboxes of all workers."""

import json

import pytest

from pytest_tritonbench.sandbox.nursery import VARIABLE
from tests.integration.project import Project

CONFTEST = f"""\
import json
import os

from pytest_tritonbench import session


def pytest_sessionfinish(session: object) -> None:
    stash = session.config.stash
    if own in stash:
        kind = type(stash[own].sandbox._zygote.process).__name__
        name = os.environ.get("PYTEST_XDIST_WORKER", "main")
        told = [kind, os.environ.get("{VARIABLE}")]
        (session.config.rootpath / f"zygote-{{name}}.json").write_text(json.dumps(told))


own = session._SESSION
"""


@pytest.mark.parametrize("workers", [2, 0])
def test_workers_share_one(project: Project, monkeypatch: pytest.MonkeyPatch, workers: int) -> None:
    """Each worker has a zygote of the same nursery; a run without workers has its own."""
    monkeypatch.delenv(VARIABLE, raising=False)
    for name in ("double", "twice"):
        project.task(name)
        project.kernel(name)
    project.write("conftest.py", CONFTEST)
    project.run("-m", "tb_call", *(("-n", str(workers)) if workers else ())).assert_outcomes(
        passed=2
    )
    found = [json.loads(path.read_text()) for path in project.path.glob("zygote-*.json")]
    kinds = [kind for kind, _ in found]
    assert kinds == (["Born", "Born"] if workers else ["Popen"])
    assert len({address for _, address in found}) == 1
