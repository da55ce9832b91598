"""Matrix times vector.

The product is bound by reading the matrix once, so a program takes some rows and walks along them
with a tile of partial products in float32, adding across the tile only at the end. Which shape of
tile reads fastest depends on the sizes and on which dimension is contiguous; both are tuned for.
"""

import torch
import triton
import triton.language as tl


@triton.autotune(
    configs=[
        triton.Config({"BLOCK_M": 16, "BLOCK_N": 128}, num_warps=4),
        triton.Config({"BLOCK_M": 4, "BLOCK_N": 512}, num_warps=4),
        triton.Config({"BLOCK_M": 1, "BLOCK_N": 2048}, num_warps=4),
        triton.Config({"BLOCK_M": 2, "BLOCK_N": 2048}, num_warps=8),
        triton.Config({"BLOCK_M": 64, "BLOCK_N": 32}, num_warps=4),
        triton.Config({"BLOCK_M": 32, "BLOCK_N": 128}, num_warps=8),
    ],
    key=["m_class", "n_class", "rows_contiguous"],
)
@triton.jit(do_not_specialize=["m_class", "n_class", "rows_contiguous"])
def _matvec(
    a,
    x,
    out,
    stride_m,
    stride_n,
    stride_x,
    m,
    n,
    m_class,  # noqa: ARG001 - read by the autotuner alone
    n_class,  # noqa: ARG001 - read by the autotuner alone
    rows_contiguous,  # noqa: ARG001 - read by the autotuner alone
    BLOCK_M: tl.constexpr,
    BLOCK_N: tl.constexpr,
):
    rows = tl.program_id(0).to(tl.int64) * BLOCK_M + tl.arange(0, BLOCK_M)
    acc = tl.zeros([BLOCK_M, BLOCK_N], tl.float32)
    for start in range(0, n, BLOCK_N):
        cols = (start + tl.arange(0, BLOCK_N)).to(tl.int64)
        inside = (rows[:, None] < m) & (cols[None, :] < n)
        at = rows[:, None] * stride_m + cols[None, :] * stride_n
        tile = tl.load(a + at, mask=inside, other=0.0).to(tl.float32)
        vector = tl.load(x + cols * stride_x, mask=cols < n, other=0.0).to(tl.float32)
        acc += tile * vector[None, :]
    tl.store(out + rows, tl.sum(acc, 1).to(out.dtype.element_ty), mask=rows < m)


def matvec(a: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
    """Product of a matrix and a vector, added up in float32.

    Args:
        a: ``(m, n)``, floating point, any strides.
        x: ``(n,)``, the dtype of ``a``, any stride.

    Returns:
        ``(m,)``, the dtype of ``a``.

    Raises:
        ValueError: If the sizes do not fit.
    """
    m, n = a.shape
    if x.shape != (n,):
        raise ValueError(f"a matrix of shape {(m, n)} needs a vector of ({n},), not {(*x.shape,)}")
    out = torch.empty(m, dtype=a.dtype, device=a.device)
    if m:
        _matvec[lambda tile: (triton.cdiv(m, tile["BLOCK_M"]),)](
            a,
            x,
            out,
            *a.stride(),
            x.stride(0),
            m,
            n,
            # One tuning for sizes within a factor of 16.
            m.bit_length() // 4,
            n.bit_length() // 4,
            int(a.stride(1) <= a.stride(0)),
        )
    return out
