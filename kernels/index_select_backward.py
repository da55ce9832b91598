"""Backward of selecting rows by index: gradients of a row that was picked often are added up.

The positions are sorted by destination, and one program a destination row adds its own run of
gradients in float32. There are no atomics, so the result is the same in every run, and every row of
the output is written exactly once, also those that were never picked.
"""

import torch
import triton
import triton.language as tl


@triton.jit
def _sum_runs(
    grad,
    order,
    bounds,
    out,
    stride_row,
    stride_col,
    width,
    STEP: tl.constexpr,
    BLOCK: tl.constexpr,
):
    row = tl.program_id(0).to(tl.int64)
    cols = (tl.program_id(1) * BLOCK + tl.arange(0, BLOCK)).to(tl.int64)
    first = tl.load(bounds + row)
    last = tl.load(bounds + row + 1)
    acc = tl.zeros([STEP, BLOCK], tl.float32)
    for start in range(first, last, STEP):
        slots = start + tl.arange(0, STEP)
        source = tl.load(order + slots, mask=slots < last, other=0)
        inside = (slots[:, None] < last) & (cols[None, :] < width)
        at = source[:, None] * stride_row + cols[None, :] * stride_col
        acc += tl.load(grad + at, mask=inside, other=0.0).to(tl.float32)
    total = tl.sum(acc, 0).to(out.dtype.element_ty)
    tl.store(out + row * width + cols, total, mask=cols < width)


def index_select_backward(grad: torch.Tensor, index: torch.Tensor, num_rows: int) -> torch.Tensor:
    """Gradient of ``x`` in ``y = x[index]``, given the gradient of ``y``.

    Args:
        grad: ``(m, d)``, floating point, any strides.
        index: ``(m,)``, integers in ``[0, num_rows)``, repeats allowed; others are undefined.
        num_rows: The number of rows of ``x``.

    Returns:
        ``(num_rows, d)``, the dtype of ``grad``: row ``r`` is the sum of ``grad[i]`` over all
        ``i`` with ``index[i] == r``.
    """
    width = grad.shape[1]
    out = torch.empty((num_rows, width), dtype=grad.dtype, device=grad.device)
    if not out.numel():
        return out
    # A radix sort goes over its keys once for each of their bytes.
    narrow = torch.int16 if num_rows < 2**15 else torch.int32 if num_rows < 2**31 else torch.int64
    ordered, order = torch.sort(index.to(narrow))
    edges = torch.arange(num_rows + 1, dtype=narrow, device=index.device)
    bounds = torch.searchsorted(ordered, edges)
    block = min(triton.next_power_of_2(width), 512)
    _sum_runs[(num_rows, triton.cdiv(width, block))](
        grad, order, bounds, out, *grad.stride(), width, STEP=4, BLOCK=block
    )
    return out
