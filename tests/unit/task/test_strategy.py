"""The strategy: every drawn case is one that the task admits, and edges do come."""

import math
from dataclasses import replace

import torch
from hypothesis import find, given, settings
from hypothesis import strategies as st

from pytest_tritonbench import dim, index, integer, task, tensor
from pytest_tritonbench.task.case import Case
from pytest_tritonbench.task.declaration import MARK, Task
from pytest_tritonbench.task.materialise import arguments
from pytest_tritonbench.task.strategy import cases

ELEMENTS = 2048
ENOUGH = settings(max_examples=2000, deadline=None, database=None)


@task(
    inputs={
        "a": tensor("m", "k"),
        "b": tensor("k", "h*n"),
        "out": tensor("m", "n", layouts=("contiguous", "expanded", "gap")),
        "at": index("m", high="n", unique=True),
        "bias": tensor("n", optional=True),
        "top": integer(1, "n"),
    },
    dims={"k": dim(multiple_of=16), "h": dim(among=(1, 4)), "n": dim(power_of_two=True)},
    where=lambda m, n: m <= n,
    cases=[{"m": 1, "k": 16, "h": 1, "n": 1}],
    mutates=("out",),
)
def everything(
    a: torch.Tensor, b: torch.Tensor, out: torch.Tensor, at: torch.Tensor, bias: None, top: int
) -> torch.Tensor:
    """A task with constraints between its dims."""
    del b, out, at, bias, top
    return a


TASK: Task = getattr(everything, MARK)


@given(cases(TASK, elements=ELEMENTS))
@settings(max_examples=150, deadline=None)
def test_every_case_keeps_the_rules(case: Case) -> None:
    """Limits, `where`, bounds between arguments and on elements hold; data can be made."""
    v = {name: int(value) for name, value in case.values.items() if isinstance(value, int)}
    assert v["k"] % 16 == 0
    assert v["h"] in (1, 4)
    assert v["n"].bit_count() == 1
    assert v["m"] <= v["n"]
    assert 1 <= v["top"] <= v["n"]
    assert case.layout("out").name != "expanded"
    made = arguments(TASK, case, lambda dtype, size: torch.empty(size, dtype=dtype))
    tensors = [value for value in made.values() if isinstance(value, torch.Tensor)]
    assert all(math.prod(t.shape) <= ELEMENTS for t in tensors)


def first(condition: st.SearchStrategy[Case], **wanted: object) -> Case:
    """A case whose values are those."""
    return find(
        condition, lambda c: all(c.values[n] == v for n, v in wanted.items()), settings=ENOUGH
    )


def test_edges_around_blocks_are_drawn() -> None:
    """One more and one less than a power of two come within the usual number of tries."""

    @task(inputs={"x": tensor("n")}, cases=[{"n": 1}])
    def one(x: torch.Tensor) -> torch.Tensor:
        """A vector."""
        return x

    drawn = cases(getattr(one, MARK), elements=5000)
    for size in (1, 127, 129, 1024, 1025):
        assert first(drawn, n=size).values["n"] == size


def test_a_failure_shrinks_to_the_plainest_case() -> None:
    """The smallest sizes, float32, contiguous, normal values, seed 0."""
    case = find(
        cases(TASK, elements=ELEMENTS), lambda c: int(c.values["n"] or 0) >= 8, settings=ENOUGH
    )
    # Whether the optional argument is there is as plain either way.
    assert replace(case, absent=frozenset()) == Case(
        {"m": 1, "k": 16, "h": 1, "n": 8, "top": 1}, "float32"
    )


def test_every_layout_dtype_and_pattern_is_drawn() -> None:
    """Nothing that the task admits is left out."""
    seen: set[str] = set()

    @given(cases(TASK, elements=64))
    @settings(max_examples=1000, deadline=None, database=None)
    def watch(case: Case) -> None:
        bias = "absent" if "bias" in case.absent else "present"
        seen.update((case.dtype, case.pattern, case.layout("a").name, bias))

    watch()
    layouts = ("contiguous", "transposed", "gap", "strided", "offset", "expanded")
    assert seen == {*TASK.dtypes, *TASK.patterns, *layouts, "absent", "present"}
