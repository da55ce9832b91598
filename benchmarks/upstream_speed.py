"""How long TritonBench's own scripts take to judge predictions, and how long the plugin does.

Runs upstream's ``0_call_acc.py`` and then ``1_exe_acc.py`` of channel T on the first predictions of
a file, and the plugin on the same ones, in turns on the same GPU::

    python benchmarks/upstream_speed.py CHECKOUT [--rows 40] [--workers N]

Upstream's scripts do not run as they are released: in a temporary copy the paths of data and
interpreter are set, and an f-string is made one that Python before 3.12 can read. Prints both
times, their ratio, and how the plugin's time splits; exits with 1 below a ratio of 20.
"""

from __future__ import annotations

import argparse
import compileall
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Mapping
from pathlib import Path

from benchmarks.bundled import ROOT, setting

WANTED = 20.0
_FILE = "LLM_generated/Bench_T_general_purpose/output_DeepSeek-R1.jsonl"
_STEPS = ("0_call_acc.py", "1_exe_acc.py")


def patched(text: str, checkout: Path) -> str:
    """One of upstream's scripts, able to run here."""
    data = checkout / "data"
    settings = {
        "statis_path": data / "TritonBench_T_v1.jsonl",
        "py_folder": f"{data / 'TritonBench_T_v1'}/",
        "gold_folder": f"{data / 'TritonBench_T_v1'}/",
        "py_interpreter": sys.executable,
    }
    for name, value in settings.items():
        text = re.sub(rf"^{name} = .*$", f"{name} = {str(value)!r}", text, flags=re.MULTILINE)
    return re.sub(r'print\(f"Above is call test for .*?"\)$', "pass", text, flags=re.MULTILINE)


def upstream(checkout: Path, predictions: Path, folder: Path) -> tuple[float, int, int]:
    """Seconds of both scripts, and how many predictions they count as called and executed."""
    for name in _STEPS:
        text = (checkout / "EVAL" / "eval_T" / name).read_text(encoding="utf-8")
        (folder / name).write_text(patched(text, checkout), encoding="utf-8")
    kept = folder / "kept"
    arguments = {
        _STEPS[0]: ["--source", str(predictions), "--target", str(kept)],
        _STEPS[1]: ["--folder", str(kept)],
    }
    seconds, counts = 0.0, []
    for name in _STEPS:
        start = time.perf_counter()
        done = subprocess.run(  # noqa: S603 - upstream's scripts are what is measured
            [sys.executable, str(folder / name), *arguments[name], "--GPUs", "0"],
            cwd=folder,
            env=_environment(),
            capture_output=True,
            text=True,
            check=False,
        )
        seconds += time.perf_counter() - start
        if done.returncode:
            raise SystemExit(f"{name} failed:\n{done.stderr[-2000:]}")
        counts.append(len(list(kept.glob("*.py"))))
    return seconds, counts[0], counts[1]


def plugin(
    checkout: Path, predictions: Path, folder: Path, workers: int, tasks: Iterable[str]
) -> tuple[float, str, list[Mapping[str, float]]]:
    """Seconds of the plugin, what it says of the model, and where the time of each worker went."""
    split = folder / "split"
    split.mkdir()
    command = [sys.executable, "-m", "pytest", "-q", "--tb=no", "-p", "no:cacheprovider"]
    command += ["-k", "not fuzz", "--rootdir", str(folder), f"--tb-suite={checkout}#T"]
    command += [f"--tb-predictions={predictions}"]
    env = {**_environment(), "PYTHONPATH": _path(), "TB_TIME_SPLIT": str(split)}
    # One task is judged beforehand, which leaves the plugin's bytecode behind and nothing else: no
    # records are kept of it.
    compileall.compile_dir(ROOT / "pytest_tritonbench", quiet=2)
    ids = [f"TritonBench-T::{task}" for task in tasks]
    subprocess.run(  # noqa: S603 - as below
        [*command, ids[0]], cwd=folder, env=env, capture_output=True, check=False
    )
    command += ["-p", "benchmarks.time_split", "-n", str(workers)]
    command += [f"--tb-results={folder / 'records'}", *ids]
    start = time.perf_counter()
    done = subprocess.run(  # noqa: S603 - pytest, by our own interpreter
        command, cwd=folder, env=env, capture_output=True, text=True, check=False
    )
    seconds = time.perf_counter() - start
    if done.returncode not in (0, 1):
        raise SystemExit(f"pytest ended with {done.returncode}:\n{done.stdout}\n{done.stderr}")
    lines = done.stdout.splitlines()
    said = [line for line in lines if line.startswith(("model  ", predictions.stem))]
    found = [json.loads(path.read_text(encoding="utf-8")) for path in split.glob("*.json")]
    return seconds, "\n".join(said), found


def _environment() -> dict[str, str]:
    """This process's, for both sides: where bytecode is not kept, each process compiles anew."""
    return {name: text for name, text in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}


def _path() -> str:
    return os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]).rstrip(os.pathsep)


def told(split: list[Mapping[str, float]]) -> str:
    """Mean seconds of a worker, by what they were spent on."""

    def mean(name: str) -> float:
        return sum(worker.get(name, 0.0) for worker in split) / len(split)

    golds, scripts = mean("gold"), mean("script")
    rows = {
        "start: pytest, torch": mean("start"),
        "answers: process, compile, run": scripts - golds,
        "golds: process, run": golds,
        "judge": mean("examine") - scripts,
        "the rest": mean("total") - mean("start") - mean("examine"),
    }
    return "\n".join(f"  {name:<32}{seconds:6.1f} s" for name, seconds in rows.items())


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("checkout", type=Path, help="a checkout of thunlp/TritonBench")
    parser.add_argument("--predictions", type=Path, help=f"default: {_FILE} of the checkout")
    parser.add_argument("--rows", type=int, default=40, help="predictions to judge")
    cores = min(len(os.sched_getaffinity(0)), 16)
    parser.add_argument("--workers", type=int, default=cores, help="of pytest-xdist")
    options = parser.parse_args()
    checkout = options.checkout.resolve()
    source = options.predictions or checkout / _FILE
    rows = source.read_text(encoding="utf-8").splitlines()[: options.rows]
    print(setting("torch", "triton", "pytest"))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        first = folder / "first.jsonl"
        first.write_text("\n".join(rows) + "\n", encoding="utf-8")
        theirs, called, executed = upstream(checkout, first, folder)
        print(f"upstream {theirs:7.1f} s: {called} called, {executed} executed", flush=True)
        tasks = _tasks(checkout, first)
        ours, said, split = plugin(checkout, first, folder, options.workers, tasks)
    print(f"plugin   {ours:7.1f} s, {options.workers} workers\n{said}\n{told(split)}")
    ratio = theirs / ours
    print(f"ratio {ratio:.1f}, {WANTED:.0f} wanted")
    return 0 if ratio >= WANTED else 1


def _tasks(checkout: Path, predictions: Path) -> list[str]:
    """Tasks that the predictions answer."""
    from pytest_tritonbench.candidate.join import join  # noqa: PLC0415 - only to name them
    from pytest_tritonbench.candidate.predictions import read  # noqa: PLC0415 - as above
    from pytest_tritonbench.task.tritonbench.checkout import find  # noqa: PLC0415 - as above

    joined = join(read(str(predictions), None), find(f"{checkout}#T"))
    return sorted(joined.answers)


if __name__ == "__main__":
    sys.exit(main())
