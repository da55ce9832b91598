"""The mend of libdevice, and its functions."""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import triton.language.extra.cuda.libdevice as cuda_libdevice

from pytest_tritonbench.sandbox.interpreter import libdevice_functions

Found = dict[str, dict[str, Any]]

# What no candidate was seen to use.
UNKNOWN = {
    "brev", "byte_perm", "double2hiint", "double2loint", "hiloint2double", "jn", "mul64hi", "mulhi",
    "norm4d", "rcp64h", "rnorm3d", "rnorm4d", "uhadd", "umul24", "umul64hi", "umulhi", "urhadd",
    "rhadd", "usad", "yn",
}  # fmt: skip


def test_unmended_interpreter_computes_nothing(raw: Found) -> None:
    """The public function returns None and the CUDA one asks for a compiler."""
    assert "cannot convert None" in raw["libdevice_public"]["error"]
    assert "_semantic" in raw["libdevice_cuda"]["error"]


def test_functions_are_computed(mended: Found) -> None:
    """Both spellings of libdevice compute."""
    assert mended["libdevice_public"]["value"] < 1e-6
    assert mended["libdevice_cuda"]["value"] == [1.0, 0.0, 0.25, 9.0]


def test_every_symbol_is_known_or_refused() -> None:
    """Each symbol of CUDA's libdevice has an equivalent or is one of the few that are refused."""
    source = Path(str(cuda_libdevice.__file__)).read_text(encoding="utf-8")
    missing = set()
    for symbol in sorted(set(re.findall(r'"(__nv_\w+)"', source))):
        try:
            libdevice_functions.find(symbol)
        except NotImplementedError:
            missing.add(symbol)
    directed = {s for s in missing if re.search(r"_r[duz]$", s)}
    names = {re.sub(r"^__nv_|(?<!nor)f$|ll$", "", s) for s in missing - directed}
    assert names <= UNKNOWN, sorted(names - UNKNOWN)


@pytest.mark.parametrize(
    ("symbol", "operands", "expected"),
    [
        ("__nv_fmodf", (5.5, -2.0), 1.5),
        ("__nv_rsqrtf", (4.0,), 0.5),
        ("__nv_roundf", (-2.5,), -3.0),
        ("__nv_rintf", (2.5,), 2.0),
        ("__nv_erff", (0.5,), math.erf(0.5)),
        ("__nv_tgammaf", (-0.5,), math.gamma(-0.5)),
        ("__nv_fast_expf", (1.0,), math.e),
        ("__nv_fmaxf", (math.nan, 1.0), 1.0),
        ("__nv_fdiv_rn", (1.0, 3.0), 1 / 3),
        ("__nv_frsqrt_rn", (16.0,), 0.25),
        ("__nv_float2int_rz", (-1.9,), -1.0),
        ("__ocml_tanh_f32", (0.3,), math.tanh(0.3)),
        ("__nv_normcdff", (0.0,), 0.5),
        ("__nv_isinff", (math.inf,), 1.0),
    ],
)
def test_values(symbol: str, operands: tuple[float, ...], expected: float) -> None:
    """A function has the value that its name promises."""
    arrays = [np.array([operand], dtype=np.float32) for operand in operands]
    found = float(libdevice_functions.find(symbol)(*arrays)[0])
    assert found == pytest.approx(expected, rel=1e-6)
