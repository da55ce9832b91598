"""Command line and ini file to one frozen Settings object."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

PHASES = ("call", "exec", "fuzz", "bench")
_TIMEOUTS = {"call": 120.0, "exec": 60.0, "fuzz": 60.0, "bench": 300.0}
_DEFAULT_KERNELS = "kernels"
_DEFAULT_TARGET = "sm_90"
_TARGET = re.compile(r"(sm_\d{2,3}|gfx[0-9a-f]{3,4})")


@dataclass(frozen=True)
class Option:
    """One option: ``--tb-NAME`` on the command line, ``tb_NAME`` in the ini file."""

    name: str
    metavar: str
    help: str
    parse: Callable[[str], Any]
    default: str | None

    @property
    def flag(self) -> str:
        """As it is written on the command line."""
        return f"--tb-{self.name}"

    @property
    def key(self) -> str:
        """As it is written in the ini file."""
        return f"tb_{self.name.replace('-', '_')}"


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

    flags: str = ""
    """The options of the command line that a repetition needs, each with a blank before it."""


def _folder(text: str) -> str:
    if not text.strip():
        raise ValueError("a folder's path")
    return text


def _gpu(text: str) -> str:
    ids = [part.strip() for part in text.split(",")]
    if text == "cpu" or all(re.fullmatch(r"\d+|GPU-[0-9a-fA-F-]+", one) for one in ids):
        return ",".join(ids)
    raise ValueError("'cpu', GPU indices such as '0' or '0,2', or GPU UUIDs")


def _targets(text: str) -> tuple[str, ...]:
    names = tuple(part.strip() for part in text.split(","))
    if text == _DEFAULT_TARGET:
        return names
    for name in names:
        if not _TARGET.fullmatch(name):
            raise ValueError("GPU architectures such as 'sm_90', 'sm_80' or 'gfx942', by commas")
    # Only for a target that was asked for: the list of those that Triton has lies with the sandbox.
    from pytest_tritonbench.sandbox.interpreter import targets  # noqa: PLC0415

    if unknown := [name for name in names if name not in targets.known()]:
        raise ValueError(f"targets out of {', '.join(targets.known())}; not {unknown[0]!r}")
    return names


def _case(text: str) -> str:
    try:
        if isinstance(json.loads(text), dict):
            return text
        told = "it is no object"
    except json.JSONDecodeError as e:
        told = f"{e.msg} at column {e.colno}"
    raise ValueError(f"a JSON object such as '{{\"m\": 4}}' ({told})")


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise ValueError("a whole number of 1 or more")
    return int(text)


def _seconds(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0.0 < value < float("inf"):
        raise ValueError("a number of seconds above 0")
    return value


OPTIONS = (
    Option("kernels", "DIR", "folder of the kernel files", _folder, _DEFAULT_KERNELS),
    Option("gpu", "IDS|cpu", "GPUs to use, or cpu for Triton's interpreter", _gpu, None),
    Option(
        "target", "ARCHS", "architectures to compile for without a GPU", _targets, _DEFAULT_TARGET
    ),
    Option("case", "JSON", "replay this case in test_fuzz instead of drawing cases", _case, None),
    Option("results", "DIR", "write records.jsonl into this folder", _folder, None),
    Option("examples", "N", "cases that test_fuzz draws for a task", _positive, None),
    *(
        Option(
            f"timeout-{phase}",
            "SECONDS",
            f"time limit for one call of a kernel in the {phase} phase",
            _seconds,
            f"{_TIMEOUTS[phase]:g}",
        )
        for phase in PHASES
    ),
)
REFERENCES = "tb_references"

# What decides which kernel runs where; the rest of the command line does not change a verdict.
_REPEATED = ("kernels", "gpu", "target")


def add_options(parser: pytest.Parser) -> None:
    """Declare every option and ini key."""
    group = parser.getgroup("tritonbench", "GPU kernels as test cases")
    for option in OPTIONS:
        shown = "" if option.default is None else f" (default: {option.default})"
        group.addoption(
            option.flag,
            dest=option.key,
            metavar=option.metavar,
            default=None,
            help=option.help + shown,
        )
        parser.addini(option.key, f"{option.help}; as {option.flag}", default=None)
    parser.addini(REFERENCES, "globs of task files", type="args", default=["references/*.py"])


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
            f" {option.flag} {shlex.quote(str(given))}"
            for option in OPTIONS
            if option.name in _REPEATED and (given := config.getoption(option.key)) is not None
        ),
        timeouts={phase: found[f"timeout-{phase}"] for phase in PHASES},
    )


def _value(config: pytest.Config, option: Option) -> Any:
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
