"""What candidates do on a machine without a GPU, each in a child of one prepared process.

Prints a JSON object: name -> {"value": ...} or {"error": ...}.
"""
# mypy: disable-error-code="no-untyped-def, no-untyped-call, untyped-decorator, misc"
# ruff: noqa: ANN001, ANN201, N803 - arguments of kernels are the DSL's
# ruff: noqa: D103 - each function is a scenario whose story the test tells

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
import triton
import triton.backends.nvidia
import triton.language as tl
from triton.compiler.compiler import CompiledKernel

from pytest_tritonbench.sandbox import interpreter, launches
from pytest_tritonbench.sandbox.interpreter import locate as locating
from pytest_tritonbench.sandbox.interpreter import resources

LOG = launches.LaunchLog(
    on_enter=lambda name: EVENTS.append(f"enter {name}"), on_exit=lambda: EVENTS.append("exit")
)
EVENTS: list[str] = []
SCENARIOS: dict[str, tuple[tuple[str, ...], Callable[[], Any]]] = {}


def scenario(*targets: str) -> Callable[[Callable[[], Any]], Callable[[], Any]]:
    def add(function: Callable[[], Any]) -> Callable[[], Any]:
        SCENARIOS[function.__name__] = (targets, function)
        return function

    return add


@triton.jit
def add_kernel(x, y, out, n, BLOCK: tl.constexpr):
    i = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    inside = i < n
    tl.store(out + i, tl.load(x + i, mask=inside) + tl.load(y + i, mask=inside), mask=inside)


def add(launch: Callable[..., Any] | None = None) -> list[bool]:
    x, y = torch.randn(100, device="cuda"), torch.randn(100, device="cuda")
    out = torch.zeros_like(x)
    (launch or add_kernel[(4,)])(x, y, out, 100, BLOCK=32)
    return [bool(torch.equal(out, x + y)), bool((out == 0).all())]


@scenario("sm_90", "sm_80", "gfx942")
def several_targets():
    right, _ = add()
    first = [report.as_json() for report in LOG.reports]
    compilations = []
    triton.knobs.compilation.listener = lambda **event: compilations.append(event)
    add()
    return {"right": right, "reports": first, "again": len(compilations), "count": LOG.count}


@scenario()
def without_targets():
    compilations = []
    triton.knobs.compilation.listener = lambda **event: compilations.append(event)
    x = torch.ones(4, device="cuda")
    compiled = add_kernel[(1,)](x, x, x, 4, BLOCK=4)
    before = len(compilations)
    return {"values": x.tolist(), "compiled": before, "asked": compiled.metadata.num_warps,
            "registers": compiled.n_regs > 0, "after": len(compilations)}  # fmt: skip


@triton.jit
def tile_kernel(x, y, out, N: tl.constexpr):
    i = tl.arange(0, N)
    at = i[:, None] * N + i[None, :]
    tl.store(out + at, tl.dot(tl.load(x + at), tl.load(y + at)))


def tile(n: int) -> None:
    x = torch.randn(n, n, device="cuda").half()
    tile_kernel[(1,)](x, x, torch.zeros(n, n, device="cuda"), N=n, num_warps=8)


@scenario("sm_90")
def shared_memory_fits():
    tile(128)
    return max(report.shared for report in LOG.reports)


@scenario("sm_86")
def shared_memory_exceeded():
    tile(256)


@triton.autotune([triton.Config({"N": 256}, num_warps=8), triton.Config({"N": 16})], key=[])
@triton.jit
def tuned_tile_kernel(x, y, out, N: tl.constexpr):
    i = tl.arange(0, N)
    at = i[:, None] * N + i[None, :]
    tl.store(out + at, tl.dot(tl.load(x + at), tl.load(y + at)))


@triton.autotune([triton.Config({"BLOCK": 16}), triton.Config({"BLOCK": 32})], key=[])
@triton.jit
def tuned_store_kernel(out, BLOCK: tl.constexpr):
    tl.store(out + tl.arange(0, BLOCK), 1.0)


@scenario("sm_90")
def autotuner_stops_at_the_first():
    tuned_store_kernel[(1,)](torch.zeros(32, device="cuda"))
    return [report.signature for report in LOG.reports]


@triton.jit
def descriptor_kernel(x, out, n, N: tl.constexpr):
    descriptor = tl.make_tensor_descriptor(x, [n, n], [n, 1], [N, N])
    i = tl.arange(0, N)
    tl.store(out + i[:, None] * N + i[None, :], descriptor.load([0, 0]) + 1)


