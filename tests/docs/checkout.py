"""A checkout in miniature: what the pages about TritonBench are run on.

Names, folders and layout are those of the published benchmark; every task and answer is our own.
"""

from __future__ import annotations

from pathlib import Path

from tests.integration.checkout import ANSWER, Checkout

# A page that says so has it in its folder, as TritonBench/, with the answers mine.jsonl.
MARK = "<!-- starts beside a checkout in miniature -->"

_REFERENCE = """\
import torch


def {{name}}(x: torch.Tensor) -> torch.Tensor:
    return {value}
"""

_TEST = """\
import torch

def test_{name}():
    results = {{}}
    for number, n in enumerate((4, 5, 8)):
        x = torch.randn(2, n, device='cuda')
        results[f"test_case_{{number + 1}}"] = {name}(x)
    return results

test_results = test_{name}()
"""

_SILENT_TEST = """\
import torch

def test_{name}():
    x = torch.randn(2, 33, device='cuda')
    out = torch.empty_like(x)
    return {{"test_case_1": {name}(x.unbind(0), len(out))}}

result_gold = test_{name}()
"""

_SILENT_KERNEL = """\
import torch
import triton
import triton.language as tl


@triton.jit
def _copy(x_ptr, out_ptr, n, BLOCK: tl.constexpr):
    at = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    tl.store(out_ptr + at, tl.load(x_ptr + at, mask=at < n), mask=at < n)


def {name}(rows, count):
    for row in rows[:count]:
        _copy[(1,)](row, torch.empty_like(row), row.numel(), BLOCK=64)
"""

SOFTMAX = """\
import torch
import triton
import triton.language as tl


@triton.jit
def _rows(x_ptr, out_ptr, n, stride_m, stride_n, BLOCK: tl.constexpr):
    row = tl.program_id(0).to(tl.int64)
    cols = tl.arange(0, BLOCK)
    mask = cols < n
    at = x_ptr + row * stride_m + cols * stride_n
    x = tl.load(at, mask=mask, other=float("-inf")).to(tl.float32)
    e = tl.exp(x - tl.max(x, axis=0))
    out = e / tl.sum(e, axis=0)
    tl.store(out_ptr + row * n + cols, out.to(out_ptr.dtype.element_ty), mask=mask)


def softmax(x):
    m, n = x.shape
    out = torch.empty((m, n), dtype=x.dtype, device=x.device)
    _rows[(m,)](x, out, n, *x.stride(), BLOCK=triton.next_power_of_2(n))
    return out
"""

# Right on the few elements of the test, and made for no more than one block of 16 x 16.
_ONE_BLOCK = """\
Here is an efficient kernel:

```python
import torch
import triton
import triton.language as tl


@triton.jit
def _sigmoid(x_ptr, out_ptr, n, BLOCK: tl.constexpr):
    at = tl.arange(0, BLOCK)
    x = tl.load(x_ptr + at, mask=at < n).to(tl.float32)
    tl.store(out_ptr + at, 1 / (1 + tl.exp(-x)), mask=at < n)


def sigmoid(x):
    x = x.contiguous()
    out = torch.empty_like(x)
    _sigmoid[(1,)](x, out, x.numel(), BLOCK=256)
    return out
```

It uses a block size of 256 for good occupancy.
"""

_TORCH = """\
import torch


def relu(x):
    return torch.relu(x)
"""

# (name, difficulty, what the reference computes)
_TASKS = (
    ("exp", 1, "torch.exp(x)"),
    ("gelu", 2, "torch.nn.functional.gelu(x)"),
    ("log", 1, "torch.log(x)"),
    ("relu", 1, "torch.relu(x)"),
    ("sigmoid", 2, "torch.sigmoid(x)"),
    ("softmax", 3, "torch.softmax(x, dim=-1)"),
)

ANSWERS = {
    "exp": ANSWER.format(name="exp", value="tl.math.exponential(x)"),
    "gelu": ANSWER.format(name="gelu", value="x / (1 + tl.exp(-1.702 * x))"),
    "relu": _TORCH,
    "sigmoid": _ONE_BLOCK,
    "softmax": SOFTMAX,
}


def write(folder: Path) -> None:
    """Write the checkout and a file of predictions for its channel T.

    Args:
        folder: Where ``TritonBench/`` and ``mine.jsonl`` are to lie.
    """
    checkout = Checkout(folder / "TritonBench")
    for name, difficulty, value in _TASKS:
        gold = _REFERENCE.format(value=value)
        checkout.task(name, gold=gold, test=_TEST, difficulty=difficulty)
    doubled = ANSWER.replace("{name}", "{{name}}").format(value="x * 2")
    test = _TEST.replace("test_results", "result_gold")
    checkout.task("triton_mul2", channel="G", gold=doubled, test=test, difficulty=1)
    checkout.task(
        "attention_kernel", channel="G", gold=_SILENT_KERNEL, test=_SILENT_TEST, difficulty=4
    )
    written = checkout.predictions("mine", ANSWERS)
    written.rename(folder / "mine.jsonl")
