"""Starting, ending and degrading: the sandbox on machines that allow less, and when things die."""

import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from pytest_tritonbench.sandbox import (
    Arena,
    Call,
    Candidate,
    Connection,
    Delivered,
    Failure,
    Limits,
    Reason,
    Sandbox,
    proc,
    system,
)
from pytest_tritonbench.sandbox.client import SandboxError
from pytest_tritonbench.sandbox.environment import environment
from pytest_tritonbench.sandbox.protocol import ConnectionLostError
from pytest_tritonbench.sandbox.worker import WorkerEndedError

Run = Callable[..., Delivered | Failure]


def answer(connection: Connection, arena: Arena) -> None:
    """A trusted function: adds one to each byte it is told of, until it is told to fail."""
    while True:
        try:
            request = connection.recv()
        except ConnectionLostError:
            return
        if request.get("fail"):
            raise ValueError("the reference fails")
        view = arena.view(0, request["nbytes"])
        view[:] = bytes(byte + 1 for byte in view)
        connection.send({"pid": os.getpid(), "readable": Path(__file__).is_file()})


@pytest.fixture
def importable(monkeypatch: pytest.MonkeyPatch) -> str:
    """Make this file importable in the sandbox and name its function."""
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent))
    return "test_sandbox:answer"


def test_importing_the_parent_side_needs_no_torch() -> None:
    """The package's public names come without torch, which would cost every pytest run."""
    code = "import sys, pytest_tritonbench.sandbox; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_description_names_what_is_active(sandbox: Sandbox) -> None:
    """The header line tells the namespaces, the Landlock version and the limits."""
    line = sandbox.describe()
    abi = system.landlock_abi()
    assert ("landlock: none" in line) == (abi == 0)
    assert f"ABI {abi}" in line or not abi
    assert "limits: rss 0.25 GiB, 16 processes" in line


def test_environment_is_an_allow_list() -> None:
    """Only named variables reach the sandbox's processes."""
    outer = {"PATH": "/bin", "OPENAI_API_KEY": "x", "PYTEST_CURRENT_TEST": "y", "HOME": "/root"}
    kept = environment(outer, "cpu")
    assert kept["PATH"] == "/bin"
    assert not set(kept) & {"OPENAI_API_KEY", "PYTEST_CURRENT_TEST", "HOME"}


@pytest.mark.parametrize(
    ("visible", "device", "expected"),
    [
        (None, "cuda:1", "1"),
        ("4,5", "cuda:1", "5"),
        ("GPU-a,GPU-b", "cuda:0", "GPU-a"),
        ("4,5", "cuda:GPU-b", "GPU-b"),
        ("4,5", "cpu", ""),
    ],
)
def test_gpu_is_picked_from_the_visible_ones(
    visible: str | None, device: str, expected: str
) -> None:
    """An index counts within CUDA_VISIBLE_DEVICES, a UUID is taken as it is."""
    outer = {} if visible is None else {"CUDA_VISIBLE_DEVICES": visible}
    assert environment(outer, device)["CUDA_VISIBLE_DEVICES"] == expected


def test_reference_runs_trusted_code_on_shared_memory(importable: str) -> None:
    """The reference's worker imports its function, may read files, and shares its arena."""
    with Sandbox(spares=0) as fresh:
        worker = fresh.reference(importable)
        worker.arena.write(0, b"abc")
        said = worker.ask({"nbytes": 3}, 10)
        assert bytes(worker.arena.view(0, 3)) == b"bcd"
        assert said["readable"] is True
        assert said["pid"] != os.getpid()
        worker.close()


def test_reference_that_dies_leaves_its_last_words(importable: str) -> None:
    """An error in the trusted function reaches the parent with its traceback."""
    with Sandbox(spares=0) as fresh:
        worker = fresh.reference(importable)
        with pytest.raises(WorkerEndedError) as caught:
            worker.ask({"fail": True}, 10)
        assert "the reference fails" in caught.value.end.stderr
        assert not worker.alive
        worker.close()


