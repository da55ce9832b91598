"""Elements where a mask is true, in order: stream compaction.

Every block counts its true elements, the counts are added up into the place where each block's
output begins, and a second pass over the mask moves the elements there. Blelloch, "Prefix Sums and
Their Applications" (CMU-CS-90-190). The size of the result depends on the data, so the host waits
once, for the total.
"""

import torch
import triton
import triton.language as tl


@triton.jit
def _count(mask, counts, size, BLOCK: tl.constexpr):
    at = tl.program_id(0).to(tl.int64) * BLOCK + tl.arange(0, BLOCK)
    chosen = tl.load(mask + at, mask=at < size, other=0) != 0
    tl.store(counts + tl.program_id(0), tl.sum(chosen.to(tl.int32), 0).to(tl.int64))


@triton.jit
def _compact(x, mask, ends, out, size, BLOCK: tl.constexpr):
    block = tl.program_id(0)
    at = block.to(tl.int64) * BLOCK + tl.arange(0, BLOCK)
    chosen = tl.load(mask + at, mask=at < size, other=0) != 0
    value = tl.load(x + at, mask=chosen)
    begin = tl.load(ends + block - 1, mask=block > 0, other=0)
    to = begin + tl.cumsum(chosen.to(tl.int32), 0) - 1
    tl.store(out + to, value, mask=chosen)


def masked_select(x: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """Elements of ``x`` where ``mask`` is true, in row-major order.

    Args:
        x: Any shape, dtype and strides (a tensor with gaps is copied first).
        mask: bool, broadcast against ``x`` both ways, as torch does.

    Returns:
        One dimension, as long as there are true elements, the dtype of ``x``.
    """
    x, mask = torch.broadcast_tensors(x, mask)
    size = x.numel()
    if not size:
        return torch.empty(0, dtype=x.dtype, device=x.device)
    x = x.contiguous()
    flags = mask.contiguous().view(torch.uint8)
    block = min(triton.next_power_of_2(size), 2048)
    blocks = triton.cdiv(size, block)
    counts = torch.empty(blocks, dtype=torch.int64, device=x.device)
    _count[(blocks,)](flags, counts, size, BLOCK=block)
    ends = torch.cumsum(counts, 0)
    out = torch.empty(int(ends[-1]), dtype=x.dtype, device=x.device)
    if out.numel():
        _compact[(blocks,)](x, flags, ends, out, size, BLOCK=block)
    return out
