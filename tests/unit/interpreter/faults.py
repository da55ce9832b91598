"""One kernel for each fault of Triton's interpreter, run by `conftest.py` with and without mends.

`python faults.py raw` runs them in the interpreter as Triton ships it, `python faults.py mended`
through the sandbox's. Either prints a JSON object: name -> {"value": ...} or {"error": ...}.
"""
# mypy: disable-error-code="no-untyped-def, no-untyped-call, untyped-decorator, misc"
# ruff: noqa: ANN001, ANN201, ANN202, N803 - arguments of kernels are the DSL's
# ruff: noqa: D103 - each function is a fault whose story the test tells

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from typing import Any
from unittest import mock

import torch
import triton
import triton.language as tl
import triton.runtime.interpreter as triton_interpreter
from triton.language.extra import libdevice

patch_language = triton_interpreter._patch_lang

FAULTS: dict[str, Callable[[], Any]] = {}


def fault(function: Callable[[], Any]) -> Callable[[], Any]:
    FAULTS[function.__name__] = function
    return function


@triton.jit
def scalar_kernel(out, flag, eps):
    tl.store(out, tl.where(flag, 1.0, 0.0))
    tl.store(out + 1, eps.to(tl.float32))


@fault
def arguments():
    out = torch.zeros(2)
    scalar_kernel[(1,)](out, True, 0.5)  # noqa: FBT003 - a kernel's argument
    return out.tolist()


@triton.jit
def quoted_kernel(out, BLOCK: "tl.constexpr"):  # noqa: UP037 - the fault
    tl.store(out + tl.arange(0, BLOCK), 1.0)


@fault
def constexprs():
    out = torch.zeros(4)
    quoted_kernel[(1,)](out, BLOCK=4)
    return out.tolist()


@triton.jit
def index_kernel(out):
    tl.store(out + tl.program_id(0), tl.num_programs(0))


@fault
def grids():
    out = torch.zeros(3, dtype=torch.int32)
    index_kernel[[3]](out)
    return out.tolist()


@fault
def grids_from_function():
    out = torch.zeros(3, dtype=torch.int32)
    index_kernel[lambda _: [3]](out)
    return out.tolist()


@fault
def integer_grid():
    out = torch.zeros(3, dtype=torch.int32)
    index_kernel[3](out)
    return out.tolist()


@triton.jit
def add_kernel(x, y, out, BLOCK: tl.constexpr):
    i = tl.arange(0, BLOCK)
    tl.store(out + i, tl.load(x + i) + tl.load(y + i))


@fault
def bfloat16_addition():
    x = torch.tensor([1.5, -2.0, 100.0, 0.0], dtype=torch.bfloat16)
    out = torch.zeros_like(x)
    add_kernel[(1,)](x, x, out, BLOCK=4)
    return out.tolist()


@triton.jit
def copy_kernel(x, out, BLOCK: tl.constexpr):
    i = tl.arange(0, BLOCK)
    tl.store(out + i, tl.load(x + i).to(out.dtype.element_ty))


@fault
def bfloat16_rounding():
    x = torch.tensor([1.0 + 2**-8 + 2**-10, -(1.0 + 2**-8 + 2**-10), 3.4e38, float("nan")])
    out = torch.zeros(4, dtype=torch.bfloat16)
    copy_kernel[(1,)](x, out, BLOCK=4)
    return [str(value) for value in out.tolist()]


@triton.jit
def constant_kernel(out, BLOCK: tl.constexpr):
    tl.store(out + tl.arange(0, BLOCK), tl.full([BLOCK], 1.5, tl.bfloat16))


@fault
def bfloat16_constant():
    out = torch.zeros(2, dtype=torch.bfloat16)
    constant_kernel[(1,)](out, BLOCK=2)
    return out.tolist()


@fault
def float8_rounding():
    x = torch.tensor([1.97, 0.243, -15.7, 300.0, 0.0019, 1e6, -1e6, 0.0])
    found = {}
    for dtype in (torch.float8_e4m3fn, torch.float8_e5m2):
        out = torch.zeros(8, dtype=dtype)
        copy_kernel[(1,)](x, out, BLOCK=8)
        found[str(dtype)] = out.float().tolist()
    return found


@triton.jit
def dot_kernel(x, y, out, N: tl.constexpr, ACC: tl.constexpr):
    i = tl.arange(0, N)
    at = i[:, None] * N + i[None, :]
    product = tl.dot(tl.load(x + at), tl.load(y + at), out_dtype=ACC, input_precision="ieee")
    tl.store(out + at, product)


