"""The borders of a candidate's process: namespaces, Landlock, rlimits, capabilities.

Each is used where the machine lets us; `probe` finds out once, in a process that is thrown away,
and everything later does what the probe found.
"""

import contextlib
import os
import resource
import site
import stat
import sys
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path

from . import system
from .limits import Limits

NAMESPACES: Mapping[str, int] = {
    "net": system.CLONE_NEWNET,
    "ipc": system.CLONE_NEWIPC,
    "uts": system.CLONE_NEWUTS,
    "mnt": system.CLONE_NEWNS,
    "pid": system.CLONE_NEWPID,
}

_EXECUTE = 1 << 0
_WRITE_FILE = 1 << 1
_READ_FILE = 1 << 2
_READ_DIR = 1 << 3
_REFER = 1 << 13
_TRUNCATE = 1 << 14
_IOCTL_DEV = 1 << 15
_ON_FILES = _EXECUTE | _WRITE_FILE | _READ_FILE | _TRUNCATE | _IOCTL_DEV
_READ = _EXECUTE | _READ_FILE | _READ_DIR
_DEVICE = _READ | _WRITE_FILE | _IOCTL_DEV
_NET_TCP = 0b11
_SCOPE_SIGNALS_AND_ABSTRACT_SOCKETS = 0b11

_SYSTEM = (
    "/usr",
    "/lib",
    "/lib32",
    "/lib64",
    "/bin",
    "/sbin",
    "/opt",
    "/nix/store",
    "/proc",
    "/sys",
)
_ETC = (
    *("ld.so.cache", "ld.so.conf", "ld.so.conf.d", "alternatives", "localtime", "passwd"),
    *("group", "nsswitch.conf", "OpenCL", "vulkan", "nvidia", "os-release"),
)
_DEVICES = ("null", "zero", "full", "random", "urandom", "tty", "fd", "dri", "kfd", "dxg")


def enter_namespaces(wanted: Iterable[str]) -> tuple[str, ...]:
    """Leave the caller's namespaces for fresh ones; the process IDs' takes effect for children.

    Args:
        wanted: names of `NAMESPACES`, or `user`.

    Returns:
        Those that were entered.
    """
    wanted = tuple(wanted)
    entered = []
    user, group = os.getuid(), os.getgid()
    if "user" in wanted:
        system.unshare(system.CLONE_NEWUSER)
        with contextlib.suppress(FileNotFoundError):
            _write("/proc/self/setgroups", "deny")
        _write("/proc/self/uid_map", f"{user} {user} 1")
        _write("/proc/self/gid_map", f"{group} {group} 1")
        entered.append("user")
    for name, flag in NAMESPACES.items():
        if name in wanted:
            with contextlib.suppress(OSError):
                system.unshare(flag)
                entered.append(name)
    return tuple(entered)


def _write(path: str, content: str) -> None:
    descriptor = os.open(path, os.O_WRONLY)
    try:
        os.write(descriptor, content.encode())
    finally:
        os.close(descriptor)


def mount_proc() -> bool:
    """Give this mount namespace a /proc of its own process IDs; False where that is refused."""
    try:
        system.mount(None, b"/", None, system.MS_REC_PRIVATE)
        system.mount(b"proc", b"/proc", b"proc", system.MS_NOSUID_NODEV_NOEXEC)
    except OSError:
        return False
    return True


def probe(without: Collection[str] = ()) -> dict[str, object]:
    """Which borders this machine allows, tried in a child process.

    Args:
        without: `"namespaces"`, `"landlock"`: borders that are not wanted.

    Returns:
        `namespaces`: a list of names, `landlock`: the ABI or 0.
    """
    abi = 0 if "landlock" in without else system.landlock_abi()
    if "namespaces" in without:
        return {"namespaces": [], "landlock": abi}
    for names in (("user", *NAMESPACES), tuple(NAMESPACES)):
        entered = _tried(names)
        # A user namespace alone confines nothing, and its identity mapping may cost rights.
        if set(entered) - {"user"}:
            return {"namespaces": list(entered), "landlock": abi}
    return {"namespaces": [], "landlock": abi}


