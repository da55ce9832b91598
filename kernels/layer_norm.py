"""Layer normalisation, forward and backward (Ba, Kiros and Hinton, arXiv:1607.06450).

Mean and variance come from the corrected two-pass algorithm (Chan, Golub and LeVeque, "Algorithms
for computing the sample variance", 1983): the mean of what is left after subtracting the mean is
added to it, so that a row of equal numbers gives exactly its bias, however large the numbers are.
A program of the forward walks over many rows: weight and bias stay in registers, and the next rows
are on their way while it reduces one. Rows too wide for registers merge the moments of their
chunks. The backward reads every row once for all three gradients: a program walks over many rows,
writes their ``dx`` and keeps its share of the gradients of weight and bias in registers until its
last row; the shares are added afterwards, without atomics, so that the result does not depend on
the order of programs.
"""

from typing import Any

import torch
import triton
import triton.language as tl
from torch.autograd.function import once_differentiable

MAX_FORWARD_TILE = 16384  # elements that a forward program holds in registers without spilling
FORWARD_SHARE = 1024  # of these for each warp
FORWARD_WARPS = 16  # on each multiprocessor: few, since the rows on their way hide the waiting
FORWARD_STAGES = 3  # one tile is reduced while two are on their way
# An option that only NVIDIA's backend of Triton has.
MOST_REGISTERS = {} if torch.version.hip else {"maxnreg": 128}
MAX_BACKWARD_TILE = 8192  # elements of each of the five or six rows that a backward step holds
CHUNK = 4096  # elements that a program reads at a time from wider rows
PROGRAMS = 132  # enough to occupy an H100 or H200; more only if each still gets plenty of rows


@triton.jit
def _forward(
    x_ptr,
    weight_ptr,
    bias_ptr,
    out_ptr,
    mean_ptr,
    rstd_ptr,
    m,
    n,
    x_stride,
    eps,
    BLOCK_M: tl.constexpr,
    BLOCK_N: tl.constexpr,
    STAGES: tl.constexpr,
):
    cols = tl.arange(0, BLOCK_N)[None, :]
    weight = tl.load(weight_ptr + cols, mask=cols < n, other=0.0).to(tl.float32)
    bias = tl.load(bias_ptr + cols, mask=cols < n, other=0.0).to(tl.float32)
    tiles = tl.cdiv(m, BLOCK_M)
    for tile in tl.range(tl.program_id(0), tiles, tl.num_programs(0), num_stages=STAGES):
        rows = tl.cast(tile, tl.int64) * BLOCK_M + tl.arange(0, BLOCK_M)
        mask = (rows < m)[:, None] & (cols < n)
        x = tl.load(x_ptr + rows[:, None] * x_stride + cols, mask=mask, other=0.0).to(tl.float32)
        mean = tl.sum(x, 1) / n
        deviation = tl.where(mask, x - mean[:, None], 0.0)
        # Both sums in one go: the squares count what the mean lacks as well, so that is taken out.
        lacking = tl.sum(deviation, 1) / n
        variance = tl.sum(deviation * deviation, 1) / n - lacking * lacking
        mean += lacking
        # Not inf - inf, which a row of equal and very large numbers may leave.
        variance = tl.where(variance > 0.0, variance, 0.0)
        rstd = tl.rsqrt(variance + eps)
        tl.store(mean_ptr + rows, mean, mask=rows < m)
        tl.store(rstd_ptr + rows, rstd, mask=rows < m)
        y = (x - mean[:, None]) * rstd[:, None] * weight + bias
        tl.store(out_ptr + rows[:, None] * n + cols, y.to(out_ptr.dtype.element_ty), mask=mask)