def worst_dot(dtype: torch.dtype, out_dtype: torch.dtype, acc: Any) -> float:
    generator = torch.Generator(torch.get_default_device()).manual_seed(0)
    x, y = (torch.randint(-9, 9, (32, 32), generator=generator).to(dtype) for _ in "xy")
    out = torch.zeros(32, 32, dtype=out_dtype)
    dot_kernel[(1,)](x, y, out, N=32, ACC=acc)
    return float((out.double() - x.double() @ y.double()).abs().max())


@fault
def dot_bfloat16():
    return worst_dot(torch.bfloat16, torch.float32, tl.float32)


@fault
def dot_int8():
    return worst_dot(torch.int8, torch.int32, tl.int32)


@fault
def dot_half_accumulator():
    # 2049 is no float16: accumulating 2048 + 1 + 1 in float16 stays at 2048.
    x, y = torch.zeros(16, 16).half(), torch.zeros(16, 16).half()
    x[0, :3], y[:3, 0] = torch.tensor([2048.0, 1.0, 1.0]), 1.0
    out = torch.zeros(16, 16).half()
    dot_kernel[(1,)](x, y, out, N=16, ACC=tl.float16)
    return out[0, 0].item()


@triton.jit
def atomic_kernel(out, old, BLOCK: tl.constexpr):
    i = tl.arange(0, BLOCK)
    before = tl.atomic_add(out + i % 2, tl.full([BLOCK], 1.0, tl.float32).to(tl.bfloat16), i < 3)
    tl.store(old + i, before)


@fault
def atomics():
    out = torch.tensor([10.0, 20.0], dtype=torch.bfloat16)
    old = torch.zeros(4, dtype=torch.bfloat16)
    atomic_kernel[(1,)](out, old, BLOCK=4)
    return [out.tolist(), old.tolist()]


@triton.jit
def nan_kernel(x, out, PROPAGATE: tl.constexpr):
    value = tl.load(x)
    tl.store(out, tl.maximum(value, 1.0, PROPAGATE))
    tl.store(out + 1, tl.minimum(value, 1.0, PROPAGATE))
    tl.store(out + 2, tl.clamp(value, -1.0, 1.0, PROPAGATE))


def nans_with(propagate: Any) -> list[str]:
    out = torch.zeros(3)
    nan_kernel[(1,)](torch.tensor([float("nan")]), out, PROPAGATE=propagate)
    return [str(value) for value in out.tolist()]


@fault
def nans():
    return nans_with(tl.PropagateNan.NONE)


@fault
def nans_propagated():
    return nans_with(tl.PropagateNan.ALL)


