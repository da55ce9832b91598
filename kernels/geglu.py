"""GELU-gated linear unit on two projections (Shazeer, arXiv:2002.05202).

The gate's activation never reaches memory. Operands that share one dense layout are walked as flat
memory; other strides go through tiles of a matrix.
"""

import torch
import triton
import triton.language as tl

TILE = 2048


@triton.jit
def _geglu(
    gate_ptr,
    up_ptr,
    out_ptr,
    m,
    n,
    gate_stride_m,
    gate_stride_n,
    up_stride_m,
    up_stride_n,
    TANH: tl.constexpr,
    BLOCK_M: tl.constexpr,
    BLOCK_N: tl.constexpr,
):
    tiles_n = tl.cdiv(n, BLOCK_N)
    pid = tl.program_id(0)
    rows = (pid // tiles_n).to(tl.int64) * BLOCK_M + tl.arange(0, BLOCK_M)[:, None]
    cols = (pid % tiles_n).to(tl.int64) * BLOCK_N + tl.arange(0, BLOCK_N)[None, :]
    mask = (rows < m) & (cols < n)
    gate_ptrs = gate_ptr + rows * gate_stride_m + cols * gate_stride_n
    up_ptrs = up_ptr + rows * up_stride_m + cols * up_stride_n
    gate = tl.load(gate_ptrs, mask=mask, other=0.0).to(tl.float32)
    up = tl.load(up_ptrs, mask=mask, other=0.0).to(tl.float32)
    if TANH:
        # x * sigmoid(2u) is x * (1 + tanh(u)) / 2 without its cancellation;
        # 1.5957691 = 2 * sqrt(2 / pi)
        activated = gate * tl.sigmoid(1.5957691216057308 * (gate + 0.044715 * gate * gate * gate))
    else:
        # 0.70710678 = 1 / sqrt(2)
        activated = 0.5 * gate * (1.0 + tl.erf(gate * 0.7071067811865476))
    y = activated * up
    tl.store(out_ptr + rows * n + cols, y.to(out_ptr.dtype.element_ty), mask=mask)


def _tile(m: int, n: int) -> tuple[int, int]:
    """Return the sides of a tile of at most ``TILE`` elements, square-ish where the matrix is."""
    block_m = min(triton.next_power_of_2(m), 32)
    block_n = min(triton.next_power_of_2(n), TILE // block_m)
    return min(triton.next_power_of_2(m), TILE // block_n), block_n


def geglu(gate: torch.Tensor, up: torch.Tensor, approximate: str = "none") -> torch.Tensor:
    """Multiply one projection by the GELU of the other.

    Args:
        gate: Any shape, any strides; float16, bfloat16 or float32.
        up: The shape, dtype and device of ``gate``, any strides.
        approximate: ``"none"`` for the exact GELU, ``"tanh"`` for its approximation.

    Returns:
        The shape and dtype of ``gate``, ``gelu(gate) * up`` computed in float32.

    Raises:
        ValueError: If the operands differ in shape, dtype or device, or ``approximate`` is unknown.
    """
    if approximate not in {"none", "tanh"}:
        raise ValueError(f"approximate is {approximate!r}; expected 'none' or 'tanh'")
    if (gate.shape, gate.dtype, gate.device) != (up.shape, up.dtype, up.device):
        raise ValueError(
            f"gate is {tuple(gate.shape)} {gate.dtype} on {gate.device}, "
            f"but up is {tuple(up.shape)} {up.dtype} on {up.device}"
        )
    out = torch.empty_like(gate)
    if out.numel() == 0:
        return out
    if gate.stride() == up.stride() == out.stride():
        m, n = 1, out.numel()
        strides = [n, 1] * 2
        block_m, block_n = 1, TILE
    else:
        out = torch.empty_like(gate, memory_format=torch.contiguous_format)
        m, n = out.numel() // out.shape[-1], out.shape[-1]
        gate, up = gate.reshape(m, n), up.reshape(m, n)
        strides = [*gate.stride(), *up.stride()]
        block_m, block_n = _tile(m, n)
    grid = (triton.cdiv(m, block_m) * triton.cdiv(n, block_n),)
    tanh = approximate == "tanh"
    _geglu[grid](gate, up, out, m, n, *strides, TANH=tanh, BLOCK_M=block_m, BLOCK_N=block_n)
    return out
