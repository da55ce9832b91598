"""NumPy dtypes for the number formats that NumPy lacks, as the two format mends use them.

Triton's interpreter holds bfloat16 as uint16 and float8 as uint8 and computes with the raw bits.
``ml_dtypes`` has real dtypes for them; memory is still read and written as raw bits, because the
interpreter's native load and store know only NumPy's own.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import triton.language as tl
import triton.runtime.interpreter as triton_interpreter

from pytest_tritonbench.sandbox.interpreter.seams import inside, replace

_ADDRESS: np.dtype[Any] = np.dtype(np.uint64)

# By the name of Triton's dtype.
_dtypes: dict[str, np.dtype[Any]] = {}
_bits: dict[np.dtype[Any], np.dtype[Any]] = {}
_largest: dict[np.dtype[Any], float] = {}
_installed: list[bool] = []


def register(triton_dtype: Any, numpy_dtype: Any, *, saturates_at: float | None = None) -> None:
    """Let the interpreter hold a Triton dtype as a NumPy dtype.

    Args:
        triton_dtype: A scalar dtype of ``triton.language``.
        numpy_dtype: The NumPy dtype that computes in it.
        saturates_at: The value to which a conversion from a wider float is clipped.
    """
    dtype = np.dtype(numpy_dtype)
    _dtypes[triton_dtype.name] = dtype
    _bits[dtype] = np.dtype(f"u{dtype.itemsize}")
    if saturates_at is not None:
        _largest[dtype] = saturates_at
    if not _installed:
        _install()
        _installed.append(True)


def bits_of(dtype: np.dtype[Any]) -> np.dtype[Any] | None:
    """Return the unsigned dtype that holds a registered dtype's bits, else ``None``."""
    return _bits.get(dtype)


def numpy_dtype(dtype: Any) -> np.dtype[Any]:
    """Return the NumPy dtype of a Triton dtype."""
    found: np.dtype[Any] = inside(triton_interpreter, "_get_np_dtype")(dtype)
    return found


def convert(data: Any, dtype: np.dtype[Any]) -> Any:
    """Convert to another NumPy dtype, to nearest even, saturating where the format does."""
    if (largest := _largest.get(dtype)) is not None and data.dtype.kind in "fV":
        data = data.astype(np.float32)
        data = np.where(np.isnan(data), data, np.clip(data, -largest, largest))
    if data.dtype in _bits and dtype.kind in "iub":
        data = data.astype(np.float32)
    with np.errstate(all="ignore"):
        return data.astype(dtype)


def _install() -> None:
    original_dtype = inside(triton_interpreter, "_get_np_dtype")
    known = _dtypes

    def get_numpy_dtype(dtype: Any) -> np.dtype[Any]:
        scalar = dtype.element_ty if isinstance(dtype, tl.block_type) else dtype
        if isinstance(scalar, tl.pointer_type):
            return _ADDRESS
        # Triton's own makes a table of all dtypes in every call.
        if (found := known.get(scalar.name)) is None:
            found = known[scalar.name] = original_dtype(scalar)
        return found

    replace(triton_interpreter, "_get_np_dtype", get_numpy_dtype)
    builder = triton_interpreter.InterpreterBuilder
    replace(builder, "create_masked_load", _masked_load)
    replace(builder, "create_masked_store", _masked_store)
    replace(builder, "cast_impl", _cast)
    original_round = inside(builder, "create_fp_to_fp")

    def round_to(self: Any, source: Any, dtype: Any, rounding: Any = None) -> Any:
        to_zero = rounding is not None and "RTZ" in str(rounding)
        scalars = {source.dtype.scalar, dtype.scalar}
        if tl.float8e4b15 in scalars or (to_zero and tl.bfloat16 not in scalars):
            return original_round(self, source, dtype, rounding)
        if to_zero and dtype.scalar == tl.bfloat16:
            wide = source.data.astype(np.float32)
            cut = (wide.view(np.uint32) & np.uint32(0xFFFF0000)).view(np.float32)
            return triton_interpreter.TensorHandle(
                np.where(np.isnan(wide), wide, cut).astype(numpy_dtype(dtype)), dtype.scalar
            )
        return _cast(self, source, dtype)

    replace(builder, "create_fp_to_fp", round_to)


def _cast(builder: Any, source: Any, dtype: Any) -> Any:
    del builder
    return triton_interpreter.TensorHandle(
        convert(source.data, numpy_dtype(dtype.scalar)), dtype.scalar
    )


def _array(mask: Any) -> Any:
    # Block pointers pass their mask as a bare array, everything else as a handle.
    return mask.data if isinstance(mask, triton_interpreter.TensorHandle) else mask


def _masked_load(
    builder: Any,
    pointers: Any,
    mask: Any,
    other: Any,
    cache_modifier: Any = None,
    eviction_policy: Any = None,
    is_volatile: Any = None,
) -> Any:
    del builder, cache_modifier, eviction_policy, is_volatile
    element = pointers.get_element_ty()
    dtype = numpy_dtype(element)
    bits = _bits.get(dtype, dtype)
    if other is None:
        filler = np.zeros(pointers.data.shape, dtype=bits)
    else:
        filler = other.data if bits is dtype else np.ascontiguousarray(other.data).view(bits)
    native = inside(triton_interpreter, "_interpreter")
    loaded = native.load(pointers.data, _array(mask), filler, bits)
    return triton_interpreter.TensorHandle(loaded.view(dtype), element)


def _masked_store(
    builder: Any,
    pointers: Any,
    value: Any,
    mask: Any,
    cache_modifier: Any = None,
    eviction_policy: Any = None,
) -> Any:
    del builder, cache_modifier, eviction_policy
    data = value.data
    if (bits := _bits.get(data.dtype)) is not None:
        data = np.ascontiguousarray(data).view(bits)
    return inside(triton_interpreter, "_interpreter").store(pointers.data, data, _array(mask))
