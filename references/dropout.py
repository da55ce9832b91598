"""Dropout with a seed."""

import math
from typing import Any

import torch

from pytest_tritonbench import dim, integer, number, task, tensor

_NEVER = 1e-10  # a right answer is refused with about this probability


def _surprising(successes: torch.Tensor, chance: float) -> bool:
    """Whether independent trials are too far from ``chance`` (Bernstein's inequality)."""
    trials = successes.numel()
    odds = math.log(2 / _NEVER)
    spread = 2 * odds * trials * chance * (1 - chance)
    allowed = odds / 3 + math.sqrt(odds**2 / 9 + spread) if 0 < chance < 1 else 0.0
    return abs(int(successes.sum()) - trials * chance) > allowed


def _longest_run(kept: torch.Tensor) -> int:
    """Length of the longest stretch of neighbours that are all kept or all dropped."""
    changes = torch.nonzero(kept[1:] != kept[:-1]).flatten()
    ends = torch.tensor([-1, kept.numel() - 1], device=kept.device)
    return int(torch.cat([ends[:1], changes, ends[1:]]).diff().max())


def is_dropout(inputs: dict[str, Any], output: torch.Tensor) -> str | None:
    """Every element is zero or scaled, and which of them looks like independent coin tosses."""
    x, p = inputs["x"], inputs["p"]
    info = torch.finfo(x.dtype)
    wanted = (x.double() / (1 - p) if p < 1 else torch.zeros_like(x).double()).to(x.dtype)
    kept = output != 0
    off = (output.double() - wanted.double()).abs()
    allowed = 2 * info.eps * (wanted.double().abs() + info.smallest_normal)
    if bool((kept & (output != wanted) & ~(off <= allowed)).any()):
        return "an element is neither 0 nor x / (1 - p)"
    # Where x is 0 nobody can tell whether it was kept.
    visible = kept[x != 0]
    if _surprising(visible, 1 - p):
        share = float(visible.float().mean())
        return f"a share of {share:.4f} of the elements is kept; 1 - p is {1 - p:.4f}"
    likelier = max(p, 1 - p)
    if likelier < 1 and visible.numel():
        run = _longest_run(visible)
        if run > math.log(visible.numel() / _NEVER) / -math.log(likelier):
            return f"{run} neighbours in a row are all kept or all dropped"
    even = visible.numel() // 2 * 2
    same = visible[:even:2] == visible[1:even:2]
    if _surprising(same, p**2 + (1 - p) ** 2):
        return "whether an element is kept depends on its neighbour in the row"
    pairs = x.shape[0] // 2 * 2
    both = (x[:pairs:2] != 0) & (x[1:pairs:2] != 0)
    same = (kept[:pairs:2] == kept[1:pairs:2])[both]
    if _surprising(same, p**2 + (1 - p) ** 2):
        return "whether an element is kept depends on its neighbour in the column"
    return None


@task(
    inputs={"x": tensor("m", "n"), "p": number(0.0, 1.0), "mask_seed": integer(0, 2**31 - 1)},
    dims={"m": dim(0, 200)},
    cases=[
        {"m": 64, "n": 128, "p": 0.5, "mask_seed": 1},
        {"m": 17, "n": 257, "p": 0.1, "mask_seed": 2**31 - 1, "x": "transposed"},
        {"m": 2, "n": 3000, "p": 0.9, "mask_seed": 7},
        {"m": 3, "n": 5, "p": 1.0},
        {"m": 3, "n": 5, "p": 0.0},
    ],
    sweep=[{"m": 4096, "n": 2**k, "p": 0.1, "dtype": "bfloat16"} for k in range(8, 16)],
    flops=lambda m, n: m * n,
    check=is_dropout,
)
def dropout(x: torch.Tensor, p: float, mask_seed: int) -> torch.Tensor:
    """Zero each element with probability ``p`` and scale the others by ``1 / (1 - p)``.

    Args:
        x: ``(m, n)``, floating point, any strides.
        p: Probability in ``[0, 1]`` that an element is dropped, independently of the others.
        mask_seed: Decides, with the shape, which elements are dropped.

    Returns:
        ``(m, n)``, the dtype of ``x``; all zeros if ``p`` is 1.
    """
    generator = torch.Generator(x.device).manual_seed(mask_seed)
    kept = torch.rand(x.shape, generator=generator, device=x.device) >= p
    return torch.where(kept, x / (1 - p) if p < 1 else 0.0, 0.0).to(x.dtype)
