"""Write all forms of a report into a folder."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pytest_tritonbench.report.metrics.measure import Golden, Similarities, SuiteLike
from pytest_tritonbench.report.metrics.outcomes import GOLD, Answer, gather, merge

from .grid import Predictions, lay_out
from .markdown import markdown
from .page import page
from .provenance import runs as provenance
from .scores import Suite
from .suites import known, measure
from .tables import leaderboard, outcomes


@dataclass(frozen=True)
class Written:
    """The files of a report."""

    page: Path
    markdown: Path
    tables: tuple[Path, ...]
    answers: int
    """How many answers it tells of."""


def write_report(
    records: Iterable[Mapping[str, Any]],
    folder: Path,
    *,
    predictions: Predictions | None = None,
    suites: Iterable[SuiteLike] = (),
    similarity: Mapping[tuple[str, str], Similarities] | None = None,
    golden: Mapping[str, Golden] | None = None,
) -> Written:
    """Write ``report.html``, ``report.md``, ``leaderboard.csv`` and ``outcomes.csv``.

    Args:
        records: Of one or of several runs; the last word on each test counts.
        folder: Made if it is not there; files of an older report are replaced.
        predictions: Texts of the answers, by suite, model and task. An answer without one is
            shown without its code.
        suites: What the suites hold, which gives the denominators. Of a suite that is not given,
            the tasks are those that the records name.
        similarity: CodeBLEU by suite and model, where the records carry none.
        golden: Upstream's A100 times by suite, for the published speedup.

    Raises:
        OSError: If the folder or a file cannot be written.
        ValueError: If there are no answers to report.
    """
    kept = merge(records)
    told = gather(kept)
    answers = [answer for answer in told if answer.model != GOLD]
    if not answers:
        raise ValueError("no answers to report: the records are empty or hold golds alone")
    found = measure(kept, known(told, suites), similarity, golden)
    apart = {suite.name: {one.task for one in suite.unjudged} for suite in found}
    runs = provenance(kept)
    title, lead = "Triton kernels, judged", _lead(answers, found, runs)
    if any(suite.name.startswith("TritonBench") for suite in found):
        title = "TritonBench, judged"
    laid = lay_out(answers, {suite.name: suite.title for suite in found}, apart, predictions or {})
    folder.mkdir(parents=True, exist_ok=True)
    texts = {
        "report.html": page(found, laid, runs, title=title, lead=lead),
        "report.md": markdown(found, runs, title=title, lead=lead),
        "leaderboard.csv": leaderboard(found),
        "outcomes.csv": outcomes(answers, apart),
    }
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8", errors="replace", newline="")
    html, md, *tables = (folder / name for name in texts)
    return Written(html, md, tuple(tables), len(answers))


def _lead(
    answers: Sequence[Answer], suites: Sequence[Suite], runs: Sequence[Mapping[str, Any]]
) -> str:
    models = {(answer.suite, answer.model) for answer in answers}
    devices = sorted({str(run["device"]) for run in runs if run["device"]})
    days = sorted({str(run["run"])[:10] for run in runs if run["run"]})
    told = f"{len(answers):,} answers of {len(models)} {_plural('model', len(models))} to "
    told += " and ".join(
        f"{suite.tasks} tasks of {suite.name or 'this repository'}" for suite in suites
    )
    if devices:
        told += f", on {' and '.join(devices)}"
    if days:
        told += f", {days[0]}" if len(days) == 1 else f", {days[0]} to {days[-1]}"
    return told + "."


def _plural(word: str, count: int) -> str:
    return word if count == 1 else f"{word}s"
