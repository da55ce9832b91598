"""Kullback-Leibler divergence of rows of log-probabilities from target rows, both ways.

The pointwise terms are summed in float32 while they are made, so no ``(m, n)`` intermediate exists;
the backward pass writes one or both gradients in a single read of the two inputs.
For 16-bit inputs the forward pass takes the hardware's logarithm, whose error is far below their
rounding (4e-7 near one, a few units in the last place elsewhere); the careful one would take longer
than the memory.
Kullback and Leibler, "On Information and Sufficiency" (1951).
"""

import torch
import triton
import triton.language as tl
from triton.language.extra import libdevice
from triton.language.target_info import is_hip


@triton.jit
def _forward(
    log_q,
    target,
    row_sums,
    stride_qm,
    stride_qn,
    stride_tm,
    stride_tn,
    m,
    n,
    LOG_TARGET: tl.constexpr,
    FAST_LOG: tl.constexpr,
    ROWS: tl.constexpr,
    BLOCK: tl.constexpr,
):
    rows = tl.program_id(0).to(tl.int64) * ROWS + tl.arange(0, ROWS)
    acc = tl.zeros([ROWS, BLOCK], tl.float32)
    for start in range(0, n, BLOCK):
        cols = (start + tl.arange(0, BLOCK)).to(tl.int64)
        inside = (rows[:, None] < m) & (cols[None, :] < n)
        at_q = rows[:, None] * stride_qm + cols[None, :] * stride_qn
        at_t = rows[:, None] * stride_tm + cols[None, :] * stride_tn
        q = tl.load(log_q + at_q, mask=inside, other=0.0).to(tl.float32)
        t = tl.load(target + at_t, mask=inside, other=0.0).to(tl.float32)
        # Outside of the tensors both are 0, and so is the term.
        if LOG_TARGET:
            # 1.442695 = log2(e); unlike tl.exp, tl.exp2 spends nothing on results below 1e-38.
            acc += tl.exp2(t * 1.4426950408889634) * (t - q)
        else:
            # 0 * log(0) counts as 0: below the smallest normal number any logarithm will do.
            positive = tl.where(tl.abs(t) < 1.1754943508222875e-38, 1.1754943508222875e-38, t)
            # AMD's library has no logarithm that is only good enough for half precision.
            fast: tl.constexpr = FAST_LOG and not is_hip()
            log_t = libdevice.fast_logf(positive) if fast else tl.log(positive)
            acc += t * (log_t - q)
    tl.store(row_sums + rows, tl.sum(acc, 1), mask=rows < m)


@triton.jit
def _backward(
    log_q,
    target,
    scale,
    grad_q,
    grad_t,
    stride_qm,
    stride_qn,
    stride_tm,
    stride_tn,
    stride_scale,
    factor,
    m,
    n,
    LOG_TARGET: tl.constexpr,
    WANT_Q: tl.constexpr,
    WANT_T: tl.constexpr,
    ROWS: tl.constexpr,
    BLOCK: tl.constexpr,
):
    rows = tl.program_id(0).to(tl.int64) * ROWS + tl.arange(0, ROWS)
    cols = (tl.program_id(1) * BLOCK + tl.arange(0, BLOCK)).to(tl.int64)
    inside = (rows[:, None] < m) & (cols[None, :] < n)
    at_t = rows[:, None] * stride_tm + cols[None, :] * stride_tn
    t = tl.load(target + at_t, mask=inside, other=0.0).to(tl.float32)
    s = tl.load(scale + rows * stride_scale, mask=rows < m, other=0.0).to(tl.float32) * factor
    weight = t
    if LOG_TARGET:
        weight = tl.exp(t)
    out = rows[:, None] * n + cols[None, :]
    if WANT_Q:
        slope = -weight * s[:, None]
        tl.store(grad_q + out, slope.to(grad_q.dtype.element_ty), mask=inside)
    if WANT_T:
        at_q = rows[:, None] * stride_qm + cols[None, :] * stride_qn
        q = tl.load(log_q + at_q, mask=inside, other=0.0).to(tl.float32)
        if LOG_TARGET:
            slope = weight * (t - q + 1.0) * s[:, None]
        else:
            slope = (tl.log(t) - q + 1.0) * s[:, None]
        tl.store(grad_t + out, slope.to(grad_t.dtype.element_ty), mask=inside)


