"""Root mean square normalisation, forward and backward (Zhang and Sennrich, arXiv:1910.07467).

With ``r = rsqrt(mean(x**2) + eps)`` the output is ``x * r * weight``. The forward keeps ``r``, one
number a row. The backward reads every row once for both gradients: a program walks over many rows,
writes ``dx = r * (g - x * r**2 * mean(g * x))`` for ``g = dy * weight``, and keeps its share of
``dweight = sum(dy * x * r)`` in registers until its last row; the shares are added afterwards,
without atomics, so that the result does not depend on the order of programs. Where a row takes all
warps that a multiprocessor has at work, a program of the forward walks over many rows as well, the
next ones being on their way meanwhile. Rows too wide for registers are read twice, and their weight
gradient is a pass of its own.
"""

from typing import Any

import torch
import triton
import triton.language as tl
from torch.autograd.function import once_differentiable

MAX_FORWARD_TILE = 16384  # elements that a forward program holds in registers without spilling
WALKING_WARPS = 32  # of one that walks over rows so wide, with a multiprocessor to itself
STAGES = 3  # one row is reduced while two are on their way
MAX_BACKWARD_TILE = 8192  # the same for the four or five rows that a backward step holds at once
CHUNK = 4096  # elements that a program reads at a time from wider rows
PROGRAMS = 132  # enough to occupy an H100 or H200; more only if each still gets plenty of rows


@triton.jit
def _forward(
    x_ptr,
    weight_ptr,
    out_ptr,
    rstd_ptr,
    m,
    n,
    x_stride,
    eps,
    BLOCK_M: tl.constexpr,
    BLOCK_N: tl.constexpr,
):
    rows = tl.program_id(0).to(tl.int64) * BLOCK_M + tl.arange(0, BLOCK_M)
    cols = tl.arange(0, BLOCK_N)[None, :]
    mask = (rows < m)[:, None] & (cols < n)
    x = tl.load(x_ptr + rows[:, None] * x_stride + cols, mask=mask, other=0.0).to(tl.float32)
    weight = tl.load(weight_ptr + cols, mask=cols < n, other=0.0).to(tl.float32)
    rstd = tl.rsqrt(tl.sum(x * x, 1) / n + eps)
    tl.store(rstd_ptr + rows, rstd, mask=rows < m)
    y = x * rstd[:, None] * weight
    tl.store(out_ptr + rows[:, None] * n + cols, y.to(out_ptr.dtype.element_ty), mask=mask)


@triton.jit
def _forward_walking(
    x_ptr,
    weight_ptr,
    out_ptr,
    rstd_ptr,
    m,
    n,
    x_stride,
    eps,
    BLOCK_N: tl.constexpr,
    STAGES: tl.constexpr,
):
    cols = tl.arange(0, BLOCK_N)
    mask = cols < n
    weight = tl.load(weight_ptr + cols, mask=mask, other=0.0).to(tl.float32)
    for number in tl.range(tl.program_id(0), m, tl.num_programs(0), num_stages=STAGES):
        row = tl.cast(number, tl.int64)
        x = tl.load(x_ptr + row * x_stride + cols, mask=mask, other=0.0).to(tl.float32)
        rstd = tl.rsqrt(tl.sum(x * x) / n + eps)
        tl.store(rstd_ptr + row, rstd)
        y = x * rstd * weight
        tl.store(out_ptr + row * n + cols, y.to(out_ptr.dtype.element_ty), mask=mask)


@triton.jit
def _forward_wide(
    x_ptr,
    weight_ptr,
    out_ptr,
    rstd_ptr,
    n,
    x_stride,
    eps,
    BLOCK_N: tl.constexpr,
):
    row = tl.program_id(0).to(tl.int64)
    x_ptr += row * x_stride
    out_ptr += row * n
    squares = tl.zeros([BLOCK_N], tl.float32)
    for start in range(0, n, BLOCK_N):
        cols = start + tl.arange(0, BLOCK_N)
        x = tl.load(x_ptr + cols, mask=cols < n, other=0.0).to(tl.float32)
        squares += x * x
    rstd = tl.rsqrt(tl.sum(squares) / n + eps)
    tl.store(rstd_ptr + row, rstd)
    for start in range(0, n, BLOCK_N):
        cols = start + tl.arange(0, BLOCK_N)
        x = tl.load(x_ptr + cols, mask=cols < n, other=0.0).to(tl.float32)
        weight = tl.load(weight_ptr + cols, mask=cols < n, other=0.0).to(tl.float32)
        tl.store(out_ptr + cols, (x * rstd * weight).to(out_ptr.dtype.element_ty), mask=cols < n)


