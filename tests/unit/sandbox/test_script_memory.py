"""Fresh memory and arguments of a script's recorded calls, as the judge asks for them."""

import math
import textwrap
from collections.abc import Callable
from typing import Any

import pytest

from pytest_tritonbench.sandbox import Candidate, Failure, Node, Ran, Script, TensorOut

Open = Callable[..., Candidate]
FORMATS = {"float32": "f", "float64": "d", "int32": "i"}


def ran(open_candidate: Open, source: str, test: str, **how: object) -> Ran:
    """Run one script that must run to its end."""
    script = Script(
        test=textwrap.dedent(test),
        names=("f",),
        test_function="test_f",
        result="result",
        **how,  # type: ignore[arg-type]
    )
    outcome = open_candidate(source).script(script, 30.0)
    assert not isinstance(outcome, Failure), outcome
    return outcome


def values(node: Node) -> list[float]:
    """The elements of a tensor."""
    assert isinstance(node, TensorOut), node
    return list(node.data.cast(FORMATS[node.dtype]))  # type: ignore[call-overload]


FRESH = """
import torch
def test_f():
    outside = torch.empty(3)
    index = torch.empty(9, dtype=torch.int32)
    inside = f()
    return outside, index, inside
result = test_f()
"""


@pytest.mark.parametrize("fill", [0, 1])
def test_fresh_memory(open_candidate: Open, fill: int) -> None:
    """Outside of calls it holds one varied pattern in every run, inside what `fill` says."""
    source = "import torch\ndef f(): return torch.empty(2), torch.empty(1, dtype=torch.int32)"
    got: Any = ran(open_candidate, source, FRESH, fill=fill).result
    outside, index, (floats, whole) = got
    assert values(outside) == [-30 / 32, 6 / 32, -19 / 32]
    assert set(values(index)) == {0, 1, 2, 3, 4}
    assert values(floats) == [7.0, 7.0] if fill else all(map(math.isnan, values(floats)))
    assert values(whole) == [7 if fill else (1 << 31) - 1]


def test_fresh_memory_of_a_module(open_candidate: Open) -> None:
    """What is allocated while a module loads or an object is built may be an input: finite."""
    source = """
    import torch
    table = torch.empty(1)
    class f(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.weight = torch.nn.Parameter(torch.empty(1))
        def forward(self, x):
            return self.weight + table
    """
    test = "def test_f():\n return f()(1)\nresult = test_f()"
    assert values(ran(open_candidate, source, test).result) == [-60 / 32]


def test_backward_is_the_candidates(open_candidate: Open) -> None:
    """Memory that a backward pass takes holds what calls hold, not the test's pattern."""
    source = """
    import torch
    class F(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x): return x.clone()
        @staticmethod
        def backward(ctx, g): return torch.empty_like(g)
    def f(x): return F.apply(x)
    """
    test = """
    import torch
    def test_f():
        x = torch.ones(2, requires_grad=True)
        f(x).sum().backward()
        return x.grad
    result = test_f()
    """
    got = ran(open_candidate, source, test, fill=1)
    assert values(got.result) == [7.0, 7.0]
    assert len(got.calls) == 1


MOVED = """
import torch
def test_f():
    x = torch.arange(8, dtype=torch.float32).requires_grad_(LEAF)
    y = f(x)
    return x, y
result = test_f()
"""


def test_moved_arguments(open_candidate: Open) -> None:
    """Arguments move by less than 2^-11 in the call, and are as they were after it."""
    test = MOVED.replace("LEAF", "True")
    got = ran(open_candidate, "def f(x): return x * 1", test, arithmetic="moved")
    assert isinstance(got.result, tuple)
    x, y = map(values, got.result)
    assert x == [float(i) for i in range(8)]
    assert y != x
    assert all(abs(b - a) <= a * 2**-11 for a, b in zip(x, y, strict=True))
    assert got.calls[0].changed == {}


def test_moved_arguments_in_place(open_candidate: Open) -> None:
    """What a call writes stays, moved like its inputs; what it leaves alone keeps its bytes."""
    source = "def f(x):\n x[:4] *= 2\n return x"
    got = ran(open_candidate, source, MOVED.replace("LEAF", "False"), arithmetic="moved")
    assert isinstance(got.result, tuple)
    x = values(got.result[0])
    assert x[4:] == [4.0, 5.0, 6.0, 7.0]
    assert x[1:4] != [2.0, 4.0, 6.0]
    assert x[:4] == pytest.approx([0.0, 2.0, 4.0, 6.0], rel=2**-11)
    assert values(got.calls[0].changed["0"]) == x


def test_moved_arguments_that_share_memory(open_candidate: Open) -> None:
    """A view and an expanded tensor move with their memory, once."""
    test = """
    import torch
    def test_f():
        x = torch.ones(4)
        e = torch.ones(1).expand(3)
        got = f(x, x[:2], e)
        return got, x, e
    result = test_f()
    """
    source = "def f(x, v, e): return (x[:2] == v).all().item(), e.unique().numel()"
    got = ran(open_candidate, source, test, arithmetic="moved").result
    assert isinstance(got, tuple)
    assert got[0] == (True, 1)
    assert values(got[1]) + values(got[2]) == [1.0] * 7


def test_wide_arguments(open_candidate: Open) -> None:
    """The call computes in float64 and shows it; the test goes on in its own dtype."""
    source = """
    import torch
    def f(x, out):
        y = x.float() / torch.full((1,), 3.0, dtype=torch.float32)
        out.copy_(y)
        return y
    """
    test = """
    import torch
    def test_f():
        out = torch.zeros(1)
        y = f(torch.ones(1), out=out)
        return y, out, f(torch.ones(1), out) is out
    result = test_f()
    """
    got = ran(open_candidate, source, test, arithmetic="wide")
    call = got.calls[0]
    assert values(call.result) == [1 / 3]
    assert values(call.changed["kwargs.out"]) == [1 / 3]
    assert isinstance(got.result, tuple)
    y, out, _ = got.result
    assert isinstance(y, TensorOut)
    assert y.dtype == "float32"
    assert values(y) == values(out) != [1 / 3]


def test_accesses_outside_are_tolerated(open_candidate: Open) -> None:
    """As on a GPU, an access outside ends nothing: a load shows, a store is dropped, both named."""
    source = """
    import torch, triton, triton.language as tl
    from pytest_tritonbench.sandbox import places
    @triton.jit
    def k(x, o, B: tl.constexpr):
        i = tl.arange(0, B)
        tl.store(o + i, tl.load(x + i))
    def f(x):
        whole = bytearray(32)
        o = places.on_gpu(torch.frombuffer(whole, dtype=torch.float32, count=6))
        k[(1,)](x, o, 8)
        return o, list(whole[24:])
    """
    test = "def test_f():\n return f(torch.ones(4, device='cuda'))\nresult = test_f()"
    got = ran(open_candidate, source, test, fill=1)
    assert isinstance(got.result, tuple)
    assert values(got.result[0]) == [1.0] * 4 + [7.0] * 2
    assert got.result[1] == [0] * 8
    assert got.outside is not None
    assert "out-of-bounds load in k" in got.outside
