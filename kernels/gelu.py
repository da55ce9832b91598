"""Gaussian error linear unit (Hendrycks and Gimpel, arXiv:1606.08415).

Both forms are computed as ``x`` times a logistic function, ``x / (1 + exp2(x * q(x * x)))``, which
has no cancellation for negative ``x``. In the tanh form ``q`` is a straight line, and nothing is
approximated further. In the exact form it is a polynomial fitted to the log-odds of the normal
distribution function, ``log2(Phi(-x) / Phi(x)) / x``: down to -5 the result is off by 1.1e-4 of
itself at most, a quarter of float16's rounding, and below by 5e-9. It takes a fraction of the time
of ``erf``, which is slower than the memory; float32 keeps ``erf``. A dense tensor of any layout is
walked as flat memory; other strides go through tiles of a matrix.
"""

import torch
import triton
import triton.language as tl

TILE = 2048  # elements of a program


@triton.jit
def _activate(x, TANH: tl.constexpr, ERF: tl.constexpr):
    """The unit of float32 ``x``."""
    if ERF:
        # 0.70710678 = 1 / sqrt(2)
        y = 0.5 * x * (1.0 + tl.erf(x * 0.7071067811865476))
    else:
        s = x * x
        if TANH:
            # -2.3022082 = -2 * sqrt(2 / pi) * log2(e), and 0.044715 of it
            q = -2.302208198 - 0.1029432407 * s
        else:
            # The fit ends at |x| = 5.8, where half precision has all but reached 0 or x.
            s = tl.minimum(s, 33.6)
            q = 2.93733859e-11 * s - 4.23864228e-9
            q = q * s + 2.50914561e-7
            q = q * s - 7.65891255e-6
            q = q * s + 1.12679055e-4
            q = q * s + 3.65969941e-4
            q = q * s - 0.10549942
            q = q * s - 2.301749
        y = x / (1.0 + tl.exp2(x * q))
    return y


@triton.jit
def _gelu_dense(
    x_ptr,
    out_ptr,
    size,
    TANH: tl.constexpr,
    ERF: tl.constexpr,
    BLOCK: tl.constexpr,
):
    start = tl.program_id(0).to(tl.int64) * BLOCK
    offsets = tl.arange(0, BLOCK)
    # Only the start of a block takes 64 bits: the comparison of every element is a 32-bit one.
    mask = offsets < tl.minimum(size - start, BLOCK).to(tl.int32)
    x = tl.load(x_ptr + start + offsets, mask=mask, other=0.0).to(tl.float32)
    y = _activate(x, TANH, ERF)
    tl.store(out_ptr + start + offsets, y.to(out_ptr.dtype.element_ty), mask=mask)


@triton.jit
def _gelu(
    x_ptr,
    out_ptr,
    m,
    n,
    x_stride_m,
    x_stride_n,
    TANH: tl.constexpr,
    ERF: tl.constexpr,
    BLOCK_M: tl.constexpr,
    BLOCK_N: tl.constexpr,
):
    tiles_n = tl.cdiv(n, BLOCK_N)
    pid = tl.program_id(0)
    rows = (pid // tiles_n).to(tl.int64) * BLOCK_M + tl.arange(0, BLOCK_M)[:, None]
    cols = (pid % tiles_n).to(tl.int64) * BLOCK_N + tl.arange(0, BLOCK_N)[None, :]
    mask = (rows < m) & (cols < n)
    x = tl.load(x_ptr + rows * x_stride_m + cols * x_stride_n, mask=mask, other=0.0).to(tl.float32)
    y = _activate(x, TANH, ERF)
    tl.store(out_ptr + rows * n + cols, y.to(out_ptr.dtype.element_ty), mask=mask)


def _tile(m: int, n: int) -> tuple[int, int]:
    """Return the sides of a tile of at most ``TILE`` elements, square-ish where the matrix is."""
    block_m = min(triton.next_power_of_2(m), 32)
    block_n = min(triton.next_power_of_2(n), TILE // block_m)
    return min(triton.next_power_of_2(m), TILE // block_n), block_n


def gelu(x: torch.Tensor, approximate: str = "none") -> torch.Tensor:
    """Gaussian error linear unit, exact or in its tanh approximation.

    Args:
        x: Any shape, any strides; float16, bfloat16 or float32.
        approximate: ``"none"`` for ``x * Phi(x)`` with the normal distribution function,
            ``"tanh"`` for its approximation.

    Returns:
        The shape and dtype of ``x``, computed in float32.

    Raises:
        ValueError: If ``approximate`` is neither ``"none"`` nor ``"tanh"``.
    """
    if approximate not in {"none", "tanh"}:
        raise ValueError(f"approximate is {approximate!r}; expected 'none' or 'tanh'")
    out = torch.empty_like(x)
    if out.numel() == 0:
        return out
    tanh = approximate == "tanh"
    form = {"TANH": tanh, "ERF": not tanh and x.dtype == torch.float32}
    if x.stride() == out.stride():
        _gelu_dense[(triton.cdiv(out.numel(), TILE),)](x, out, out.numel(), **form, BLOCK=TILE)
        return out
    out = torch.empty_like(x, memory_format=torch.contiguous_format)
    m, n = out.numel() // out.shape[-1], out.shape[-1]
    x = x.reshape(m, n)
    block_m, block_n = _tile(m, n)
    grid = (triton.cdiv(m, block_m) * triton.cdiv(n, block_n),)
    _gelu[grid](x, out, m, n, *x.stride(), **form, BLOCK_M=block_m, BLOCK_N=block_n)
    return out
