"""What a run leaves on GitHub: a mark beside the line of a wrong kernel, and a summary of the job.

Messages come from kernels that nobody has read yet, so nothing of them is taken for a command or
for mark-up.
"""

from __future__ import annotations

import os
import re
import shlex
import statistics
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from json import dumps
from pathlib import Path
from typing import Any

from pytest_tritonbench.options import PHASES

from . import gate_summary
from .pages.markdown import plain

Row = Mapping[str, Any]

# GitHub shows so many errors of a step and drops the others.
MOST = 10
# GitHub refuses a step's summary above one mebibyte; other commands of the step write there too.
_LARGEST = 900_000
_FAILED = ("failed", "error")
_SIGNS = {"passed": "✅", "failed": "❌", "error": "❌", "skipped": "⏭️"}
_WORST_FIRST = ("error", "failed", "skipped", "passed")


def wanted(environment: Mapping[str, str] = os.environ) -> bool:
    """Whether this is a job of GitHub Actions."""
    return environment.get("GITHUB_ACTIONS") == "true"


def publish(
    records: Sequence[Row],
    root: Path,
    say: Callable[[str], object],
    *,
    flags: str = "",
    environment: Mapping[str, str] = os.environ,
) -> None:
    """Write annotations and summary; nothing outside of a job of GitHub Actions.

    Args:
        records: Records as plain data, of one run.
        root: The root folder, which their paths start from.
        say: Writes a line to the job's log.
        flags: Options that a repetition needs, each with a blank before it.
        environment: Of the job.

    Raises:
        OSError: If the summary cannot be written.
    """
    if not wanted(environment) or not records:
        return
    workspace = Path(environment.get("GITHUB_WORKSPACE") or root)
    for line in marks(records, root, workspace, flags=flags):
        say(line)
    path = environment.get("GITHUB_STEP_SUMMARY")
    if path:
        with Path(path).open("a", encoding="utf-8") as file:
            file.write(summary(records))


def marks(
    records: Sequence[Row], root: Path, workspace: Path, *, flags: str = "", most: int = MOST
) -> list[str]:
    """An error for each candidate that failed a phase, at the line where its function begins.

    Args:
        records: Records as plain data.
        root: What their paths start from.
        workspace: The checkout; a file outside of it has no line to be marked at.
        flags: As for :func:`publish`.
        most: Of more failures, the last annotation says how many there are.
    """
    failed: dict[tuple[Any, ...], list[Row]] = defaultdict(list)
    for record in records:
        if record["outcome"] in _FAILED:
            failed[*_whose(record), record["phase"]].append(record)
    found = [_annotation(rows, root, workspace, flags) for rows in failed.values()]
    if len(found) > most:
        more = len(found) - most + 1
        found[most - 1 :] = [command("error", f"{more} more failed; see the log", title="kernels")]
    return found


def command(name: str, message: str, **properties: str | int) -> str:
    """A workflow command in one line, with GitHub's escapes."""
    told = ",".join(f"{key}={_property(str(value))}" for key, value in properties.items())
    return f"::{name}{' ' if told else ''}{told}::{_data(message)}"


def summary(records: Sequence[Row]) -> str:
    """The run as Markdown: what failed, then a table of all tasks, then of the models."""
    own = [record for record in records if record.get("suite") is None]
    lines: list[str] = []
    if own:
        lines += _tasks(own)
    if suites := [record for record in records if record.get("suite") is not None]:
        lines += _suites(suites)
    text, size = "", 0
    for line in lines:
        size += len(line.encode()) + 1
        if size > _LARGEST:
            return text + "\nThe summary is cut here; the log and the records have the rest.\n"
        text += line + "\n"
    return text


def _annotation(rows: Sequence[Row], root: Path, workspace: Path, flags: str) -> str:
    first = rows[0]
    message = str(first["message"] or first["reason"] or first["outcome"])
    if len(rows) > 1:
        message += f"\nand {len(rows) - 1} more in {first['phase']}"
    if first["case"] is not None and first.get("suite") is None:
        case = shlex.quote(dumps(dict(first["case"])))
        test = shlex.quote(f"{first['test'].partition('::')[0]}::test_fuzz")
        message += f"\nreplay: pytest {test}{flags} --tb-case {case}"
    title = f"{_name(first)}: {first['phase']} {first['outcome']}"
    return command("error", message, **_place(first, root, workspace), title=title)


def _place(record: Row, root: Path, workspace: Path) -> dict[str, str | int]:
    """File and line to mark: the candidate's, or the task's where there is none."""
    named = str(record["candidate"] or record["test"].partition("::")[0])
    path, colon, number = named.rpartition(":")
    line = int(number) if colon and number.isdecimal() else None
    file = (root / (named if line is None else path)).resolve()
    if not file.is_relative_to(workspace.resolve()) or not file.is_file():
        return {}
    shown = file.relative_to(workspace.resolve()).as_posix()
    return {"file": shown, "line": line or _definition(file, str(record["task"]))}


