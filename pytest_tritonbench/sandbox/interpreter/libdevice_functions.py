"""NumPy and PyTorch equivalents of the functions of ``libdevice`` and ``ocml``."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

Function = Callable[..., Any]


def _by_torch(function: Callable[..., Any]) -> Function:
    def call(*operands: Any) -> Any:
        tensors = [torch.from_numpy(np.ascontiguousarray(a)) for a in operands]
        return function(*tensors).numpy()

    return call


def _half_away(x: Any) -> Any:
    # Adding one half before truncation would round 0.49999997 up.
    whole = np.trunc(x)
    return np.where(np.abs(x - whole) >= 0.5, whole + np.sign(x), whole)


def _gamma(x: Any) -> Any:
    magnitude = torch.lgamma(x).exp()
    odd = (torch.floor(x) % 2 != 0) & (x < 0)
    return torch.where(odd, -magnitude, magnitude)


def _leading_zeros(x: Any) -> Any:
    bits = x.dtype.itemsize * 8
    unsigned = x.view(f"u{x.dtype.itemsize}")
    lengths = np.zeros(x.shape, dtype=np.int32)
    for shift in range(bits):
        lengths = np.where((unsigned >> np.array(shift, unsigned.dtype)) != 0, shift + 1, lengths)
    return bits - lengths


def _first_set(x: Any) -> Any:
    lowest = (x & -x).view(f"u{x.dtype.itemsize}").astype(np.float64)
    return np.where(x == 0, 0, np.log2(np.where(x == 0, 1, lowest)) + 1)


_FUNCTIONS: dict[str, Function] = {
    "abs": np.abs,
    "acos": np.arccos,
    "acosh": np.arccosh,
    "asin": np.arcsin,
    "asinh": np.arcsinh,
    "atan": np.arctan,
    "atan2": np.arctan2,
    "atanh": np.arctanh,
    "cbrt": np.cbrt,
    "ceil": np.ceil,
    "clz": _leading_zeros,
    "clzll": _leading_zeros,
    "copysign": np.copysign,
    "cos": np.cos,
    "cosh": np.cosh,
    "cospi": lambda x: np.cos(np.pi * np.fmod(x, 2)),
    "cyl_bessel_i0": _by_torch(torch.special.i0),
    "cyl_bessel_i1": _by_torch(torch.special.i1),
    "erf": _by_torch(torch.special.erf),
    "erfc": _by_torch(torch.special.erfc),
    "erfcx": _by_torch(torch.special.erfcx),
    "erfinv": _by_torch(torch.special.erfinv),
    "erfcinv": _by_torch(lambda x: torch.special.erfinv(1 - x)),
    "exp": np.exp,
    "exp10": lambda x: np.power(np.array(10, x.dtype), x),
    "exp2": np.exp2,
    "expm1": np.expm1,
    "fabs": np.abs,
    "fast_fdividef": np.divide,
    "fdim": lambda a, b: np.where(a > b, a - b, np.where(np.isnan(a - b), a - b, 0)),
    "fdividef": np.divide,
    "ffs": _first_set,
    "ffsll": _first_set,
    "finite": np.isfinite,
    "floor": np.floor,
    "fma": lambda a, b, c: (a.astype(np.float64) * b + c).astype(a.dtype),
    "fmax": np.fmax,
    "fmin": np.fmin,
    "fmod": np.fmod,
    "hadd": lambda a, b: (a.astype(np.int64) + b) >> 1,
    "hypot": np.hypot,
    "ilogb": lambda x: np.frexp(x)[1] - 1,
    "isfinite": np.isfinite,
    "isinf": np.isinf,
    "isnan": np.isnan,
    "j0": _by_torch(torch.special.bessel_j0),
    "j1": _by_torch(torch.special.bessel_j1),
    "ldexp": np.ldexp,
    "lgamma": _by_torch(torch.lgamma),
    "llabs": np.abs,
    "llrint": np.rint,
    "llround": _half_away,
    "log": np.log,
    "log10": np.log10,
    "log1p": np.log1p,
    "log2": np.log2,
    "logb": lambda x: np.floor(np.log2(np.abs(x))),
    "max": np.fmax,
    "min": np.fmin,
    "mul24": lambda a, b: (a & 0xFFFFFF) * (b & 0xFFFFFF),
    "nearbyint": np.rint,
    "nextafter": np.nextafter,
    "norm3d": lambda a, b, c: np.sqrt(a * a + b * b + c * c),
    "normcdf": _by_torch(torch.special.ndtr),
    "normcdfinv": _by_torch(torch.special.ndtri),
    "popc": np.bitwise_count,
    "popcll": np.bitwise_count,
    "pow": np.power,
    "powi": np.power,
    "rcbrt": lambda x: 1 / np.cbrt(x),
    "remainder": lambda a, b: a - np.rint(a / b) * b,
    "rhypot": lambda a, b: 1 / np.hypot(a, b),
    "rint": np.rint,
    "round": _half_away,
    "rsqrt": lambda x: 1 / np.sqrt(x),
    "sad": lambda a, b, c: np.abs(a.astype(np.int64) - b) + c,
    "saturate": lambda x: np.where(np.isnan(x), 0, np.clip(x, 0, 1)),
    "scalbn": np.ldexp,
    "signbit": np.signbit,
    "sin": np.sin,
    "sinh": np.sinh,
    "sinpi": lambda x: np.sin(np.pi * np.fmod(x, 2)),
    "sqrt": np.sqrt,
    "tan": np.tan,
    "tanh": np.tanh,
    "tgamma": _by_torch(_gamma),
    "trunc": np.trunc,
    "y0": _by_torch(torch.special.bessel_y0),
    "y1": _by_torch(torch.special.bessel_y1),
}

# Explicit rounding to nearest is what NumPy does anyway.
_ROUNDED: dict[str, Function] = {
    "add": np.add,
    "div": np.divide,
    "fma": _FUNCTIONS["fma"],
    "mul": np.multiply,
    "rcp": lambda x: 1 / x,
    "rsqrt": _FUNCTIONS["rsqrt"],
    "sqrt": np.sqrt,
    "sub": np.subtract,
}
_TO_INTEGER: dict[str, Function] = {
    "rd": np.floor,
    "rn": np.rint,
    "ru": np.ceil,
    "rz": np.trunc,
}
_REINTERPRETED = {
    "double_as_longlong": np.int64,
    "float_as_int": np.int32,
    "float_as_uint": np.uint32,
    "int_as_float": np.float32,
    "longlong_as_double": np.float64,
    "uint_as_float": np.float32,
}


def find(symbol: str) -> Function:
    """Return the equivalent of an external function.

    Args:
        symbol: Its name in the device library: ``__nv_tanhf``, ``__ocml_tanh_f32``; or ``tanh``.

    Raises:
        NotImplementedError: There is no equivalent.
    """
    name = re.sub(r"^__nv_|^__ocml_(?:native_)?|_f(?:16|32|64)$", "", symbol)
    if dtype := _REINTERPRETED.get(name):
        return lambda x: x.view(dtype)
    if match := re.fullmatch(r"(?:float|double)2u?(?:int|ll)_(r[dnuz])", name):
        return _TO_INTEGER[match[1]]
    if re.fullmatch(r"u?(?:int|ll)2(?:float|double)_rn|double2float_rn", name):
        return lambda x: x
    if name.endswith("_rn"):
        stem = name.removesuffix("_rn").removesuffix("f")
        if function := _ROUNDED.get(stem) or _ROUNDED.get(stem[1:]):
            return function
    for candidate in (name, name.removesuffix("f"), name.removesuffix("d")):
        plain = candidate.removeprefix("fast_")
        if function := _FUNCTIONS.get(candidate) or _FUNCTIONS.get(plain):
            return function
    raise NotImplementedError(f"libdevice function {symbol} is not known to the interpreter")
