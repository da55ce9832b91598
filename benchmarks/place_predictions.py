"""Place the published predictions of TritonBench among its tasks and count what can be parsed.

Beside a checkout of thunlp/TritonBench::

    python benchmarks/place_predictions.py CHECKOUT [--shuffles 2]

Prints a line for each file: its rows by the rule that placed them, what is missing, empty, given
twice or not placed, and in how many answers there is code that parses, and that defines what the
test uses, as upstream's evaluation takes it and as ``extract`` does. Every file is joined again
with its rows shuffled, and the code of every answer and of every gold is taken by upstream's own
function too, read from the checkout. Exits with 1 if a row is not placed, if the order of the rows
matters, or if ``published_code`` differs from upstream's function anywhere.
"""

from __future__ import annotations

import argparse
import ast
import random
import re
import sys
import warnings
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

from pytest_tritonbench.candidate.extraction import extract
from pytest_tritonbench.candidate.join import Joined, Rule, join
from pytest_tritonbench.candidate.predictions import PredictionFile, read
from pytest_tritonbench.candidate.published import published_code
from pytest_tritonbench.candidate.source import parse_piece
from pytest_tritonbench.task.tritonbench.checkout import Channel, find

_FUNCTIONS = {"G": "process_code", "T": "clear_code"}
_HEAD = (
    *("file", "rows", "by instruction", "by label", "by its start"),
    *("not placed", "missing", "empty", "surplus"),
    *("parse: upstream", "parse: ours", "define: upstream", "define: ours"),
)


def upstream_function(checkout: Path, channel: str) -> Callable[[str], str]:
    """Upstream's own function that takes the code out of an answer, from its source."""
    path = checkout / f"EVAL/eval_{channel}/0_call_acc.py"
    name = _FUNCTIONS[channel]
    # The function alone: the rest of the file is no Python before 3.12.
    text = path.read_text(encoding="utf-8")
    found = re.search(rf"^def {name}\(.*?(?=^def )", text, re.DOTALL | re.MULTILINE)
    if found is None:
        raise SystemExit(f"{path}: no function {name} in it")
    space: dict[str, Callable[[str], str]] = {}
    # The checkout is the user's, and this is what it is for.
    exec(compile(found[0], str(path), "exec"), {"ast": ast}, space)  # noqa: S102
    return space[name]


def without_fence(text: str) -> str:
    """Code as upstream takes it, before it is taken apart."""
    return published_code(text, "T")


def counted(file: PredictionFile, joined: Joined, channel: Channel) -> list[str]:
    """The line of a file."""
    rules = Counter(one.rule for of in joined.answers.values() for one in of)
    totals: Counter[tuple[str, str]] = Counter()
    for name, of in joined.answers.items():
        parsed = channel.tasks[name].parsed
        text = of[0].text
        ours = extract(text, entry=parsed.entry, names=parsed.defines).code
        for who, code in (("upstream", without_fence(text)), ("ours", ours)):
            piece = parse_piece(code) if code.strip() else None
            totals[who, "parses"] += piece is not None
            totals[who, "defines"] += piece is not None and piece.defines >= {*parsed.defines}
    numbers = (
        len(file.rows),
        *(rules[rule] for rule in (Rule.INSTRUCTION, Rule.LABEL, Rule.LABEL_START)),
        *map(len, (joined.unplaced, joined.missing, joined.empty, joined.surplus)),
        *(totals[who, what] for what in ("parses", "defines") for who in ("upstream", "ours")),
    )
    return [f"{channel.name}: {file.name}", *map(str, numbers)]


def is_stable(file: PredictionFile, channel: Channel, joined: Joined, shuffles: int) -> bool:
    """Whether every row finds the same task in other orders of the rows."""
    rng = random.Random(0)  # noqa: S311 - no secret
    for _ in range(shuffles):
        rows = tuple(rng.sample(file.rows, len(file.rows)))
        if placed(join(replace(file, rows=rows), [channel])) != placed(joined):
            return False
    return True


def placed(joined: Joined) -> Mapping[int, str]:
    """Tasks by line."""
    return {one.line: one.task for of in joined.answers.values() for one in of}


def main() -> int:
    """Place, count, print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("checkout", type=Path, help="of thunlp/TritonBench")
    parser.add_argument("--shuffles", type=int, default=2, help="other orders of each file's rows")
    options = parser.parse_args()
    warnings.simplefilter("ignore", SyntaxWarning)
    channels = {channel.name: channel for channel in find(str(options.checkout))}
    upstream = {name: upstream_function(options.checkout, name) for name in channels}
    rows = placed_rows = equal = asked = 0
    unstable = []
    print(f"| {' | '.join(_HEAD)} |\n|---|{'---:|' * (len(_HEAD) - 1)}")
    for path in sorted(options.checkout.glob("LLM_generated/*/*.jsonl")):
        file = read(str(path))
        joined = join(file, tuple(channels.values()))
        channel = channels[joined.channel]
        print(f"| {' | '.join(counted(file, joined, channel))} |", flush=True)
        rows += len(file.rows)
        placed_rows += len(placed(joined))
        if not is_stable(file, channel, joined, options.shuffles):
            unstable.append(file.name)
        texts = [row.text for row in file.rows]
        asked += len(texts)
        own, name = upstream[channel.name], channel.name
        equal += sum(published_code(text, name) == own(text) for text in texts)
    for name, channel in channels.items():
        golds = [task.gold for task in channel.tasks.values()]
        asked += len(golds)
        equal += sum(published_code(gold, name) == upstream[name](gold) for gold in golds)
    print(f"\n{placed_rows} of {rows} rows placed; {options.shuffles} shuffles of every file:")
    print(f"the order of the rows matters in {unstable or 'none'}")
    print(f"published_code equals upstream's function for {equal} of {asked} answers and golds")
    return 0 if placed_rows == rows and not unstable and equal == asked else 1


if __name__ == "__main__":
    sys.exit(main())
