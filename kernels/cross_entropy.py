"""Cross-entropy of logits against class labels, forward and backward.

A program reads some short rows at once, or walks along a long one with the online softmax of
Milakov and Gimelshein, "Online normalizer calculation for softmax" (arXiv:1805.02867): the running
maximum and the running sum are rescaled together, so the logits are read once and the
probabilities are never stored. Every thread keeps a maximum and a sum of its own until the row
ends, so that none waits for another in between. The backward pass makes the probabilities again
from the saved row statistics. Rows whose label is ignored are not read at all.
"""

import torch
import triton
import triton.language as tl

_SHORT = 2048  # classes up to which a program reads whole rows at once
_WARPS = 8  # of a program that walks over a longer row
_UNROLL = 4  # vectors that each of its threads loads at a time


@triton.jit
def _row_loss(peak, log_total, picked, plain_sum, counted, n, smoothing, SMOOTH: tl.constexpr):
    """Loss of rows; their log-sum-exp is ``log_total + peak``.

    Beside a large peak that sum would lose the logarithm's digits, so the two are kept apart.
    """
    row_loss = log_total + (peak - picked)
    if SMOOTH:
        uniform_loss = log_total + (peak - plain_sum / n)
        row_loss = (1.0 - smoothing) * row_loss + smoothing * uniform_loss
    return tl.where(counted, row_loss, 0.0)


@triton.jit
def _forward_short(
    logits,
    target,
    loss,
    partial,
    peaks,
    log_totals,
    stride_row,
    stride_col,
    stride_target,
    m,
    n,
    ignore_index,
    smoothing,
    SMOOTH: tl.constexpr,
    REDUCE: tl.constexpr,
    ROWS: tl.constexpr,
    BLOCK: tl.constexpr,
):
    program = tl.program_id(0)
    rows = program.to(tl.int64) * ROWS + tl.arange(0, ROWS)
    label = tl.load(target + rows * stride_target, mask=rows < m, other=ignore_index).to(tl.int64)
    counted = label != ignore_index

    cols = tl.arange(0, BLOCK)
    inside = counted[:, None] & (cols[None, :] < n)
    offsets = rows[:, None] * stride_row + cols[None, :].to(tl.int64) * stride_col
    x = tl.load(logits + offsets, mask=inside, other=float("-inf")).to(tl.float32)
    peak = tl.max(x, 1)
    # A row of nothing but -inf would ask for exp(-inf + inf).
    peak = tl.where(peak == float("-inf"), 0.0, peak)
    log_total = tl.log(tl.sum(tl.exp(x - peak[:, None]), 1))
    plain_sum = tl.sum(tl.where(inside, x, 0.0), 1)
    own = rows * stride_row + label * stride_col
    picked = tl.load(logits + own, mask=counted, other=0.0).to(tl.float32)
    row_loss = _row_loss(peak, log_total, picked, plain_sum, counted, n, smoothing, SMOOTH)

    tl.store(peaks + rows, peak, mask=rows < m)
    tl.store(log_totals + rows, log_total, mask=rows < m)
    if REDUCE:
        tl.store(partial + program, tl.sum(row_loss, 0))
        seen = tl.sum(counted.to(tl.float32), 0)
        tl.store(partial + tl.num_programs(0) + program, seen)
    else:
        tl.store(loss + rows, row_loss.to(loss.dtype.element_ty), mask=rows < m)


@triton.jit
def _exp(x):
    """``exp`` by the hardware's ``exp2``: ``tl.exp`` spends more, on results below 1e-38."""
    return tl.exp2(x * 1.4426950408889634)