@triton.jit
def _forward_wide(
    x_ptr,
    weight_ptr,
    bias_ptr,
    out_ptr,
    mean_ptr,
    rstd_ptr,
    n,
    x_stride,
    eps,
    BLOCK_N: tl.constexpr,
):
    row = tl.program_id(0).to(tl.int64)
    x_ptr += row * x_stride
    out_ptr += row * n
    mean = 0.0
    squares = 0.0
    for start in range(0, n, BLOCK_N):
        cols = start + tl.arange(0, BLOCK_N)
        x = tl.load(x_ptr + cols, mask=cols < n, other=0.0).to(tl.float32)
        count = tl.minimum(n - start, BLOCK_N).to(tl.float32)
        chunk_mean = tl.sum(x) / count
        chunk_mean += tl.sum(tl.where(cols < n, x - chunk_mean, 0.0)) / count
        x = tl.where(cols < n, x - chunk_mean, 0.0)
        # Moments of the row so far and of this chunk become those of both.
        delta = chunk_mean - mean
        share = tl.div_rn(count, start + count)
        mean += delta * share
        squares += tl.sum(x * x) + delta * delta * share * start
    rstd = tl.rsqrt(squares / n + eps)
    tl.store(mean_ptr + row, mean)
    tl.store(rstd_ptr + row, rstd)
    for start in range(0, n, BLOCK_N):
        cols = start + tl.arange(0, BLOCK_N)
        x = tl.load(x_ptr + cols, mask=cols < n, other=0.0).to(tl.float32)
        weight = tl.load(weight_ptr + cols, mask=cols < n, other=0.0).to(tl.float32)
        bias = tl.load(bias_ptr + cols, mask=cols < n, other=0.0).to(tl.float32)
        y = (x - mean) * rstd * weight + bias
        tl.store(out_ptr + cols, y.to(out_ptr.dtype.element_ty), mask=cols < n)


@triton.jit
def _backward(
    grad_ptr,
    x_ptr,
    weight_ptr,
    mean_ptr,
    rstd_ptr,
    dx_ptr,
    shares_ptr,
    m,
    n,
    grad_stride,
    x_stride,
    BLOCK_M: tl.constexpr,
    BLOCK_N: tl.constexpr,
):
    pid = tl.program_id(0)
    cols = tl.arange(0, BLOCK_N)
    weight = tl.load(weight_ptr + cols, mask=cols < n, other=0.0).to(tl.float32)[None, :]
    dweight = tl.zeros([BLOCK_M, BLOCK_N], tl.float32)
    dbias = tl.zeros([BLOCK_M, BLOCK_N], tl.float32)
    for tile in range(pid, tl.cdiv(m, BLOCK_M), tl.num_programs(0)):
        rows = (tile * BLOCK_M + tl.arange(0, BLOCK_M)).to(tl.int64)[:, None]
        mask = (rows < m) & (cols < n)[None, :]
        grad_ptrs = grad_ptr + rows * grad_stride + cols[None, :]
        grad = tl.load(grad_ptrs, mask=mask, other=0.0).to(tl.float32)
        x = tl.load(x_ptr + rows * x_stride + cols[None, :], mask=mask, other=0.0).to(tl.float32)
        mean = tl.load(mean_ptr + rows, mask=rows < m, other=0.0)
        rstd = tl.load(rstd_ptr + rows, mask=rows < m, other=0.0)
        x = tl.where(mask, (x - mean) * rstd, 0.0)
        dweight += grad * x
        dbias += grad
        grad *= weight
        average = tl.sum(grad, 1)[:, None] / n
        projection = tl.sum(grad * x, 1)[:, None] / n
        dx = rstd * (grad - average - x * projection)
        dx_ptrs = dx_ptr + rows * n + cols[None, :]
        tl.store(dx_ptrs, dx.to(dx_ptr.dtype.element_ty), mask=mask)
    share_ptrs = shares_ptr + pid.to(tl.int64) * n + cols
    tl.store(share_ptrs, tl.sum(dweight, 0), mask=cols < n)
    share_ptrs += tl.num_programs(0).to(tl.int64) * n
    tl.store(share_ptrs, tl.sum(dbias, 0), mask=cols < n)