@triton.jit
def _backward(
    grad_ptr,
    x_ptr,
    weight_ptr,
    rstd_ptr,
    dx_ptr,
    dweight_ptr,
    m,
    n,
    grad_stride,
    x_stride,
    BLOCK_M: tl.constexpr,
    BLOCK_N: tl.constexpr,
):
    pid = tl.program_id(0)
    cols = tl.arange(0, BLOCK_N)[None, :]
    weight = tl.load(weight_ptr + cols, mask=cols < n, other=0.0).to(tl.float32)
    dweight = tl.zeros([BLOCK_M, BLOCK_N], tl.float32)
    for tile in range(pid, tl.cdiv(m, BLOCK_M), tl.num_programs(0)):
        rows = (tile * BLOCK_M + tl.arange(0, BLOCK_M)).to(tl.int64)[:, None]
        mask = (rows < m) & (cols < n)
        grad = tl.load(grad_ptr + rows * grad_stride + cols, mask=mask, other=0.0).to(tl.float32)
        x = tl.load(x_ptr + rows * x_stride + cols, mask=mask, other=0.0).to(tl.float32)
        rstd = tl.load(rstd_ptr + rows, mask=rows < m, other=0.0)
        x *= rstd
        dweight += grad * x
        grad *= weight
        projection = tl.sum(grad * x, 1)[:, None] / n
        dx = rstd * (grad - x * projection)
        tl.store(dx_ptr + rows * n + cols, dx.to(dx_ptr.dtype.element_ty), mask=mask)
    out = dweight_ptr + pid.to(tl.int64) * n + tl.arange(0, BLOCK_N)
    tl.store(out, tl.sum(dweight, 0), mask=tl.arange(0, BLOCK_N) < n)


@triton.jit
def _backward_wide_x(
    grad_ptr,
    x_ptr,
    weight_ptr,
    rstd_ptr,
    dx_ptr,
    n,
    grad_stride,
    x_stride,
    BLOCK_N: tl.constexpr,
):
    row = tl.program_id(0).to(tl.int64)
    grad_ptr += row * grad_stride
    x_ptr += row * x_stride
    dx_ptr += row * n
    rstd = tl.load(rstd_ptr + row)
    products = tl.zeros([BLOCK_N], tl.float32)
    for start in range(0, n, BLOCK_N):
        cols = start + tl.arange(0, BLOCK_N)
        grad = tl.load(grad_ptr + cols, mask=cols < n, other=0.0).to(tl.float32)
        x = tl.load(x_ptr + cols, mask=cols < n, other=0.0).to(tl.float32) * rstd
        weight = tl.load(weight_ptr + cols, mask=cols < n, other=0.0).to(tl.float32)
        products += grad * weight * x
    projection = tl.sum(products) / n
    for start in range(0, n, BLOCK_N):
        cols = start + tl.arange(0, BLOCK_N)
        grad = tl.load(grad_ptr + cols, mask=cols < n, other=0.0).to(tl.float32)
        x = tl.load(x_ptr + cols, mask=cols < n, other=0.0).to(tl.float32) * rstd
        weight = tl.load(weight_ptr + cols, mask=cols < n, other=0.0).to(tl.float32)
        dx = rstd * (grad * weight - x * projection)
        tl.store(dx_ptr + cols, dx.to(dx_ptr.dtype.element_ty), mask=cols < n)


@triton.jit
def _backward_wide_weight(
    grad_ptr,
    x_ptr,
    rstd_ptr,
    dweight_ptr,
    m,
    n,
    grad_stride,
    x_stride,
    BLOCK_M: tl.constexpr,
    BLOCK_N: tl.constexpr,
):
    share = tl.program_id(1)
    cols = tl.program_id(0) * BLOCK_N + tl.arange(0, BLOCK_N)
    dweight = tl.zeros([BLOCK_M, BLOCK_N], tl.float32)
    for start in range(share * BLOCK_M, m, tl.num_programs(1) * BLOCK_M):
        rows = (start + tl.arange(0, BLOCK_M)).to(tl.int64)[:, None]
        mask = (rows < m) & (cols < n)[None, :]
        grad_ptrs = grad_ptr + rows * grad_stride + cols[None, :]
        grad = tl.load(grad_ptrs, mask=mask, other=0.0).to(tl.float32)
        x = tl.load(x_ptr + rows * x_stride + cols[None, :], mask=mask, other=0.0).to(tl.float32)
        rstd = tl.load(rstd_ptr + rows, mask=rows < m, other=0.0)
        dweight += grad * x * rstd
    tl.store(dweight_ptr + share.to(tl.int64) * n + cols, tl.sum(dweight, 0), mask=cols < n)


