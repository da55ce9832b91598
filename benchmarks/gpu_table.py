"""Print the records of a run as Markdown tables: the phases of every task, and its timings.

    python benchmarks/gpu_table.py [--ends] RECORDS.jsonl [RECORDS.jsonl ...]

The second table's speedup is a ratio against the reference in eager PyTorch, of one run. Of a case
that was timed more than once the last record counts. The third says where the time went.
"""

import argparse
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

Rows = list[Mapping[str, Any]]


def read(paths: Iterable[Path]) -> Rows:
    """Every record of the files, in order."""
    return [json.loads(line) for path in paths for line in path.read_text().splitlines()]


def phases(records: Rows) -> list[str]:
    """A row a task: cases that passed in each phase, the worst error and the timed cases."""
    lines = ["| task | call | exec | fuzz | error/allowed |", "|---|---|---|---|---|"]
    ran = [r for r in records if r["phase"] != "bench" and r["outcome"] != "skipped"]
    for task in sorted({r["task"] for r in ran}):
        mine = [r for r in ran if r["task"] == task]
        cells = []
        for phase in ("call", "exec", "fuzz"):
            found = [r for r in mine if r["phase"] == phase]
            good = sum(r["outcome"] == "passed" for r in found)
            cells.append(f"{good} of {len(found)}")
        worst = max((r["ratio"] for r in mine if r["ratio"] is not None), default=0.0)
        lines.append(f"| {task} | {' | '.join(cells)} | {worst:.2f} |")
    return lines if ran else []


def timed(records: Rows, *, ends: bool) -> Rows:
    """The last record of each timed case; with ``ends`` of the middle and last case of a sweep."""
    last = {(r["task"], r["test"]): r for r in records if r["timing"]}
    found: Rows = []
    for task in sorted({task for task, _ in last}):
        mine = [record for (of, _), record in last.items() if of == task]
        # In the order of the work, which is that of most sweeps.
        mine.sort(key=lambda record: record["timing"]["bytes"])
        found += [mine[len(mine) // 2], mine[-1]] if ends and len(mine) > 1 else mine
    return found


def timings(records: Rows) -> list[str]:
    """A row a timed case: median device times, their ratio and the share of the roofline."""
    head = [
        "| task | case | kernel, us | reference, us | speedup | of roofline | bound |",
        "|---|---|---|---|---|---|---|",
    ]
    lines = []
    for record in records:
        timing = record["timing"]
        case = ", ".join(
            f"{name}={value}"
            for name, value in record["case"].items()
            if name != "seed" and value is not None and not isinstance(value, float)
        )
        times = f"{timing['median_ms'] * 1e3:.1f} | {timing['reference_ms'] * 1e3:.1f}"
        share = timing.get("roofline")
        cells = [
            *(record["task"], case, times, f"{timing['speedup']:.2f}"),
            *("" if share is None else f"{share:.2f}", timing.get("bound") or ""),
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return head + lines if lines else []


def spent(records: Rows) -> list[str]:
    """A row for what the time of all timed cases went into, in seconds over all workers."""
    parts: dict[str, float] = {}
    for record in records:
        for part, seconds in record["timing"]["spent"].items():
            parts[part] = parts.get(part, 0.0) + seconds
    if not parts:
        return []
    everything = parts["all"]
    parts["rest"] = 2 * everything - sum(parts.values())
    rows = [f"| {part} | {value:.0f} | {value / everything:.0%} |" for part, value in parts.items()]
    return ["| what | s | share |", "|---|---|---|", *rows]


def main() -> None:
    """Print the tables and where the run took place."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("records", nargs="+", type=Path)
    parser.add_argument("--ends", action="store_true", help="middle and last case of a sweep only")
    options = parser.parse_args()
    records = read(options.records)
    place = records[0]["environment"]
    names = ("device", "driver", "torch", "triton", "python", "commit")
    print(", ".join(f"{name} {place[name]}" for name in names if place[name]))
    found = timed(records, ends=options.ends)
    for table in (phases(records), timings(found), spent(timed(records, ends=False))):
        if table:
            print("", *table, sep="\n")


if __name__ == "__main__":
    main()
