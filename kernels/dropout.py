"""Dropout whose mask is a function of a seed and is never stored.

Philox, a counter-based generator (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3",
SC 2011), maps (seed, counter) to four random numbers; counter ``i`` decides elements ``4i`` to
``4i + 3``. The mask depends on the seed and on an element's position alone, so the backward
pass makes it again instead of reading it. Srivastava et al., "Dropout" (JMLR 2014).
"""

import torch
import triton
import triton.language as tl


@triton.jit(do_not_specialize=["seed", "p", "scale"])
def _dropout(x, out, size, p, scale, seed, BLOCK: tl.constexpr):
    group = tl.program_id(0).to(tl.int64) * (BLOCK // 4) + tl.arange(0, BLOCK // 4)
    r0, r1, r2, r3 = tl.rand4x(seed, group)
    draw = tl.reshape(tl.join(tl.join(r0, r2), tl.join(r1, r3)), [BLOCK])
    offsets = tl.program_id(0).to(tl.int64) * BLOCK + tl.arange(0, BLOCK)
    inside = offsets < size
    value = tl.load(x + offsets, mask=inside, other=0.0).to(tl.float32)
    kept = tl.where(draw >= p, value * scale, 0.0)
    tl.store(out + offsets, kept.to(out.dtype.element_ty), mask=inside)


def _apply(x: torch.Tensor, p: float, seed: int) -> torch.Tensor:
    x = x.contiguous()
    out = torch.empty_like(x)
    size = x.numel()
    if size:
        block = min(1024, max(64, triton.next_power_of_2(size)))
        scale = 1.0 / (1.0 - p) if p < 1 else 0.0
        _dropout[(triton.cdiv(size, block),)](x, out, size, float(p), scale, seed, BLOCK=block)
    return out


class _Dropout(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x: torch.Tensor, p: float, mask_seed: int) -> torch.Tensor:
        ctx.p = p
        ctx.mask_seed = mask_seed
        return _apply(x, p, mask_seed)

    @staticmethod
    def backward(ctx, grad: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        return _apply(grad, ctx.p, ctx.mask_seed), None, None


def dropout(x: torch.Tensor, p: float, mask_seed: int) -> torch.Tensor:
    """Zero each element with probability ``p`` and scale the others by ``1 / (1 - p)``.

    Args:
        x: Any shape, floating point, any strides (a tensor with gaps is copied first).
        p: Probability in ``[0, 1]`` that an element is dropped.
        mask_seed: Non-negative; the same seed and shape give the same mask.

    Returns:
        The shape and dtype of ``x``; differentiable in ``x`` with the same mask.

    Raises:
        ValueError: If ``p`` is no probability.
    """
    if not 0 <= p <= 1:
        raise ValueError(f"p must be a probability between 0 and 1, not {p}")
    return _Dropout.apply(x, p, mask_seed)