@triton.jit
def _forward_long(
    logits,
    target,
    loss,
    partial,
    peaks,
    log_totals,
    stride_row,
    stride_col,
    stride_target,
    n,
    ignore_index,
    smoothing,
    SMOOTH: tl.constexpr,
    REDUCE: tl.constexpr,
    UNROLL: tl.constexpr,
    LANES: tl.constexpr,
    VECTOR: tl.constexpr,
):
    row = tl.program_id(0).to(tl.int64)
    label = tl.load(target + row * stride_target).to(tl.int64)
    counted = label != ignore_index
    logits += row * stride_row
    # A lane is a thread: it reads vectors and keeps a maximum and a sum of its own.
    lane = tl.arange(0, LANES)[:, None, None] * VECTOR + tl.arange(0, VECTOR)[None, None, :]
    cols = tl.arange(0, UNROLL)[None, :, None] * (LANES * VECTOR) + lane
    # The lowest finite number, unlike -inf, can be subtracted from -inf.
    maximum = tl.full([LANES], -3.4028234663852886e38, tl.float32)
    total = tl.zeros([LANES], tl.float32)
    plain_sum = tl.zeros([LANES], tl.float32)
    columns = tl.where(counted, n, 0)
    for start in range(0, columns, UNROLL * LANES * VECTOR):
        inside = start + cols < columns
        at = (start + cols).to(tl.int64) * stride_col
        x = tl.load(logits + at, mask=inside, other=float("-inf")).to(tl.float32)
        new_maximum = tl.maximum(maximum, tl.max(tl.max(x, 2), 1))
        shares = tl.sum(tl.sum(_exp(x - new_maximum[:, None, None]), 2), 1)
        total = total * _exp(maximum - new_maximum) + shares
        maximum = new_maximum
        if SMOOTH:
            plain_sum += tl.sum(tl.sum(tl.where(inside, x, 0.0), 2), 1)

    peak = tl.max(maximum, 0)
    log_total = tl.log(tl.sum(total * _exp(maximum - peak), 0))
    picked = tl.load(logits + label * stride_col, mask=counted, other=0.0).to(tl.float32)
    plain_sum = tl.sum(plain_sum, 0)
    row_loss = _row_loss(peak, log_total, picked, plain_sum, counted, n, smoothing, SMOOTH)

    tl.store(peaks + row, peak)
    tl.store(log_totals + row, log_total)
    if REDUCE:
        tl.store(partial + row, row_loss)
        tl.store(partial + tl.num_programs(0) + row, counted.to(tl.float32))
    else:
        tl.store(loss + row, row_loss.to(loss.dtype.element_ty))


@triton.jit
def _backward(
    logits,
    target,
    peaks,
    log_totals,
    scale,
    grad,
    stride_row,
    stride_col,
    stride_target,
    stride_scale,
    m,
    n,
    ignore_index,
    smoothing,
    ROWS: tl.constexpr,
    BLOCK: tl.constexpr,
):
    rows = tl.program_id(0).to(tl.int64) * ROWS + tl.arange(0, ROWS)
    cols = tl.program_id(1) * BLOCK + tl.arange(0, BLOCK)
    label = tl.load(target + rows * stride_target, mask=rows < m, other=ignore_index).to(tl.int64)
    counted = label != ignore_index
    peak = tl.load(peaks + rows, mask=counted, other=0.0)
    log_total = tl.load(log_totals + rows, mask=counted, other=0.0)
    row_scale = tl.load(scale + rows * stride_scale, mask=counted, other=0.0).to(tl.float32)

    # An ignored row has scale 0: its logits are not needed.
    inside = (rows[:, None] < m) & (cols[None, :] < n)
    offsets = rows[:, None] * stride_row + cols[None, :].to(tl.int64) * stride_col
    x = tl.load(logits + offsets, mask=inside & counted[:, None], other=0.0).to(tl.float32)
    wanted = tl.where(cols[None, :] == label[:, None], 1.0 - smoothing, 0.0) + smoothing / n
    probability = tl.exp(x - peak[:, None] - log_total[:, None])
    slope = (probability - wanted) * row_scale[:, None]
    out = rows[:, None] * n + cols[None, :]
    tl.store(grad + out, slope.to(grad.dtype.element_ty), mask=inside)


