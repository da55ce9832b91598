"""A pytest plugin in which GPU kernels are test cases.

A task file imports what it needs from here: :func:`task` and the pieces that inputs are built
from. Importing this module imports neither torch nor triton.
"""

from pytest_tritonbench.task.case import Case
from pytest_tritonbench.task.declaration import Task, task
from pytest_tritonbench.task.extents import Dim, dim
from pytest_tritonbench.task.layouts import ANY, CONTIGUOUS, ROWS
from pytest_tritonbench.task.pieces import (
    choice,
    derived,
    index,
    integer,
    integers,
    number,
    tensor,
    uniform,
)

__all__ = [
    "ANY",
    "CONTIGUOUS",
    "ROWS",
    "Case",
    "Dim",
    "Task",
    "choice",
    "derived",
    "dim",
    "index",
    "integer",
    "integers",
    "number",
    "task",
    "tensor",
    "uniform",
]
