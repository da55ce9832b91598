"""A task of a checkout that cannot be used is set apart, and the others are judged."""

from pathlib import Path

import pytest

from tests.integration.checkout import TEST, Checkout, answer


def test_a_broken_task_is_skipped_with_its_file(pytester: pytest.Pytester, tmp_path: Path) -> None:
    """A test that is no Python, a file without the separator: skipped, with file and line."""
    checkout = Checkout(tmp_path / "bench")
    checkout.task("double")
    checkout.task("no_python", test=TEST + "    def (\n")
    checkout.task("cut_off")
    cut = checkout.path / "data" / "TritonBench_T_v1" / "cut_off.py"
    cut.write_text(cut.read_text(encoding="utf-8").partition("####")[0], encoding="utf-8")
    names = ("double", "no_python", "cut_off")
    file = checkout.predictions("mine", {name: answer(name) for name in names})
    options = ["--tb-suite", checkout.path, "--tb-predictions", file, "--tb-gpu", "cpu"]
    result = pytester.runpytest_subprocess("-rs", "-k", "not fuzz", *map(str, options))
    result.assert_outcomes(passed=2, skipped=4)
    text = result.stdout.str()
    assert "no_python.py:" in text
    assert "the test is no Python" in text
    assert "cut_off.py: 0 lines of exactly 146 '#'" in text
    assert "TritonBench-T: 3 tasks, 1 can be judged (2 gold-broken)" in text
