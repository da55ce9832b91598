"""The options about models: an ini key each, and a usage error for a bad value."""

from pathlib import Path
from typing import Any

import pytest

from pytest_tritonbench.model_options import OPTIONS, Asking
from pytest_tritonbench.options import read_settings

# Option, a good value, the field and what it becomes; they mean something beside a model only.
GOOD: list[tuple[str, str, str, Any]] = [
    ("samples", "3", "samples", 3),
    ("temperature", "0.7", "temperature", 0.7),
    ("top-p", "0.9", "top_p", 0.9),
    ("sampling-seed", "7", "seed", 7),
    ("effort", "high", "effort", "high"),
    ("max-tokens", "4096", "max_tokens", 4096),
    ("prompt", "simple", "prompt", "simple"),
    ("template", "mine.jinja", "template", Path("mine.jinja")),
    ("shots", "0", "shots", 0),
    ("corpus", "kernels", "corpus", Path("kernels")),
    ("repair", "2", "repair", 2),
    ("budget", "5.00", "budget", "5.00"),
    ("concurrency", "16", "concurrency", 16),
    ("timeout-model", "30", "timeout", 30.0),
    ("generations", "written", "store", Path("written")),
]
# Option, a bad value, and what the message says would be right.
BAD = [
    ("model", "two words", "*give a model's name, SERVER:MODEL, or URL#MODEL"),
    ("model", "gtp", "*gtp: no endpoint 'gtp'*gpt*"),
    ("samples", "0", "*give a whole number of 1 or more"),
    ("temperature", "hot", "*give a number from 0 to 2"),
    ("top-p", "1.5", "*give a number from 0 to 1"),
    ("sampling-seed", "-1", "*give a whole number of 0 or more"),
    ("effort", "much", "*give one of minimal, low, medium, high"),
    ("max-tokens", "0", "*give a whole number of 1 or more"),
    ("prompt", "poem", "*give one of simple, complex, tritonbench*"),
    ("template", " ", "*give a path"),
    ("shots", "two", "*give a whole number of 0 or more"),
    ("corpus", " ", "*give a path"),
    ("repair", "-2", "*give a whole number of 0 or more"),
    ("budget", "five", "*give dollars, as in 5.00, or tokens, as in 200000tokens"),
    ("concurrency", "0", "*give a whole number of 1 or more"),
    ("timeout-model", "0", "*give a number of seconds above 0"),
    ("generations", " ", "*give a folder's path"),
]
SWITCHES = {"offline", "show-prompt"}


def asking(config: pytest.Config) -> Asking:
    """What models are asked for."""
    found = read_settings(config).asking
    assert found is not None
    return found


def test_the_tables_cover_every_option() -> None:
    """A new option cannot be forgotten here."""
    names = {option.name for option in OPTIONS}
    assert {name for name, *_ in GOOD} | SWITCHES | {"model"} == names
    assert {name for name, *_ in BAD} | SWITCHES == names


@pytest.mark.parametrize(("option", "text", "field", "expected"), GOOD)
def test_an_option_and_its_ini_key(
    pytester: pytest.Pytester, option: str, text: str, field: str, expected: Any
) -> None:
    """``--tb-NAME`` and ``tb_NAME`` mean the same."""
    pytester.makefile(".jinja", mine="Write {{ name }}.")
    pytester.mkdir("kernels")
    key = f"tb_{option.replace('-', '_')}"
    pytester.makeini(f"[pytest]\ntb_model = local\n{key} = {text}\n")
    for config in (
        pytester.parseconfig("--tb-model", "local", f"--tb-{option}", text),
        pytester.parseconfig(),
    ):
        value = getattr(asking(config), field)
        assert value == (config.rootpath / expected if isinstance(expected, Path) else expected)


@pytest.mark.parametrize(("option", "text", "told"), BAD)
def test_a_bad_value_is_a_usage_error(
    pytester: pytest.Pytester, option: str, text: str, told: str
) -> None:
    """Exit code 4, no test runs, and the message says what would be right."""
    pytester.makepyfile("def test_it(): pass")
    result = pytester.runpytest_inprocess("--tb-model", "local", f"--tb-{option}", text)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([told])


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (["--tb-model=local", "--tb-model=local"], "*'local' is given twice; use --tb-samples"),
        (["--tb-model=local", "--tb-shots=2"], "*--tb-shots: examples of what?*--tb-corpus"),
        (["--tb-show-prompt"], "*--tb-show-prompt: whose? Name a model with --tb-model"),
        (["--tb-model=local", "--tb-template=no.jinja"], "*no.jinja*"),
        (["--tb-model=local", "--tb-shots=1", "--tb-corpus=nowhere"], "*nowhere*"),
    ],
)
def test_options_that_do_not_fit_together(
    pytester: pytest.Pytester, given: list[str], told: str
) -> None:
    """What is missing or too much is said before anything is asked."""
    result = pytester.runpytest_inprocess(*given)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([told])


def test_answers_come_from_a_model_or_a_file(pytester: pytest.Pytester) -> None:
    """Both at once are refused."""
    pytester.makefile(".jsonl", mine="{}")
    result = pytester.runpytest_inprocess(
        "--tb-model=local", "--tb-suite=bench", "--tb-predictions=mine.jsonl"
    )
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*--tb-model and --tb-predictions: either a model answers*"])
