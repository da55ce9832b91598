"""What a candidate returns arrives as it was: bytes, shapes, strides and structure."""

import struct
from collections.abc import Callable
from typing import Any

import pytest

from pytest_tritonbench.sandbox import (
    Call,
    Candidate,
    Delivered,
    Failure,
    Reason,
    TensorArg,
    TensorOut,
)

Run = Callable[..., Delivered | Failure]


def output_of(result: Delivered | Failure) -> Any:
    """The output, which must have been delivered."""
    assert isinstance(result, Delivered), result
    return result.output


def floats(tensor: object) -> tuple[float, ...]:
    """The elements of a float32 tensor."""
    assert isinstance(tensor, TensorOut)
    assert tensor.dtype == "float32"
    return struct.unpack(f"{len(tensor.data) // 4}f", tensor.data)


def test_contiguous_output(run: Run) -> None:
    """A plain tensor comes back with its values."""
    output = output_of(run("def f(x): return x * 2\n"))
    assert (output.shape, output.strides) == ((3,), (1,))
    assert floats(output) == (2.0, 4.0, 6.0)


def test_strided_output_keeps_its_strides_and_logical_order(run: Run) -> None:
    """A transposed view tells its strides; its bytes are in logical order."""
    output = output_of(run("def f(x): return x.view(2, 3).t()\n", values=range(6)))
    assert (output.shape, output.strides) == ((3, 2), (1, 3))
    assert floats(output) == (0, 3, 1, 4, 2, 5)


def test_zero_stride_output_is_told(run: Run) -> None:
    """An expanded tensor arrives with its stride of zero, for the judge to see."""
    output = output_of(run("def f(x): return x[:1].expand(4)\n"))
    assert output.strides == (0,)
    assert floats(output) == (1, 1, 1, 1)


def test_nest_of_everything(run: Run) -> None:
    """Tuples, lists, dicts and scalars keep their kinds."""
    output = output_of(
        run("def f(x): return (x, [1, 2.5, None], {'a': (True, 'text')}, float('-inf'))\n")
    )
    assert floats(output[0]) == (1, 2, 3)
    assert output[1:] == ([1, 2.5, None], {"a": (True, "text")}, float("-inf"))
    assert isinstance(output[2]["a"], tuple)


def test_named_tuples_of_torch_are_tuples(run: Run) -> None:
    """What `torch.max(x, 0)` returns is a tuple of tensors."""
    values, indices = output_of(run("import torch\ndef f(x): return torch.max(x, 0)\n"))
    assert floats(values) == (3,)
    assert (indices.dtype, indices.shape) == ("int64", ())


@pytest.mark.parametrize(
    "dtype",
    [
        "bool",
        "uint8",
        "int16",
        "int64",
        "float16",
        "bfloat16",
        "float64",
        "float8_e4m3fn",
        "complex64",
    ],
)
def test_every_dtype_crosses(run: Run, dtype: str) -> None:
    """A dtype's name and size survive the crossing."""
    output = output_of(run(f"import torch\ndef f(x): return x.to(torch.{dtype})\n"))
    assert output.dtype == dtype
    assert bytes(output.data) != bytes(len(output.data))


def test_empty_tensor(run: Run) -> None:
    """A tensor of no elements has a shape and no bytes."""
    output = output_of(run("import torch\ndef f(x): return torch.empty(0, 5)\n"))
    assert (output.shape, len(output.data)) == ((0, 5), 0)


@pytest.mark.parametrize(
    ("expression", "hint"),
    [
        ("object()", "object"),
        ("x.cpu().numpy()", "ndarray"),
        ("{1: x}", "key"),
        ("x.to_sparse()", "sparse"),
        ("torch.empty(3, device='meta')", "meta"),
        ("lambda: x", "function"),
        ("[nest := [], nest.append(nest)][0]", "deep"),
    ],
)
def test_wrong_structure(run: Run, expression: str, hint: str) -> None:
    """What is no tensor, number or nest of them is refused with its kind."""
    failure = run(f"import torch\ndef f(x): return {expression}\n")
    assert isinstance(failure, Failure)
    assert failure.reason == Reason.WRONG_STRUCTURE
    assert hint in failure.message


def test_tensor_subclass_is_lazy(run: Run) -> None:
    """A subclass that could compute when it is looked at is refused."""
    failure = run(
        """
        import torch
        class Lazy(torch.Tensor):
            @classmethod
            def __torch_function__(cls, func, types, args=(), kwargs=None):
                return True
        def f(x): return x.as_subclass(Lazy)
        """
    )
    assert isinstance(failure, Failure)
    assert (failure.reason, "Lazy" in failure.message) == (Reason.LAZY_TENSOR, True)


def test_tensor_with_its_own_methods_is_lazy(run: Run) -> None:
    """A tensor whose methods were replaced on the instance is refused."""
    failure = run("def f(x):\n    y = x + 1\n    y.to = lambda *a: x\n    return y\n")
    assert isinstance(failure, Failure)
    assert (failure.reason, "to" in failure.message) == (Reason.LAZY_TENSOR, True)


def test_replaced_methods_of_the_class_do_not_help(run: Run) -> None:
    """Methods replaced on torch.Tensor after loading do not touch what is delivered."""
    output = output_of(
        run(
            """
            import torch
            torch.Tensor.copy_ = lambda self, other: self.fill_(7)
            torch.Tensor.detach = lambda self: self * 0
            def f(x): return x
            """
        )
    )
    assert floats(output) == (1, 2, 3)


