"""The line that a long run shows from time to time."""

from typing import Any

import pytest

from pytest_tritonbench.report.progress import Progress, duration, progress


@pytest.mark.parametrize(
    ("seconds", "told"),
    [(0.4, "0 s"), (59.4, "59 s"), (60, "1 min 00 s"), (3599, "59 min 59 s"), (7500, "2 h 05 min")],
)
def test_durations_read_as_people_say_them(seconds: float, told: str) -> None:
    """Seconds, minutes and hours, rounded to what matters."""
    assert duration(seconds) == told


def test_the_rest_is_estimated_at_the_same_pace() -> None:
    """A quarter done after ten seconds leaves thirty."""
    assert progress(250, 1000, 10) == "250 of 1,000 tests after 10 s, about 30 s to go"


@pytest.mark.parametrize("done", [0, 7])
def test_no_estimate_without_a_pace_or_a_rest(done: int) -> None:
    """Nothing done gives no pace, everything done leaves no rest."""
    assert progress(done, 7, 3) == f"{done} of 7 tests after 3 s"


def test_a_line_is_written_when_it_is_time(pytester: pytest.Pytester) -> None:
    """With no time between lines every test has one; with much time none has."""
    pytester.makepyfile("def test_a(): pass\ndef test_b(): pass")

    def run(every: float) -> list[str]:
        class Plugin:
            """Registers the progress line."""

            def pytest_configure(self, config: Any) -> None:
                """Register it."""
                config.pluginmanager.register(Progress(config, every), "progress-under-test")

        result = pytester.runpytest_inprocess(plugins=[Plugin()])
        return [line for line in result.outlines if " tests after " in line]

    first, second = run(0.0)
    assert first.startswith("1 of 2 tests after ")
    assert second.startswith("2 of 2 tests after ")
    assert run(3600.0) == []


def test_a_line_begins_on_its_own(pytester: pytest.Pytester) -> None:
    """Letters of tests that ran before it, which pytest-xdist writes, are not joined to it."""
    pytester.makepyfile("def test_a(): pass\ndef test_b(): pass")
    pytester.makeconftest(
        """
        from pytest_tritonbench.report.progress import Progress

        def pytest_configure(config):
            if not hasattr(config, "workerinput"):
                config.pluginmanager.register(Progress(config, 0.0), "progress-under-test")
        """
    )
    result = pytester.runpytest_subprocess("-n", "1", "-q")
    told = [line for line in result.outlines if " tests after " in line]
    assert [line[:11] for line in told] == ["1 of 2 test", "2 of 2 test"]
