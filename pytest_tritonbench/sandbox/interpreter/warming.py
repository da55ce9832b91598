"""One compilation ahead of time, so that forked children find LLVM initialised."""

from __future__ import annotations

import os
from unittest import mock

import triton
import triton.language as tl
from triton.compiler import ASTSource

from pytest_tritonbench.sandbox.interpreter.stub_driver import StubDriver
from pytest_tritonbench.sandbox.interpreter.targets import Target


@triton.jit  # type: ignore[untyped-decorator]  # Triton has no types
def _add(x_ptr, y_ptr, out_ptr, n, BLOCK: tl.constexpr):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202, N803
    offsets = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    inside = offsets < n
    total = tl.load(x_ptr + offsets, mask=inside) + tl.load(y_ptr + offsets, mask=inside)
    tl.store(out_ptr + offsets, total, mask=inside)


def warm(target: Target, cache: str) -> None:
    """Compile a small kernel.

    Args:
        target: What to compile for.
        cache: An empty folder, so that Triton's cache does not spare the compiler the work.
    """
    before = triton.runtime.driver._active  # noqa: SLF001 - there is no public look without a GPU
    triton.runtime.driver.set_active(StubDriver([target]))
    signature = {"x_ptr": "*fp32", "y_ptr": "*fp32", "out_ptr": "*fp32", "n": "i32"}
    source = ASTSource(
        fn=_add,
        signature={**signature, "BLOCK": "constexpr"},
        constexprs={"BLOCK": 64},
    )
    try:
        with mock.patch.dict(os.environ, {"TRITON_CACHE_DIR": cache}):
            triton.compile(source, target=target.as_triton())
    finally:
        triton.runtime.driver.set_active(before)
