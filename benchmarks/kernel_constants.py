"""Time a bundled kernel with other constants beside itself.

    python -m benchmarks.kernel_constants logsumexp ABREAST=32,64 ABREAST_UNROLL=4,8 --where dim=0

A constant is what a kernel file assigns at its top level. Every combination is called on cases of
the task's sweep (of those that ``--where`` chooses, the last), has to give what the kernel gives as
it is, and is timed in turns with it, by the stopwatch of ``bench``. Prints a row for each, fastest
first: the median of the device's times, and their ratio to the kernel's as it is. Without a GPU it
times Triton's interpreter, which says nothing of a GPU.
"""

from __future__ import annotations

import argparse
import importlib.util
import itertools
import json
import os
import re
import statistics
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

if not torch.cuda.is_available():
    os.environ["TRITON_INTERPRET"] = "1"

from torch.utils._pytree import tree_leaves

from benchmarks.bundled import kernel_source, say, setting, table, task_files
from pytest_tritonbench.sandbox.stopwatch import Stopwatch
from pytest_tritonbench.task.case import Case
from pytest_tritonbench.task.loading import TaskFile
from pytest_tritonbench.task.materialise import arguments

# So many are timed in turns: of more, the first and the last call of a round are far apart.
_AT_ONCE = 12


def with_constants(source: str, constants: Mapping[str, str]) -> str:
    """A kernel's source with other values of constants.

    Raises:
        ValueError: If the source does not assign one of them, once and at its top level.
    """
    for name, value in constants.items():
        source, count = re.subn(
            rf"^{re.escape(name)} = [^#\n]*", f"{name} = {value}  ", source, flags=re.MULTILINE
        )
        if count != 1:
            known = ", ".join(re.findall(r"^([A-Z_0-9]+) = ", source, re.MULTILINE))
            raise ValueError(f"no constant {name!r}; the kernel has {known or 'none'}")
    return source


def combinations(given: Sequence[str]) -> list[dict[str, str]]:
    """Every choice of one value for each ``NAME=VALUE,VALUE``."""
    names, values = [], []
    for text in given:
        name, _, listed = text.partition("=")
        names.append(name)
        values.append(listed.split(","))
    return [dict(zip(names, chosen, strict=True)) for chosen in itertools.product(*values)]


def chosen(taskfile: TaskFile, where: Sequence[str]) -> Case:
    """The last case of the sweep that has these values.

    Raises:
        ValueError: If none has.
    """
    wanted = dict(text.split("=", 1) for text in where)
    for case in reversed(taskfile.task.sweep):
        said = {name: str(value) for name, value in json.loads(case.to_json()).items()}
        if all(said.get(name) == value for name, value in wanted.items()):
            return case
    raise ValueError(f"no case of the sweep of {taskfile.task.name} has {' '.join(where)}")


@dataclass
class Form:
    """A kernel with some constants."""

    constants: Mapping[str, str]
    call: Callable[[], Any]
    error: str | None = None
    ratio: float = 0.0
    microseconds: float = 0.0

    @property
    def name(self) -> str:
        """The constants, as they are given."""
        return " ".join(f"{name}={value}" for name, value in self.constants.items()) or "as it is"


def form(name: str, constants: Mapping[str, str], given: Sequence[Any], folder: Path) -> Form:
    """Load a kernel with these constants."""
    path = folder / f"{name}_{abs(hash(tuple(constants.items())))}.py"
    path.write_text(with_constants(kernel_source(name), constants))
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None  # noqa: S101 - it is a file of Python
    assert spec.loader is not None  # noqa: S101 - as above
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module
    spec.loader.exec_module(module)
    entry = getattr(module, name)
    return Form(constants, lambda: entry(*given))


def compare(made: Form, expected: Sequence[Any]) -> None:
    """Call a form for the first time, and note what is wrong with it."""
    try:
        for got, want in zip(tree_leaves(made.call()), expected, strict=True):
            torch.testing.assert_close(got, want, rtol=2e-2, atol=2e-2, equal_nan=True)
    except Exception as e:  # noqa: BLE001 - a form that does not compile is a row of the table
        made.error = f"{type(e).__name__}: {e}".splitlines()[0][:60]


def take_times(forms: Sequence[Form], device: torch.device, rounds: int) -> None:
    """Time forms in turns, the first of which the others are held against."""
    stopwatches = [Stopwatch(device, one.call) for one in forms]
    for stopwatch in stopwatches:
        stopwatch.ready("auto")
    times: list[list[float]] = [[] for _ in forms]
    order = [*enumerate(stopwatches)]
    for _ in range(rounds):
        for number, stopwatch in order:
            times[number].append(stopwatch.time()["ms"])
        order.reverse()
    first = statistics.median(times[0])
    for one, found in zip(forms, times, strict=True):
        one.microseconds = 1e3 * statistics.median(found)
        one.ratio = statistics.median(found) / first


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("kernel")
    parser.add_argument("constants", nargs="+", metavar="NAME=VALUE,VALUE")
    parser.add_argument("--where", nargs="+", default=[], metavar="NAME=VALUE")
    parser.add_argument("--rounds", type=int, default=60)
    options = parser.parse_args()
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    (taskfile,) = task_files([options.kernel])
    if taskfile.task.mutates:
        raise SystemExit(f"{options.kernel} changes its arguments, which all forms would share")
    try:
        case = chosen(taskfile, options.where)
        for constants in combinations(options.constants):
            with_constants(kernel_source(options.kernel), constants)
    except ValueError as e:
        raise SystemExit(str(e)) from None
    made = arguments(taskfile.task, case, lambda dtype, count: torch.empty(count, dtype=dtype))
    given = [v.to(device) if isinstance(v, torch.Tensor) else v for v in made.values()]
    with tempfile.TemporaryDirectory() as folder:
        usual = form(options.kernel, {}, given, Path(folder))
        expected = tree_leaves(usual.call())
        forms = [
            form(options.kernel, constants, given, Path(folder))
            for constants in combinations(options.constants)
        ]
        say(f"{len(forms)} forms are compiled")
        # The interpreter is not for several threads.
        with ThreadPoolExecutor(os.cpu_count() if device.type == "cuda" else 1) as pool:
            list(pool.map(lambda one: compare(one, expected), forms))
        good = [one for one in forms if one.error is None]
        for start in range(0, len(good), _AT_ONCE):
            say(f"{start} of {len(good)} are timed")
            take_times([usual, *good[start : start + _AT_ONCE]], device, options.rounds)
    print(setting("torch", "triton"))
    if device.type == "cuda":
        print(torch.cuda.get_device_name())
    print(f"{options.kernel} {case.to_json()}")
    rows = [[one.name, f"{one.microseconds:.2f}", f"{one.ratio:.3f}"] for one in (usual, *good)]
    rows.sort(key=lambda row: float(row[2]))
    failed = [[one.name, "", one.error or ""] for one in forms if one.error is not None]
    print(table(["constants", "us", "ratio"], [*rows, *failed]))


if __name__ == "__main__":
    main()
