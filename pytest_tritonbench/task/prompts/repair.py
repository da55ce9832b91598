"""The next round: the model's own kernel, what went wrong with it, and the question again."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from typing import Any

from pytest_tritonbench.task.prompts.styles import Messages
from pytest_tritonbench.task.prompts.trouble import Timing, Trouble

LONGEST = 4000
"""Characters of a traceback or of printed text that are shown: the last ones."""

_PHASES = {
    "call": "It was compiled and called once.",
    "exec": "It was called on inputs of the task.",
    "fuzz": "It was called on many inputs; this is the simplest that fails.",
    "bench": "It was called again and again to be timed.",
}
# A frame of a traceback, with the line of code that is quoted below it.
_FRAME = re.compile(
    r"^[ \t]*(?:File \"[^\"\n]*\", )?line \d+, in \S+\n[ \t]+(?P<code>\S.*)\n?", re.MULTILINE
)


def repair(asked: Messages, code: str, trouble: Trouble) -> Messages:
    """The messages of the next round.

    Args:
        asked: The messages of the first round. Rounds in between are left out: the last kernel is
            what is to be mended.
        code: The model's last kernel, as it was judged.
        trouble: What went wrong with it, or how fast it is.
    """
    return (*asked, ("assistant", _fenced(code)), ("user", feedback(trouble, code)))


def feedback(trouble: Trouble, code: str) -> str:
    """What is told to a kernel's author.

    Args:
        trouble: What went wrong with it, or how fast it is.
        code: The kernel. A line that is quoted as the place is shown only if it is one of its own.
    """
    lines = _success(trouble) if trouble.reason is None else _failure(trouble, code)
    again = "Answer with the whole module again, in one Python code block as before."
    return "\n".join([*lines, "", again])


def _failure(trouble: Trouble, code: str) -> list[str]:
    told = f": {trouble.what}" if trouble.what else ""
    lines = [f"That does not pass. {_PHASES.get(trouble.phase, '')}".rstrip(), ""]
    lines.append(f"{trouble.reason}{told}")
    if trouble.line is not None:
        inside = f" in `{trouble.kernel}`" if trouble.kernel else ""
        lines.append(f"- at line {trouble.line} of the module{inside}")
    text = (trouble.text or "").strip()
    if text and text in code:
        lines.append(f"- the line: `{text}`")
    if trouble.worst:
        lines.append(f"- the element that is furthest off: {trouble.worst}")
    if trouble.times is not None:
        lines.append(f"- its error: {_times(trouble.times)}")
    if trouble.extent:
        lines.append(f"- wrong elements: {trouble.extent}")
    if trouble.case:
        lines += ["", *_inputs(trouble.case)]
    detail = _own(trouble.detail, code).strip()
    if detail:
        lines += ["", "```text", detail[-LONGEST:].replace("```", "'''"), "```"]
    return [*lines, "", "Find the cause and mend it; keep what is right."]


def _own(detail: str, code: str) -> str:
    """A text without the frames of others: a suite's test is the task's own, not its answer's."""
    return _FRAME.sub(lambda frame: frame[0] if frame["code"] in code else "", detail)


def _times(times: float) -> str:
    if not math.isfinite(times):
        return "not finite, or without a size"
    # One digit: how badly, not by how much.
    return f"about {float(f'{times:.1g}'):g} times what is allowed"


def _success(trouble: Trouble) -> list[str]:
    lines = ["The kernel is right on every input that was tried. Now make it faster."]
    for timing in trouble.timings:
        lines += ["", *_inputs(timing.case), *_measured(timing)]
    return [*lines, "", "Change nothing about what it computes."]


def _measured(timing: Timing) -> list[str]:
    lines = [f"- median of the device time: {timing.median_ms:.4g} ms"]
    if timing.reference_ms is not None:
        faster = timing.reference_ms / timing.median_ms
        lines.append(f"- PyTorch needs {timing.reference_ms:.4g} ms: a speedup of {faster:.3g}")
    for name, value in (timing.roofline or {}).items():
        shown = f"{value:.4g}" if isinstance(value, float) else str(value)
        lines.append(f"- {name.replace('_', ' ')}: {shown}")
    return lines


def _inputs(case: Mapping[str, Any]) -> list[str]:
    shown = json.dumps({key: value for key, value in case.items() if key != "seed"})
    meant = (
        "dims, scalars, dtype and value pattern; a tensor that is named has that memory layout, "
        "the others are contiguous; null is an argument left out"
    )
    return [f"The inputs: {shown}", f"({meant})"]


def _fenced(code: str) -> str:
    return f"```python\n{code.strip()}\n```"
