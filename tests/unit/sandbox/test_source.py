"""Faults of the source text: each has its own reason and its line."""

from collections.abc import Callable

from pytest_tritonbench.sandbox import Delivered, Failure, Reason


def test_syntax_error_has_its_line(run: Callable[..., Delivered | Failure]) -> None:
    """A source that is no Python is a syntax error at the line at fault."""
    failure = run("x = 1\ndef f(x:\n    return x\n")
    assert isinstance(failure, Failure)
    assert (failure.reason, failure.line, failure.text) == (Reason.SYNTAX_ERROR, 2, "def f(x:")


def test_null_byte_is_a_syntax_error(run: Callable[..., Delivered | Failure]) -> None:
    """A source that Python cannot even tokenise is a syntax error too."""
    failure = run("def f(x):\n    return '\0'\n")
    assert isinstance(failure, Failure)
    assert failure.reason == Reason.SYNTAX_ERROR


def test_import_of_a_missing_module(run: Callable[..., Delivered | Failure]) -> None:
    """A module that is not installed is an import error at its line."""
    failure = run("import torch\nimport not_there_at_all\ndef f(x): return x\n")
    assert isinstance(failure, Failure)
    assert (failure.reason, failure.line) == (Reason.IMPORT_ERROR, 2)
    assert "not_there_at_all" in failure.message
    assert not failure.fatal


def test_exception_while_importing(run: Callable[..., Delivered | Failure]) -> None:
    """A module that raises while it is run is an import error."""
    failure = run("value = 1 / 0\ndef f(x): return x\n")
    assert isinstance(failure, Failure)
    assert failure.reason == Reason.IMPORT_ERROR
    assert "ZeroDivisionError" in failure.message


def test_no_entry_point_lists_what_there_is(run: Callable[..., Delivered | Failure]) -> None:
    """A module without the function says which functions it has."""
    failure = run("def softmax_triton(x): return x\n")
    assert isinstance(failure, Failure)
    assert failure.reason == Reason.NO_ENTRY_POINT
    assert "softmax_triton" in failure.message


def test_entry_point_that_is_no_function(run: Callable[..., Delivered | Failure]) -> None:
    """A variable of the entry point's name is no entry point."""
    failure = run("f = 3\n")
    assert isinstance(failure, Failure)
    assert failure.reason == Reason.NO_ENTRY_POINT
    assert "int" in failure.message


def test_wrong_signature_shows_both(run: Callable[..., Delivered | Failure]) -> None:
    """A function with other parameters is told apart from one that raises a TypeError."""
    failure = run("\ndef f(x, y): return x\n")
    assert isinstance(failure, Failure)
    assert (failure.reason, failure.line) == (Reason.WRONG_SIGNATURE, 2)
    assert "(x, y)" in failure.message


def test_exception_in_the_wrapper_has_line_and_own_frames(
    run: Callable[..., Delivered | Failure],
) -> None:
    """An exception is reported at the candidate's innermost line, without foreign frames."""
    failure = run(
        """
        import torch

        def inner(x):
            return torch.mm(x, x)

        def f(x):
            return inner(x)
        """
    )
    assert isinstance(failure, Failure)
    assert (failure.reason, failure.line) == (Reason.EXCEPTION, 5)
    assert failure.text == "    return torch.mm(x, x)"
    assert "in inner" in failure.detail
    assert "tritonbench" not in failure.detail
    assert failure.kernel is None


def test_type_error_in_the_wrapper_is_an_exception(
    run: Callable[..., Delivered | Failure],
) -> None:
    """A TypeError raised inside is no wrong signature."""
    failure = run("def f(x):\n    return len(3)\n")
    assert isinstance(failure, Failure)
    assert (failure.reason, failure.line) == (Reason.EXCEPTION, 2)


def test_compile_error_has_the_kernels_line(run: Callable[..., Delivered | Failure]) -> None:
    """What Triton's compiler rejects is a compile error at the kernel's line."""
    failure = run(
        """
        import torch, triton
        import triton.language as tl

        @triton.jit
        def kernel(x, n, BLOCK: tl.constexpr):
            o = tl.arange(0, BLOCK)
            v = tl.load(x + o, mask=o < n)
            w = v + undefined_name
            tl.store(x + o, w, mask=o < n)

        def f(x):
            y = x.clone()
            kernel[(1,)](y, y.numel(), BLOCK=16)
            return y
        """,
        compile=True,
    )
    assert isinstance(failure, Failure)
    assert (failure.reason, failure.kernel, failure.line) == (Reason.COMPILE_ERROR, "kernel", 9)


def test_too_much_shared_memory_is_a_compile_error(
    run: Callable[..., Delivered | Failure],
) -> None:
    """A kernel that needs more shared memory than the target has does not compile."""
    failure = run(
        """
        import torch, triton
        import triton.language as tl

        @triton.jit
        def kernel(a, b, c, k, M: tl.constexpr, K: tl.constexpr):
            m, n = tl.arange(0, M)[:, None], tl.arange(0, M)[None, :]
            total = tl.zeros((M, M), tl.float32)
            for i in range(0, k, K):
                left = tl.load(a + m * k + i + tl.arange(0, K)[None, :])
                right = tl.load(b + (i + tl.arange(0, K)[:, None]) * M + n)
                total += tl.dot(left, right)
            tl.store(c + m * M + n, total)

        def f(x):
            a, b = torch.ones(128, 512).half(), torch.ones(512, 128).half()
            c = torch.empty(128, 128)
            kernel[(1,)](a, b, c, 512, M=128, K=64, num_stages=9)
            return c
        """,
        compile=True,
    )
    assert isinstance(failure, Failure)
    assert (failure.reason, failure.kernel) == (Reason.COMPILE_ERROR, "kernel")
    assert "shared memory" in failure.message


def test_exception_in_an_interpreted_kernel_has_its_line(
    run: Callable[..., Delivered | Failure],
) -> None:
    """What an interpreted kernel raises is reported at the kernel's line, with its name."""
    failure = run(
        """
        import torch, triton
        import triton.language as tl

        @triton.jit
        def kernel(x, n, BLOCK: tl.constexpr):
            o = tl.arange(0, BLOCK)
            tl.store(x + o + 1000, tl.load(x + o, mask=o < n))

        def f(x):
            y = x.clone()
            kernel[(1,)](y, y.numel(), BLOCK=16)
            return y
        """
    )
    assert isinstance(failure, Failure)
    assert (failure.reason, failure.kernel, failure.line) == (Reason.EXCEPTION, "kernel", 8)
