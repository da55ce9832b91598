"""``--tb-predictions``: what cannot be used is said with file and line, before anything runs."""

from pathlib import Path
from typing import Any

import pytest

from tests.integration.checkout import Checkout, answer


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    """A checkout with one task."""
    made = Checkout(tmp_path / "bench")
    made.task("double")
    return made


def usage_error(pytester: pytest.Pytester, *arguments: Any) -> str:
    """Run, and give what the usage error says."""
    result = pytester.runpytest_inprocess(*map(str, arguments))
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    return result.stderr.str()


def test_predictions_need_a_suite(pytester: pytest.Pytester, checkout: Checkout) -> None:
    """Answers without a checkout answer nothing."""
    file = checkout.predictions("mine", {"double": answer("double")})
    assert "answers to what? Give the checkout" in usage_error(pytester, "--tb-predictions", file)


def test_a_file_that_is_not_there(pytester: pytest.Pytester, checkout: Checkout) -> None:
    """A glob that matches nothing is no empty run."""
    told = usage_error(
        pytester, "--tb-suite", checkout.path, "--tb-predictions", checkout.path / "none*.jsonl"
    )
    assert "there is no file" in told


def test_a_line_that_is_no_json(pytester: pytest.Pytester, checkout: Checkout) -> None:
    """File, line and column are named."""
    file = checkout.predictions("mine", {"double": answer("double")})
    file.write_text(file.read_text(encoding="utf-8") + '{"instruction": nothing}\n')
    told = usage_error(pytester, "--tb-suite", checkout.path, "--tb-predictions", file)
    assert f"{file}:2:17" in told.replace(" column ", "").replace(", ", ":") or "2:17" in told


def test_two_files_of_one_name(pytester: pytest.Pytester, checkout: Checkout) -> None:
    """Their tests would have the same ids; a name of one's own helps."""
    file = checkout.predictions("mine", {"double": answer("double")})
    other = checkout.path / "more" / "mine.jsonl"
    other.parent.mkdir()
    other.write_bytes(file.read_bytes())
    options = ("--tb-suite", checkout.path, "--tb-predictions", file)
    told = usage_error(pytester, *options, "--tb-predictions", other)
    assert "are both called 'mine'" in told
    result = pytester.runpytest_inprocess(
        *map(str, options), "--tb-predictions", f"theirs={other}", "--co", "-q"
    )
    assert sum("::test_call[" in line for line in result.outlines) == 2


def test_a_name_for_several_files(pytester: pytest.Pytester, checkout: Checkout) -> None:
    """NAME=GLOB names one file, not two."""
    for name in ("one", "two"):
        checkout.predictions(name, {"double": answer("double")})
    glob = f"both={checkout.path}/*.jsonl"
    told = usage_error(pytester, "--tb-suite", checkout.path, "--tb-predictions", glob)
    assert "stands for 2 files, and all would be called 'both'" in told


def test_a_checkout_that_is_none(pytester: pytest.Pytester, tmp_path: Path) -> None:
    """A folder without tasks is refused with what is expected in it."""
    assert "no TritonBench checkout" in usage_error(pytester, "--tb-suite", tmp_path)


def test_resuming_needs_records(pytester: pytest.Pytester, checkout: Checkout) -> None:
    """``--tb-resume`` without ``--tb-results`` has nothing to go on from."""
    told = usage_error(pytester, "--tb-suite", checkout.path, "--tb-resume")
    assert "name their folder with --tb-results" in told


def test_resuming_needs_a_suite(pytester: pytest.Pytester) -> None:
    """Task files are run anew: to be told so is better than to wait for it. An ini may say both."""
    told = usage_error(pytester, "--tb-results=out", "--tb-resume")
    assert "no suite to go on with; name its checkout with --tb-suite" in told
    pytester.makeini("[pytest]\ntb_resume = true\n")
    assert "tb-resume" not in pytester.runpytest_subprocess().stderr.str()
