"""What a test part shows of the candidate that it ran with."""

import struct
import textwrap
from collections.abc import Callable
from typing import Any

import pytest

from pytest_tritonbench.sandbox import (
    Candidate,
    Failure,
    Node,
    Opaque,
    Ran,
    Sandbox,
    Script,
    TensorOut,
)

Open = Callable[..., Candidate]

KERNEL = """
import torch, triton, triton.language as tl

@triton.jit
def inner(x):
    return x * 2

@triton.jit
def double(x_ptr, o_ptr, n, B: tl.constexpr):
    i = tl.program_id(0) * B + tl.arange(0, B)
    tl.store(o_ptr + i, inner(tl.load(x_ptr + i, mask=i < n)), mask=i < n)

class Double(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        o = torch.empty_like(x)
        double[(1,)](x, o, x.numel(), 16)
        return o

    @staticmethod
    def backward(ctx, g):
        o = torch.empty_like(g)
        double[(1,)](g.contiguous(), o, g.numel(), 16)
        return o

f = Double.apply

class Scale(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.randn(3))
        self.register_buffer("calls", torch.zeros(1))

    def forward(self, x):
        self.calls += 1
        return x * self.weight

class Adder:
    def __init__(self, a):
        self.a = a

    def add(self, x):
        return self._twice(x) - x + self.a

    def _twice(self, x):
        return 2 * x

    @staticmethod
    def less(x):
        return x - 1
"""


def run_script(open_candidate: Open, source: str, test: str, **how: Any) -> Ran | Failure:
    """Run one script whose result variable is `result`."""
    defaults: dict[str, Any] = {"names": ("f",), "test_function": "test_f", "result": "result"}
    candidate = open_candidate(source)
    return candidate.script(Script(test=textwrap.dedent(test), **{**defaults, **how}), 30.0)


def ran(open_candidate: Open, source: str, test: str, **how: Any) -> Ran:
    """Run one script that must run to its end."""
    outcome = run_script(open_candidate, source, test, **how)
    assert isinstance(outcome, Ran), outcome
    return outcome


def floats(node: Node, code: str = "f") -> list[float]:
    """The elements of a float32 tensor."""
    assert isinstance(node, TensorOut), node
    return list(struct.unpack(f"{len(node.data) // struct.calcsize(code)}{code}", node.data))


def test_every_kind_of_name_is_recorded(open_candidate: Open) -> None:
    """Functions, kernels, autograd functions, modules and methods are seen where the test calls."""
    test = """
    def test_f():
        x = torch.arange(4.0, device="cuda", requires_grad=True)
        y = f(x)
        y.sum().backward()
        out = torch.zeros(4, device="cuda")
        double[(1,)](x.detach(), out, 4, B=16)
        scale = Scale().cuda()
        z = scale(torch.ones(3, device="cuda"))
        a = Adder(1)
        s = a.add(out)
        t = Adder.less(out)
        u = Double.apply(x)
        return {"x": x.grad}
    result = test_f()
    """
    names = ("f", "double", "Double", "Scale", "Adder")
    got = ran(open_candidate, KERNEL, test, names=names)
    called = ["f", "double", "Scale.forward", "Adder.add", "Adder.less", "Double.apply"]
    assert [call.name for call in got.calls] == called
    assert floats(got.calls[0].result) == [0.0, 2.0, 4.0, 6.0]
    assert {name: floats(node) for name, node in got.calls[1].changed.items()} == {
        "1": [0.0, 2.0, 4.0, 6.0]
    }
    assert floats(got.calls[2].changed["self.calls"]) == [1.0]
    assert got.launches == 4
    assert floats(got.locals["x.grad"]) == [2.0] * 4
    assert isinstance(got.result, dict)
    assert floats(got.result["x"]) == [2.0] * 4


def test_inner_calls_pass_through(open_candidate: Open) -> None:
    """Only the outermost call is recorded, also after one that raised."""
    source = """
    def g(x):
        if x < 0:
            raise ValueError("negative")
        return x + 1

    def f(x):
        return g(x) + g(x)
    """
    test = """
    def test_f():
        try:
            f(-1)
        except ValueError:
            pass
        return f(1), g(1)
    result = test_f()
    """
    got = ran(open_candidate, source, test, names=("f", "g"))
    seen = [(call.name, call.result, call.raised) for call in got.calls]
    assert seen == [("f", None, "ValueError"), ("f", 4, None), ("g", 2, None)]


def test_calling_back_into_the_test(open_candidate: Open) -> None:
    """What the test's own code calls on the candidate's behalf belongs to the candidate's call."""
    source = "def g(x): return x + 1\ndef f(back, x): return back(x)"
    test = "def test_f():\n return f(lambda x: g(x), 1)\nresult = test_f()"
    got = ran(open_candidate, source, test, names=("f", "g"))
    assert [(call.name, call.result) for call in got.calls] == [("f", 2)]


