"""Timing answers to a published benchmark: where it is asked for, and on a GPU alone."""

from pathlib import Path

import pytest

from tests.integration.checkout import Checkout, answer
from tests.integration.test_suite import outcomes, run

TIMES = "TritonBench-T::double::test_bench[mine]"


@pytest.fixture(scope="module")
def options(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[object]]:
    """A checkout with one task and one answer."""
    path = tmp_path_factory.mktemp("times")
    checkout = Checkout(path / "bench")
    checkout.task("double")
    file = checkout.predictions("mine", {"double": answer("double")})
    (path / "pytest.ini").write_text("[pytest]\n", encoding="utf-8")
    return path, ["--tb-suite", checkout.path, "--tb-predictions", file]


@pytest.mark.parametrize(
    "asking", [["--benchmark-only"], ["-m", "tb_bench", "-p", "no:benchmark"], [TIMES]]
)
def test_times_are_asked_for(
    options: tuple[Path, list[object]], asking: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """By option, marker or id there is a test that times; without a GPU it says why it does not."""
    # A run of its own, whatever the run that it is tested in.
    monkeypatch.delenv("PYTEST_XDIST_WORKER", raising=False)
    path, given = options
    result = run(path, *given, *asking)
    assert outcomes(result) == {}
    assert "no GPU here: a kernel is timed on the device or not at all" in result.stdout
    assert result.returncode == 0


def test_nobody_asks(options: tuple[Path, list[object]]) -> None:
    """Without being asked for, nothing is timed and no test says so."""
    path, given = options
    listed = run(path, *given, "--co", "-q").stdout
    assert "test_fuzz[mine]" in listed
    assert "test_bench" not in listed
    listed = run(path, *given, "--co", "-q", "-k", "bench").stdout
    assert TIMES in listed


def test_benchmarks_that_are_disabled_are_not_timed(
    options: tuple[Path, list[object]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """`--benchmark-disable` wins over the id, and the reason is told."""
    monkeypatch.delenv("PYTEST_XDIST_WORKER", raising=False)
    path, given = options
    result = run(path, *given, TIMES, "--benchmark-disable", "-rs")
    assert "--benchmark-disable: an answer's bench does nothing but time it" in result.stdout
    assert result.returncode == 0
