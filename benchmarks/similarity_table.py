"""CodeBLEU of upstream's published predictions for TritonBench-G, beside the paper's numbers.

Reads a checkout of thunlp/TritonBench and prints, for each of its prediction files for G, what the
paper states, what upstream's definition gives (``published``: programs as one line, Java's
comments, labels as they are in the file) and what CodeBLEU gives when it is shown Python
(``proper``: against the golds themselves, which labels are cut-off copies of in four files)::

    python benchmarks/similarity_table.py CHECKOUT [FILE-STEM ...]
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from pytest_tritonbench.report.metrics.published_tables import PublishedRow, published_row
from pytest_tritonbench.report.metrics.similarity import Policy, corpus, published_answer

SUITE = "TritonBench-G"
GOLDS = "data/TritonBench_G_v1.json"
PREDICTIONS = "LLM_generated/Bench_G_*/*.jsonl"


@dataclass(frozen=True)
class Line:
    """One prediction file."""

    stem: str
    row: PublishedRow | None
    published: float
    proper: float
    seconds: float

    def __str__(self) -> str:
        paper = "" if self.row is None else f"{self.row.values['similarity']:.2f}"
        off = "" if self.row is None else f"{self.published - self.row.values['similarity']:+.2f}"
        made = "" if self.row is None else f"{self.row.model}, {self.row.setting}"
        ours = f"{self.published:.2f} | {off} | {self.proper:.2f} | {self.seconds:.1f}"
        return f"| {self.stem} | {made} | {paper} | {ours} |"


def references(labels: Sequence[str], golds: Iterable[str]) -> list[str]:
    """Find the gold of each label: the same text but for white space, or one that begins so.

    One label per file has its gold's comments rewritten; it gets the gold that is left over.
    """
    left = {_bare(gold): gold for gold in golds}
    found: list[str | None] = [left.pop(_bare(label), None) for label in labels]
    for i, label in enumerate(labels):
        if found[i] is None:
            start = _bare(label)
            key = next((gold for gold in left if start and gold.startswith(start)), None)
            found[i] = None if key is None else left.pop(key)
    missing = [i for i, gold in enumerate(found) if gold is None]
    if len(missing) == 1 and len(left) == 1:
        found[missing[0]] = left.popitem()[1]
    return [label if gold is None else gold for label, gold in zip(labels, found, strict=True)]


def _bare(code: str) -> str:
    return "".join(code.split())


def measure(path: Path, golds: Sequence[str]) -> Line:
    """Compute both similarities of a prediction file."""
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    labels = [row["label"] for row in rows]
    answers = [published_answer(row["predict"]) for row in rows]
    start = time.perf_counter()
    scores: dict[Policy, float] = {}
    scores["published"] = corpus(zip(labels, answers, strict=True), "published").similarity().score
    wanted = references(labels, golds)
    scores["proper"] = corpus(zip(wanted, answers, strict=True), "proper").similarity().score
    seconds = time.perf_counter() - start
    row = published_row(SUITE, path.stem)
    return Line(path.stem, row, scores["published"], scores["proper"], seconds)


def main() -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("checkout", type=Path, help="a checkout of thunlp/TritonBench")
    parser.add_argument("stems", nargs="*", help="prediction files, without .jsonl; default: all")
    given = parser.parse_args()
    files = sorted(given.checkout.glob(PREDICTIONS))
    if not files or not (given.checkout / GOLDS).exists():
        print(f"{given.checkout}: no {GOLDS} or no {PREDICTIONS}", file=sys.stderr)
        return 2
    tasks = json.loads((given.checkout / GOLDS).read_text(encoding="utf-8"))
    golds = [task["output"] for task in tasks]
    print("| file | row of the paper | paper | published | difference | proper | s |")
    print("|---|---|---|---|---|---|---|")
    for path in files:
        if not given.stems or path.stem in given.stems:
            print(measure(path, golds), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