def _tried(names: tuple[str, ...]) -> tuple[str, ...]:
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        with contextlib.suppress(OSError):
            os.write(writer, " ".join(enter_namespaces(names)).encode())
        os._exit(0)
    os.close(writer)
    entered = os.read(reader, 256).decode().split()
    os.close(reader)
    os.waitpid(pid, 0)
    return tuple(entered)


def readable_paths() -> list[str]:
    """What a candidate may read: the system, the interpreter and its libraries.

    The repository, the home folder and the results are not among them.
    """
    paths = [*_SYSTEM, *(f"/etc/{name}" for name in _ETC)]
    paths += [sys.prefix, sys.base_prefix, sys.exec_prefix, sys.base_exec_prefix]
    paths += [*site.getsitepackages(), site.getusersitepackages(), str(Path(__file__).parent)]
    for name in ("torch", "triton", "numpy"):
        module = sys.modules.get(name)
        if module is not None and module.__file__:
            paths.append(str(Path(module.__file__).parent))
    for variable in ("LD_LIBRARY_PATH", "CUDA_HOME", "CUDA_PATH", "ROCM_PATH"):
        paths += [part for part in os.environ.get(variable, "").split(":") if part.startswith("/")]
    return sorted({path for path in paths if os.path.exists(path)})  # noqa: PTH110 - Path.exists raises where a folder above is closed


def device_paths() -> list[str]:
    """Device nodes a candidate may use."""
    named = [Path("/dev", name) for name in _DEVICES]
    return [str(path) for path in (*named, *Path("/dev").glob("nvidia*")) if path.exists()]


def landlock(abi: int, readable: Iterable[str], writable: Iterable[str]) -> None:
    """Bind this process to its folders.

    Args:
        abi: the kernel's Landlock version, at least 1.
        readable: files and folders to read and execute beneath.
        writable: folders where anything may be done.
    """
    everything = (1 << 13) - 1
    everything |= _REFER if abi >= 2 else 0
    everything |= _TRUNCATE if abi >= 3 else 0
    everything |= _IOCTL_DEV if abi >= 5 else 0
    ruleset = system.landlock_ruleset(
        abi,
        everything,
        _NET_TCP if abi >= 4 else 0,
        _SCOPE_SIGNALS_AND_ABSTRACT_SOCKETS if abi >= 6 else 0,
    )
    try:
        for path in readable:
            _allow(ruleset, path, _READ & everything)
        for path in device_paths():
            _allow(ruleset, path, _DEVICE & everything)
        # CUDA names its threads through /proc/<pid>/task/<tid>/comm, which it opens truncating;
        # refused, cuInit fails with the error 304.
        _allow(
            ruleset,
            str(Path("/proc/self").resolve()),
            (_READ | _WRITE_FILE | _TRUNCATE) & everything,
        )
        for path in writable:
            _allow(ruleset, path, everything)
        system.no_new_privileges()
        system.landlock_enforce(ruleset)
    finally:
        os.close(ruleset)


def _allow(ruleset: int, path: str, rights: int) -> None:
    try:
        descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return
    try:
        folder = stat.S_ISDIR(os.fstat(descriptor).st_mode)
        system.landlock_allow(ruleset, descriptor, rights if folder else rights & _ON_FILES)
    finally:
        os.close(descriptor)


def limit_resources(limits: Limits, *, own_user: bool) -> None:
    """Set the rlimits; the number of processes only where they are counted for us alone."""
    wanted = {
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_FSIZE: limits.file,
        resource.RLIMIT_NOFILE: limits.files,
    }
    if own_user:
        # Threads count as well, and CUDA and autograd start some.
        wanted[resource.RLIMIT_NPROC] = 4 * limits.processes
    for kind, value in wanted.items():
        _, hard = resource.getrlimit(kind)
        bound = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(kind, (bound, bound))


def describe(tiers: Mapping[str, object], limits: Limits) -> str:
    """The active borders in one line."""
    names = tiers.get("namespaces")
    namespaces = " ".join(map(str, names)) if isinstance(names, list) and names else "none"
    abi = tiers.get("landlock")
    rules = f"ABI {abi}" if abi else "none"
    return f"namespaces: {namespaces}; landlock: {rules}; limits: {limits.describe()}"
