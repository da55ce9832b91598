"""What a candidate tries beyond its borders fails, and is named even where it is swallowed."""

import os
import socket
import textwrap
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from pytest_tritonbench.sandbox import (
    Call,
    Candidate,
    Delivered,
    Failure,
    Reason,
    Sandbox,
    system,
)

Run = Callable[..., Delivered | Failure]

needs_landlock = pytest.mark.skipif(
    not system.landlock_abi(), reason="this kernel has no Landlock: only Python is watched"
)

SWALLOW = """
def f(x):
    try:
        {attempt}
    except Exception:
        pass
    return x
"""


def swallowed(attempt: str) -> str:
    """A source that tries something and hides the error."""
    return "import os, socket, pathlib, shutil, subprocess\n" + SWALLOW.format(attempt=attempt)


def test_writing_outside_fails_and_is_named(run: Run, outside: str) -> None:
    """A file outside the scratch folder is not written, and the attempt is reported."""
    failure = run(swallowed(f"open({outside!r}, 'w').write('x')"))
    assert isinstance(failure, Failure)
    assert (failure.reason, failure.line) == (Reason.WROTE_OUTSIDE, 5)
    assert outside in failure.message
    assert not os.path.exists(outside)  # noqa: PTH110 - a string all along


@pytest.mark.parametrize(
    "attempt",
    [
        "os.open({path!r}, os.O_WRONLY | os.O_CREAT)",
        "os.mkdir({path!r})",
        "os.symlink('/etc/passwd', {path!r})",
        "pathlib.Path({path!r}).touch()",
        "shutil.copy(__file__, {path!r})",
    ],
)
def test_every_way_of_writing_is_named(run: Run, outside: str, attempt: str) -> None:
    """Folders, links and low-level opens count as writing outside."""
    failure = run(swallowed(attempt.format(path=outside)))
    assert isinstance(failure, Failure)
    assert failure.reason == Reason.WROTE_OUTSIDE
    assert not os.path.lexists(outside)


@needs_landlock
def test_writing_behind_pythons_back_fails(run: Run, outside: str) -> None:
    """A write through libc, which no audit hook sees, is stopped by the kernel."""
    source = f"""
    import ctypes
    def f(x):
        libc = ctypes.CDLL(None)
        return libc.open({outside.encode()!r}, 0o101, 0o600)
    """
    delivered = run(source)
    assert isinstance(delivered, Delivered)
    assert delivered.output == -1
    assert not os.path.exists(outside)  # noqa: PTH110 - a string all along


def test_scratch_is_writable(run: Run) -> None:
    """Temporary files, the home folder and the working folder may be written."""
    source = """
    import os, tempfile
    def f(x):
        with tempfile.NamedTemporaryFile() as one, open("here", "w") as two:
            one.write(b"x"); two.write("x")
        with open(os.path.expanduser("~/there"), "w") as three:
            three.write("x")
        with open(os.devnull, "w") as nothing:
            nothing.write("x")
        return x
    """
    assert isinstance(run(source), Delivered)


def test_scratch_is_removed(
    open_candidate: Callable[..., Candidate], one_vector: Callable[..., Call]
) -> None:
    """Nothing of what a candidate wrote stays once it is closed."""
    candidate = open_candidate(
        "import os\ndef f(x):\n    open('left', 'w').close()\n    return os.getcwd()\n"
    )
    delivered = candidate.call(one_vector(candidate, [1.0]))
    assert isinstance(delivered, Delivered)
    left = Path(str(delivered.output)) / "left"
    assert left.exists()
    scratch = left.parent.parent
    candidate.close()
    deadline = time.monotonic() + 3
    while scratch.exists() and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not scratch.exists()


@needs_landlock
def test_repository_and_home_cannot_be_read(run: Run, tmp_path: Path) -> None:
    """Neither this repository's files nor the user's can be opened, even through libc."""
    secret = tmp_path / "secret.py"
    secret.write_text("answer = 42")
    paths = [str(secret), __file__, str(Path.home() / ".bashrc")]
    source = f"""
    import ctypes
    def f(x):
        libc = ctypes.CDLL(None)
        return [libc.open(path.encode(), 0) for path in {paths!r}]
    """
    delivered = run(source)
    assert isinstance(delivered, Delivered)
    assert delivered.output == [-1, -1, -1]


def test_network_is_cut_and_named(run: Run) -> None:
    """A connection to a listening port fails and is reported."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        failure = run(swallowed(f"socket.create_connection(('127.0.0.1', {port}), 1)"))
        server.settimeout(0)
        with pytest.raises(BlockingIOError):
            server.accept()
    assert isinstance(failure, Failure)
    assert (failure.reason, failure.line) == (Reason.NETWORK, 5)


def test_looking_up_a_name_is_network(run: Run) -> None:
    """Asking for a host's address is an attempt to reach the network."""
    failure = run(swallowed("socket.getaddrinfo('example.org', 443)"))
    assert isinstance(failure, Failure)
    assert failure.reason == Reason.NETWORK


