"""What code finds about the devices of its tensors, all in one process without a GPU.

Prints a JSON object: name -> {"value": ...} or {"error": ...}.
"""
# mypy: disable-error-code="no-untyped-def, no-untyped-call, untyped-decorator, misc"
# ruff: noqa: ANN001, ANN002, ANN201, ANN205, N803 - arguments of kernels are the DSL's
# ruff: noqa: D101, D102, D103 - each function is a fact that its test tells

from __future__ import annotations

import copy
import gc
import json
import weakref
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
import triton
import triton.language as tl

from pytest_tritonbench.sandbox import interpreter
from pytest_tritonbench.sandbox.poison import Poison

FACTS: dict[str, Callable[[], Any]] = {}


def fact(function: Callable[[], Any]) -> Callable[[], Any]:
    FACTS[function.__name__] = function
    return function


def where(*tensors: Any) -> list[str]:
    return [str(tensor.device) for tensor in tensors]


def raised(function: Callable[[], Any]) -> str | None:
    try:
        function()
    except Exception as error:  # noqa: BLE001 - which one is the fact
        return f"{type(error).__name__}: {error}"
    return None


def gpu(*shape: int) -> torch.Tensor:
    return torch.ones(*shape, device="cuda")


@triton.jit
def copy_kernel(x, N: tl.constexpr, y):
    i = tl.arange(0, N)
    tl.store(y + i, tl.load(x + i))


@triton.jit
def pair_kernel(pair, N: tl.constexpr):
    i = tl.arange(0, N)
    tl.store(pair[1] + i, tl.load(pair[0] + i))


@fact
def launches():
    host, device = torch.arange(4.0), gpu(4)
    return {
        "first": raised(lambda: copy_kernel[(1,)](host, 4, device)),
        "third": raised(lambda: copy_kernel[(1,)](device, 4, host[1:])),
        "in a tuple": raised(lambda: pair_kernel[(1,)]((device, host), 4)),
        "no programs": raised(lambda: copy_kernel[(0,)](host, 4, device)),
        "untouched": device.tolist(),
        "moved": raised(lambda: copy_kernel[(1,)](host.cuda(), 4, device)),
        "pinned": raised(lambda: copy_kernel[(1,)](host.pin_memory(), 4, device)),
        "empty": raised(lambda: copy_kernel[(0,)](torch.empty(0), 4, device)),
        "values": device.tolist(),
    }


@fact
def makers():
    x, h = gpu(3), torch.ones(3)
    number: Any = x[0]
    return {
        "cuda": where(
            torch.empty(2, device="cuda:0"),
            torch.zeros(2, device=torch.device("cuda")),
            torch.ones(2, device=0),
            torch.tensor([1.0], device="cuda"),
            torch.as_tensor(np.ones(2), device="cuda"),
            torch.full((2,), 3.0, device="cuda"),
            torch.empty_like(x),
            torch.empty_like(h, device="cuda"),
            x.new_zeros(2),
            x.new_tensor([1.0]),
            torch.tensor(x.tolist(), device=torch.device(0)),
            torch.nn.Linear(2, 2, device="cuda").weight,
        ),
        "cpu": where(
            torch.empty(2),
            torch.tensor(0.5),
            torch.arange(3),
            torch.Tensor([1.0]),
            torch.from_numpy(np.ones(2)),
            torch.frombuffer(bytearray(4), dtype=torch.uint8),
            torch.zeros_like(h),
            torch.zeros_like(x, device="cpu"),
            h.new_empty(2),
            torch.tensor([x[0], x[1]]),
            torch.full((2,), number),
            torch.nn.Linear(2, 2).weight,
        ),
        "meta": where(torch.empty(2, device="meta")),
    }


@fact
def defaults():
    found: dict[str, Any] = {}
    torch.set_default_device("cuda")
    found["default"] = where(torch.ones(2), torch.tensor(1), torch.from_numpy(np.ones(1)))
    found["named"] = str(torch.get_default_device())
    with torch.device("cpu"):
        found["inside"] = [*where(torch.ones(2)), str(torch.get_default_device())]
    torch.set_default_device(None)
    found["reset"] = [*where(torch.ones(2)), str(torch.get_default_device())]
    with torch.device("cuda"):
        found["context"] = where(torch.ones(2), torch.empty(2), torch.nn.Linear(1, 1).bias)
    return found


@fact
def derived():
    x, h = gpu(4, 4), torch.ones(4, 4)

    def all_of(t: torch.Tensor) -> list[str]:
        return where(
            t[1:], t.T, t.view(16), t + 1, 2 * t, t @ t, t.sum(), t.detach(), t.double(),
            t.to(torch.float16), t.clone(), copy.deepcopy(t), torch.nn.Parameter(t), t.data,
            torch.cat([t, t]), torch.nn.functional.gelu(t), t[t > 0], *t.max(dim=0), *t.split(2),
            t.add_(1), torch.softmax(t, 0), copy.deepcopy(torch.nn.ParameterList([t]))[0],
        )  # fmt: skip

    return {
        "cuda": sorted(set(all_of(x))),
        "cpu": sorted(set(all_of(h))),
        "scalars": where(x + torch.tensor(2.0), torch.where(x > 0, x, torch.tensor(0.0))),
    }


