"""One step of Adam, in place, in one pass over memory.

The parameter, its gradient and the two moments are each read once and the parameter and moments
written once; PyTorch's unfused step makes about ten passes. All arithmetic is in float32, whatever
the storage. Kingma and Ba, "Adam: a method for stochastic optimization", ICLR 2015; decoupled
weight decay: Loshchilov and Hutter, "Decoupled weight decay regularization", ICLR 2019.
"""

import math

import torch
import triton
import triton.language as tl


@triton.jit
def _adam_step_kernel(
    param_ptr,
    grad_ptr,
    avg_ptr,
    avg_sq_ptr,
    beta1,
    beta2,
    one_minus_beta1,
    one_minus_beta2,
    step_size,
    root_correction2,
    eps,
    l2_penalty,
    param_keep,
    M,
    N,
    stride_pm,
    stride_pn,
    stride_gm,
    stride_gn,
    stride_am,
    stride_an,
    stride_sm,
    stride_sn,
    BLOCK_M: tl.constexpr,
    BLOCK_N: tl.constexpr,
):
    blocks_n = tl.cdiv(N, BLOCK_N)
    rows = (tl.program_id(0) // blocks_n).to(tl.int64) * BLOCK_M + tl.arange(0, BLOCK_M)[:, None]
    cols = (tl.program_id(0) % blocks_n).to(tl.int64) * BLOCK_N + tl.arange(0, BLOCK_N)[None, :]
    mask = (rows < M) & (cols < N)
    param_ptrs = param_ptr + rows * stride_pm + cols * stride_pn
    avg_ptrs = avg_ptr + rows * stride_am + cols * stride_an
    avg_sq_ptrs = avg_sq_ptr + rows * stride_sm + cols * stride_sn
    grad_ptrs = grad_ptr + rows * stride_gm + cols * stride_gn
    param = tl.load(param_ptrs, mask=mask, other=0.0).to(tl.float32)
    grad = tl.load(grad_ptrs, mask=mask, other=0.0).to(tl.float32)
    avg = tl.load(avg_ptrs, mask=mask, other=0.0).to(tl.float32)
    avg_sq = tl.load(avg_sq_ptrs, mask=mask, other=0.0).to(tl.float32)

    grad += l2_penalty * param
    avg = beta1 * avg + one_minus_beta1 * grad
    avg_sq = beta2 * avg_sq + one_minus_beta2 * grad * grad
    denominator = tl.sqrt_rn(avg_sq) / root_correction2 + eps
    param = param * param_keep - step_size * (avg / denominator)

    tl.store(param_ptrs, param.to(param_ptr.dtype.element_ty), mask=mask)
    tl.store(avg_ptrs, avg.to(avg_ptr.dtype.element_ty), mask=mask)
    tl.store(avg_sq_ptrs, avg_sq.to(avg_sq_ptr.dtype.element_ty), mask=mask)


def _flat(tensors: list[torch.Tensor]) -> list[torch.Tensor]:
    """One row each, where all tensors fill their memory in the same order."""
    first = tensors[0]
    order = sorted(range(first.ndim), key=first.stride, reverse=True)
    if all(t.stride() == first.stride() for t in tensors) and first.permute(order).is_contiguous():
        return [t.permute(order).reshape(1, -1) for t in tensors]
    return tensors


def adam_step(
    param: torch.Tensor,
    grad: torch.Tensor,
    exp_avg: torch.Tensor,
    exp_avg_sq: torch.Tensor,
    step: int,
    lr: float = 1e-3,
    beta1: float = 0.9,
    beta2: float = 0.999,
    eps: float = 1e-8,
    weight_decay: float = 0.0,
    l2_penalty: float = 0.0,
) -> None:
    """Update a parameter and its moments in place.

    Args:
        param: The parameter; any shape, any strides, any floating-point dtype. Overwritten.
        grad: The gradient of ``param``, of its shape.
        exp_avg: Running mean of the gradient, of the same shape. Overwritten.
        exp_avg_sq: Running mean of the squared gradient, of the same shape. Overwritten.
        step: How many steps there are with this one, from 1; corrects the moments' bias to zero.
        lr: Learning rate.
        beta1: Decay rate of ``exp_avg``.
        beta2: Decay rate of ``exp_avg_sq``.
        eps: Added to the denominator.
        weight_decay: Subtracted from the parameter as ``lr * weight_decay * param``, outside the
            moments (AdamW).
        l2_penalty: Added to the gradient as ``l2_penalty * param`` (what Adam calls weight decay).

    Raises:
        ValueError: The shapes differ, or ``step`` is less than 1.
    """
    tensors = [param, grad, exp_avg, exp_avg_sq]
    if any(t.shape != param.shape for t in tensors):
        raise ValueError(f"expected one shape, got {[tuple(t.shape) for t in tensors]}")
    if step < 1:
        raise ValueError(f"steps count from 1, got {step}")
    if param.numel() == 0:
        return
    tensors = _flat(tensors)
    if tensors[0].ndim > 2:
        for p, g, avg, avg_sq in zip(*(t.unbind(0) for t in tensors), strict=True):
            adam_step(
                p, g, avg, avg_sq, step, lr, beta1, beta2, eps, weight_decay, l2_penalty
            )  # fmt: skip
        return
    tensors = [t.reshape(1, -1) if t.ndim < 2 else t for t in tensors]
    m, n = tensors[0].shape
    block_n = min(triton.next_power_of_2(n), 1024)
    block_m = min(triton.next_power_of_2(m), 1024 // block_n)
    _adam_step_kernel[(triton.cdiv(m, block_m) * triton.cdiv(n, block_n),)](
        *tensors,
        beta1,
        beta2,
        # Differences of nearly equal numbers: taken here, in double precision.
        1 - beta1,
        1 - beta2,
        lr / (1 - beta1**step),
        math.sqrt(1 - beta2**step),
        eps,
        l2_penalty,
        1 - lr * weight_decay,
        m,
        n,
        *(stride for t in tensors for stride in t.stride()),
        BLOCK_M=block_m,
        BLOCK_N=block_n,
    )
