"""Every option has an ini key; the command line wins; a bad value is a usage error."""

from pathlib import Path
from typing import Any

import pytest

from pytest_tritonbench import model_options, timing_options
from pytest_tritonbench.options import OPTIONS, read_settings
from pytest_tritonbench.sharding import Shard
from tests.integration.project import Project

# Option, a good value, the field of Settings and what it becomes.
GOOD: list[tuple[str, str, str, Any]] = [
    ("kernels", "mine", "kernels", Path("mine")),
    ("gpu", "cpu", "gpu", "cpu"),
    ("target", "sm_80, gfx942", "targets", ("sm_80", "gfx942")),
    ("case", '{"m": 4}', "case", '{"m": 4}'),
    ("results", "out", "results", Path("out")),
    ("examples", "7", "examples", 7),
    ("timeout-call", "1.5", "timeouts", {"call": 1.5}),
    ("timeout-exec", "2", "timeouts", {"exec": 2.0}),
    ("timeout-fuzz", "0.25", "timeouts", {"fuzz": 0.25}),
    ("timeout-bench", "900", "timeouts", {"bench": 900.0}),
    ("suite", "bench#T", "suites", ("bench#T",)),
    ("policy", "published", "policy", "published"),
    ("report", "pages", "report", Path("pages")),
    ("shard", "2/3", "shard", Shard(2, 3)),
]
# Options that mean nothing alone, and those with a table of their own in unit/timing.
ELSEWHERE = {
    *("predictions", "resume", "env"),
    *(option.name for option in (*model_options.OPTIONS, *timing_options.OPTIONS)),
}
# Option, a bad value, and what the message says would be right.
BAD = [
    ("kernels", "nowhere", "*nowhere is no folder; give the folder of the kernel files*"),
    ("gpu", "rtx4090", "*'rtx4090' is not usable; give 'cpu', GPU indices such as '0' or '0,2'*"),
    ("gpu", "0,,1", "*give 'cpu', GPU indices such as '0' or '0,2', or GPU UUIDs*"),
    ("gpu", "97", "*--tb-gpu: there is no GPU '97' here (GPUs: *); give one of these, or cpu"),
    ("target", "h100", "*give GPU architectures such as 'sm_90', 'sm_80' or 'gfx942'*"),
    ("target", "sm_80,sm_11", "*targets out of sm_70, *sm_90*gfx942*; not 'sm_11'"),
    ("case", "m=4", "*give a JSON object such as '{\"m\": 4}' (Expecting value at column 1)"),
    ("case", "[4]", "*give a JSON object such as '{\"m\": 4}' (it is no object)"),
    ("results", " ", "*give a folder's path"),
    ("examples", "0", "*'0' is not usable; give a whole number of 1 or more"),
    ("examples", "many", "*'many' is not usable; give a whole number of 1 or more"),
    *((f"timeout-{p}", "0", "*give a number of seconds above 0") for p in ("call", "exec")),
    *((f"timeout-{p}", "soon", "*give a number of seconds above 0") for p in ("fuzz", "bench")),
    ("timeout-call", "inf", "*give a number of seconds above 0"),
    ("timeout-call", "nan", "*give a number of seconds above 0"),
    ("suite", "bench#X", "*give the path of a TritonBench checkout, or PATH#G or PATH#T*"),
    ("suite", "nowhere", "*--tb-suite: *nowhere*"),
    ("policy", "lenient", "*give 'strict' (the judge) or 'published' (upstream's own*"),
    ("report", " ", "*give a folder's path"),
    ("shard", "0/4", "*give I/N with an I from 1 to 4: where the scheduler counts from 0*"),
    ("shard", "half", "*give I/N such as 1/4: part 1 of 4"),
]


def field_of(config: pytest.Config, field: str, like: Any) -> Any:
    """A field of the settings, in the form in which the tables above write it."""
    value = getattr(read_settings(config), field)
    match like:
        case Path():
            return value.relative_to(config.rootpath)
        case dict():
            return {phase: value[phase] for phase in like}
        case _:
            return value


def test_the_tables_cover_every_option() -> None:
    """A new option cannot be forgotten here."""
    names = {option.name for option in OPTIONS}
    assert {name for name, *_ in GOOD} | ELSEWHERE == names
    assert {name for name, *_ in BAD} | ELSEWHERE == names


@pytest.mark.parametrize(("option", "text", "field", "expected"), GOOD)
def test_an_option_and_its_ini_key(
    pytester: pytest.Pytester, option: str, text: str, field: str, expected: Any
) -> None:
    """``--tb-NAME`` and ``tb_NAME`` mean the same, and the command line wins over the file."""
    pytester.mkdir("mine")
    config = pytester.parseconfig(f"--tb-{option}", text)
    assert field_of(config, field, expected) == expected
    key = f"tb_{option.replace('-', '_')}"
    pytester.makeini(f"[pytest]\n{key} = {text}\n")
    assert field_of(pytester.parseconfig(), field, expected) == expected
    if option != "suite":
        pytester.makeini(f"[pytest]\n{key} = anything else\n")
    assert field_of(pytester.parseconfig(f"--tb-{option}", text), field, expected) == expected


@pytest.mark.parametrize(("option", "text", "told"), BAD)
def test_a_bad_value_is_a_usage_error(
    pytester: pytest.Pytester, option: str, text: str, told: str
) -> None:
    """Exit code 4, no test runs, and the message says what would be right."""
    pytester.makepyfile("def test_it(): pass")
    result = pytester.runpytest_inprocess(f"--tb-{option}", text)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([told.replace("[", "?").replace("]", "?")])
    result.stdout.no_fnmatch_line("*passed*")


def test_a_bad_ini_value_names_key_and_file(pytester: pytest.Pytester) -> None:
    """The message of a bad value in the ini file says which key in which file."""
    path = pytester.makeini("[pytest]\ntb_examples = lots\n")
    result = pytester.runpytest_inprocess()
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"ERROR: tb_examples in {path}: 'lots' is not usable; give *"])


def test_help_shows_every_option_with_its_default(pytester: pytest.Pytester) -> None:
    """`--help` has a line for each option and each ini key."""
    result = pytester.runpytest_inprocess("--help")
    text = " ".join(result.stdout.str().split())
    for option in OPTIONS:
        value = "" if option.switch else f"={option.metavar}"
        if option.bare is not None:
            value = f"=[{option.metavar}]"
        assert f"{option.flag}{value} " in text
        assert f"{option.key} ({'linelist' if option.many else 'string'})" in text
        assert option.default is None or f"(default: {option.default})" in text
    assert "tb_references (args)" in text


def test_references_may_lie_elsewhere(double: Project) -> None:
    """``tb_references`` takes several globs of task files."""
    double.write(
        "ops/tasks/twice.py",
        (double.path / "references/double.py").read_text().replace("double", "twice"),
    )
    double.ini("tb_references = references/*.py ops/tasks/*.py")
    result = double.run_here("--co", "-q", "references", "ops", "-m", "tb_call")
    listed = [line for line in result.outlines if "::" in line]
    assert listed == ["references/double.py::test_call", "ops/tasks/twice.py::test_call"]
