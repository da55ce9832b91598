"""The terminal summary: a row a task."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pytest_tritonbench.options import PHASES

_SIGNS = {"passed": "ok", "failed": "FAIL", "error": "ERROR", "skipped": "-"}
_WORST_FIRST = ("error", "failed", "skipped", "passed")
_WIDTH = 80
_NAME = 22
# Times take two more columns, for which long names make room.
_NAME_BESIDE_TIMES = 18


def summarise(records: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, bool]]:
    """Write the table.

    Args:
        records: Records as plain data, of one run, in any order.

    Yields:
        Lines of at most 80 columns, each with whether it is good news.
    """
    timed = any(record["timing"] for record in records)
    width = _NAME_BESIDE_TIMES if timed else _NAME
    heads = f"{'task':<{width}} {'call':<5} {'exec':<5} {'fuzz':<5} {'bench':<5} {'cases':>5} "
    heads += f"{'error/allowed':>13}" + (f" {'median':>9} {'speedup':>7}" if timed else "")
    yield heads, True
    by_task: dict[str, list[Mapping[str, Any]]] = {}
    for record in records:
        by_task.setdefault(_whose(record), []).append(record)
    wrong, unjudged = 0, 0
    own = [record for record in records if record.get("suite") is None]
    many = "answers" if any(record.get("model") is not None for record in own) else "tasks"
    for task in sorted(by_task):
        rows = by_task[task]
        failure = next((r for r in _in_phases(rows) if r["outcome"] in ("failed", "error")), None)
        yield _row(task, rows, width), failure is None
        if failure is not None:
            wrong += 1
            yield _cut(f"  {failure['phase']}: {failure['message'] or failure['reason']}"), False
        elif not any(r["outcome"] == "passed" for r in rows):
            # A task without a kernel is no success, nor one whose every test was skipped.
            unjudged += 1
            # With --benchmark-only the phases before are skipped for no reason of the task's.
            yield _cut(f"  {_in_phases(rows)[-1]['message']}"), True
    line = f"{len(by_task) - wrong - unjudged} of {len(by_task)} {many} good"
    line += f", {wrong} not" if wrong else ""
    yield line + (f", {unjudged} not judged" if unjudged else ""), not wrong


def _whose(record: Mapping[str, Any]) -> str:
    """A task, and whose answer to it where there may be several."""
    if record.get("model") is None or record.get("suite") is not None:
        return str(record["task"])
    return f"{record['task']}[{record['model']}-{record['sample']}]"


def _row(task: str, rows: Sequence[Mapping[str, Any]], width: int) -> str:
    phases = []
    for phase in PHASES:
        outcomes = {row["outcome"] for row in rows if row["phase"] == phase}
        worst = next((o for o in _WORST_FIRST if o in outcomes), None)
        phases.append(f"{_SIGNS[worst] if worst else '':<5}")
    cases = sum(row["case"] is not None for row in rows)
    ratios = [row["ratio"] for row in rows if row["ratio"] is not None]
    ratio = _number(max(ratios)) if ratios else ""
    line = f"{_shortened(task, width):<{width}} {' '.join(phases)} {cases:>5} {ratio:>13}"
    times = [row["timing"] for row in rows if row["timing"]]
    if times:
        median = statistics.median(ms for timing in times for ms in _medians(timing))
        speedup = statistics.geometric_mean(t["speedup"] for t in times)
        line += f" {_duration(median):>9} {_number(speedup, 1000):>6}x"
    return line.rstrip()


def _medians(timing: Mapping[str, Any]) -> list[float]:
    """Of a bundled task's case one; of an answer to a suite one for each size."""
    sizes = timing.get("sizes")
    return [timing["median_ms"]] if sizes is None else [size["ms"] for size in sizes]


def _in_phases(rows: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    return sorted(rows, key=lambda row: PHASES.index(row["phase"]))


def _number(value: float, limit: float = 1e9) -> str:
    return f"{value:.2f}" if value < limit else f"{value:.0e}"


def _duration(ms: float) -> str:
    if ms < 1:
        return f"{ms * 1e3:.1f} us"
    return f"{ms:.2f} ms" if ms < 1000 else f"{ms / 1e3:.1f} s"


def _shortened(name: str, width: int) -> str:
    return name if len(name) <= width else name[: width - 1] + "~"


def _cut(line: str) -> str:
    return line if len(line) <= _WIDTH else line[: _WIDTH - 3] + "..."