@pytest.mark.parametrize(
    "attempt",
    [
        "os.environ.get('OPENAI_API_KEY')",
        "os.getenv('HF_TOKEN')",
        "os.environ['DB_PASSWORD']",
        "'AWS_SECRET_ACCESS_KEY' in os.environ",
    ],
)
def test_looking_for_secrets_is_named(run: Run, attempt: str) -> None:
    """A look at a variable with a secret's name is reported with its line."""
    failure = run(swallowed(attempt))
    assert isinstance(failure, Failure)
    assert (failure.reason, failure.line) == (Reason.SECRETS, 5)


def test_environment_holds_no_secret(
    monkeypatch: pytest.MonkeyPatch, one_vector: Callable[..., object]
) -> None:
    """What the parent has in its environment does not reach a candidate, in C neither."""
    monkeypatch.setenv("OPENAI_API_KEY", "sk-not-for-you")
    source = """
    import ctypes, os
    def f(x):
        libc = ctypes.CDLL(None)
        libc.getenv.restype = ctypes.c_char_p
        with open("/proc/self/environ") as stream:
            return ["sk-not-for-you" in stream.read(), libc.getenv(b"OPENAI_API_KEY"),
                    "sk-not-for-you" in str(dict(os.environ))]
    """
    with Sandbox(spares=0) as fresh, fresh.candidate(textwrap.dedent(source), "f.py", "f") as c:
        delivered = c.call(one_vector(c, [1.0]))  # type: ignore[arg-type]
    assert isinstance(delivered, Delivered)
    assert delivered.output == [False, None, False]


def test_another_process_environment_is_closed_and_named(run: Run) -> None:
    """Reading the parent's environment from /proc fails and is reported."""
    failure = run(swallowed(f"open('/proc/{os.getpid()}/environ').read()"))
    assert isinstance(failure, Failure)
    assert failure.reason == Reason.SECRETS


def test_only_its_own_descriptors_are_open(run: Run) -> None:
    """A candidate holds one socket, its channel, and no file but shared memory."""
    delivered = run(
        """
        import os, stat
        def f(x):
            kinds = {}
            for number in range(256):
                try:
                    mode = os.fstat(number).st_mode
                except OSError:
                    continue
                kind = "socket" if stat.S_ISSOCK(mode) else os.readlink(f"/proc/self/fd/{number}")
                kinds[kind.partition(":")[0]] = kinds.get(kind.partition(":")[0], 0) + 1
            return kinds
        """
    )
    assert isinstance(delivered, Delivered)
    assert isinstance(delivered.output, dict)
    assert delivered.output.pop("socket") == 1
    assert set(delivered.output) == {"/dev/null", "pipe", "/memfd"}


@needs_landlock
def test_other_processes_cannot_be_killed(run: Run) -> None:
    """A signal to the session's process does not arrive."""
    delivered = run(
        f"""
        import ctypes
        def f(x):
            return ctypes.CDLL(None).kill({os.getpid()}, 9)
        """
    )
    assert isinstance(delivered, Delivered)
    assert delivered.output == -1


def test_thread_left_running_is_named(run: Run) -> None:
    """A thread that outlives the call is found from outside."""
    failure = run(
        """
        import threading, time
        def f(x):
            threading.Thread(target=time.sleep, args=(60,), daemon=True).start()
            return x
        """
    )
    assert isinstance(failure, Failure)
    assert failure.reason == Reason.THREADS_LEFT
    assert "1 threads" in failure.message


def test_native_thread_left_running_is_named(run: Run) -> None:
    """A thread that Python knows nothing of is found as well."""
    failure = run(
        """
        import _thread, time
        def f(x):
            _thread.start_new_thread(time.sleep, (60,))
            return x
        """
    )
    assert isinstance(failure, Failure)
    assert failure.reason == Reason.THREADS_LEFT


def test_process_left_running_is_named(run: Run) -> None:
    """A daemon that was forked twice is found and killed."""
    failure = run(
        """
        import os, time
        def f(x):
            if os.fork() == 0:
                os.setsid()
                if os.fork() == 0:
                    time.sleep(60)
                os._exit(0)
            os.wait()
            return x
        """
    )
    assert isinstance(failure, Failure)
    assert failure.reason == Reason.THREADS_LEFT
    assert "1 processes" in failure.message


def test_threads_that_end_are_allowed(run: Run) -> None:
    """A thread pool that is joined before the return is nobody's business."""
    delivered = run(
        """
        from concurrent.futures import ThreadPoolExecutor
        import subprocess
        def f(x):
            with ThreadPoolExecutor(4) as pool:
                total = sum(pool.map(float, range(10)))
            return x + total + len(subprocess.run(["true"], check=True).args)
        """
    )
    assert isinstance(delivered, Delivered)


def test_threads_of_autograd_are_allowed(run: Run) -> None:
    """Threads that torch starts for itself are not held against the candidate."""
    delivered = run(
        """
        import torch
        def f(x):
            y = x.clone().requires_grad_()
            (y * 2).sum().backward()
            return y.grad
        """
    )
    assert isinstance(delivered, Delivered)