def test_drawing_in_the_candidate_does_not_shift_inputs(open_candidate: Open) -> None:
    """The test's later inputs, from torch, NumPy and Python, are the same whatever it draws."""
    test = """
    import random, numpy as np, torch
    def test_f():
        a = torch.randn(4)
        f(a)
        model = M()
        return torch.randn(4), float(np.random.rand()), random.random()
    result = test_f()
    """
    module = "import random, numpy, torch\nclass M:\n def __init__(self):\n  {0}\ndef f(x):\n {0}\n"
    draws = "[torch.rand(7), numpy.random.rand(), random.random()]"
    silent = ran(open_candidate, module.format("pass"), test, names=("f", "M"))
    loud = ran(open_candidate, module.format(draws), test, names=("f", "M"))
    for one, other in ((silent, loud), (loud, loud)):
        assert isinstance(one.result, tuple)
        assert isinstance(other.result, tuple)
        assert floats(one.result[0]) == floats(other.result[0])
        assert one.result[1:] == other.result[1:]
    assert isinstance(silent.result, tuple)
    assert floats(silent.locals["a"]) != floats(silent.result[0])


def test_candidates_draw_alike(open_candidate: Open) -> None:
    """Two calls in a test draw differently, the same call of two scripts alike."""
    source = "import torch\ndef f():\n return torch.rand(3)"
    test = "def test_f():\n return f(), f()\nresult = test_f()"
    candidate = open_candidate(source)
    script = Script(test=test, names=("f",), test_function="test_f", result="result")
    first, second = candidate.script(script), candidate.script(script)
    assert isinstance(first, Ran)
    assert isinstance(second, Ran)
    drawn = [[floats(call.result) for call in got.calls] for got in (first, second)]
    assert drawn[0] == drawn[1]
    assert drawn[0][0] != drawn[0][1]


def test_snapshots_are_taken_at_once(open_candidate: Open) -> None:
    """A test that reuses its output tensor shows what each call had written."""
    source = "def f(out, v):\n out.fill_(v)\n return out"
    test = """
    import torch
    def test_f():
        out = torch.zeros(2)
        f(out, 1.0); f(out, 2.0); f([{"a": out}][0]["a"], v=2.0)
        return out
    result = test_f()
    """
    got = ran(open_candidate, source, test)
    assert [floats(call.result) for call in got.calls] == [[1.0, 1.0], [2.0, 2.0], [2.0, 2.0]]
    assert [list(call.changed) for call in got.calls] == [["0"], ["0"], []]


def test_one_tensor_travels_once(open_candidate: Open) -> None:
    """A tensor seen again with the same bytes is the same `TensorOut`, with others another."""
    test = """
    import torch
    def test_f():
        x = torch.ones(1000)
        y = f(x)
        z = f(x)
        z += 1
        return {"y": y, "z": z}
    result = test_f()
    """
    got = ran(open_candidate, "def f(x): return x * 2", test)
    assert isinstance(got.result, dict)
    assert got.calls[0].result is got.result["y"] is got.locals["y"]
    assert got.calls[1].result is not got.result["z"]
    assert floats(got.result["z"]) == [3.0] * 1000


def test_nested_arguments(open_candidate: Open) -> None:
    """Arguments are told of, and watched, in nests and keywords too."""
    source = """
    def f(xs, *, out):
        xs[1].zero_()
        out["a"].fill_(5)
    """
    test = """
    import torch
    def test_f():
        return f((torch.ones(1), torch.ones(1)), out={"a": torch.ones(1)})
    result = test_f()
    """
    (call,) = ran(open_candidate, source, test, arguments=True).calls
    assert {path: floats(node) for path, node in call.changed.items()} == {
        "0[1]": [0.0],
        "kwargs.out[a]": [5.0],
    }
    given: Any = call.arguments
    assert [floats(item) for item in given["args"][0]] == [[1.0], [1.0]]
    assert floats(given["kwargs"]["out"]["a"]) == [1.0]


def test_anything_can_be_shown(open_candidate: Open) -> None:
    """Numbers, arrays, modules and named tuples are described; what is not becomes a name."""
    test = """
    import numpy as np, torch
    def test_f():
        t = torch.ones(2)
        return [1 + 2j, np.float32(0.5), np.ones(2, np.float32), t.shape, torch.float16,
                torch.nn.Linear(1, 1, bias=False), t.max(0), {1: 2}, {3}, t.to_sparse()]
    result = test_f()
    """
    got = ran(open_candidate, "def f(): pass", test).result
    assert isinstance(got, list)
    assert got[:2] == [1 + 2j, 0.5]
    assert floats(got[2]) == [1.0, 1.0]
    assert got[3:5] == [(2,), "torch.float16"]
    assert isinstance(got[5], dict)
    assert list(got[5]) == ["weight"]
    assert isinstance(got[6], tuple)
    assert floats(got[6][0]) == [1.0]
    assert got[7:] == [{"1": 2}, Opaque("builtins.set"), Opaque("torch.Tensor")]


