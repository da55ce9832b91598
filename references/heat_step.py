"""One explicit step of the two-dimensional heat equation."""

import torch

from pytest_tritonbench import number, task, tensor


@task(
    inputs={"u": tensor("h", "w"), "r": number(0.0625, 0.25)},
    cases=[
        {"h": 32, "w": 32, "r": 0.25},
        {"h": 33, "w": 70, "r": 0.1},
        {"h": 3, "w": 3, "r": 0.2},
        {"h": 2, "w": 40, "r": 0.2},
    ],
    sweep=[{"h": 2**p, "w": 2**p, "r": 0.2, "dtype": "float32"} for p in range(9, 15)],
    flops=lambda h, w: 7 * h * w,
)
def heat_step(u: torch.Tensor, r: float) -> torch.Tensor:
    """One explicit step of the heat equation on a grid with fixed edges.

    Every inner point becomes ``u + r * (north + south + west + east - 4 * u)``, computed in
    float32; the points on the edge keep their value.

    Args:
        u: ``(h, w)``, the temperatures; floating point, any strides.
        r: The diffusion number ``alpha * dt / dx**2``; the scheme is stable up to 1/4.

    Returns:
        ``(h, w)``, the dtype of ``u``: the temperatures one step later.
    """
    v = u.float()
    after = v.clone()
    vertical = v[:-2, 1:-1] + v[2:, 1:-1]
    horizontal = v[1:-1, :-2] + v[1:-1, 2:]
    inner = v[1:-1, 1:-1]
    after[1:-1, 1:-1] = inner + r * (vertical + horizontal - 4 * inner)
    return after.to(u.dtype)
