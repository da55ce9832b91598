"""The JSON files of a TritonBench checkout: name, instruction and difficulty of each task."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

CHANNELS = ("G", "T")

# The first that is there is read. T's is a JSON array in spite of its name; the last one comes
# with GEAK's agents and has the difficulties too.
_FILES = {
    "G": ("TritonBench_G_v1.json", "TritonBench_G_comp_alpac_v1_fixed_with_difficulty.json"),
    "T": ("TritonBench_T_v1.jsonl", "TritonBench_T_v1.json"),
}
_EMPTY = {"", "n/a", "none"}


class SuiteError(Exception):
    """A checkout cannot be used; the message names the path, what was expected and what to do."""


@dataclass(frozen=True)
class Listed:
    """What the listing says about a task."""

    difficulty: int | None
    description: str
    instructions: Mapping[str, str]
    signature: str | None
    fault: str | None


@dataclass(frozen=True)
class Listing:
    """The listing of a channel."""

    path: Path
    tasks: Mapping[str, Listed]
    """By the stem of the task's file."""


def listed(data: Path, channel: str) -> Listing | None:
    """Read the listing of a channel; ``None`` where the folder has none.

    Raises:
        SuiteError: If the file is there and cannot be read.
    """
    path = next((data / name for name in _FILES[channel] if (data / name).is_file()), None)
    if path is None:
        return None
    tasks: dict[str, Listed] = {}
    for number, entry in enumerate(_array(path), start=1):
        file = entry.get("file") if isinstance(entry, dict) else None
        if not isinstance(file, str):
            raise SuiteError(f"{path}: entry {number} has no 'file'; restore the file")
        name = file.removesuffix(".py")
        if name in tasks:
            raise SuiteError(f"{path}: lists {name} twice; restore the file")
        tasks[name] = _entry(entry, path, name)
    return Listing(path, tasks)


def _array(path: Path) -> list[Any]:
    try:
        raw = path.read_bytes()
    except OSError as e:
        raise SuiteError(f"{path}: cannot be read ({e.strerror}); restore the file") from None
    try:
        found = json.loads(raw.decode("utf-8-sig"))
    except UnicodeDecodeError as e:
        line = raw[: e.start].count(b"\n") + 1
        raise SuiteError(f"{path}:{line}: not UTF-8 ({e.reason}); restore the file") from None
    except json.JSONDecodeError as e:
        raise SuiteError(
            f"{path}:{e.lineno}:{e.colno}: no JSON ({e.msg}); restore the file"
        ) from None
    except (ValueError, RecursionError) as e:
        raise SuiteError(f"{path}: no usable JSON ({e}); restore the file") from None
    if not isinstance(found, list):
        raise SuiteError(f"{path}: a JSON array of tasks is expected; restore the file")
    return found


def _entry(entry: Mapping[str, Any], path: Path, name: str) -> Listed:
    difficulty, fault = _difficulty(entry.get("difficulty"), path, name)
    if "func_inputs" in entry:
        instructions = _t_instructions(entry)
    else:
        keys = {"simp": ("simp_instru",), "comp": ("comp_instru", "instruction")}
        instructions = {
            style: text for style, names in keys.items() for text in [_text(entry, *names)] if text
        }
    described = _text(entry, "description") or instructions.get("comp", "")
    return Listed(difficulty, described, instructions, _text(entry, "func_inputs") or None, fault)


def _difficulty(given: Any, path: Path, name: str) -> tuple[int | None, str | None]:
    if given is None:
        return None, None
    # G has them as text, T as numbers.
    if str(given) in {"1", "2", "3", "4", "5"}:
        return int(given), None
    return None, f"{path}: the difficulty of {name} is {given!r}, not 1 to 5; restore the file"


def _t_instructions(entry: Mapping[str, Any]) -> dict[str, str]:
    """T's instructions as its fields: what it computes and how it is called; the maths as well."""
    simple = f"{_text(entry, 'description')}\n{_text(entry, 'func_inputs')}"
    rest = [_text(entry, key) for key in ("math", "other")]
    full = [simple, *(text for text in rest if text.strip().lower() not in _EMPTY)]
    return {"simp": simple, "comp": "\n".join(full)}


def _text(entry: Mapping[str, Any], *keys: str) -> str:
    return next((v for key in keys if isinstance(v := entry.get(key), str)), "")
