"""Small checkouts in TritonBench's layout, written here, and the real answers beside the tests."""

from __future__ import annotations

import json
import lzma
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

SEPARATOR = "#" * 146
DATA = Path(__file__).resolve().parents[2] / "data" / "tritonbench"

DOUBLE = """\
import torch
import triton

@triton.jit
def _double(x): ...

def double(x):
    return x * 2
"""
DOUBLE_TEST = """\
import torch

def test_double():
    results = {}
    results["test_case_1"] = double(torch.ones(3))
    results["test_case_2"] = double(torch.ones(4))
    return results

result_gold = test_double()
"""
HALVE = "def halve(x):\n    return x / 2\n"
HALVE_TEST = "def test_halve():\n    return halve(1.0)\n\ntest_results = test_halve()\n"
G_TASKS = [
    {
        "file": "double.py",
        "difficulty": "2",
        "simp_instru": "Write a kernel that doubles every element of a tensor.",
        "comp_instru": "Write a kernel `_double` and a wrapper `double(x)` for any tensor.",
    },
    {
        "file": "treble.py",
        "difficulty": "5",
        "simp_instru": "Write a kernel that takes three times every element of a tensor.",
        "comp_instru": "Write a kernel `_treble` and a wrapper `treble(x)` for any tensor at all.",
    },
]
T_TASKS = [
    {
        "file": "halve.py",
        "difficulty": 1,
        "description": "Divides every element of the input tensor by two, in place of a shift.",
        "func_inputs": "def halve(x) -> Tensor; x (Tensor): the input",
        "math": "x / 2",
        "other": "N/A",
    }
]


def task_file(code: str, test: str) -> str:
    """The text of a task's file."""
    return f"{code}{SEPARATOR}\n{test}"


def checkout(root: Path) -> Path:
    """Write a checkout with two tasks of G and one of T; its data folder."""
    data = root / "data"
    for channel in "GT":
        (data / f"TritonBench_{channel}_v1").mkdir(parents=True)
    treble = [text.replace("double", "treble") for text in (DOUBLE, DOUBLE_TEST)]
    (data / "TritonBench_G_v1/double.py").write_text(task_file(DOUBLE, DOUBLE_TEST))
    (data / "TritonBench_G_v1/treble.py").write_text(task_file(*treble))
    (data / "TritonBench_T_v1/halve.py").write_text(task_file(HALVE, HALVE_TEST))
    (data / "TritonBench_G_v1.json").write_text(json.dumps(G_TASKS))
    (data / "TritonBench_T_v1.jsonl").write_text(json.dumps(T_TASKS))
    return data


def published_checkout(root: Path) -> Path:
    """Write a checkout with the published instructions of all 350 tasks, and no code at all."""
    data = root / "data"
    for channel, listing in (("G", "TritonBench_G_v1.json"), ("T", "TritonBench_T_v1.jsonl")):
        folder = data / f"TritonBench_{channel}_v1"
        folder.mkdir(parents=True)
        entries = [entry for entry in rows("instructions") if entry["channel"] == channel]
        for entry in entries:
            (folder / entry["file"]).write_text(task_file("", ""))
        (data / listing).write_text(json.dumps(entries))
    return root


@cache
def rows(name: str) -> tuple[Mapping[str, Any], ...]:
    """The rows of a file of real data."""
    text = lzma.decompress((DATA / f"{name}.jsonl.xz").read_bytes()).decode()
    return tuple(json.loads(line) for line in text.split("\n") if line)
