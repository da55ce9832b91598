"""What the process of the reference imports before it answers: everybody waits for it."""

import subprocess
import sys

PROGRAM = """
import sys
import torch
import pytest_tritonbench.judge.reference_process
from pytest_tritonbench.judge.roundings import MovedByRoundings
with MovedByRoundings():
    torch.ones(3, dtype=torch.float64) + 1
print([name for name in ("torch._dynamo", "sympy", "torch._inductor") if name in sys.modules])
"""


def test_the_compiler_is_not_imported() -> None:
    """Dynamo takes over a second, and no reference is compiled before it is asked for."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=False, timeout=60
    )
    assert done.stdout == "[]\n", done.stdout + done.stderr
