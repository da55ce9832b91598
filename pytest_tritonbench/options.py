"""Command line and ini file to one frozen Settings object."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pytest_tritonbench import model_options, timing_options
from pytest_tritonbench import option_values as values
from pytest_tritonbench.option import Option

if TYPE_CHECKING:
    from pytest_tritonbench.sharding import Shard

PHASES = ("call", "exec", "fuzz", "bench")
_TIMEOUTS = {"call": 120.0, "exec": 60.0, "fuzz": 60.0, "bench": 300.0}
_DEFAULT_KERNELS = "kernels"


@dataclass(frozen=True)
class Settings:
    """What the user asked for, checked."""

    rootdir: Path
    kernels: Path
    """Folder of the kernel files."""

    references: tuple[str, ...]
    """Globs of task files, relative to the root folder."""

    gpu: str | None
    """``cpu``, a list of GPU indices or UUIDs, or ``None`` for whatever is there."""

    targets: tuple[str, ...]
    """What kernels are compiled for when there is no GPU."""

    case: str | None
    """A case to replay instead of drawing cases."""

    results: Path | None
    """Folder for the records."""

    examples: int | None
    """Cases that fuzzing draws for a task; ``None`` leaves it to the Hypothesis profile."""

    timeouts: Mapping[str, float]
    """Seconds for one call of the candidate, by phase."""

    suites: tuple[str, ...] = ()
    """Checkouts of published benchmarks, as they were given."""

    predictions: tuple[tuple[str | None, Path], ...] = ()
    """Files of predictions, each with the model's name where one was given."""

    policy: str = "strict"
    """Whose verdicts on a published benchmark the exit code follows: strict or published."""

    report: Path | None = None
    """Folder for the report's pages."""

    resume: bool = False
    """Whether tests of a published benchmark that the records hold already are not run again."""

    shard: Shard | None = None
    """The part of the tests that is run."""

    env: bool = False
    """Whether to print what kernels run on, and stop."""

    timing: timing_options.TimingSettings = field(default_factory=timing_options.TimingSettings)
    """How kernels are timed."""

    asking: model_options.Asking | None = None
    """What models are asked for; ``None``: candidates are files."""

    flags: str = ""
    """The options of the command line that a repetition needs, each with a blank before it."""


OPTIONS = (
    Option("kernels", "DIR", "folder of the kernel files", values.folder, _DEFAULT_KERNELS),
    Option("gpu", "IDS|cpu", "GPUs to use, or cpu for Triton's interpreter", values.gpu, None),
    Option(
        "target",
        "ARCHS",
        "architectures to compile for without a GPU",
        values.targets,
        values.DEFAULT_TARGET,
    ),
    Option(
        "case", "JSON", "replay this case in test_fuzz instead of drawing cases", values.case, None
    ),
    Option("results", "DIR", "write records.jsonl into this folder", values.folder, None),
    Option("examples", "N", "cases that test_fuzz draws for a task", values.positive, None),
    *(
        Option(
            f"timeout-{phase}",
            "SECONDS",
            f"time limit for one call of a kernel in the {phase} phase",
            values.seconds,
            f"{_TIMEOUTS[phase]:g}",
        )
        for phase in PHASES
    ),
    Option(
        "suite",
        "PATH[#G|#T]",
        "judge the tasks of a TritonBench checkout",
        values.suite,
        None,
        many=True,
    ),
    Option(
        "predictions",
        "[NAME=]FILE",
        "judge the answers of this file of predictions, or of a glob of files",
        values.predictions,
        None,
        many=True,
    ),
    Option(
        "policy",
        "strict|published",
        "whose verdicts on a suite the exit code follows",
        values.policy,
        "strict",
    ),
    Option(
        "report",
        "DIR",
        "write report.html, report.md and CSV into this folder",
        values.folder,
        None,
    ),
    Option(
        "resume",
        "",
        "do not run again what --tb-results holds of a suite already",
        values.switch,
        None,
        switch=True,
    ),
    Option("shard", "I/N", "run part I of N, by task file", values.shard, None),
    Option("env", "", "print what kernels run on, and stop", values.switch, None, switch=True),
    *timing_options.OPTIONS,
    *model_options.OPTIONS,
)
REFERENCES = "tb_references"

# What decides which kernel runs where; the rest of the command line does not change a verdict.
_REPEATED = ("kernels", "gpu", "target", "suite", "predictions", *model_options.REPEATED)


def add_options(parser: pytest.Parser) -> None:
    """Declare every option and ini key."""
    group = parser.getgroup("tritonbench", "GPU kernels as test cases")
    for option in OPTIONS:
        shown = "" if option.default is None else f" (default: {option.default})"
        shown += "; may be given several times" if option.many else ""
        how: dict[str, Any] = {"metavar": option.metavar}
        if option.many:
            how["action"] = "append"
        if option.switch:
            how = {"action": "store_const", "const": "true"}
        if option.bare is not None:
            how |= {"nargs": "?", "const": option.bare}
        group.addoption(option.flag, dest=option.key, default=None, help=option.help + shown, **how)
        kind: Any = "linelist" if option.many else None
        parser.addini(
            option.key,
            f"{option.help}; as {option.flag}",
            type=kind,
            default=[] if option.many else None,
        )
    parser.addini(REFERENCES, "globs of task files", type="args", default=["references/*.py"])


