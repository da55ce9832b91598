"""What the page tells of one answer when its cell is opened."""

from __future__ import annotations

import base64
import json
import math
import zlib
from collections.abc import Mapping, Sequence
from typing import Any

from pytest_tritonbench.report.metrics.outcomes import Answer

from .letters import PHASES, worst
from .replay import command

# Longer texts are cut, and the page says so: one runaway answer must not weigh like all others.
LONGEST_TEXT = 4_000
LONGEST_CODE = 40_000

_TOLD = (
    *("outcome", "reason", "message", "exception", "ratio", "seconds", "launches", "case"),
    *("varied", "test", "right_without_triton", "run"),
)


def details(answer: Answer, letter: str, code: str | None) -> dict[str, Any]:
    """Plain data of one answer, of what its records say and of its text."""
    told: dict[str, Any] = {"sample": answer.sample, "letter": letter}
    told["phases"] = {
        phase: _phase(answer.phases[phase]) for phase in PHASES if phase in answer.phases
    }
    policy = next(
        (r["policy"] for r in answer.phases.get("exec", ()) if isinstance(r.get("policy"), dict)),
        None,
    )
    if policy is not None:
        told["policy"] = _finite(policy)
    if code is not None:
        told["code"] = _cut(code, LONGEST_CODE)
    return told


def pack(data: Any) -> str:
    """Write data as JSON, compressed (zlib) and in base64: text that no HTML can end."""
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return base64.b64encode(zlib.compress(text.encode("utf-8", "replace"), 6)).decode("ascii")


def inline(data: Any) -> str:
    """Write data as JSON that can stand inside an HTML script element."""
    text = json.dumps(data, ensure_ascii=True, separators=(",", ":"), allow_nan=False)
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _phase(records: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    record = worst(records)
    told = {name: _fitting(record[name]) for name in _TOLD if record.get(name) is not None}
    cases = [r for r in records if r.get("case") is not None]
    if len(cases) > 1:
        told["cases"] = len(cases)
        told["failed"] = sum(r["outcome"] in ("failed", "error") for r in cases)
    if (replay := command(record)) is not None:
        told["replay"] = _cut(replay, LONGEST_TEXT)
    timing = [r["timing"] for r in records if isinstance(r.get("timing"), dict)]
    if timing:
        told["timing"] = _fitting(_times(timing))
    return told


def _times(timing: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """One row a size, in the words of both kinds of bench records."""
    rows = []
    for times in timing:
        for size in times.get("sizes") or (times,):
            row = {
                "size": size.get("input_size"),
                "ms": size.get("ms", size.get("median_ms")),
                "gold": size.get("gold_ms", size.get("reference_ms")),
                "gbs": size.get("gbs"),
                "tflops": size.get("tflops"),
            }
            rows.append({key: value for key, value in row.items() if value is not None})
    return rows


def _fitting(value: Any) -> Any:
    if isinstance(value, str):
        return _cut(value, LONGEST_TEXT)
    if isinstance(value, dict | list):
        text = json.dumps(value)
        return _finite(value) if len(text) <= LONGEST_TEXT else _cut(text, LONGEST_TEXT)
    return _finite(value)


def _finite(value: Any) -> Any:
    """Replace what JSON cannot hold, and what Python's reader lets through all the same."""
    match value:
        case float() if not math.isfinite(value):
            return str(value)
        case dict():
            return {str(key): _finite(part) for key, part in value.items()}
        case list():
            return [_finite(part) for part in value]
        case _:
            return value


def _cut(text: str, longest: int) -> str:
    # Half a surrogate pair can stand in a JSON line and cannot be encoded.
    text = text.encode("utf-8", "replace").decode("utf-8")
    left = len(text) - longest
    return text if left <= 0 else f"{text[:longest]}\n[cut here: {left:,} more characters]"