def test_closed_reference_is_not_alive(importable: str) -> None:
    """From the moment it is closed nobody may ask it, whatever its process still does."""
    with Sandbox(spares=0) as fresh:
        worker = fresh.reference(importable)
        assert worker.alive
        worker.close()
        assert not worker.alive
        worker.close()


def test_reference_that_is_not_there_is_an_error() -> None:
    """A function that cannot be imported says so at once."""
    with Sandbox(spares=0) as fresh, pytest.raises(SandboxError, match="no_such_module"):
        fresh.reference("no_such_module:function")


def test_bad_setup_is_an_error() -> None:
    """A sandbox that cannot start says why."""
    with (
        Sandbox(targets=("sm_1",), spares=0) as fresh,
        pytest.raises(SandboxError, match="sm_1"),
    ):
        fresh.wait()


PARENT = """
import time
from pytest_tritonbench.sandbox import Call, Sandbox
sandbox = Sandbox()
candidate = sandbox.candidate("import time\\ndef f(): time.sleep(1000)\\n", "f.py", "f")
sandbox.wait()
print(sandbox._zygote.process.pid, sandbox._zygote.root, flush=True)
candidate.call(Call(args=()), timeout=1000)
"""


def test_killed_parent_leaves_nothing() -> None:
    """When pytest itself is killed, every process and folder of the sandbox goes with it."""
    parent = subprocess.Popen([sys.executable, "-c", PARENT], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    number, root = parent.stdout.readline().split()
    zygote = int(number)
    deadline = time.monotonic() + 10
    while len(proc.descendants(zygote)) < 6 and time.monotonic() < deadline:
        time.sleep(0.02)
    everything = {zygote, *proc.descendants(zygote)}
    assert len(everything) >= 7
    parent.kill()
    parent.wait()
    parent.stdout.close()
    deadline = time.monotonic() + 5
    while everything & set(proc.parents()) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not everything & set(proc.parents())
    assert not Path(root).exists()


def test_closed_sandbox_leaves_nothing() -> None:
    """After `close()` no process is left, not even of a candidate that was not closed."""
    fresh = Sandbox(limits=Limits(memory=1 << 28))
    candidate = fresh.candidate("def f(): return 1\n", "f.py", "f")
    assert isinstance(candidate.call(Call(args=())), Delivered)
    assert fresh._zygote is not None
    zygote = fresh._zygote.process.pid
    root = Path(fresh._zygote.root)
    everything = {zygote, *proc.descendants(zygote)}
    candidate.close()
    fresh.close()
    assert not everything & set(proc.parents())
    assert not root.exists()


def test_as_many_workers_are_forked_ahead_as_will_be_wanted_first() -> None:
    """Both of two are there before anyone asks; after that one is kept ahead."""
    with Sandbox(spares=2) as fresh:
        fresh.start()
        ahead = list(fresh._spares)
        assert len(ahead) == 2
        assert [fresh.fork_candidate(), fresh.fork_candidate()] == ahead
        [spare] = fresh._spares
        assert spare not in ahead
        for worker in ahead:
            worker.close()


def test_killed_worker_does_not_stop_the_next(
    open_candidate: Callable[..., Candidate], one_vector: Callable[..., Call], sandbox: Sandbox
) -> None:
    """A worker killed from outside between two calls is replaced without a word."""
    candidate = open_candidate("def f(x): return 1\n")
    assert isinstance(candidate.call(one_vector(candidate, [1.0])), Delivered)
    assert sandbox._zygote is not None
    [spare] = sandbox._spares
    spare.wait_ready(10)
    tree = proc.parents()
    wardens = sorted(pid for pid in tree if tree[pid] == sandbox._zygote.process.pid)
    os.kill(wardens[0], signal.SIGKILL)
    time.sleep(0.1)
    assert isinstance(candidate.call(one_vector(candidate, [1.0])), Delivered)


LESS = """
import os, socket
def f(what, path):
    try:
        if what == "write":
            open(path, "w").close()
        elif what == "read":
            open(path).close()
        elif what == "network":
            socket.create_connection(("127.0.0.1", 9), 1)
        elif what == "fork":
            if os.fork() == 0:
                os.setsid()
                os.fork()
                while True: pass
        elif what == "bomb":
            while True: os.fork()
        elif what == "exit":
            os._exit(0)
    except PermissionError as error:
        return "refused"
    return "done"
"""


@pytest.fixture(scope="module")
def bare() -> object:
    """A sandbox that uses neither namespaces nor Landlock."""
    with Sandbox(limits=Limits(processes=16), spares=0, without=("namespaces", "landlock")) as one:
        yield one


@pytest.mark.parametrize(
    ("what", "path", "reason"),
    [
        ("write", "/var/tmp/tritonbench-not-written", Reason.WROTE_OUTSIDE),  # noqa: S108 - the point
        ("network", "", Reason.NETWORK),
        ("fork", "", Reason.THREADS_LEFT),
        ("bomb", "", Reason.PROCESS_LIMIT),
        ("exit", "", Reason.EXIT),
    ],
)
def test_without_borders_the_reasons_stay(
    bare: Sandbox, what: str, path: str, reason: Reason
) -> None:
    """On a machine without namespaces and Landlock the same attempts are refused and named."""
    with bare.candidate(LESS, "f.py", "f") as candidate:
        failure = candidate.call(Call(args=(("what", what), ("path", path))))
        assert isinstance(failure, Failure)
        assert failure.reason == reason
    assert not Path("/var/tmp/tritonbench-not-written").exists()  # noqa: S108 - as above
    assert bare._zygote is not None
    deadline = time.monotonic() + 5
    while proc.descendants(bare._zygote.process.pid) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not proc.descendants(bare._zygote.process.pid)


def test_without_borders_files_are_still_not_read(bare: Sandbox) -> None:
    """Without Landlock the audit hook refuses to open what is not on the list."""
    with bare.candidate(LESS, "f.py", "f") as candidate:
        delivered = candidate.call(Call(args=(("what", "read"), ("path", __file__))))
        assert isinstance(delivered, Delivered)
        assert delivered.output == "refused"


USER = """
import sys
from pytest_tritonbench.sandbox import Call, Delivered, Failure, Sandbox
with Sandbox() as sandbox:
    print(sandbox.describe())
    for source in sys.argv[1:]:
        with sandbox.candidate(source, "f.py", "f") as candidate:
            result = candidate.call(Call(args=()))
            print(result.output if isinstance(result, Delivered) else result.reason)
            print(getattr(result, "detail", ""), file=sys.stderr)
"""


@pytest.mark.skipif(os.getuid() != 0, reason="only root can become another user")
def test_ordinary_user_has_the_same_borders() -> None:
    """Without any privilege the sandbox works behind the same borders.

    The one right that is kept, to read every file, lets the user reach an interpreter in root's
    home; the candidate does not have it.
    """
    setpriv = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"]
    reading = ["--inh-caps", "+dac_read_search", "--ambient-caps", "+dac_read_search"]
    sources = [
        textwrap.dedent(text)
        for text in (
            "import os\ndef f(): return os.getuid()\n",
            "import os\ndef f(): os._exit(0)\n",
            "import os\ndef f():\n    while True: os.fork()\n",
        )
    ]
    done = subprocess.run(
        [*setpriv, *reading, sys.executable, "-c", USER, *sources],
        capture_output=True,
        text=True,
        check=False,
        cwd="/",
        timeout=60,
        env={"PATH": os.environ["PATH"], "PYTHONDONTWRITEBYTECODE": "1"},
    )
    assert done.returncode == 0, done.stderr
    described, *results = done.stdout.splitlines()
    assert "namespaces: user net ipc" in described
    assert results == ["65534", "exit", "process-limit"], done.stderr