def _warps(elements: int) -> int:
    """Return the warps for a tile of so many elements: 16 a thread where there are many."""
    return min(max(elements // 512, 4), 32)


def _rows(x: torch.Tensor) -> torch.Tensor:
    """Return ``x`` as a matrix whose rows are dense, copied only if they are not."""
    rows = x.reshape(-1, x.shape[-1])
    return rows if rows.stride(1) == 1 else rows.contiguous()


def _normalise(
    x: torch.Tensor, weight: torch.Tensor, eps: float
) -> tuple[torch.Tensor, torch.Tensor]:
    m, n = x.shape
    out = torch.empty((m, n), dtype=x.dtype, device=x.device)
    rstd = torch.empty(m, dtype=torch.float32, device=x.device)
    block_n = max(triton.next_power_of_2(n), 16)
    if m == 0:
        return out, rstd
    if block_n == MAX_FORWARD_TILE:
        _forward_walking[(min(m, PROGRAMS),)](
            x,
            weight,
            out,
            rstd,
            m,
            n,
            x.stride(0),
            eps,
            BLOCK_N=block_n,
            STAGES=STAGES,
            num_warps=WALKING_WARPS,
        )
    elif block_n < MAX_FORWARD_TILE:
        block_m = min(max(2048 // block_n, 1), triton.next_power_of_2(m))
        _forward[(triton.cdiv(m, block_m),)](
            x,
            weight,
            out,
            rstd,
            m,
            n,
            x.stride(0),
            eps,
            BLOCK_M=block_m,
            BLOCK_N=block_n,
            num_warps=_warps(block_m * block_n),
        )
    else:
        _forward_wide[(m,)](
            x, weight, out, rstd, n, x.stride(0), eps, BLOCK_N=CHUNK, num_warps=_warps(CHUNK)
        )
    return out, rstd


def _gradients(
    grad: torch.Tensor, x: torch.Tensor, weight: torch.Tensor, rstd: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    m, n = x.shape
    dx = torch.empty((m, n), dtype=x.dtype, device=x.device)
    if m == 0:
        return dx, torch.zeros_like(weight)
    block_n = max(triton.next_power_of_2(n), 16)
    if block_n <= MAX_BACKWARD_TILE:
        # At most 32: the fewer rows are added up one by one, the less their rounding errors grow.
        block_m = min(max(2048 // block_n, 1), 32, triton.next_power_of_2(m))
        warps = _warps(block_m * block_n)
        most = max(PROGRAMS, min(PROGRAMS * 16 // warps, m // 16))
        programs = min(triton.cdiv(m, block_m), most)
        shares = torch.empty((programs, n), dtype=torch.float32, device=x.device)
        _backward[(programs,)](
            grad,
            x,
            weight,
            rstd,
            dx,
            shares,
            m,
            n,
            grad.stride(0),
            x.stride(0),
            BLOCK_M=block_m,
            BLOCK_N=block_n,
            num_warps=warps,
        )
    else:
        strides = grad.stride(0), x.stride(0)
        _backward_wide_x[(m,)](
            grad, x, weight, rstd, dx, n, *strides, BLOCK_N=CHUNK, num_warps=_warps(CHUNK)
        )
        block_m = min(32, triton.next_power_of_2(m))
        block_n = CHUNK // block_m
        programs = min(triton.cdiv(m, block_m), 16)
        shares = torch.empty((programs, n), dtype=torch.float32, device=x.device)
        _backward_wide_weight[(triton.cdiv(n, block_n), programs)](
            grad, x, rstd, shares, m, n, *strides, BLOCK_M=block_m, BLOCK_N=block_n, num_warps=8
        )
    return dx, shares.sum(0).to(weight.dtype)


class _RMSNorm(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: torch.Tensor, weight: torch.Tensor, eps: float) -> torch.Tensor:
        rows, weight = _rows(x), weight.contiguous()
        out, rstd = _normalise(rows, weight, eps)
        ctx.save_for_backward(rows, weight, rstd)
        return out.view(x.shape)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, None]:
        dx, dweight = _gradients(_rows(grad), *ctx.saved_tensors)
        return dx.view(grad.shape), dweight, None


def rms_norm(x: torch.Tensor, weight: torch.Tensor, eps: float = 1e-6) -> torch.Tensor:
    """Divide rows by their root mean square and scale the columns; differentiable.

    Args:
        x: ``(..., n)`` with ``n >= 1``, any strides; float16, bfloat16 or float32.
        weight: ``(n,)``, on the device of ``x``.
        eps: Added to the mean square.

    Returns:
        The shape and dtype of ``x``, computed in float32.

    Raises:
        ValueError: If ``weight`` has not the size of the last dimension of ``x``.
    """
    if x.shape[-1] == 0 or weight.shape != x.shape[-1:]:
        raise ValueError(f"weight {tuple(weight.shape)} does not fit rows of {tuple(x.shape)}")
    return _RMSNorm.apply(x, weight, eps)
