"""Results of the parts of a run, as if one machine had made them all."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pytest_tritonbench.report import answers
from pytest_tritonbench.report.records import FILE, Lines, RecordsError
from pytest_tritonbench.timing import machine

from .pages.reading import NAMES, load

BENCHMARKS = "benchmark.json"
_FLAG = "--any-gpu"


class JoinError(ValueError):
    """Parts do not fit together; the message says why and what to do."""


@dataclass(frozen=True)
class Joined:
    """What became of the parts."""

    records: int
    repeated: int
    """Records that were there twice and were taken once."""

    benchmarks: int
    files: tuple[Path, ...]
    """What was written."""

    problems: tuple[str, ...]
    """One sentence for each thing that is odd and was done all the same."""


def join(parts: Sequence[Path], out: Path, *, any_gpu: bool = False) -> Joined:
    """Put records, answers and pytest-benchmark's JSON files of parts together.

    Args:
        parts: Folders, or files of records or of pytest-benchmark.
        out: Folder for ``records.jsonl``, ``answers.jsonl`` and ``benchmark.json``.
        any_gpu: Join timings of different models of GPU.

    Raises:
        JoinError: If a part holds nothing, parts do not fit together, or ``out`` has results.
        RecordsError: If ``out`` cannot be written.
    """
    for name in (FILE, answers.FILE, BENCHMARKS):
        if (out / name).exists():
            raise JoinError(f"{out / name} is there already; remove it or name another --out")
    recorded, saved = [], []
    for part in parts:
        if not part.exists():
            raise JoinError(f"{part} is not there; name the folder of a part's results")
        lines, data = list(_records_of(part)), list(_saved_of(part))
        if not lines and not data:
            raise JoinError(
                f"{part} holds neither {NAMES[0]} nor JSON of pytest-benchmark: did this part run? "
                f"Name the folder that was given to --tb-results"
            )
        recorded += lines
        saved += data
    whole, notes = _benchmarks(saved, any_gpu=any_gpu)
    loaded = load(recorded)
    # Equal to the last digit of the times: one part that was named twice.
    unique = dict.fromkeys(json.dumps(record) for record in loaded.records)
    written = []
    if unique:
        written.append(_write(out / FILE, (json.loads(line) for line in unique)))
    texts = {k: v for file in recorded for k, v in answers.read_answers(file.parent).items()}
    if texts:
        rows = ({"hash": digest, "text": text} for digest, text in texts.items())
        written.append(_write(out / answers.FILE, rows))
    if whole is not None:
        out.mkdir(parents=True, exist_ok=True)
        (out / BENCHMARKS).write_text(json.dumps(whole, indent=4), encoding="utf-8")
        written.append(out / BENCHMARKS)
    return Joined(
        len(unique),
        len(loaded.records) - len(unique),
        0 if whole is None else len(whole["benchmarks"]),
        tuple(written),
        (*loaded.problems, *notes),
    )


def main(arguments: Sequence[str]) -> int:
    """``python -m pytest_tritonbench.report join PART... --out DIR``.

    Returns:
        0; 1 if something is odd and was done all the same; 2 if nothing was joined.
    """
    parser = argparse.ArgumentParser(
        prog="python -m pytest_tritonbench.report join",
        description="Put the results of the parts of a run (--tb-shard) together.",
    )
    parser.add_argument(
        "parts",
        nargs="+",
        type=Path,
        metavar="PART",
        help="a part's folder of results, or a file of records or of pytest-benchmark",
    )
    parser.add_argument(
        "--out", type=Path, required=True, metavar="DIR", help="folder for the whole"
    )
    parser.add_argument(
        "--shards",
        type=int,
        metavar="N",
        help="refuse unless there are so many parts: one that is missing is not noticed otherwise",
    )
    parser.add_argument(
        _FLAG, action="store_true", help="join timings of different models of GPU all the same"
    )
    given = parser.parse_args(arguments)
    if given.shards not in (None, len(given.parts)):
        parser.error(f"{len(given.parts)} parts are given, and --shards says {given.shards}")
    try:
        joined = join(given.parts, given.out, any_gpu=given.any_gpu)
    except (OSError, JoinError, RecordsError, machine.OtherGpuError) as e:
        print(f"error: {e}", file=sys.stderr)  # noqa: T201 - a command's output
        return 2
    for problem in joined.problems:
        print(problem, file=sys.stderr)  # noqa: T201 - as above
    twice = f" ({joined.repeated} were there twice)" if joined.repeated else ""
    print(  # noqa: T201 - as above
        f"joined: {joined.records} records{twice} and {joined.benchmarks} benchmarks of "
        f"{len(given.parts)} parts: {', '.join(map(str, joined.files))}"
    )
    return 1 if joined.problems else 0


def _records_of(part: Path) -> Iterator[Path]:
    if part.is_dir():
        yield from sorted(file for name in NAMES for file in part.rglob(name))
    elif ".jsonl" in part.name:
        yield part


def _saved_of(part: Path) -> Iterator[tuple[Path, dict[str, Any]]]:
    """Files of pytest-benchmark, told by what is in them: people name them as they like."""
    for file in sorted(part.rglob("*.json")) if part.is_dir() else [part]:
        if file.suffix != ".json":
            continue
        try:
            data = json.loads(file.read_text(encoding="utf-8"))
        except ValueError:
            continue
        if isinstance(data, dict) and {"machine_info", "benchmarks"} <= data.keys():
            yield file, data


def _benchmarks(
    saved: Sequence[tuple[Path, dict[str, Any]]], *, any_gpu: bool
) -> tuple[dict[str, Any] | None, list[str]]:
    """One file's content out of several, and what is odd about them."""
    if not saved:
        return None, []
    notes = []
    base = saved[0][1]
    whole = dict(base)
    commits = {_commit(data) for _, data in saved}
    if len(commits) > 1:
        notes.append(f"the parts are of different commits: {', '.join(sorted(commits))}")
    told = [info for _, data in saved if machine.model(info := data["machine_info"]) is not None]
    for file, data in () if any_gpu else saved:
        machine.refuse_others(told[0] if told else {}, data["machine_info"], str(file), _FLAG)
    models = [(file, machine.model(data["machine_info"])) for file, data in saved]
    if any(name is None for _, name in models) and any(name for _, name in models):
        silent = ", ".join(str(file) for file, name in models if name is None)
        notes.append(f"{silent}: not told which GPU it was measured on")
    whole["benchmarks"] = list(_each_once(saved))
    # pytest-benchmark reads one machine's info; that of the others is told beside it.
    parts = [
        {
            "file": file.name,
            "node": data["machine_info"].get("node"),
            "gpu": machine.model(data["machine_info"]),
            "datetime": data.get("datetime"),
        }
        for file, data in saved
    ]
    whole["machine_info"] = {**base["machine_info"], "parts": parts}
    whole["datetime"] = max(str(data.get("datetime", "")) for _, data in saved)
    return whole, notes


def _each_once(saved: Iterable[tuple[Path, Mapping[str, Any]]]) -> Iterator[dict[str, Any]]:
    seen: dict[str, Path] = {}
    for file, data in saved:
        for benchmark in data["benchmarks"]:
            name = str(benchmark.get("fullname"))
            if name in seen:
                raise JoinError(
                    f"{name} is in {seen[name]} and in {file}: parts of one run have no test in "
                    f"common; name one file of each part"
                )
            seen[name] = file
            yield benchmark


def _commit(data: Mapping[str, Any]) -> str:
    found = (data.get("commit_info") or {}).get("id")
    return str(found) if found else "unknown"


def _write(path: Path, rows: Iterable[Mapping[str, Any]]) -> Path:
    lines = Lines(path)
    try:
        for row in rows:
            lines.append_line(row)
    finally:
        lines.close()
    return path
