"""Print the records of a run as Markdown tables: the phases of every task, and its timings.

    python benchmarks/gpu_table.py RECORDS.jsonl [RECORDS.jsonl ...]

The second table's speedup is a ratio against the reference in eager PyTorch, of one run.
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
    for task in sorted({r["task"] for r in records}):
        mine = [r for r in records if r["task"] == task and r["phase"] != "bench"]
        if not mine:
            continue
        cells = []
        for phase in ("call", "exec", "fuzz"):
            found = [r for r in mine if r["phase"] == phase]
            good = sum(r["outcome"] == "passed" for r in found)
            cells.append(f"{good} of {len(found)}")
        worst = max((r["ratio"] for r in mine if r["ratio"] is not None), default=0.0)
        lines.append(f"| {task} | {' | '.join(cells)} | {worst:.2f} |")
    return lines


def timings(records: Rows) -> list[str]:
    """A row a timed case: median device times and their ratio."""
    head = ["| task | case | kernel, us | reference, us | speedup |", "|---|---|---|---|---|"]
    lines = []
    for record in records:
        timing = record["timing"]
        if not timing:
            continue
        case = ", ".join(
            f"{name}={value}"
            for name, value in record["case"].items()
            if name != "seed" and value is not None and not isinstance(value, float)
        )
        times = f"{timing['median_ms'] * 1e3:.1f} | {timing['reference_ms'] * 1e3:.1f}"
        lines.append(f"| {record['task']} | {case} | {times} | {timing['speedup']:.2f} |")
    return head + lines if lines else []


def main() -> None:
    """Print both tables and where the run took place."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("records", nargs="+", type=Path)
    records = read(parser.parse_args().records)
    place = records[0]["environment"]
    names = ("device", "driver", "torch", "triton", "python", "commit")
    print(", ".join(f"{name} {place[name]}" for name in names if place[name]))
    for table in (phases(records), timings(records)):
        print("", *table, sep="\n")


if __name__ == "__main__":
    main()
