"""One explicit step of the two-dimensional heat equation.

Forward in time, central in space: every inner point moves towards the mean of its four neighbours;
the points on the edge are held (Dirichlet). A tile reads each of its points once from memory, the
neighbours come from L1. Stable for ``r <= 1/4`` (Courant, Friedrichs and Lewy, 1928).
"""

import torch
import triton
import triton.language as tl


@triton.autotune(
    configs=[
        triton.Config({"BLOCK_H": 1, "BLOCK_W": 1024}, num_warps=4),
        triton.Config({"BLOCK_H": 4, "BLOCK_W": 256}, num_warps=4),
        triton.Config({"BLOCK_H": 8, "BLOCK_W": 128}, num_warps=4),
        triton.Config({"BLOCK_H": 16, "BLOCK_W": 128}, num_warps=8),
        triton.Config({"BLOCK_H": 32, "BLOCK_W": 32}, num_warps=4),
    ],
    key=["tuning_key"],
    prune_configs_by={
        # Below a million points the launch takes longer than the step.
        "early_config_prune": lambda configs, named_args, **_: (
            configs if named_args["H"] * named_args["W"] >= 1 << 20 else configs[-1:]
        )
    },
)
@triton.jit(do_not_specialize=["tuning_key"])
def _heat_step_kernel(
    u_ptr,
    out_ptr,
    r,
    H,
    W,
    stride_h,
    stride_w,
    stride_oh,
    tuning_key,  # noqa: ARG001 - read by the autotuner alone
    BLOCK_H: tl.constexpr,
    BLOCK_W: tl.constexpr,
):
    blocks_w = tl.cdiv(W, BLOCK_W)
    i = (tl.program_id(0) // blocks_w) * BLOCK_H + tl.arange(0, BLOCK_H)[:, None]
    j = (tl.program_id(0) % blocks_w) * BLOCK_W + tl.arange(0, BLOCK_W)[None, :]
    inside = (i < H) & (j < W)
    inner = (i > 0) & (i < H - 1) & (j > 0) & (j < W - 1)
    step_h = tl.cast(stride_h, tl.int64)
    step_w = tl.cast(stride_w, tl.int64)
    ptrs = u_ptr + i * step_h + j * step_w

    here = tl.load(ptrs, mask=inside, other=0.0).to(tl.float32)
    north = tl.load(ptrs - step_h, mask=inner, other=0.0).to(tl.float32)
    south = tl.load(ptrs + step_h, mask=inner, other=0.0).to(tl.float32)
    west = tl.load(ptrs - step_w, mask=inner, other=0.0).to(tl.float32)
    east = tl.load(ptrs + step_w, mask=inner, other=0.0).to(tl.float32)
    moved = here + r * ((north + south) + (west + east) - 4.0 * here)
    after = tl.where(inner, moved, here)
    out_ptrs = out_ptr + i.to(tl.int64) * stride_oh + j
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

    def grid(meta):
        return (triton.cdiv(h, meta["BLOCK_H"]) * triton.cdiv(w, meta["BLOCK_W"]),)

    # Sizes that differ by less than a factor of two share a tuning.
    tuning_key = h.bit_length() << 8 | w.bit_length()
    _heat_step_kernel[grid](u, out, r, h, w, *u.stride(), out.stride(0), tuning_key)
    return out