def _definition(file: Path, task: str) -> int:
    """Line of a task's function."""
    try:
        lines = file.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return 1
    begins = re.compile(rf"(def|class)\s+{re.escape(task)}\b")
    return next((n for n, line in enumerate(lines, start=1) if begins.match(line)), 1)


def _tasks(records: Sequence[Row]) -> Iterator[str]:
    rows: dict[str, list[Row]] = defaultdict(list)
    for record in records:
        rows[_name(record)].append(record)
    bad = {name for name, of in rows.items() if any(r["outcome"] in _FAILED for r in of)}
    good = {name for name, of in rows.items() if any(r["outcome"] == "passed" for r in of)} - bad
    yield f"### Kernels: {len(good)} of {len(rows)} good"
    yield ""
    device = sorted({str((r["environment"] or {}).get("device")) for r in records})
    yield f"On {plain(', '.join(device))}."
    yield ""
    for name in sorted(bad):
        first = min(
            (r for r in rows[name] if r["outcome"] in _FAILED),
            key=lambda r: PHASES.index(r["phase"]),
        )
        told = plain(first["message"] or first["reason"] or first["outcome"])
        yield f"- ❌ **{plain(name)}** {first['phase']}: {told}"
    yield ""
    timed = any(record["timing"] for record in records)
    heads = ["task", *PHASES, "cases", "error/allowed", *(["speedup", "verdict"] if timed else [])]
    yield f"| {' | '.join(heads)} |"
    yield f"|{'---|' * len(heads)}"
    for name in sorted(rows, key=lambda name: (name not in bad, name)):
        cells = [plain(name), *_phases(rows[name]), *_figures(rows[name])]
        cells += _times(rows[name]) if timed else []
        yield f"| {' | '.join(cells)} |"
    yield ""
    yield from _gates(records)


def _gates(records: Sequence[Row]) -> Iterator[str]:
    """What the gates could not tell, and how many found what."""
    if not (count := gate_summary.counted(records)):
        return
    yield f"Gates: {count}."
    yield ""
    unsure = gate_summary.ambiguous(records)
    for test, message in unsure[:MOST]:
        yield f"- ❔ {plain(test)}: {plain(message)}"
    if len(unsure) > MOST:
        yield f"- ❔ {len(unsure) - MOST} more"
    if unsure:
        yield ""


def _phases(rows: Sequence[Row]) -> list[str]:
    found = []
    for phase in PHASES:
        outcomes = {row["outcome"] for row in rows if row["phase"] == phase}
        worst = next((outcome for outcome in _WORST_FIRST if outcome in outcomes), None)
        found.append("" if worst is None else _SIGNS[worst])
    return found


def _figures(rows: Sequence[Row]) -> list[str]:
    ratios = [row["ratio"] for row in rows if row["ratio"] is not None]
    cases = sum(row["case"] is not None for row in rows)
    return [str(cases), f"{max(ratios):.3g}" if ratios else ""]


def _times(rows: Sequence[Row]) -> list[str]:
    """The mean speedup over a task's cases, and how many have which verdict."""
    timings = [row["timing"] for row in rows if row["timing"]]
    speedups = [t["speedup"] for t in timings if t.get("speedup")]
    verdicts = [str(t["verdict"]) for t in timings if t.get("verdict")]
    counted = [f"{verdicts.count(one)} {one}" for one in sorted(set(verdicts))]
    mean = f"{statistics.geometric_mean(speedups):.2f}x" if speedups else ""
    return [mean, plain(", ".join(counted))]


def _suites(records: Sequence[Row]) -> Iterator[str]:
    """A row for each suite and model: how many of its answers passed each phase."""
    of: dict[tuple[str, str], list[Row]] = defaultdict(list)
    for record in records:
        of[str(record["suite"]), str(record["model"])].append(record)
    yield "### Suites"
    yield ""
    yield f"| suite | model | {' | '.join(PHASES)} |"
    yield f"|{'---|' * (2 + len(PHASES))}"
    for (suite, model), rows in sorted(of.items()):
        cells = []
        for phase in PHASES:
            judged = [r for r in rows if r["phase"] == phase and r["outcome"] != "skipped"]
            passed = sum(r["outcome"] == "passed" for r in judged)
            cells.append(f"{passed} of {len(judged)}" if judged else "")
        yield f"| {plain(suite)} | {plain(model)} | {' | '.join(cells)} |"
    yield ""


def _whose(record: Row) -> tuple[Any, ...]:
    return tuple(record.get(name) for name in ("suite", "task", "model", "sample"))


def _name(record: Row) -> str:
    if record.get("model") is None:
        return str(record["task"])
    return f"{record['task']}[{record['model']}-{record['sample']}]"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