@scenario("sm_90")
def descriptors_need_an_allocator():
    x, out = torch.zeros(16, 16, device="cuda"), torch.zeros(16, 16, device="cuda")
    try:
        descriptor_kernel[(1,)](x, out, 16, N=16)
    except RuntimeError as error:
        without = str(error)
    triton.set_allocator(lambda size, _align, _stream: torch.empty(size, device="cuda"))
    descriptor_kernel[(1,)](x, out, 16, N=16)
    return [without, out.sum().item()]


@scenario("sm_86")
def autotuner_takes_what_fits():
    x = torch.ones(16, 16, device="cuda").half()
    out = torch.zeros(16, 16, device="cuda")
    tuned_tile_kernel[(1,)](x, x, out)
    return [tuned_tile_kernel.best_config.kwargs, out[0, 0].item(), LOG.count]


@triton.autotune([triton.Config({"N": 256}, num_warps=8), triton.Config({"N": 512})], key=[])
@triton.jit
def hopeless_kernel(x, y, out, N: tl.constexpr):
    tl.static_assert(N < 512, "never")
    i = tl.arange(0, N)
    at = i[:, None] * N + i[None, :]
    tl.store(out + at, tl.dot(tl.load(x + at), tl.load(y + at)))


@scenario("sm_86")
def autotuner_raises_the_first_error():
    x = torch.ones(16, 16, device="cuda").half()
    hopeless_kernel[(1,)](x, x, torch.zeros(16, 16, device="cuda"))


@triton.jit
def helper(x):
    return x.no_such_method()  # here: helper


@triton.jit
def calls_helper_kernel(x):
    tl.store(x, helper(tl.load(x)))


@scenario("sm_90")
def compile_error():
    calls_helper_kernel[(1,)](torch.zeros(4, device="cuda"))


@triton.jit
def late_kernel(x, n):
    value = tl.load(x)
    while value < n:
        value += missing_name  # type: ignore[name-defined]  # noqa: F821 - here: late


@scenario()
def interpreter_error():
    late_kernel[(1,)](torch.zeros(4, device="cuda"), 3)


@scenario()
def wrapper_error():
    raise KeyError("wrapper")  # here: wrapper


@triton.jit
def assembly_kernel(x):
    value = tl.load(x)
    tl.store(
        x,
        tl.inline_asm_elementwise(
            "mov.b32 $0, $1;", "=r,r", [value], tl.float32, is_pure=True, pack=1
        ),
    )


@scenario()
def limitation():
    assembly_kernel[(1,)](torch.zeros(4, device="cuda"))


@triton.jit
def misspelt_kernel(x):  # here: misspelt
    value = tl.load(x)
    tl.store(
        x,
        tl.inline_asm_elementwise(
            "movv.b32 $0, $1;", "=r,r", [value], tl.float32, is_pure=True, pack=1
        ),
    )


@scenario("sm_90")
def assembler_error():
    misspelt_kernel[(1,)](torch.zeros(4, device="cuda"))


@scenario("sm_90")
def launches_disabled():
    LOG.enabled = False
    compiled = add_kernel.warmup(*(torch.float32,) * 3, 100, BLOCK=32, grid=(1,))
    tuned = triton.heuristics({"BLOCK": lambda _: 32})(add_kernel)
    handle = compiled[(4, 1, 1)]
    ways = {
        "jit": add(),
        "run": add(lambda *a, **k: add_kernel.run(*a, grid=(4,), warmup=False, **k)),
        "heuristics": add(lambda *a, **_: tuned[(4,)](*a)),
        "handle": add(lambda *a, BLOCK: handle(*a, BLOCK)),
        "autotuner": add(lambda *a, **_: triton.autotune([triton.Config({"BLOCK": 32}), triton.
            Config({"BLOCK": 16})], key=[])(add_kernel)[(4,)](*a)),
    }  # fmt: skip
    disabled = {name: zero for name, (_, zero) in ways.items()}
    LOG.enabled = True
    enabled = {
        "jit": add()[0],
        "handle": add(lambda *a, BLOCK: handle(*a, BLOCK))[0],
    }
    return {"disabled": disabled, "enabled": enabled, "count": LOG.count}


@scenario()
def launches_disabled_without_targets():
    LOG.enabled = False
    return [add()[1], LOG.count]


@scenario("sm_90")
def events_and_current():
    add()
    return {"events": EVENTS, "last": LOG.last, "current": LOG.current, "kernels": LOG.kernels}


