"""Whether a model is asked while earlier kernels are already judged.

A server on the loopback takes 2 s for an answer; 100 tasks are asked for, 16 at a time, and each
kernel goes through ``call`` and ``exec``, in one process of pytest::

    python -m benchmarks.generation_overlap

Four runs over the same tasks: collection alone; generating alone, with a server whose answers are
prose, so that nothing is judged; both together; judging alone, with the answers of the run before,
from disk. Prints their wall times and the time together as a ratio to the larger of the two alone;
exits with 1 if that passes the limit, or if a run is not what it should be.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from benchmarks.bundled import setting, table
from tests.integration.model_project import Done, ModelProject, answers, fenced, kernel
from tests.model_server.running import ModelServer, serving

LIMIT = 1.25
_PROSE = "I would rather explain what a kernel is."


@dataclass(frozen=True)
class Timed:
    """A run and its wall time."""

    done: Done
    seconds: float

    @property
    def ended(self) -> Counter[str]:
        """How many tests ended how."""
        return Counter(self.done.outcomes.values())


def timed(project: ModelProject, *arguments: str) -> Timed:
    """Run pytest and take the time."""
    start = time.monotonic()
    done = project.pytest("-m", "tb_call or tb_exec", *arguments)
    return Timed(done, time.monotonic() - start)


def measured(folder: Path, server: ModelServer, options: argparse.Namespace) -> dict[str, Timed]:
    """The four runs.

    Args:
        folder: Where everything lies.
        server: Who answers.
        options: Of this script.
    """
    project = ModelProject(folder / "repository")
    names = [f"task_{number:03d}" for number in range(options.tasks)]
    for name in names:
        project.task(name)
    model = f"--tb-model=m={server.base_url}#some-model"
    asking = (model, f"--tb-concurrency={options.concurrency}")
    kernels = answers(folder, {name: [fenced(kernel(name))] for name in names})
    found = {}
    # The first collection also fills the cache of the vacuity lint, which is no part of this.
    timed(project, "--collect-only", "-q", *asking)
    found["collecting"] = timed(project, "--collect-only", "-q", *asking)
    (folder / "prose").mkdir()
    prose = answers(folder / "prose", {name: [_PROSE] for name in names})
    server.plan(answers=prose, delay=options.delay)
    found["generating"] = timed(project, *asking, "--tb-generations", "prose")
    server.plan(answers=kernels, delay=options.delay)
    found["together"] = timed(project, *asking)
    requests = len(server.requests())
    found["judging"] = timed(project, *asking, "--tb-offline")
    expected = {
        "generating": Counter(ERROR=options.tasks),
        "together": Counter(PASSED=3 * options.tasks),
        "judging": Counter(PASSED=3 * options.tasks),
    }
    for name, outcomes in expected.items():
        if found[name].ended - Counter(SKIPPED=3 * options.tasks) != outcomes:
            raise SystemExit(f"{name}: {found[name].ended}\n{found[name].done.output}")
    if requests != options.tasks or len(server.requests()) != requests:
        raise SystemExit(f"{options.tasks} requests expected, {len(server.requests())} came")
    return found


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--tasks", type=int, default=100)
    parser.add_argument("--delay", type=float, default=2.0, help="seconds that an answer takes")
    parser.add_argument("--concurrency", type=int, default=16)
    options = parser.parse_args()
    print(setting("torch", "triton", "pytest", "openai"))
    with tempfile.TemporaryDirectory() as name, serving() as server:
        found = measured(Path(name), server, options)
    seconds = {run: ran.seconds for run, ran in found.items()}
    fixed = seconds["collecting"]
    print(
        table(
            ["run", "wall s", "less collecting s"],
            [[run, f"{wall:.1f}", f"{wall - fixed:.1f}"] for run, wall in seconds.items()],
        )
    )
    larger = max(seconds["generating"], seconds["judging"])
    smaller = min(seconds["generating"], seconds["judging"]) - fixed
    hidden = (larger + smaller - seconds["together"]) / smaller
    ratio = seconds["together"] / larger
    waves = -(-options.tasks // options.concurrency)
    print(f"asking cannot take less than {waves * options.delay:.1f} s")
    print(f"{100 * hidden:.0f} % of the smaller part is hidden behind the larger")
    print(f"together / larger alone {ratio:.2f}; {LIMIT:g} allowed")
    return 1 if ratio > LIMIT else 0


if __name__ == "__main__":
    sys.exit(main())
