"""One explicit step of the two-dimensional heat equation.

Forward in time, central in space: every inner point moves towards the mean of its four neighbours;
the points on the edge are held (Dirichlet). A thread owns quads of neighbours in a row, so that it
loads 16 bytes at a time and finds most western and eastern neighbours in its own registers; the
rows above and below come from L1. Stable for ``r <= 1/4`` (Courant, Friedrichs and Lewy, 1928).
"""

import torch
import triton
import triton.language as tl

BLOCK_H, BLOCK_W = 8, 512  # points of a program


@triton.jit
def _heat_step_kernel(
    u_ptr,
    out_ptr,
    r,
    H,
    W,
    stride_h,
    stride_w,
    stride_oh,
    BLOCK_H: tl.constexpr,
    BLOCK_W: tl.constexpr,
):
    blocks_w = tl.cdiv(W, BLOCK_W)
    # j is the first column of a quad, cols are its four.
    j = (tl.program_id(0) % blocks_w) * BLOCK_W + tl.arange(0, BLOCK_W // 4)[:, None] * 4
    i = (tl.program_id(0) // blocks_w) * BLOCK_H + tl.arange(0, BLOCK_H)[None, :]
    cols = j[:, :, None] + tl.arange(0, 4)[None, None, :]
    rows = i[:, :, None]
    inside = (rows < H) & (cols < W)
    inner_row = (i > 0) & (i < H - 1)
    inner = inner_row[:, :, None] & (cols > 0) & (cols < W - 1)
    step_h = tl.cast(stride_h, tl.int64)
    step_w = tl.cast(stride_w, tl.int64)
    ptrs = u_ptr + rows * step_h + cols * step_w
    quad_ptrs = u_ptr + i * step_h + j * step_w

    here = tl.load(ptrs, mask=inside, other=0.0).to(tl.float32)
    # A mask that agrees within a quad leaves it one load; the outer columns are discarded below.
    beside = inner_row[:, :, None] & (cols < W)
    north = tl.load(ptrs - step_h, mask=beside, other=0.0).to(tl.float32)
    south = tl.load(ptrs + step_h, mask=beside, other=0.0).to(tl.float32)
    before = tl.load(quad_ptrs - step_w, mask=inner_row & (j > 0) & (j < W), other=0.0)
    behind = tl.load(quad_ptrs + 4 * step_w, mask=inner_row & (j + 4 < W), other=0.0)
    # Within a quad the neighbours are the quad's own numbers, one place on.
    even, odd = tl.split(tl.reshape(here, [BLOCK_W // 4, BLOCK_H, 2, 2]))
    h0, h2 = tl.split(even)
    h1, h3 = tl.split(odd)
    west = tl.join(tl.join(before.to(tl.float32), h1), tl.join(h0, h2))
    east = tl.join(tl.join(h1, h3), tl.join(h2, behind.to(tl.float32)))
    sideways = tl.reshape(west + east, [BLOCK_W // 4, BLOCK_H, 4])
    moved = here + r * ((north + south) + sideways - 4.0 * here)
    after = tl.where(inner, moved, here)
    out_ptrs = out_ptr + rows.to(tl.int64) * stride_oh + cols
    tl.store(out_ptrs, after.to(out_ptr.dtype.element_ty), mask=inside)


def heat_step(u: torch.Tensor, r: float) -> torch.Tensor:
    """One explicit step of the heat equation on a grid with fixed edges.

    Args:
        u: ``(h, w)``, the temperatures; float32, float16 or bfloat16, any strides.
        r: The diffusion number ``alpha * dt / dx**2``; the scheme is stable up to 1/4.

    Returns:
        ``(h, w)``, contiguous, the dtype of ``u``: the temperatures one step later.

    Raises:
        ValueError: ``u`` is not a matrix.
    """
    if u.ndim != 2:
        raise ValueError(f"expected a grid (h, w), got shape {tuple(u.shape)}")
    h, w = u.shape
    out = torch.empty((h, w), device=u.device, dtype=u.dtype)
    if out.numel() == 0:
        return out

    _heat_step_kernel[(triton.cdiv(h, BLOCK_H) * triton.cdiv(w, BLOCK_W),)](
        u, out, r, h, w, *u.stride(), out.stride(0), BLOCK_H=BLOCK_H, BLOCK_W=BLOCK_W
    )
    return out