_SETTINGS = pytest.StashKey[Settings]()


def has_benchmark(config: pytest.Config) -> bool:
    """Whether pytest-benchmark is there, by whatever name it was loaded."""
    return hasattr(config.option, "benchmark_only")


def settings_of(config: pytest.Config) -> Settings:
    """The settings of a pytest process, read once.

    Raises:
        pytest.UsageError: As :func:`read_settings`.
    """
    if _SETTINGS not in config.stash:
        config.stash[_SETTINGS] = read_settings(config)
    return config.stash[_SETTINGS]


def read_settings(config: pytest.Config) -> Settings:
    """Read and check every option.

    Raises:
        pytest.UsageError: If a value is not usable; the message says what would be.
    """
    found = {option.name: _value(config, option) for option in OPTIONS}
    results = found["results"]
    kernels = config.rootpath / found["kernels"]
    if found["kernels"] != _DEFAULT_KERNELS and not kernels.is_dir():
        # Every task would be skipped for want of a kernel, and the run end with success.
        raise pytest.UsageError(
            f"--tb-kernels: {kernels} is no folder; give the folder of the kernel files, from "
            f"the root folder {config.rootpath}"
        )
    if found["predictions"] and not found["suite"]:
        raise pytest.UsageError(
            "--tb-predictions: answers to what? Give the checkout that they answer with --tb-suite"
        )
    if config.getoption("tb_resume", None) and not found["suite"]:
        # In an ini file it may stand for the runs that have one.
        raise pytest.UsageError(
            "--tb-resume: there is no suite to go on with; name its checkout with --tb-suite, or "
            "leave it out: the tests of task files are run anew each time"
        )
    if found["resume"] and found["suite"] and results is None:
        raise pytest.UsageError(
            "--tb-resume: there are no records to go on from; name their folder with --tb-results"
        )
    if found["shard"] is not None and config.getoption("lf", None):
        raise pytest.UsageError(
            "--tb-shard: with --lf every machine would deal out its own failures; give one of them"
        )
    here = config.invocation_params.dir
    return Settings(
        rootdir=config.rootpath,
        kernels=kernels,
        references=tuple(config.getini(REFERENCES)),
        gpu=found["gpu"],
        targets=found["target"],
        case=found["case"],
        results=None if results is None else config.invocation_params.dir / results,
        examples=found["examples"],
        flags="".join(
            f" {option.flag}={shlex.quote(str(one))}"
            for option in OPTIONS
            if option.name in _REPEATED and (given := config.getoption(option.key)) is not None
            for one in (given if option.many else [given])
        ),
        timeouts={phase: found[f"timeout-{phase}"] for phase in PHASES},
        suites=found["suite"],
        predictions=_files(found["predictions"], here),
        policy=found["policy"],
        report=None if found["report"] is None else here / found["report"],
        resume=bool(found["resume"]),
        shard=found["shard"],
        env=bool(found["env"]),
        timing=timing_options.timing_of(found),
        asking=model_options.asking_of(found, here),
    )


def _files(
    given: Sequence[tuple[str | None, str]], here: Path
) -> tuple[tuple[str | None, Path], ...]:
    """The files that names and globs of predictions stand for.

    Raises:
        pytest.UsageError: If one stands for none, or a name for several.
    """
    found: list[tuple[str | None, Path]] = []
    if not given:
        return ()
    from pytest_tritonbench.candidate.predictions import (  # noqa: PLC0415 - every run of pytest imports this module
        PredictionsError,
        matching,
    )

    for name, pattern in given:
        try:
            found += [(name, path) for path in matching(pattern, name, here)]
        except PredictionsError as e:
            raise pytest.UsageError(f"--tb-predictions: {e}") from None
    return tuple(found)


def _values(config: pytest.Config, option: Option) -> tuple[Any, ...]:
    """Every value of an option that may be given several times."""
    given, where = config.getoption(option.key), option.flag
    if not given:
        given, where = config.getini(option.key), f"{option.key} in {config.inipath}"
    found = []
    for text in given:
        try:
            found.append(option.parse(str(text)))
        except ValueError as e:
            raise pytest.UsageError(f"{where}: {text!r} is not usable; give {e}") from None
    return tuple(found)


def _value(config: pytest.Config, option: Option) -> Any:
    if option.many:
        return _values(config, option)
    for text, where in (
        (config.getoption(option.key), option.flag),
        (config.getini(option.key), f"{option.key} in {config.inipath or 'the ini file'}"),
        (option.default, option.flag),
    ):
        if text is None or (text == "" and where != option.flag):
            continue
        try:
            return option.parse(str(text))
        except ValueError as e:
            raise pytest.UsageError(f"{where}: {text!r} is not usable; give {e}") from None
    return None
