"""The message of an answer that failed: what happened, where, how to run it again."""

from __future__ import annotations

import shlex
import textwrap
from typing import TYPE_CHECKING

from pytest_tritonbench.task.tritonbench.checkout import Upstream

if TYPE_CHECKING:
    from pytest_tritonbench.imported.examination import Examined

WIDTH = 80
_INDENT = 9


def explain(
    examined: Examined,
    *,
    task: Upstream,
    phase: str,
    test: str,
    origin: str,
    flags: str,
    published: bool,
) -> str:
    """Write the message of an answer that failed.

    Args:
        examined: What became of it.
        task: The task that it answers.
        phase: The phase that failed.
        test: Node id, for the line that repeats it.
        origin: File and line of the answer.
        flags: Options that the repetition needs, each with a blank before it.
        published: Whether the published benchmark's own definitions decided.
    """
    lines = [f"{task.name}: {_headline(examined, phase, published=published)}"]
    for heading, text in _details(examined, task, origin):
        lines += _entry(heading, text)
    lines.append(f"  replay   pytest {shlex.quote(test)}{flags}")
    return "\n".join(lines)


def _headline(examined: Examined, phase: str, *, published: bool) -> str:
    failure, verdict = examined.failure, examined.verdict
    if failure is not None:
        return f"{failure.reason}: {failure.message}"
    if published and phase == "call":
        return "does not run: upstream's own way of taking the code out of the answer breaks it"
    if published:
        return "prints-differ: test and answer print something else than test and gold"
    if examined.not_triton is not None:
        return f"not-triton: {examined.not_triton}"
    assert verdict is not None  # noqa: S101 - what failed otherwise was judged
    return f"{verdict.fault}: {verdict.summary}"


def _details(examined: Examined, task: Upstream, origin: str) -> list[tuple[str, str]]:
    found = [("answer", origin)]
    failure = examined.failure
    if failure is not None:
        if failure.line is not None:
            inside = f" in {failure.kernel}" if failure.kernel else ""
            found.append(("line", f"{failure.line} of its code{inside}"))
        if failure.text:
            found.append(("", f"> {failure.text.strip()}"))
        if failure.detail.strip():
            found.append(("detail", failure.detail.strip()))
    elif examined.verdict is not None:
        found += examined.verdict.details
    found.append(("task", str(task.path)))
    return found


def _entry(heading: str, text: str) -> list[str]:
    made = []
    for number, line in enumerate(text.splitlines() or [""]):
        start = f"  {heading if number == 0 else '':<{_INDENT}}"
        # A path or a traceback is never broken: it is there to be copied.
        whole = heading in ("answer", "task", "detail")
        parts = [line] if whole else textwrap.wrap(line, WIDTH - len(start)) or [""]
        made.append(start + parts[0])
        made += [" " * len(start) + part for part in parts[1:]]
    return made