def _tile(n: int) -> tuple[int, int, int]:
    """Rows and columns of a program's tile, and its warps: short rows share a program."""
    block = min(triton.next_power_of_2(max(n, 1)), 2048)
    return max(1, min(32, 2048 // block)), block, 4 if block <= 1024 else 8


class _KLDiv(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx,
        log_q: torch.Tensor,
        target: torch.Tensor,
        reduction: str,
        log_target: bool,  # noqa: FBT001 - autograd passes every argument by position
    ) -> torch.Tensor:
        m, n = log_q.shape
        rows, block, warps = _tile(n)
        row_sums = torch.empty(m, dtype=torch.float32, device=log_q.device)
        if m:
            _forward[(triton.cdiv(m, rows),)](
                log_q,
                target,
                row_sums,
                *log_q.stride(),
                *target.stride(),
                m,
                n,
                LOG_TARGET=log_target,
                FAST_LOG=max(log_q.element_size(), target.element_size()) <= 2,
                ROWS=rows,
                BLOCK=block,
                num_warps=warps,
            )
        ctx.save_for_backward(log_q, target)
        ctx.reduction = reduction
        ctx.log_target = log_target
        if reduction == "row":
            return row_sums.to(log_q.dtype)
        total = row_sums.sum()
        return (total / m if reduction == "batchmean" else total).to(log_q.dtype)

    @staticmethod
    def backward(ctx, grad_loss: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        log_q, target = ctx.saved_tensors
        m, n = log_q.shape
        rows, block, warps = _tile(n)
        want_q, want_t = ctx.needs_input_grad[:2]
        grad_q = torch.empty((m, n), dtype=log_q.dtype, device=log_q.device) if want_q else None
        grad_t = torch.empty((m, n), dtype=target.dtype, device=target.device) if want_t else None
        if m and n:
            _backward[(triton.cdiv(m, rows), triton.cdiv(n, block))](
                log_q,
                target,
                grad_loss,
                grad_q,
                grad_t,
                *log_q.stride(),
                *target.stride(),
                grad_loss.stride(0) if ctx.reduction == "row" else 0,
                1.0 / m if ctx.reduction == "batchmean" else 1.0,
                m,
                n,
                LOG_TARGET=ctx.log_target,
                WANT_Q=want_q,
                WANT_T=want_t,
                ROWS=rows,
                BLOCK=block,
                num_warps=warps,
            )
        return grad_q, grad_t, None, None


def kl_div(
    log_q: torch.Tensor,
    target: torch.Tensor,
    reduction: str = "batchmean",
    log_target: bool = False,  # noqa: FBT001, FBT002 - the signature of torch.nn.functional.kl_div
) -> torch.Tensor:
    """KL divergence of ``exp(log_q)`` from ``target``, row by row.

    Args:
        log_q: ``(m, n)``, log-probabilities, floating point, any strides.
        target: ``(m, n)``, probabilities, or log-probabilities if ``log_target``, any strides.
        reduction: ``"batchmean"`` (the sum over everything divided by ``m``), ``"sum"``, or
            ``"row"`` for one value a row.
        log_target: Whether ``target`` is given as logarithms.

    Returns:
        A scalar, or ``(m,)`` for ``"row"``, the dtype of ``log_q``; differentiable in both tensors.

    Raises:
        ValueError: If ``reduction`` is none of the three.
    """
    if reduction not in {"batchmean", "sum", "row"}:
        raise ValueError(f"reduction must be 'batchmean', 'sum' or 'row', not {reduction!r}")
    return _KLDiv.apply(log_q, target, reduction, log_target)