def _tile(n: int) -> tuple[int, int, int]:
    """Rows and columns of a program's tile, and its warps: short rows share a program."""
    block = min(triton.next_power_of_2(n), _SHORT)
    rows = max(1, min(32, 2048 // block))
    return rows, block, 4 if block <= 1024 else 8


class _CrossEntropy(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx,
        logits: torch.Tensor,
        target: torch.Tensor,
        ignore_index: int,
        label_smoothing: float,
        reduction: str,
    ) -> torch.Tensor:
        m, n = logits.shape
        rows, block, warps = _tile(n)
        programs = triton.cdiv(m, rows)
        peaks, log_totals = torch.empty((2, m), dtype=torch.float32, device=logits.device)
        loss = torch.empty(m, dtype=logits.dtype, device=logits.device)
        partial = torch.empty((2, programs), dtype=torch.float32, device=logits.device)
        if m and n > _SHORT:
            # Loads of 16 bytes where rows are made of such.
            vector = 16 // logits.element_size()
            if logits.stride(1) != 1 or (n | logits.stride(0)) % vector:
                vector = 1
            lanes = 32 * _WARPS
            _forward_long[(programs,)](
                logits,
                target,
                loss,
                partial,
                peaks,
                log_totals,
                *logits.stride(),
                target.stride(0),
                n,
                ignore_index,
                label_smoothing,
                SMOOTH=label_smoothing > 0,
                REDUCE=reduction != "none",
                UNROLL=min(_UNROLL, triton.next_power_of_2(triton.cdiv(n, lanes * vector))),
                LANES=lanes,
                VECTOR=vector,
                num_warps=_WARPS,
            )
        elif m:
            _forward_short[(programs,)](
                logits,
                target,
                loss,
                partial,
                peaks,
                log_totals,
                *logits.stride(),
                target.stride(0),
                m,
                n,
                ignore_index,
                label_smoothing,
                SMOOTH=label_smoothing > 0,
                REDUCE=reduction != "none",
                ROWS=rows,
                BLOCK=block,
                num_warps=warps,
            )
        total, count = partial.sum(1).unbind()
        ctx.save_for_backward(logits, target, peaks, log_totals, count)
        ctx.ignore_index = ignore_index
        ctx.label_smoothing = label_smoothing
        ctx.reduction = reduction
        if reduction == "none":
            return loss
        return (total / count if reduction == "mean" else total).to(logits.dtype)

    @staticmethod
    def backward(ctx, grad_loss: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        logits, target, peaks, log_totals, count = ctx.saved_tensors
        m, n = logits.shape
        rows, block, warps = _tile(n)
        scale = grad_loss.float() / count if ctx.reduction == "mean" else grad_loss
        grad = torch.empty((m, n), dtype=logits.dtype, device=logits.device)
        if m:
            _backward[(triton.cdiv(m, rows), triton.cdiv(n, block))](
                logits,
                target,
                peaks,
                log_totals,
                scale,
                grad,
                *logits.stride(),
                target.stride(0),
                scale.stride(0) if ctx.reduction == "none" else 0,
                m,
                n,
                ctx.ignore_index,
                ctx.label_smoothing,
                ROWS=rows,
                BLOCK=block,
                num_warps=warps,
            )
        return grad, None, None, None, None


def cross_entropy(
    logits: torch.Tensor,
    target: torch.Tensor,
    ignore_index: int = -100,
    label_smoothing: float = 0.0,
    reduction: str = "mean",
) -> torch.Tensor:
    """Cross-entropy between rows of logits and integer class labels.

    Args:
        logits: ``(m, n)``, floating point, any strides.
        target: ``(m,)``, integers in ``[0, n)`` or ``ignore_index``; others are undefined.
        ignore_index: Rows with this label add nothing to the loss and get a zero gradient.
        label_smoothing: Weight in ``[0, 1]`` of the uniform distribution in the wanted one.
        reduction: ``"mean"`` over the rows that are not ignored, ``"sum"`` or ``"none"``.

    Returns:
        A scalar, or ``(m,)`` for ``"none"``, the dtype of ``logits``; differentiable in ``logits``.

    Raises:
        ValueError: If ``reduction`` is none of the three.
    """
    if reduction not in {"mean", "sum", "none"}:
        raise ValueError(f"reduction must be 'mean', 'sum' or 'none', not {reduction!r}")
    return _CrossEntropy.apply(logits, target, ignore_index, label_smoothing, reduction)