@fact
def moves():
    x, h = gpu(3), torch.ones(3)
    module = torch.nn.BatchNorm1d(3).to("cuda")
    half = torch.nn.Linear(2, 2).to(0, torch.float16)
    copied, back = h.cuda(), x.cpu()
    copied += 1
    back += 1
    pinned = h.pin_memory()
    return {
        "cuda": where(h.cuda(), h.to("cuda"), h.to(0), h.to(x), h.to(device="cuda", copy=True),
                      h.type_as(x), h.to("cuda", torch.float64), h.type("torch.cuda.HalfTensor"),
                      *module.state_dict().values(), half.weight),
        "cpu": where(x.cpu(), x.to("cpu"), x.to(h), x.type_as(h), pinned,
                     *module.cpu().state_dict().values()),
        "copies": [h.tolist(), x.tolist()],
        "same": [x.cuda() is x, h.cpu() is h, h.to("cpu") is h, x.to("cuda") is x],
        "pinned": [pinned.is_pinned(), h.is_pinned(), raised(x.pin_memory)],
        "types": [x.type(), h.type()],
        "grad_fn": h.clone().requires_grad_().cuda().grad_fn is not None,
    }  # fmt: skip


@fact
def answers():
    x, h = gpu(3), torch.ones(3)
    return {
        "cuda": [x.is_cuda, x.is_cpu, x.get_device(), repr(x.device), repr(x)],
        "cpu": [h.is_cuda, h.is_cpu, h.get_device(), repr(h.device), repr(h)],
    }


@fact
def mixing():
    x, h = gpu(3), torch.ones(3)
    scalar = torch.tensor(1.0)
    refused = {
        "add": lambda: x + h,
        "cat": lambda: torch.cat([h, x]),
        "matmul": lambda: torch.matmul(h, x),
        "linear": lambda: torch.nn.functional.linear(x, torch.ones(2, 3)),
        "allclose": lambda: torch.allclose(x, h),
        "in place": lambda: h.add_(x),
        "scalar in place": lambda: scalar.add_(x[0]),
        "scalar +=": lambda: scalar.__iadd__(x[0]),
        "gpu scalar": lambda: h + x[0],
        "out": lambda: torch.add(x, x, out=h),
        "mask": lambda: x.__setitem__(x > 0, h),
    }
    allowed = {
        "scalar": lambda: x + scalar,
        "copy_": lambda: x.copy_(h),
        "slice": lambda: x.__setitem__(slice(0, 2), h[:2]),
        "index": lambda: x[torch.tensor([0, 1])],
        "broadcast": lambda: torch.broadcast_tensors(x, h),
        "view_as": lambda: x.view_as(h),
        "data": lambda: setattr(torch.nn.Parameter(torch.ones(3)), "data", x),
        "both": lambda: (x + x, h + h),
    }
    return {
        "refused": {name: raised(function) for name, function in refused.items()},
        "allowed": {name: raised(function) for name, function in allowed.items()},
        "index": raised(lambda: h[torch.tensor([0], device="cuda")]),
        "untouched": [scalar.item(), h.tolist()],
    }


@fact
def arrays():
    x, h = gpu(3), torch.ones(3)
    shared = np.ones(2)
    torch.as_tensor(shared, device="cuda").fill_(5)
    return {
        "numpy": raised(x.numpy),
        "asarray": raised(lambda: np.asarray(x)),
        "forced": x.numpy(force=True).tolist(),
        "fine": [h.numpy().tolist(), x.cpu().numpy().tolist()],
        "shared": shared.tolist(),
    }


class Twice(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return 2 * x

    @staticmethod
    def backward(ctx, *grads):
        (x,) = ctx.saved_tensors
        made = torch.full((3,), 2.0, device="cuda")
        SEEN.append([*where(x, made), bool(x.is_cuda)])
        return grads[0] * made


SEEN: list[Any] = []


@fact
def autograd():
    x = gpu(3).requires_grad_()
    h = torch.ones(3, requires_grad=True)
    Twice.apply(x).sum().backward()
    (again,) = torch.autograd.grad(Twice.apply(x).sum(), x)
    (h * h).sum().backward()
    layer = torch.nn.Linear(3, 1).cuda()
    optimizer = torch.optim.Adam(layer.parameters())
    before = layer.weight.tolist()
    layer(gpu(2, 3)).sum().backward()
    optimizer.step()
    assert x.grad is not None
    assert h.grad is not None
    return {
        "seen": SEEN,
        "values": [x.grad.tolist(), again.tolist()],
        "cuda": where(x.grad, again, x.grad * x, layer.weight.grad, layer.weight),
        "cpu": where(h.grad, h.grad * h),
        "stepped": layer.weight.tolist() != before,
    }


@fact
def generators():
    on_gpu, on_host = torch.Generator(device="cuda"), torch.Generator()
    return {
        "devices": [str(on_gpu.device), str(on_host.device)],
        "right": where(
            torch.rand(2, generator=on_gpu, device="cuda"), torch.rand(2, generator=on_host)
        ),
        "wrong": [
            raised(lambda: torch.rand(2, generator=on_host, device="cuda")),
            raised(lambda: torch.randn(2, generator=on_gpu)),
            raised(lambda: gpu(2).normal_(generator=on_host)),
        ],
    }


@fact
def linear_algebra():
    matrix = torch.eye(3, device="cuda") + 1
    return where(
        *torch.linalg.lu(matrix, pivot=False), *torch.linalg.lu_factor(matrix, pivot=False)
    )


@fact
def memory():
    x = gpu(3)
    view = x[1:].detach()
    storage = weakref.ref(x.untyped_storage())
    del x
    gc.collect()
    kept = where(view)
    del view
    gc.collect()
    return {"kept": kept, "freed": storage() is None}


def main() -> None:
    Poison()
    torch.set_num_threads(1)
    interpreter.prepare(warm=False)
    interpreter.activate(compile_for=())
    found: dict[str, Any] = {}
    for name, function in FACTS.items():
        try:
            found[name] = {"value": function()}
        except Exception as error:  # noqa: BLE001 - what it is, is the finding
            found[name] = {"error": f"{type(error).__name__}: {error}"}
    print(json.dumps(found))  # noqa: T201 - the answer


if __name__ == "__main__":
    main()
