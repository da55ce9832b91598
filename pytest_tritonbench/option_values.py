"""What the values of options may be: text in, a checked value out.

Each function raises ``ValueError`` with what would be right, to go after the word "give".
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pytest_tritonbench.sharding import Shard

POLICIES = ("strict", "published")
STYLES = ("simple", "complex", "tritonbench", "tritonbench-simple")
EFFORTS = ("minimal", "low", "medium", "high")
DEFAULT_TARGET = "sm_90"
_GPU = r"\d+|(?:GPU|MIG)-[0-9a-fA-F-]+(?:/\d+/\d+)?"
_TARGET = re.compile(r"(sm_\d{2,3}|gfx[0-9a-f]{3,4})")


def folder(text: str) -> str:
    """A folder's path."""
    if not text.strip():
        raise ValueError("a folder's path")
    return text


def path(text: str) -> str:
    """A file or folder."""
    if not text.strip():
        raise ValueError("a path")
    return text


def gpu(text: str) -> str:
    """Which GPUs, or the CPU."""
    ids = [part.strip() for part in text.split(",")]
    # As sandbox.devices.NAME has it, which a run without GPUs need not load.
    if text in ("cpu", "all") or all(re.fullmatch(_GPU, one) for one in ids):
        return ",".join(ids)
    raise ValueError("'cpu', GPU indices such as '0' or '0,2', or GPU UUIDs, or 'all'")


def targets(text: str) -> tuple[str, ...]:
    """Architectures to compile for."""
    names = tuple(part.strip() for part in text.split(","))
    if text == DEFAULT_TARGET:
        return names
    for name in names:
        if not _TARGET.fullmatch(name):
            raise ValueError("GPU architectures such as 'sm_90', 'sm_80' or 'gfx942', by commas")
    # Only for a target that was asked for: the list of those that Triton has lies with the sandbox.
    from pytest_tritonbench.sandbox.interpreter import targets  # noqa: PLC0415

    if unknown := [name for name in names if name not in targets.known()]:
        raise ValueError(f"targets out of {', '.join(targets.known())}; not {unknown[0]!r}")
    return names


def case(text: str) -> str:
    """A case as one line of JSON."""
    try:
        if isinstance(json.loads(text), dict):
            return text
        told = "it is no object"
    except json.JSONDecodeError as e:
        told = f"{e.msg} at column {e.colno}"
    raise ValueError(f"a JSON object such as '{{\"m\": 4}}' ({told})")


def positive(text: str) -> int:
    """A whole number of 1 or more."""
    if not text.isdecimal() or int(text) < 1:
        raise ValueError("a whole number of 1 or more")
    return int(text)


def suite(text: str) -> str:
    """A checkout, or one channel of it."""
    path, _, channel = text.partition("#")
    if not path.strip() or channel not in ("", "G", "T"):
        raise ValueError("the path of a TritonBench checkout, or PATH#G or PATH#T for one channel")
    return text


def predictions(text: str) -> tuple[str | None, str]:
    """A file or glob of predictions, with a name where one was given."""
    name, equals, path = text.partition("=")
    if not equals:
        name, path = "", text
    if not path.strip() or (equals and not re.fullmatch(r"[\w.@+-]+", name)):
        raise ValueError("a file of predictions, a glob of such files, or NAME=FILE")
    return name or None, path


def policy(text: str) -> str:
    """Whose verdicts count."""
    if text not in POLICIES:
        raise ValueError("'strict' (the judge) or 'published' (upstream's own definitions)")
    return text


def shard(text: str) -> Shard:
    """One part of the tests."""
    # Only for who runs a part: this module is loaded in every pytest run.
    from pytest_tritonbench.sharding import parse  # noqa: PLC0415

    return parse(text)


def switch(text: str) -> bool:
    """On or off."""
    if text.lower() not in ("true", "false"):
        raise ValueError("true or false")
    return text.lower() == "true"


def seconds(text: str) -> float:
    """A time limit."""
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0.0 < value < float("inf"):
        raise ValueError("a number of seconds above 0")
    return value


def model(text: str) -> str:
    """A model; whether there is such a one is known once the table was read."""
    if not text.strip() or any(c.isspace() for c in text):
        raise ValueError("a model's name, SERVER:MODEL, or URL#MODEL")
    return text


def natural(text: str) -> int:
    """A whole number of 0 or more."""
    if not text.isdecimal():
        raise ValueError("a whole number of 0 or more")
    return int(text)


def _number(text: str, least: float, most: float, told: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not least <= value <= most:
        raise ValueError(told)
    return value


def temperature(text: str) -> float:
    """How widely tokens are drawn."""
    return _number(text, 0, 2, "a number from 0 to 2")


def share(text: str) -> float:
    """A part of one."""
    return _number(text, 0, 1, "a number from 0 to 1")


def effort(text: str) -> str:
    """How much a model is to think."""
    if text not in EFFORTS:
        raise ValueError(f"one of {', '.join(EFFORTS)}")
    return text


def style(text: str) -> str:
    """How prompts are written."""
    if text not in STYLES:
        raise ValueError(f"one of {', '.join(STYLES)}; or your own with --tb-template")
    return text


def budget(text: str) -> str:
    """Dollars or tokens."""
    # Only for who has a budget: this module is loaded in every pytest run.
    from pytest_tritonbench.candidate.model.budget import parse_limit  # noqa: PLC0415

    try:
        parse_limit(text)
    except ValueError:
        raise ValueError("dollars, as in 5.00, or tokens, as in 200000tokens") from None
    return text