@scenario("sm_90")
def occupancy_of_a_handle():
    compiled = add_kernel.warmup(*(torch.float32,) * 3, 100, BLOCK=32, grid=(1,))
    compiled._init_handles()
    properties = triton.runtime.driver.active.utils.get_device_properties(0)
    return [compiled.n_regs > 0, compiled.metadata.shared, properties["multiprocessor_count"]]


@triton.jit
def wide_kernel(x, out, BLOCK: tl.constexpr):
    i = tl.arange(0, BLOCK)
    value = tl.load(x + i)
    tl.store(out + i, tl.sort(value))


def compiled_wide(target: str) -> CompiledKernel:
    at = interpreter.Target.parse(target).as_triton()
    source = triton.compiler.ASTSource(
        wide_kernel, {"x": "*fp32", "out": "*fp32", "BLOCK": "constexpr"}, {"BLOCK": 512}
    )
    options = {"num_warps": 1} | ({"maxnreg": 24} if target.startswith("sm") else {})
    return triton.compile(source, target=at, options=options)


@triton.jit
def precision_kernel(x, out, N: tl.constexpr, PRECISION: tl.constexpr):
    i = tl.arange(0, N)
    at = i[:, None] * N + i[None, :]
    tl.store(out + at, tl.dot(tl.load(x + at), tl.load(x + at), input_precision=PRECISION))


def dot_errors() -> dict[str, float]:
    x = torch.randn(16, 16, device="cuda")
    errors = {}
    for precision in ("ieee", "tf32", "tf32x3", None):
        out = torch.zeros_like(x)
        precision_kernel[(1,)](x, out, N=16, PRECISION=precision)
        errors[str(precision)] = float((out.double() - x.double() @ x.double()).abs().max())
    return errors


@scenario()
def precision_of_dots():
    return dot_errors()


@scenario("gfx90a")
def precision_of_dots_on_amd():
    x = torch.randn(16, 16, device="cuda")
    out = torch.zeros_like(x)
    precision_kernel[(1,)](x, out, N=16, PRECISION=None)
    return float((out.double() - x.double() @ x.double()).abs().max())


@scenario("sm_90")
def resources_of_cubin():
    found = {}
    tools = Path(triton.backends.nvidia.__file__).parent / "bin"
    for target in ("sm_80", "sm_90", "sm_100"):
        binary = compiled_wide(target).asm["cubin"]
        with tempfile.NamedTemporaryFile(suffix=".cubin") as file:
            file.write(binary)
            file.flush()
            shown = subprocess.run([tools / "cuobjdump", "-res-usage", file.name], check=True,
                                   capture_output=True, text=True).stdout  # fmt: skip
        ours = resources.of_binary(binary)
        found[target] = [ours.registers, ours.spills, shown]
    return found


@scenario("gfx942")
def resources_of_code_object():
    compiled = compiled_wide("gfx942")
    ours = resources.of_binary(compiled.asm["hsaco"])
    lines = [line.strip() for line in compiled.asm["amdgcn"].splitlines() if ".vgpr_" in line]
    return [ours.registers, ours.spills, lines]


@scenario()
def cuda_on_the_cpu():
    device = torch.device("cuda:0")
    x = torch.arange(6, device="cuda", dtype=torch.float32, requires_grad=True)
    y = x.to(device).cuda().to("cuda", torch.float64).view(2, 3)
    y.sum().backward()
    gradient: Any = x.grad
    start, end = (torch.cuda.Event(enable_timing=True) for _ in "ab")
    start.record()
    with torch.cuda.device(x.device), torch.cuda.stream(torch.cuda.Stream()):
        made = torch.empty_like(y)
    end.record()
    torch.set_default_device("cuda")
    generator = torch.Generator(device="cuda").manual_seed(1)
    noise = torch.rand(3, generator=generator)
    torch.set_default_device(None)
    with torch.device("cuda"):
        made_within = torch.ones(2)
    return {
        "is_cuda": [t.is_cuda for t in (x, y, made, noise, made_within, gradient)],
        "device": str(x.device),
        "data_is_here": bool(torch.equal(x.detach().cpu(), torch.arange(6).float())),
        "grad": gradient.tolist(),
        "available": torch.cuda.is_available(),
        "capability": torch.cuda.get_device_capability(),
        "processors": torch.cuda.get_device_properties(0).multi_processor_count,
        "elapsed": start.elapsed_time(end) >= 0,
        "isinstance": isinstance(generator, torch.Generator),
        "module": torch.nn.Linear(2, 2, device="cuda").weight.is_cuda,
    }


