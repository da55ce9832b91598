"""The message of a failed case: what happened, where, what was expected, how to repeat it."""

from __future__ import annotations

import shlex
import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

from pytest_tritonbench.evaluation import Outcome

WIDTH = 80
_INDENT = 9


def explain(
    outcome: Outcome, *, task: str, nodeid: str, phase: str, source: str, flags: str = ""
) -> str:
    """Write the message of a failed case.

    Args:
        outcome: What became of the case.
        task: The task's name.
        nodeid: Node id of the task file, for the line that repeats the failure.
        phase: The phase that failed; call compiles and bench times, so each repeats itself.
        source: The kernel file as it is shown to the user.
        flags: Options that the repetition needs, each with a blank before it.
    """
    lines = [f"{task}: {_headline(outcome)}"]
    for heading, text in _details(outcome, source):
        lines += _entry(heading, text)
    line = outcome.case.to_json()
    lines += _entry("case", line)
    if phase in ("call", "bench"):
        test = shlex.quote(nodeid if nodeid.endswith("]") else f"{nodeid}::test_call")
        lines.append(f"  replay   pytest {test}{flags}")
    else:
        # The id of a test that has its model in it stands as it is.
        test = shlex.quote(nodeid if nodeid.endswith("]") else f"{nodeid}::test_fuzz")
        lines.append(f"  replay   pytest {test}{flags} --tb-case {shlex.quote(line)}")
    return "\n".join(lines)


def explain_slow(
    found: Sequence[str],
    timing: Mapping[str, Any],
    *,
    task: str,
    test: str,
    source: str,
    flags: str,
) -> str:
    """Write the message of a case that is right and not fast enough.

    Args:
        found: What the gates found, the one that failed first.
        timing: The record's ``timing``.
        task: The task's name.
        test: Node id of the test, for the line that repeats it.
        source: The kernel file as it is shown to the user.
        flags: Options that the repetition needs, each with a blank before it.
    """
    own, theirs = (f"{timing[name]:.4g} ms" for name in ("median_ms", "reference_ms"))
    how = f"{timing['method']}, {timing['l2']} L2, {timing['samples']} samples a side"
    lines = [f"{task}: {found[0]}"]
    for more in found[1:]:
        lines += _entry("and", more)
    lines += _entry("kernel", source)
    lines += _entry("times", f"kernel {own}, reference {theirs} ({how})")
    lines.append(f"  replay   pytest {shlex.quote(test)}{flags}")
    return "\n".join(lines)


def _headline(outcome: Outcome) -> str:
    if outcome.failure is not None:
        return f"{outcome.failure.reason}: {outcome.failure.message}"
    if outcome.not_triton is not None:
        return f"not-triton: {outcome.not_triton}"
    assert outcome.verdict is not None  # noqa: S101 - a failed outcome has one of the three
    return f"{outcome.verdict.fault}: {outcome.verdict.summary}"


def _details(outcome: Outcome, source: str) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    failure = outcome.failure
    if failure is None:
        found.append(("kernel", source))
    else:
        where = source if failure.line is None else f"{source}:{failure.line}"
        found.append(("kernel", where + (f" in {failure.kernel}" if failure.kernel else "")))
        if failure.text:
            found.append(("", f"> {failure.text.strip()}"))
        if failure.detail.strip():
            found.append(("detail", failure.detail.strip()))
    if outcome.verdict is not None:
        found += outcome.verdict.details
    return found


def _entry(heading: str, text: str) -> list[str]:
    made = []
    for number, line in enumerate(text.splitlines() or [""]):
        start = f"  {heading if number == 0 else '':<{_INDENT}}"
        # A JSON line or a path is never broken: it is there to be copied.
        whole = heading in ("case", "kernel", "detail")
        parts = [line] if whole else textwrap.wrap(line, WIDTH - len(start)) or [""]
        made.append(start + parts[0])
        made += [" " * len(start) + part for part in parts[1:]]
    return made
