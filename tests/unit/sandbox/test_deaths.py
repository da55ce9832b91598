"""Ways for a process to die or to hang: each is told apart and costs that process only."""

import time
from collections.abc import Callable

import pytest

from pytest_tritonbench.sandbox import Call, Candidate, Delivered, Failure, Reason, Sandbox

Run = Callable[..., Delivered | Failure]


def failed(result: Delivered | Failure) -> Failure:
    """The result, which must be a failure."""
    assert isinstance(result, Failure)
    return result


def test_segfault_has_its_line(run: Run) -> None:
    """A write through a null pointer is a segfault at the line that did it."""
    failure = failed(run("import ctypes\ndef f(x):\n    ctypes.string_at(0)\n"))
    assert (failure.reason, failure.line, failure.fatal) == (Reason.SEGFAULT, 3, True)
    assert "SIGSEGV" in failure.message


def test_abort_is_a_fault_of_its_own_name(run: Run) -> None:
    """A library that aborts is told by its signal."""
    failure = failed(run("import os\ndef f(x):\n    os.abort()\n"))
    assert failure.reason == Reason.SEGFAULT
    assert "SIGABRT" in failure.message


def test_stack_overflow_is_a_fault(run: Run) -> None:
    """Running out of C stack kills the worker, not the session."""
    source = """
    import sys, threading
    def f(x):
        sys.setrecursionlimit(10**9)
        class Deep:
            def __repr__(self): return repr(self)
        return repr(Deep())
    """
    assert failed(run(source)).reason in {Reason.SEGFAULT, Reason.OUT_OF_MEMORY}


@pytest.mark.parametrize("code", [0, 3])
def test_hard_exit_is_never_a_pass(run: Run, code: int) -> None:
    """`os._exit(0)` before anything was delivered is an exit, with its status."""
    failure = failed(run(f"import os\ndef f(x):\n    os._exit({code})\n"))
    assert (failure.reason, failure.fatal) == (Reason.EXIT, True)
    assert f"status {code}" in failure.message


def test_hard_exit_while_importing(run: Run) -> None:
    """`os._exit(0)` at import is an exit as well."""
    assert failed(run("import os\nos._exit(0)\n")).reason == Reason.EXIT


@pytest.mark.parametrize("place", ["import", "call"])
def test_soft_exit_is_named(run: Run, place: str) -> None:
    """`sys.exit(0)` is told apart from a hard exit and has its line."""
    source = "import sys\ndef f(x):\n    sys.exit(0)\n"
    failure = failed(run(source + ("f(1)\n" if place == "import" else "")))
    assert (failure.reason, failure.line, failure.fatal) == (Reason.EXIT, 3, False)
    assert "sys.exit(0)" in failure.message


def test_killing_oneself_is_an_exit(run: Run) -> None:
    """A worker that kills itself has ended itself."""
    failure = failed(
        run("import os, signal\ndef f(x):\n    os.kill(os.getpid(), signal.SIGKILL)\n")
    )
    assert failure.reason == Reason.EXIT
    assert "SIGKILL" in failure.message


def test_hang_in_python_has_its_line(run: Run) -> None:
    """A loop in the wrapper is a hang in Python at the looping line."""
    failure = failed(run("def f(x):\n    n = 0\n    while True:\n        n += 1\n", timeout=0.5))
    assert (failure.reason, failure.fatal) == (Reason.HANG_IN_PYTHON, True)
    assert failure.line in {3, 4}


def test_hang_in_c_has_its_line(run: Run) -> None:
    """A call that never comes back to Python is found by the same clock."""
    failure = failed(run("import time\ndef f(x):\n    time.sleep(1000)\n", timeout=0.5))
    assert (failure.reason, failure.line) == (Reason.HANG_IN_PYTHON, 3)


def test_hang_while_importing(open_candidate: Callable[..., Candidate], sandbox: Sandbox) -> None:
    """A module that never finishes loading is stopped by the limit on loading."""
    candidate = open_candidate("import time\nwhile True:\n    time.sleep(0.1)\n")
    candidate._limits = type(sandbox.limits)(load=0.5)
    failure = failed(candidate.call(Call(args=())))
    assert failure.reason == Reason.HANG_IN_PYTHON


def test_hang_that_ignores_every_signal(run: Run) -> None:
    """Blocking signals does not help a hanging worker."""
    source = """
    import signal
    def f(x):
        signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
        while True: pass
    """
    assert failed(run(source, timeout=0.5)).reason == Reason.HANG_IN_PYTHON


