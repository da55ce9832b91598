"""Honest reorderings of a reference's reductions, as modes that replace PyTorch's own.

``Flipped`` reduces from the other end; ``Chunked`` adds up chunks of 32 in float32, as a tiled
kernel does, and rounds once at the end.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional
from torch.overrides import TorchFunctionMode

CHUNK = 32

Replacement = Callable[..., Any]


class _Replacing(TorchFunctionMode):
    """Calls a replacement where there is one and counts how often it did."""

    replacements: Mapping[Any, Replacement]

    def __init__(self) -> None:
        super().__init__()
        self.replaced = 0

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        """Run ``func`` or what replaces it."""
        del types
        found = self.replacements.get(func)
        if found is None:
            return func(*args, **(kwargs or {}))
        self.replaced += 1
        return found(func, *args, **(kwargs or {}))


def _dims(x: Tensor, dim: int | Iterable[int] | None) -> tuple[int, ...]:
    if dim is None:
        return tuple(range(x.dim()))
    listed = (dim,) if isinstance(dim, int) else tuple(dim)
    return tuple(d % max(1, x.dim()) for d in listed) if x.dim() else ()


# From the other end.


def _reduction(func: Replacement, x: Tensor, dim: Any = None, *args: Any, **kwargs: Any) -> Any:
    given = () if dim is None else (dim,)
    return func(x.flip(_dims(x, dim)), *given, *args, **kwargs)


def _along(func: Replacement, x: Tensor, dim: int, *args: Any, **kwargs: Any) -> Any:
    return func(x.flip(dim), dim, *args, **kwargs).flip(dim)


def _product(func: Replacement, a: Tensor, b: Tensor) -> Any:
    return func(a.flip(-1), b.flip(-2 if b.dim() > 1 else -1))


def _product_plus(func: Replacement, c: Tensor, a: Tensor, b: Tensor, **kwargs: Any) -> Any:
    return func(c, a.flip(-1), b.flip(-2), **kwargs)


def _convolution(func: Replacement, x: Tensor, weight: Tensor, *args: Any, **kwargs: Any) -> Any:
    return func(x.flip(1), weight.flip(1), *args, **kwargs)


def _last_dim_norm(
    func: Replacement, x: Tensor, shape: Any, *parameters: Any, **kwargs: Any
) -> Any:
    turned = [p.flip(-1) if isinstance(p, Tensor) else p for p in parameters]
    named = {n: p.flip(-1) if isinstance(p, Tensor) else p for n, p in kwargs.items()}
    return func(x.flip(-1), shape, *turned, **named).flip(-1)


def _group_norm(func: Replacement, x: Tensor, *args: Any, **kwargs: Any) -> Any:
    spatial = tuple(range(2, x.dim()))
    return func(x.flip(spatial), *args, **kwargs).flip(spatial)


def _attention(
    func: Replacement, q: Tensor, k: Tensor, v: Tensor, *args: Any, **kwargs: Any
) -> Any:
    if args or kwargs.get("attn_mask") is not None or kwargs.get("is_causal"):
        return _attention_in_float32(func, q, k, v, *args, **kwargs)
    return func(q, k.flip(-2), v.flip(-2), **kwargs)


class Flipped(_Replacing):
    """Every sum, product and norm runs over its elements from the last to the first."""

    replacements: Mapping[Any, Replacement] = {
        **dict.fromkeys((torch.sum, Tensor.sum, torch.mean, Tensor.mean), _reduction),
        **dict.fromkeys((torch.logsumexp, Tensor.logsumexp), _reduction),
        **dict.fromkeys((torch.softmax, torch.log_softmax), _along),
        **dict.fromkeys((torch.matmul, torch.bmm, torch.mm, torch.mv), _product),
        **dict.fromkeys((Tensor.__matmul__, Tensor.matmul, Tensor.bmm), _product),
        torch.addmm: _product_plus,
        torch.nn.functional.conv2d: _convolution,
        functional.layer_norm: _last_dim_norm,
        functional.rms_norm: _last_dim_norm,
        functional.group_norm: _group_norm,
        functional.scaled_dot_product_attention: _attention,
    }


# Chunks in float32.


def _wide(x: Tensor) -> Tensor:
    return (
        x if x.dtype in (torch.float32, torch.float64) or not x.is_floating_point() else x.float()
    )


def _sum_of_chunks(x: Tensor, dims: tuple[int, ...]) -> Tensor:
    for dim in sorted(dims, reverse=True):
        parts = [part.sum(dim) for part in x.split(CHUNK, dim)]
        x = parts[0]
        for part in parts[1:]:
            x = x + part
    return x


def _chunked_sum(func: Replacement, x: Tensor, dim: Any = None, *args: Any, **kwargs: Any) -> Any:
    if args or set(kwargs) - {"keepdim", "dtype"} or not x.numel() or not x.is_floating_point():
        return func(x, *(() if dim is None else (dim,)), *args, **kwargs)
    dims = _dims(x, dim)
    dtype = kwargs.get("dtype") or x.dtype
    total = _sum_of_chunks(_wide(x.to(dtype)), dims)
    if func in (torch.mean, Tensor.mean):
        total = total / math.prod(x.shape[d] for d in dims)
    if kwargs.get("keepdim"):
        for d in sorted(dims):
            total = total.unsqueeze(d)
    return total.to(dtype)


def _chunked_softmax(func: Replacement, x: Tensor, dim: int, **kwargs: Any) -> Any:
    if not x.numel():
        return func(x, dim, **kwargs)
    dtype = kwargs.get("dtype") or x.dtype
    wide = _wide(x.to(dtype))
    shifted = wide - wide.amax(dim, keepdim=True)
    total = _sum_of_chunks(shifted.exp(), (dim % x.dim(),)).unsqueeze(dim)
    if func is torch.log_softmax:
        return (shifted - total.log()).to(dtype)
    return (shifted.exp() / total).to(dtype)


def _chunked_product(func: Replacement, a: Tensor, b: Tensor) -> Any:
    k = a.shape[-1]
    if not k or not a.is_floating_point():
        return func(a, b)
    rows = -2 if b.dim() > 1 else -1
    pairs = zip(_wide(a).split(CHUNK, -1), _wide(b).split(CHUNK, rows), strict=True)
    return _total(torch.matmul(x, y) for x, y in pairs).to(a.dtype)


def _chunked_product_plus(func: Replacement, c: Tensor, a: Tensor, b: Tensor) -> Any:
    if not a.shape[-1]:
        return func(c, a, b)
    pairs = zip(_wide(a).split(CHUNK, -1), _wide(b).split(CHUNK, -2), strict=True)
    return (_total(torch.matmul(x, y) for x, y in pairs) + _wide(c)).to(a.dtype)


def _total(parts: Iterable[Tensor]) -> Tensor:
    *_, last = itertools.accumulate(parts, torch.add)
    return last


def _chunked_convolution(
    func: Replacement, x: Tensor, weight: Tensor, bias: Tensor | None = None, *args: Any
) -> Any:
    step = max(1, CHUNK // max(1, weight[0, 0].numel()))
    pairs = zip(_wide(x).split(step, 1), _wide(weight).split(step, 1), strict=True)
    total = _total(func(a, b, None, *args) for a, b in pairs)
    return (total if bias is None else total + _wide(bias)[:, None, None]).to(x.dtype)


def _chunked_cumsum(func: Replacement, x: Tensor, dim: int) -> Any:
    if not x.shape[dim]:
        return func(x, dim)
    parts: list[Tensor] = []
    for chunk in _wide(x).split(CHUNK, dim):
        scanned = chunk.cumsum(dim)
        if parts:
            scanned = scanned + parts[-1].narrow(dim, -1, 1)
        parts.append(scanned)
    return torch.cat(parts, dim).to(x.dtype)


def _chunked_norm(
    func: Replacement,
    x: Tensor,
    shape: Any,
    weight: Tensor | None = None,
    *rest: Any,
    **kwargs: Any,
) -> Any:
    *biases, eps = rest or (kwargs.get("bias"), kwargs.get("eps"))
    if not x.numel() or eps is None or len(shape) > 1:
        named = {**kwargs, "weight": weight}
        return func(x, shape, *((weight, *rest) if rest else ()), **({} if rest else named))
    bias = biases[0] if biases else None
    n, wide = x.shape[-1], _wide(x)
    if func is functional.layer_norm:
        wide = wide - (_sum_of_chunks(wide, (x.dim() - 1,)) / n)[..., None]
    power = (_sum_of_chunks(wide * wide, (x.dim() - 1,)) / n)[..., None]
    found = wide / torch.sqrt(power + eps)
    found = found if weight is None else found * _wide(weight)
    return (found if bias is None else found + _wide(bias)).to(x.dtype)


def _attention_in_float32(
    func: Replacement, q: Tensor, k: Tensor, v: Tensor, *args: Any, **kwargs: Any
) -> Any:
    mask = kwargs.get("attn_mask")
    known = {"attn_mask", "is_causal", "scale", "enable_gqa"}
    if args or set(kwargs) - known or not k.shape[-2]:
        return func(q, k, v, *args, **kwargs)
    if kwargs.get("enable_gqa"):
        k, v = (t.repeat_interleave(q.shape[-3] // t.shape[-3], -3) for t in (k, v))
    scale = kwargs.get("scale") or 1 / math.sqrt(q.shape[-1])
    scores = _chunked_product(torch.matmul, _wide(q), _wide(k).mT) * scale
    if kwargs.get("is_causal"):
        mask = torch.ones(scores.shape[-2:], dtype=torch.bool, device=q.device).tril()
    if mask is not None:
        scores = scores.masked_fill(~mask, -math.inf) if mask.dtype == torch.bool else scores + mask
    # A query that sees no key gets zeros, and no gradient flows through it.
    blind = torch.isneginf(scores).all(-1, keepdim=True)
    weights = _chunked_softmax(torch.softmax, scores.masked_fill(blind, 0.0), -1)
    weights = weights.masked_fill(blind, 0.0)
    return _chunked_product(torch.matmul, weights, _wide(v)).to(q.dtype)


class Chunked(_Replacing):
    """Every sum, product, scan and norm adds up chunks in float32 and rounds once at the end."""

    replacements: Mapping[Any, Replacement] = {
        **dict.fromkeys((torch.sum, Tensor.sum, torch.mean, Tensor.mean), _chunked_sum),
        **dict.fromkeys((torch.softmax, torch.log_softmax), _chunked_softmax),
        **dict.fromkeys((torch.matmul, torch.bmm, torch.mm, torch.mv), _chunked_product),
        **dict.fromkeys((Tensor.__matmul__, Tensor.matmul, Tensor.bmm), _chunked_product),
        **dict.fromkeys((torch.cumsum, Tensor.cumsum), _chunked_cumsum),
        torch.addmm: _chunked_product_plus,
        torch.nn.functional.conv2d: _chunked_convolution,
        functional.layer_norm: _chunked_norm,
        functional.rms_norm: _chunked_norm,
        functional.scaled_dot_product_attention: _attention_in_float32,
    }