@triton.jit
def division_kernel(x, by, out, N: tl.constexpr):
    lanes = tl.arange(0, N)
    a, b = tl.load(x + lanes), tl.load(by + lanes)
    tl.store(out + lanes, a // b)
    tl.store(out + N + lanes, a % b)


@fault
def divisions():
    found = []
    for dtype in (torch.int32, torch.int64, torch.uint8):
        x, by = torch.tensor([7, 7], dtype=dtype), torch.tensor([0, 2], dtype=dtype)
        out = torch.zeros(4, dtype=dtype)
        division_kernel[(1,)](x, by, out, N=2)
        found.append(out.tolist())
    return found


@triton.jit
def sum_kernel(x, out, N: tl.constexpr):
    i = tl.arange(0, N)
    at = i[:, None] * N + i[None, :]
    block = tl.load(x + at)
    tl.store(out + i, tl.sum(block, 1))
    tl.store(out + N + i, tl.sum(block, 0))


@fault
def reductions():
    x = torch.tensor([2048.0, 1.0, 1.0, 1.0]).half().expand(4, 4).contiguous()
    out = torch.zeros(2, 4).half()
    sum_kernel[(1,)](x, out, N=4)
    return [out[0, 0].item(), out[1, 0].item()]


@triton.jit
def column_sum_kernel(x, out, N: tl.constexpr):
    i = tl.arange(0, N)
    block = tl.load(x + i[:, None] * 2 + tl.arange(0, 2)[None, :])
    tl.store(out + tl.arange(0, 2), tl.sum(block, 0))


@fault
def column_sums():
    x = torch.full((4096, 2), 0.1)
    out = torch.zeros(2)
    column_sum_kernel[(1,)](x, out, N=4096)
    return abs(out[0].item() / (x[0, 0].item() * 4096) - 1)


@triton.jit
def cumsum_kernel(x, out, N: tl.constexpr):
    i = tl.arange(0, N)
    tl.store(out + i, tl.cumsum(tl.load(x + i), 0))


@fault
def scans():
    x = torch.full((4096,), 0.1)
    out = torch.zeros(4096)
    cumsum_kernel[(1,)](x, out, N=4096)
    whole = torch.arange(1, 9)
    counted = torch.zeros(8, dtype=torch.int64)
    cumsum_kernel[(1,)](whole, counted, N=8)
    exact = x.double().cumsum(0)
    return [float((out / exact - 1).abs().max()), counted.tolist()]


@triton.jit
def tanh_kernel(x, out, BLOCK: tl.constexpr):
    i = tl.arange(0, BLOCK)
    tl.store(out + i, libdevice.tanh(tl.load(x + i)))


@fault
def libdevice_public():
    x = torch.tensor([-1.0, 0.0, 0.5, 3.0])
    out = torch.zeros(4)
    tanh_kernel[(1,)](x, out, BLOCK=4)
    return float((out - torch.tanh(x)).abs().max())


@triton.jit
def pow_kernel(x, out, BLOCK: tl.constexpr):
    i = tl.arange(0, BLOCK)
    tl.store(out + i, tl.extra.cuda.libdevice.pow(tl.load(x + i), 2.0))


@fault
def libdevice_cuda():
    x = torch.tensor([-1.0, 0.0, 0.5, 3.0])
    out = torch.zeros(4)
    pow_kernel[(1,)](x, out, BLOCK=4)
    return out.tolist()


@triton.jit
def assert_kernel(x):
    tl.device_assert(tl.load(x) > 0, "not positive")


@fault
def device_assert():
    assert_kernel[(1,)](torch.zeros(1), debug=True)


@fault
def device_assert_without_debug():
    assert_kernel[(1,)](torch.zeros(1))


@triton.jit
def logic_kernel(out, n, BLOCK: tl.constexpr):
    i = tl.arange(0, BLOCK)
    ones = tl.full([BLOCK], 1, tl.int32)
    tl.store(out + i, ones, mask=i > 0 and i < n)
    tl.store(out + BLOCK + i, ones, mask=i > 2 or i < 1)
    tl.store(out + 2 * BLOCK + i, ones, mask=not (i > 0))
    # A constant that decides nothing is dropped; a scalar keeps Python's meaning.
    tl.store(out + 3 * BLOCK + i, ones, mask=BLOCK > 1 and i > 1)
    if n > 1 and n < 4:
        tl.store(out + 4 * BLOCK, 7)


@fault
def logic():
    out = torch.zeros(5, 4, dtype=torch.int32)
    logic_kernel[(1,)](out, 3, BLOCK=4)
    return out.tolist()


@fault
def namespace_of_module():
    out = torch.zeros(1, dtype=torch.int32)
    index_kernel[(1,)](out)
    return sorted(name for name in ("math", "np", "inspect", "ast") if name in globals())


@fault
def namespace_of_closure():
    scale: tl.constexpr = tl.constexpr(3)

    @triton.jit
    def inner(out):
        tl.store(out, scale)

    out = torch.zeros(1)
    inner[(1,)](out)
    return out.item()


@triton.jit
def device_function_kernel(out):
    tl.store(out, tl.sum(tl.arange(0, 4), 0))


@fault
def speed():
    out = torch.zeros(1, dtype=torch.int32)
    device_function_kernel[(1,)](out)
    with mock.patch.object(triton_interpreter, "_patch_lang", wraps=patch_language) as patched:
        device_function_kernel[(5,)](out)
    return patched.call_count


def main(mode: str) -> None:
    if mode == "mended":
        from pytest_tritonbench.sandbox import interpreter  # noqa: PLC0415 - not for the raw run

        interpreter.prepare(warm=False)
        interpreter.activate(compile_for=())
        # A launch refuses tensors of the CPU, as on a GPU; the interpreter as shipped takes them.
        torch.set_default_device("cuda")
    found: dict[str, Any] = {}
    for name, function in FAULTS.items():
        try:
            found[name] = {"value": function()}
        except Exception as error:  # noqa: BLE001 - what it is, is the finding
            found[name] = {"error": f"{type(error).__name__}: {error}"}
    print(json.dumps(found))  # noqa: T201 - the answer


if __name__ == "__main__":
    main(sys.argv[1])
