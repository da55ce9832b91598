"""Product with a weight matrix of packed four-bit integers."""

import torch

from pytest_tritonbench import dim, integers, task, tensor, uniform


@task(
    inputs={
        "x": tensor("m", "groups*group_size"),
        "packed": integers("groups*group_size//2", "n", low=0, high=256, dtype="uint8"),
        "scales": tensor("groups", "n", values=uniform(0.005, 0.05)),
        "zeros": integers("groups", "n", low=0, high=16, dtype="uint8"),
    },
    dims={
        "m": dim(1, 70),
        "n": dim(1, 140),
        "groups": dim(1, 4),
        "group_size": dim(among=(32, 64, 96, 128)),
    },
    cases=[
        {"m": 16, "n": 32, "groups": 2, "group_size": 64},
        {"m": 17, "n": 47, "groups": 3, "group_size": 32},
        {"m": 1, "n": 70, "groups": 1, "group_size": 128},
    ],
    sweep=[
        {"m": m, "n": 4096, "groups": 32, "group_size": 128, "dtype": "float16"}
        for m in (1, 16, 64, 256, 2048)
    ],
    flops=lambda m, n, groups, group_size: 2 * m * n * groups * group_size,
)
def int4_matmul(
    x: torch.Tensor, packed: torch.Tensor, scales: torch.Tensor, zeros: torch.Tensor
) -> torch.Tensor:
    """Product with a weight matrix of four-bit codes, two to a byte, with scales and zeros.

    Args:
        x: ``(m, k)``, floating point, any strides.
        packed: ``(k // 2, n)``, uint8: row ``i`` holds the codes of weight row ``2 * i`` in its
            low nibbles and those of row ``2 * i + 1`` in its high nibbles.
        scales: ``(groups, n)``, the dtype of ``x``: the scale of each column in each group of
            ``k // groups`` consecutive rows, a multiple of 32.
        zeros: ``(groups, n)``, uint8, less than 16: the code that stands for zero, likewise.

    Returns:
        ``(m, n)``, the dtype of ``x``: ``x @ ((codes - zeros) * scales)``.
    """
    codes = torch.stack((packed & 15, packed >> 4), dim=1).flatten(0, 1)
    group_size = x.shape[1] // scales.shape[0]
    scale = scales.float().repeat_interleave(group_size, dim=0)
    zero = zeros.float().repeat_interleave(group_size, dim=0)
    return x @ ((codes.float() - zero) * scale).to(x.dtype)
