"""A small checkout in TritonBench's layout, written for the tests, and answers to its tasks."""

import json
import textwrap
from pathlib import Path

SEPARATOR = "#" * 146

REFERENCE = """\
import torch

def {name}(x: torch.Tensor) -> torch.Tensor:
    return x * 2
"""

TEST = """\
import torch

def test_{name}():
    results = {{}}
    for number, n in enumerate((5, 33)):
        x = torch.randn(n, device='cuda')
        results[f"test_case_{{number + 1}}"] = {name}(x)
    return results

test_results = test_{name}()
"""

ANSWER = """\
import torch
import triton
import triton.language as tl


@triton.jit
def _elements(x_ptr, out_ptr, n, BLOCK: tl.constexpr):
    at = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    x = tl.load(x_ptr + at, mask=at < n)
    tl.store(out_ptr + at, {value}, mask=at < n)


def {name}(x):
    x = x.contiguous()
    out = torch.empty_like(x)
    n = x.numel()
    _elements[(triton.cdiv(n, 16),)](x, out, n, BLOCK=16)
    return out
"""


class Checkout:
    """A checkout of one or two channels.

    Args:
        path: Where it lies.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._listed: dict[str, list[dict[str, object]]] = {"G": [], "T": []}

    def task(
        self,
        name: str,
        *,
        channel: str = "T",
        gold: str = REFERENCE,
        test: str = TEST,
        difficulty: int = 1,
    ) -> None:
        """Add a task; ``{name}`` in gold and test is its name."""
        folder = self.path / "data" / f"TritonBench_{channel}_v1"
        folder.mkdir(parents=True, exist_ok=True)
        above, below = (textwrap.dedent(t).format(name=name) for t in (gold, test))
        (folder / f"{name}.py").write_text(f"{above}\n{SEPARATOR}\n\n{below}", encoding="utf-8")
        row: dict[str, object] = {"file": f"{name}.py", "difficulty": difficulty}
        words = f"Twice the values, as {name} does."
        if channel == "T":
            row |= {
                "name": name,
                "func_inputs": f"{name}(x) -> Tensor",
                "description": words,
                "math": "",
                "example": "",
                "torch_code": "",
                "other": "",
            }
        else:
            row |= {"simp_instru": words, "comp_instru": words, "output": above}
            row["difficulty"] = str(difficulty)
        self._listed[channel].append(row)
        suffix = "json" if channel == "G" else "jsonl"
        listing = self.path / "data" / f"TritonBench_{channel}_v1.{suffix}"
        listing.write_text(json.dumps(self._listed[channel]), encoding="utf-8")

    def predictions(self, name: str, answers: dict[str, str]) -> Path:
        """Write a file of predictions: answers by task, as code or as prose with a fence."""
        path = self.path / f"{name}.jsonl"
        rows = (
            {"instruction": "", "file": task, "predict": text, "label": ""}
            for task, text in answers.items()
        )
        path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
        return path


def answer(name: str, value: str = "x * 2") -> str:
    """A kernel that computes ``value`` of every element."""
    return ANSWER.format(name=name, value=value)