def test_changed_input_is_visible(run: Run) -> None:
    """A candidate that writes to its input is seen in the inputs' bytes afterwards."""
    result = run("def f(x):\n    x[1] = 9\n    return x.sum()\n")
    assert isinstance(result, Delivered)
    assert struct.unpack("3f", result.inputs_after[:12]) == (1, 9, 3)


def test_output_is_a_copy_of_the_moment(
    open_candidate: Callable[..., Candidate], one_vector: Callable[..., Call]
) -> None:
    """What was delivered does not change when the candidate's memory does."""
    candidate = open_candidate("def f(x): return x\n")
    first = output_of(candidate.call(one_vector(candidate, [1.0, 2.0])))
    second = output_of(candidate.call(one_vector(candidate, [3.0, 4.0])))
    assert (floats(first), floats(second)) == ((1, 2), (3, 4))


def test_strides_and_offset_of_an_argument(
    open_candidate: Callable[..., Candidate], put_vector: Callable[..., TensorArg]
) -> None:
    """An argument has the strides and the storage offset that the call gave it."""
    candidate = open_candidate(
        "def f(x): return x, x.stride(), x.storage_offset(), x.untyped_storage().nbytes()\n"
    )
    whole = put_vector(candidate, range(10))
    view = TensorArg("float32", (2, 2), (4, 2), 1, whole.start, whole.nbytes)
    tensor, strides, offset, nbytes = output_of(candidate.call(Call(args=(("x", view),))))
    assert (strides, offset, nbytes) == ((4, 2), 1, 40)
    assert floats(tensor) == (1, 3, 5, 7)


def test_every_kind_of_argument(open_candidate: Callable[..., Candidate]) -> None:
    """Scalars, strings, None and tuples arrive as they are."""
    candidate = open_candidate("def f(a, b, c, d, e): return a, b, c, d, e, type(b).__name__\n")
    args = (("a", None), ("b", True), ("c", 2.5), ("d", "mean"), ("e", (1, (2, None))))
    output = output_of(candidate.call(Call(args=args)))
    assert output == (None, True, 2.5, "mean", (1, (2, None)), "bool")


def test_gradients_for_given_cotangents(
    open_candidate: Callable[..., Candidate], put_vector: Callable[..., TensorArg]
) -> None:
    """Gradients are those of the outputs for the cotangents; an unused input has none."""
    candidate = open_candidate("def f(x, w, u): return x * w, x.detach() + 1\n")
    x, w, u = (put_vector(candidate, values) for values in ([1.0, 2.0], [3.0, 4.0], [0.0, 0.0]))
    cotangent = put_vector(candidate, [10.0])
    spread = TensorArg("float32", (2,), (0,), 0, cotangent.start, cotangent.nbytes)
    result = candidate.call(
        Call(
            args=(("x", x), ("w", w), ("u", u)),
            gradients=("x", "w", "u"),
            cotangents=(spread, None),
        )
    )
    assert isinstance(result, Delivered)
    assert [g and floats(g) for g in result.gradients] == [(30, 40), (10, 20), None]


def test_unwritten_memory_shows(run: Run) -> None:
    """What `torch.empty` returns is NaN, the largest integer or True when poisoned."""
    source = """
    import torch
    def f(x):
        return (torch.empty(1), torch.empty_like(x), x.new_empty(1),
                torch.empty_strided((1,), (1,)),
                torch.empty(1, dtype=torch.int32).item(), torch.empty(1, dtype=torch.bool).item())
    """
    *tensors, integer, boolean = output_of(run(source))
    assert all(value != value for tensor in tensors for value in floats(tensor))  # noqa: PLR0124
    assert (integer, boolean) == (2**31 - 1, True)


def test_memory_is_left_alone_without_poison(run: Run) -> None:
    """Without poison `torch.empty` is torch's own: large fresh memory is zero."""
    source = "import torch\ndef f(x): return torch.empty(1 << 22).isnan().any()\n"
    result = run(source, poison=False)
    assert output_of(result).data == b"\0"


def test_seed_is_set(run: Run) -> None:
    """The same seed gives the same random numbers, another one others."""
    source = "import torch, random\ndef f(x): return torch.rand(4), random.random()\n"
    first, second, third = (output_of(run(source, seed=seed)) for seed in (1, 1, 2))
    assert (floats(first[0]), first[1]) == (floats(second[0]), second[1])
    assert floats(first[0]) != floats(third[0])
    assert first[1] != third[1]


ADD_ONE = """
import torch, triton
import triton.language as tl

@triton.jit
def add_one(x, y, n, BLOCK: tl.constexpr):
    o = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    tl.store(y + o, tl.load(x + o, mask=o < n) + 1, mask=o < n)

def f(x):
    y = torch.empty_like(x)
    add_one[(triton.cdiv(x.numel(), 2),)](x, y, x.numel(), BLOCK=2)
    return y
"""


def test_launches_are_counted(run: Run) -> None:
    """A kernel's launches and its result arrive."""
    result = run(ADD_ONE)
    assert floats(output_of(result)) == (2, 3, 4)
    assert isinstance(result, Delivered)
    assert result.launches == 1


def test_without_launches_nothing_is_computed(run: Run) -> None:
    """With launches disabled the poisoned output stays as it was allocated."""
    result = run(ADD_ONE, launches=False)
    assert all(value != value for value in floats(output_of(result)))  # noqa: PLR0124


def test_compiled_kernels_are_reported(run: Run) -> None:
    """A call that compiles tells the registers and shared memory of each kernel."""
    result = run(ADD_ONE, compile=True)
    assert isinstance(result, Delivered)
    (report,) = result.kernels
    assert (report.kernel, report.target) == ("add_one", "sm_90")
    assert report.registers
