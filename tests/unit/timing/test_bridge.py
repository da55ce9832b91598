"""Rows of kernels on their way into pytest-benchmark, and what of it they depend on."""

from typing import Any

import pytest
from pytest_benchmark import __version__ as version
from pytest_benchmark.fixture import BenchmarkFixture
from pytest_benchmark.stats import Metadata

from pytest_tritonbench.timing import bridge
from pytest_tritonbench.timing.replay import Replay

SENT: dict[str, Any] = {
    "fixture": {
        "name": "add[float32-n5] candidate",
        "fullname": "references/add.py::test_bench[float32-n5] candidate",
        "group": "add[float32-n5]",
        "param": "float32-n5",
        "params": {"case": "float32-n5"},
        "extra_info": {"row": "candidate"},
        "has_error": False,
    },
    "iterations": 1,
    "options": {"timer": "cuda-events"},
    "seconds": [3e-6, 1e-6, 2e-6],
}

SHOWING = """
    import pytest
    from pytest_tritonbench.timing.benchmark_rows import Rows, replayed, show

    class Case:
        id = "float32-n5"

    @pytest.mark.parametrize("case", [pytest.param(Case(), id="float32-n5")])
    {mark}
    def test_bench(benchmark, case):
        benchmark.extra_info["mine"] = 1
        rows = {{"candidate": [1e-6, 3e-6], "reference": [2e-6], "compile": [2e-6]}}
        show(benchmark, Rows("add", "add, small", rows, "cuda-events", {{"why": {why}}}))
        assert benchmark.name == "add[float32-n5] candidate"
        assert benchmark.stats.stats.data == [1e-6, 3e-6]
"""


@pytest.fixture
def _apart(monkeypatch: pytest.MonkeyPatch) -> None:
    """A run inside this process is no worker's."""
    for name in ("PYTEST_XDIST_WORKER", "PYTEST_ADDOPTS"):
        monkeypatch.delenv(name, raising=False)


def _broken(name: str) -> str:
    return f"pytest-benchmark {version} has no {name} as it was: mend timing/bridge.py"


@pytest.mark.usefixtures("_apart")
def test_what_the_bridge_switches_is_there(pytester: pytest.Pytester) -> None:
    """pytest-benchmark's session has the names that the bridge reads and sets."""
    config = pytester.parseconfigure("--benchmark-only")
    session = getattr(config, "_benchmarksession", None)
    assert session is not None, _broken("config._benchmarksession")
    expected = {"only": True, "skip": False, "disabled": False, "xdist_benchmark_found": False}
    for name, value in expected.items():
        assert getattr(session, name, None) is value, _broken(f"session.{name}")
    assert session.benchmarks == [], _broken("session.benchmarks")
    assert callable(session.storage.load), _broken("session.storage")
    options: dict[str, object] = {"only": True, "enable": False, "disable": False, "compare": []}
    for name, given in options.items():
        assert config.getoption(f"benchmark_{name}") == given, _broken(f"--benchmark-{name}")


def test_what_a_fixture_has_is_there() -> None:
    """pytest-benchmark's fixture has the names that a row is given."""
    names = BenchmarkFixture.__init__.__code__.co_names
    for name in ("name", "fullname", "group", "param", "params", "extra_info", "cprofile", "stats"):
        assert name in names, _broken(f"BenchmarkFixture.{name}")
    assert {"disabled", "skipped"} <= set(names), _broken("BenchmarkFixture.disabled or .skipped")


def test_a_row_that_was_sent_is_the_row() -> None:
    """What a worker sends comes back as pytest-benchmark's own, with the same figures."""
    row: Any = bridge._received(SENT)
    assert isinstance(row, Metadata)
    assert bridge._sent(row) == SENT, _broken("stats.Metadata")
    shown = row.as_dict(flat=True)
    assert {name: shown[name] for name in ("min", "median", "max", "rounds", "iterations")} == {
        "min": 1e-6,
        "median": 2e-6,
        "max": 3e-6,
        "rounds": 3,
        "iterations": 1,
    }
    assert shown["fullname"] == SENT["fixture"]["fullname"]
    assert bool(row)
    assert not row.has_error


def test_what_is_replayed_is_what_was_loaded() -> None:
    """The differences of pairs of readings are the samples, bit by bit."""
    timer, samples = Replay(), [1.1e-5, 3.3e-7, 0.1]
    timer.load(samples)
    for sample in samples:
        start = timer()
        assert timer() - start == sample
    assert timer.spent


def test_a_timer_that_was_not_read_is_not_spent() -> None:
    """Samples that nobody replayed are noticed."""
    timer = Replay()
    timer.load([1.0, 2.0])
    assert not timer.spent


@pytest.mark.usefixtures("_apart")
def test_any_number_of_sides(pytester: pytest.Pytester) -> None:
    """Every side has a row of its own; what a test tells of itself is in each."""
    pytester.makepyfile(test_rows=SHOWING.format(mark="@replayed", why="'fast'"))
    result = pytester.runpytest_inprocess("--benchmark-columns=rounds", "--benchmark-json=o.json")
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines_random(
        [
            "*benchmark 'add, small': 3 tests*",
            "add[[]float32-n5] candidate  *2*",
            "add[[]float32-n5] compile  *1*",
            "add[[]float32-n5] reference  *1*",
        ]
    )


@pytest.mark.usefixtures("_apart")
def test_a_test_without_the_mark_is_told(pytester: pytest.Pytester) -> None:
    """Without the mark pytest-benchmark would time nothing at all, and show that."""
    pytester.makepyfile(test_rows=SHOWING.format(mark="", why="'fast'"))
    result = pytester.runpytest_inprocess()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*RuntimeError: *test_bench* needs the mark 'replayed'*"])


@pytest.mark.usefixtures("_apart")
def test_what_is_told_is_plain(pytester: pytest.Pytester) -> None:
    """Something that JSON has not fails in its test, and not on the way out of a worker."""
    pytester.makepyfile(test_rows=SHOWING.format(mark="@replayed", why="{1, 2}"))
    result = pytester.runpytest_inprocess()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*TypeError: * set is not JSON serializable*"])
