"""Dropout whose mask is a function of a seed and is never stored.

Philox, a counter-based generator (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3",
SC 2011), maps (seed, counter) to four random numbers. A tile is four runs of neighbours, and a
counter decides one element of each run: so the thread that loads a vector of neighbours has also
drawn their numbers, and none moves between threads. The random integers are compared as they are.
The mask depends on the seed and on an element's position alone, so the backward pass makes it again
instead of reading it. Srivastava et al., "Dropout" (JMLR 2014).
"""

import torch
import triton
import triton.language as tl

TILE = 4096  # elements of a program


@triton.jit(do_not_specialize=["seed", "threshold", "scale"])
def _dropout(x, out, size, threshold, scale, seed, BLOCK: tl.constexpr):
    RUN: tl.constexpr = BLOCK // 4
    program = tl.program_id(0).to(tl.int64)
    run = tl.arange(0, RUN)
    r0, r1, r2, r3 = tl.randint4x(seed, program * RUN + run)
    draw = tl.reshape(tl.join(tl.join(r0, r2), tl.join(r1, r3)), [RUN, 4])
    draw = draw.to(tl.int32, bitcast=True)
    at = program * BLOCK + run[:, None] + tl.arange(0, 4)[None, :] * RUN
    inside = at < size
    value = tl.load(x + at, mask=inside, other=0.0).to(tl.float32)
    kept = tl.where(draw >= threshold, value * scale, 0.0)
    tl.store(out + at, kept.to(out.dtype.element_ty), mask=inside)


def _apply(x: torch.Tensor, p: float, seed: int) -> torch.Tensor:
    if p == 1:
        return torch.zeros_like(x, memory_format=torch.contiguous_format)
    x = x.contiguous()
    out = torch.empty_like(x)
    size = x.numel()
    if size:
        # An element is kept unless its random int32 is among the lowest p * 2**32.
        threshold = min(round(p * 2**32) - 2**31, 2**31 - 1)
        scale = 1.0 / (1.0 - p)
        _dropout[(triton.cdiv(size, TILE),)](x, out, size, threshold, scale, seed, BLOCK=TILE)
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