@scenario("gfx942")
def hip_on_the_cpu():
    target = triton.runtime.driver.active.get_current_target()
    return [torch.version.cuda, torch.version.hip is not None, target.backend, target.warp_size]


@scenario()
def timing_loop_works():
    x = torch.ones(4, device="cuda")
    return triton.testing.do_bench(lambda: add_kernel[(1,)](x, x, x, 4, BLOCK=4), 1, 1) > 0


@triton.jit
def reach_kernel(x, out, offset, BLOCK: tl.constexpr):
    i = tl.arange(0, BLOCK)
    value = tl.load(x + offset + i)  # here: load
    tl.store(out + i, value, mask=i < 4)


def reach(offset: int, x: torch.Tensor | None = None) -> None:
    x = torch.zeros(16, device="cuda") if x is None else x
    reach_kernel[(1,)](x, torch.zeros(4, device="cuda"), offset, BLOCK=8)


@scenario()
def load_past_the_end():
    reach(12)


@scenario()
def load_one_past_the_end():
    reach(9)


@scenario()
def load_before_the_start():
    reach(-3)


@scenario()
def load_within_the_storage_of_a_view():
    reach(-3, torch.zeros(16, device="cuda")[3:5])


@scenario()
def load_inside():
    reach(8)


@triton.jit
def store_kernel(out, BLOCK: tl.constexpr):
    i = tl.arange(0, BLOCK)
    tl.store(out + i, 1.0)


@scenario()
def store_outside():
    store_kernel[(1,)](torch.zeros(6, device="cuda"), BLOCK=8)


@triton.jit
def block_pointer_kernel(x, out, n, CHECK: tl.constexpr):
    pointer = tl.make_block_ptr(x, (n,), (1,), (0,), (8,), (0,))
    if CHECK:
        value = tl.load(pointer, boundary_check=(0,), padding_option="zero")
    else:
        value = tl.load(pointer)
    tl.store(out, tl.sum(value))


@scenario()
def block_pointer_outside():
    x, out = torch.ones(6, device="cuda"), torch.zeros(1, device="cuda")
    block_pointer_kernel[(1,)](x, out, 6, CHECK=True)
    checked = out.item()
    try:
        block_pointer_kernel[(1,)](x, out, 6, CHECK=False)
    except Exception as error:  # noqa: BLE001 - reported
        return [checked, str(error)]
    return [checked, None]


@triton.jit
def atomic_kernel(out, BLOCK: tl.constexpr):
    tl.atomic_add(out + tl.arange(0, BLOCK) * 2, 1.0)


@scenario()
def atomic_outside():
    atomic_kernel[(1,)](torch.zeros(6, device="cuda"), BLOCK=4)


@triton.jit
def nothing_kernel(x):
    pass


@scenario("sm_90")
def empty_grid_and_argument():
    x = torch.zeros(0, device="cuda")
    nothing_kernel[(0,)](x)
    add_kernel[(1,)](x, x, x, 0, BLOCK=16)
    return LOG.count


def in_child(targets: tuple[str, ...], function: Callable[[], Any]) -> dict[str, Any]:
    reader, writer = os.pipe()
    if child := os.fork():
        os.close(writer)
        with os.fdopen(reader) as stream:
            answer = stream.read()
        os.waitpid(child, 0)
        found: dict[str, Any] = json.loads(answer) if answer else {"error": "the child died"}
        return found
    interpreter.activate(compile_for=[interpreter.Target.parse(name) for name in targets])
    launches.watch(LOG)
    try:
        found = {"value": function()}
    except BaseException as error:  # noqa: BLE001 - what it is, is the outcome
        place = locating.locate(error, __file__)
        found = {
            "error": f"{type(error).__name__}: {error}",
            "kernel": place.kernel,
            "line": place.line,
            "text": place.text,
            "message": place.message,
            "limitation": locating.limitation(error),
        }
    with os.fdopen(writer, "w") as stream:
        json.dump(found, stream)
    os._exit(0)


def main() -> None:
    torch.set_num_threads(1)
    names = ("sm_90", "gfx942")
    interpreter.prepare([interpreter.Target.parse(name) for name in names])
    threads = len(list(Path("/proc/self/task").iterdir()))
    outcome: dict[str, Any] = {"threads_after_prepare": {"value": threads}}
    wanted = sys.argv[1:] or list(SCENARIOS)
    for name in wanted:
        outcome[name] = in_child(*SCENARIOS[name])
    print(json.dumps(outcome))  # noqa: T201 - the answer


if __name__ == "__main__":
    main()