def test_locals_at_the_return(open_candidate: Open) -> None:
    """The function's variables are shown without its arguments, modules and functions."""
    test = """
    import torch
    def test_f(n=2):
        import math
        def inner(): return 1
        for i in range(n):
            x = torch.full((1,), float(i))
        return None
    result = test_f()
    """
    got = ran(open_candidate, "def f(): pass", test)
    assert got.result is None
    assert set(got.locals) == {"i", "x"}
    assert floats(got.locals["x"]) == [1.0]


def test_a_test_that_nobody_calls(open_candidate: Open) -> None:
    """Without a result variable the runner calls the test function and shows what it returns."""
    test = "def test_f():\n a = 2\n return f(a)"
    got = ran(open_candidate, "def f(x): return x + 1", test, result=None)
    assert (got.result, got.locals, len(got.calls)) == (3, {"a": 2}, 1)


def test_a_test_that_imports_the_candidate(open_candidate: Open) -> None:
    """A test part may import the module by its file's name, and is recorded all the same."""
    test = "from f import f\ndef test_f():\n return f(1)\nresult = test_f()"
    got = ran(open_candidate, "def f(x): return x + 1", test)
    assert (got.result, len(got.calls)) == (2, 1)


def test_main_is_one_script(open_candidate: Open) -> None:
    """As `__main__` nothing is recorded, and what is printed at any level is kept."""
    source = "print('above')\ndef f(x): return x\nprint(__name__)"
    test = "import os\nos.write(1, b'low\\n')\nprint(f(__name__))\nraise SystemExit(0)"
    got = ran(open_candidate, source, test, main=True)
    assert got.stdout == "above\n__main__\nlow\n__main__\n"
    assert got.calls == ()


def test_stdout_is_capped(open_candidate: Open) -> None:
    """Of what a test prints the first 64 KiB are kept."""
    test = "def test_f():\n for _ in range(2000): print('x' * 99)\nresult = test_f()"
    got = ran(open_candidate, "def f(): pass", test)
    assert got.stdout.startswith("x" * 99)
    assert len(got.stdout) == 1 << 16


def test_scripts_and_calls_take_turns(open_candidate: Open, one_vector: Callable[..., Any]) -> None:
    """One candidate answers scripts in one process, each with a module of its own, and calls."""
    source = "import os\nn = []\ndef f(x):\n n.append(1)\n return len(n), os.getpid(), x"
    candidate = open_candidate(source)
    script = Script(test="result = f(0)", names=("f",), result="result")
    first, second = candidate.script(script), candidate.script(script)
    assert isinstance(first, Ran)
    assert isinstance(second, Ran)
    assert first.result == second.result
    delivered = candidate.call(one_vector(candidate, [1.0]))
    assert not isinstance(delivered, Failure)
    assert isinstance(candidate.script(script), Ran)


@pytest.mark.parametrize(("how", "expected"), [({}, [2.0]), ({"launches": False}, [7.0])])
def test_launches_can_be_left_out(
    open_candidate: Open, how: dict[str, Any], expected: list[float]
) -> None:
    """Without launches a kernel's output is what fresh memory held, and they are still counted."""
    test = "def test_f():\n return f(torch.ones(1, device='cuda'))\nresult = test_f()"
    got = ran(open_candidate, KERNEL, test, fill=1, **how)
    assert floats(got.result) == expected
    assert got.launches == 1


def test_every_specialisation_is_compiled(open_candidate: Open) -> None:
    """With `compile` the kernels come with a report."""
    test = "def test_f():\n return f(torch.ones(1, device='cuda'))\nresult = test_f()"
    got = ran(open_candidate, KERNEL, test, compile=True)
    assert [report.kernel for report in got.kernels] == ["double"]
    assert set(got.parts) == {"load", "test", "deliver"}


@pytest.mark.parametrize(
    ("times", "given", "found"),
    [(True, None, None), (False, None, "1"), (False, "4", "4"), (True, "4", "4")],
)
def test_queues_are_few_where_nothing_is_timed(
    monkeypatch: pytest.MonkeyPatch,
    times: bool,  # noqa: FBT001
    given: str | None,
    found: str | None,
) -> None:
    """A context that only judges has one queue of work, unless the user asks for more."""
    monkeypatch.delenv("CUDA_DEVICE_MAX_CONNECTIONS", raising=False)
    if given is not None:
        monkeypatch.setenv("CUDA_DEVICE_MAX_CONNECTIONS", given)
    source = "import os\n\ndef f():\n    return os.environ.get('CUDA_DEVICE_MAX_CONNECTIONS')\n"
    test = "def test_f():\n    return f()\n\nr = test_f()\n"
    script = Script(test=test, names=("f",), test_function="test_f", result="r")
    with Sandbox(times=times) as sandbox, sandbox.candidate(source, "f.py", "f") as candidate:
        ran = candidate.script(script, 30.0)
    assert isinstance(ran, Ran), ran
    assert ran.result == found
