"""Embedding lookup with the gradient of the table.

The forward pass copies rows: a program moves a tile of several rows and a block of columns. The
backward pass adds every row of the gradient to its row of a float32 table with atomic adds, so half
precision tables lose nothing when a token is frequent; the padding row gets nothing.
"""

import torch
import triton
import triton.language as tl


@triton.jit
def _lookup(
    indices,
    weight,
    out,
    stride_row,
    stride_col,
    count,
    width,
    ROWS: tl.constexpr,
    BLOCK: tl.constexpr,
):
    slots = tl.program_id(0).to(tl.int64) * ROWS + tl.arange(0, ROWS)
    cols = (tl.program_id(1) * BLOCK + tl.arange(0, BLOCK)).to(tl.int64)
    rows = tl.load(indices + slots, mask=slots < count, other=0).to(tl.int64)
    inside = (slots[:, None] < count) & (cols[None, :] < width)
    values = tl.load(
        weight + rows[:, None] * stride_row + cols[None, :] * stride_col, mask=inside, other=0.0
    )
    tl.store(out + slots[:, None] * width + cols[None, :], values, mask=inside)


@triton.jit
def _accumulate(
    indices,
    grad,
    table,
    stride_row,
    stride_col,
    count,
    width,
    padding_idx,
    HAS_PADDING: tl.constexpr,
    ROWS: tl.constexpr,
    BLOCK: tl.constexpr,
):
    slots = tl.program_id(0).to(tl.int64) * ROWS + tl.arange(0, ROWS)
    cols = (tl.program_id(1) * BLOCK + tl.arange(0, BLOCK)).to(tl.int64)
    rows = tl.load(indices + slots, mask=slots < count, other=0).to(tl.int64)
    wanted = slots < count
    if HAS_PADDING:
        wanted = wanted & (rows != padding_idx)
    inside = wanted[:, None] & (cols[None, :] < width)
    values = tl.load(
        grad + slots[:, None] * stride_row + cols[None, :] * stride_col, mask=inside, other=0.0
    ).to(tl.float32)
    # The order of the additions does not matter to other programs: no fence is needed.
    tl.atomic_add(table + rows[:, None] * width + cols[None, :], values, mask=inside, sem="relaxed")


def _tile(width: int) -> tuple[int, int]:
    """Rows and columns of a program's tile: narrow rows share a program."""
    block = min(triton.next_power_of_2(width), 1024)
    return max(1, min(32, 2048 // block)), block


class _Embedding(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx, indices: torch.Tensor, weight: torch.Tensor, padding_idx: int | None
    ) -> torch.Tensor:
        width = weight.shape[1]
        flat = indices.reshape(-1).contiguous()
        out = torch.empty((*indices.shape, width), dtype=weight.dtype, device=weight.device)
        if out.numel():
            rows, block = _tile(width)
            _lookup[(triton.cdiv(flat.numel(), rows), triton.cdiv(width, block))](
                flat,
                weight,
                out,
                *weight.stride(),
                flat.numel(),
                width,
                ROWS=rows,
                BLOCK=block,
                num_warps=2,
            )
        ctx.save_for_backward(flat)
        ctx.table = weight.shape, weight.dtype
        ctx.padding_idx = padding_idx
        return out

    @staticmethod
    def backward(ctx, grad: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        (flat,) = ctx.saved_tensors
        shape, dtype = ctx.table
        width = shape[1]
        table = torch.zeros(shape, dtype=torch.float32, device=grad.device)
        if grad.numel():
            grad = grad.reshape(-1, width)
            rows, block = _tile(width)
            _accumulate[(triton.cdiv(flat.numel(), rows), triton.cdiv(width, block))](
                flat,
                grad,
                table,
                *grad.stride(),
                flat.numel(),
                width,
                0 if ctx.padding_idx is None else ctx.padding_idx % shape[0],
                HAS_PADDING=ctx.padding_idx is not None,
                ROWS=rows,
                BLOCK=block,
            )
        return None, table.to(dtype), None


def embedding(
    indices: torch.Tensor, weight: torch.Tensor, padding_idx: int | None = None
) -> torch.Tensor:
    """Look up rows of a table.

    Args:
        indices: Any shape, integers in ``[0, v)``; others are undefined.
        weight: ``(v, d)``, floating point, any strides.
        padding_idx: A row whose gradient stays zero; negative counts from the end.

    Returns:
        ``(*indices.shape, d)``, the dtype of ``weight``; differentiable in ``weight``.
    """
    return _Embedding.apply(indices, weight, padding_idx)