@triton.jit
def _backward_wide_x(
    grad_ptr,
    x_ptr,
    weight_ptr,
    mean_ptr,
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
    mean = tl.load(mean_ptr + row)
    rstd = tl.load(rstd_ptr + row)
    sums = tl.zeros([BLOCK_N], tl.float32)
    products = tl.zeros([BLOCK_N], tl.float32)
    for start in range(0, n, BLOCK_N):
        cols = start + tl.arange(0, BLOCK_N)
        grad = tl.load(grad_ptr + cols, mask=cols < n, other=0.0).to(tl.float32)
        grad *= tl.load(weight_ptr + cols, mask=cols < n, other=0.0).to(tl.float32)
        x = tl.load(x_ptr + cols, mask=cols < n, other=0.0).to(tl.float32)
        sums += grad
        products += grad * (x - mean) * rstd
    average = tl.sum(sums) / n
    projection = tl.sum(products) / n
    for start in range(0, n, BLOCK_N):
        cols = start + tl.arange(0, BLOCK_N)
        grad = tl.load(grad_ptr + cols, mask=cols < n, other=0.0).to(tl.float32)
        grad *= tl.load(weight_ptr + cols, mask=cols < n, other=0.0).to(tl.float32)
        x = tl.load(x_ptr + cols, mask=cols < n, other=0.0).to(tl.float32)
        dx = rstd * (grad - average - (x - mean) * rstd * projection)
        tl.store(dx_ptr + cols, dx.to(dx_ptr.dtype.element_ty), mask=cols < n)


@triton.jit
def _backward_wide_columns(
    grad_ptr,
    x_ptr,
    mean_ptr,
    rstd_ptr,
    shares_ptr,
    m,
    n,
    grad_stride,
    x_stride,
    BLOCK_M: tl.constexpr,
    BLOCK_N: tl.constexpr,
):
    pid = tl.program_id(1)
    cols = tl.program_id(0) * BLOCK_N + tl.arange(0, BLOCK_N)
    dweight = tl.zeros([BLOCK_M, BLOCK_N], tl.float32)
    dbias = tl.zeros([BLOCK_M, BLOCK_N], tl.float32)
    for start in range(pid * BLOCK_M, m, tl.num_programs(1) * BLOCK_M):
        rows = (start + tl.arange(0, BLOCK_M)).to(tl.int64)[:, None]
        mask = (rows < m) & (cols < n)[None, :]
        grad_ptrs = grad_ptr + rows * grad_stride + cols[None, :]
        grad = tl.load(grad_ptrs, mask=mask, other=0.0).to(tl.float32)
        x = tl.load(x_ptr + rows * x_stride + cols[None, :], mask=mask, other=0.0).to(tl.float32)
        mean = tl.load(mean_ptr + rows, mask=rows < m, other=0.0)
        rstd = tl.load(rstd_ptr + rows, mask=rows < m, other=0.0)
        dweight += grad * ((x - mean) * rstd)
        dbias += grad
    share_ptrs = shares_ptr + pid.to(tl.int64) * n + cols
    tl.store(share_ptrs, tl.sum(dweight, 0), mask=cols < n)
    share_ptrs += tl.num_programs(1).to(tl.int64) * n
    tl.store(share_ptrs, tl.sum(dbias, 0), mask=cols < n)


def _warps(elements: int) -> int:
    """Return the warps for a tile of so many elements: 16 a thread where there are many."""
    return min(max(elements // 512, 4), 32)


def _rows(x: torch.Tensor) -> torch.Tensor:
    """Return ``x`` as a matrix whose rows are dense, copied only if they are not."""
    rows = x.reshape(-1, x.shape[-1])
    return rows if rows.stride(1) == 1 else rows.contiguous()


def _normalise(
    x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor, eps: float
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    m, n = x.shape
    out = torch.empty((m, n), dtype=x.dtype, device=x.device)
    mean = torch.empty(m, dtype=torch.float32, device=x.device)
    rstd = torch.empty_like(mean)
    if m == 0:
        return out, mean, rstd
    tensors = x, weight, bias, out, mean, rstd
    block_n = max(triton.next_power_of_2(n), 16)
    if block_n <= MAX_FORWARD_TILE:
        # Rows for four warps at least. All programs fit on the device at once, given 128 registers
        # a thread; ptxas alone sometimes takes a few more, and the last programs would start late.
        block_m = min(max(4 * FORWARD_SHARE // block_n, 1), triton.next_power_of_2(m))
        warps = max(block_m * block_n // FORWARD_SHARE, 4)
        programs = min(triton.cdiv(m, block_m), PROGRAMS * FORWARD_WARPS // warps)
        _forward[(programs,)](
            *tensors,
            m,
            n,
            x.stride(0),
            eps,
            BLOCK_M=block_m,
            BLOCK_N=block_n,
            STAGES=FORWARD_STAGES,
            num_warps=warps,
            **MOST_REGISTERS,
        )
    else:
        _forward_wide[(m,)](*tensors, n, x.stride(0), eps, BLOCK_N=CHUNK, num_warps=_warps(CHUNK))
    return out, mean, rstd


def _gradients(
    grad: torch.Tensor,
    x: torch.Tensor,
    weight: torch.Tensor,
    mean: torch.Tensor,
    rstd: torch.Tensor,
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    m, n = x.shape
    dx = torch.empty((m, n), dtype=x.dtype, device=x.device)
    if m == 0:
        return dx, torch.zeros_like(weight), torch.zeros_like(weight)
    strides = grad.stride(0), x.stride(0)
    block_n = max(triton.next_power_of_2(n), 16)
    if block_n <= MAX_BACKWARD_TILE:
        # At most 32: the fewer rows are added up one by one, the less their rounding errors grow.
        block_m = min(max(2048 // block_n, 1), 32, triton.next_power_of_2(m))
        warps = _warps(block_m * block_n)
        most = max(PROGRAMS, min(PROGRAMS * 16 // warps, m // 16))
        programs = min(triton.cdiv(m, block_m), most)
        shares = torch.empty((2, programs, n), dtype=torch.float32, device=x.device)
        tensors = grad, x, weight, mean, rstd, dx, shares
        _backward[(programs,)](
            *tensors, m, n, *strides, BLOCK_M=block_m, BLOCK_N=block_n, num_warps=warps
        )
    else:
        tensors = grad, x, weight, mean, rstd, dx
        _backward_wide_x[(m,)](*tensors, n, *strides, BLOCK_N=CHUNK, num_warps=_warps(CHUNK))
        block_m = min(32, triton.next_power_of_2(m))
        block_n = CHUNK // block_m
        programs = min(triton.cdiv(m, block_m), 16)
        shares = torch.empty((2, programs, n), dtype=torch.float32, device=x.device)
        _backward_wide_columns[(triton.cdiv(n, block_n), programs)](
            grad,
            x,
            mean,
            rstd,
            shares,
            m,
            n,
            *strides,
            BLOCK_M=block_m,
            BLOCK_N=block_n,
            num_warps=8,
        )
    dweight, dbias = shares.sum(1).to(weight.dtype)
    return dx, dweight, dbias


class _LayerNorm(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor, eps: float
    ) -> torch.Tensor:
        rows, weight = _rows(x), weight.contiguous()
        out, mean, rstd = _normalise(rows, weight, bias.contiguous(), eps)
        ctx.save_for_backward(rows, weight, mean, rstd)
        return out.view(x.shape)

    @staticmethod
    @once_differentiable
    def backward(
        ctx: Any, grad: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, None]:
        dx, dweight, dbias = _gradients(_rows(grad), *ctx.saved_tensors)
        return dx.view(grad.shape), dweight, dbias, None


def layer_norm(
    x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor, eps: float = 1e-5
) -> torch.Tensor:
    """Standardise rows, then scale and shift the columns; differentiable.

    Args:
        x: ``(..., n)`` with ``n >= 1``, any strides; float16, bfloat16 or float32.
        weight: ``(n,)``, on the device of ``x``.
        bias: ``(n,)``, the dtype of ``weight``, on the device of ``x``.
        eps: Added to the variance.

    Returns:
        The shape and dtype of ``x``, computed in float32.

    Raises:
        ValueError: If ``weight`` or ``bias`` has not the size of the last dimension of ``x``.
    """
    if x.shape[-1] == 0 or weight.shape != x.shape[-1:] or bias.shape != x.shape[-1:]:
        raise ValueError(
            f"weight {tuple(weight.shape)} or bias {tuple(bias.shape)} "
            f"does not fit rows of {tuple(x.shape)}"
        )
    return _LayerNorm.apply(x, weight, bias, eps)