def test_hang_in_a_kernel_names_it(run: Run) -> None:
    """A loop in an interpreted kernel is a hang in that kernel at its line."""
    failure = failed(
        run(
            """
            import torch, triton
            import triton.language as tl

            @triton.jit
            def spin(x, n):
                i = 0
                while i < n:
                    i = i * 1

            def f(x):
                spin[(1,)](x, 10)
                return x
            """,
            timeout=1.5,
        )
    )
    assert (failure.reason, failure.kernel) == (Reason.HANG_IN_KERNEL, "spin")
    assert failure.line in {8, 9}


def test_memory_limit(run: Run) -> None:
    """A worker that touches more memory than it may is killed and named."""
    failure = failed(run("def f(x):\n    return bytearray(b'x') * (1 << 30)\n"))
    assert (failure.reason, failure.fatal) == (Reason.OUT_OF_MEMORY, True)


def test_memory_error_is_out_of_memory(run: Run) -> None:
    """An allocation that Python refuses is out of memory, and the worker lives."""
    failure = failed(run("def f(x):\n    return bytearray(1 << 60)\n"))
    assert (failure.reason, failure.line, failure.fatal) == (Reason.OUT_OF_MEMORY, 2, False)


def test_huge_output_is_refused(run: Run) -> None:
    """An expanded tensor whose elements would fill the machine is not copied."""
    failure = failed(run("def f(x):\n    return x[:1].expand(1 << 40)\n"))
    assert failure.reason == Reason.OUT_OF_MEMORY


def test_output_flood(run: Run) -> None:
    """Endless printing is cut off, and the end of it is kept."""
    failure = failed(run("def f(x):\n    while True: print('spam' * 100)\n"))
    assert (failure.reason, failure.fatal) == (Reason.OUTPUT_FLOOD, True)
    assert len(failure.detail) <= 1 << 16
    assert "spam" in failure.detail


@pytest.mark.parametrize("pause", ["time.sleep(0.002)", "pass"])
def test_fork_bomb(run: Run, pause: str) -> None:
    """Processes that fork without end are all killed; the warden or the kernel stops them."""
    source = f"""
    import os, time
    def f(x):
        while True:
            os.fork()
            {pause}
    """
    failure = failed(run(source))
    assert (failure.reason, failure.fatal) == (Reason.PROCESS_LIMIT, True)


def test_what_only_looks_like_a_fork_bomb_is_an_exception(run: Run) -> None:
    """The same error of something else, such as a pipe that nobody writes to, is the code's own."""
    source = """
    import os
    def f(x):
        reading, writing = os.pipe()
        os.set_blocking(reading, False)
        os.read(reading, 1)
    """
    assert failed(run(source)).reason == Reason.EXCEPTION


def test_stderr_of_the_dead_is_kept(run: Run) -> None:
    """What a worker printed before it died is in the failure's detail."""
    source = (
        "import os, sys\ndef f(x):\n    print('last words', file=sys.stderr)\n    os._exit(1)\n"
    )
    assert "last words" in failed(run(source)).detail


def test_call_after_a_death_gets_a_fresh_process(
    open_candidate: Callable[..., Candidate], one_vector: Callable[..., Call]
) -> None:
    """A candidate that died once is called again in a new process."""
    candidate = open_candidate(
        """
        import os
        def f(x):
            if x[0] < 0:
                os._exit(0)
            return x
        """
    )
    assert failed(candidate.call(one_vector(candidate, [-1.0]))).reason == Reason.EXIT
    assert isinstance(candidate.call(one_vector(candidate, [1.0])), Delivered)


def test_neighbour_is_not_disturbed(
    open_candidate: Callable[..., Candidate], one_vector: Callable[..., Call]
) -> None:
    """While one worker dies, another keeps its state and delivers."""
    calm = open_candidate("n = 0\ndef f(x):\n    global n\n    n += 1\n    return n\n")
    first = calm.call(one_vector(calm, [1.0]))
    wild = open_candidate("import os, signal\ndef f(x):\n    os.killpg(0, signal.SIGKILL)\n")
    assert isinstance(wild.call(one_vector(wild, [1.0])), Failure)
    second = calm.call(one_vector(calm, [1.0]))
    assert isinstance(first, Delivered)
    assert isinstance(second, Delivered)
    assert (first.output, second.output) == (1, 2)


def test_closing_ends_a_busy_worker(
    open_candidate: Callable[..., Candidate], one_vector: Callable[..., Call]
) -> None:
    """Closing a candidate does not wait for what it left running."""
    candidate = open_candidate("def f(x): return x\n")
    candidate.call(one_vector(candidate, [1.0]))
    start = time.monotonic()
    candidate.close()
    assert time.monotonic() - start < 1
