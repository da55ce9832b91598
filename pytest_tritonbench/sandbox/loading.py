"""Turning a candidate's source into its entry point, and its errors into failures."""

import ast
import importlib.machinery
import inspect
import linecache
import sys
import traceback
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any

from .interpreter import locate
from .reasons import Reason

MODULE = "candidate"
_DETAIL = 1 << 13
_MESSAGE = 1 << 12


@dataclass
class CandidateError(Exception):
    """A failure of the candidate's, ready to be reported."""

    reason: Reason
    message: str
    line: int | None = None
    kernel: str | None = None
    detail: str = ""
    fatal: bool = field(default=False)
    exception: str | None = None
    """Class of the exception that this tells of."""
    part: str = "candidate"
    """Whose line it is: the candidate's or, in a script, the `"test"` part's."""


def load(source: str, path: Path, entry: str) -> Callable[..., Any]:
    """Import the source as a module and return the function of the task's name.

    Args:
        source: the candidate's text.
        path: where to put it, so that tracebacks and Triton find its lines.
        entry: name of the function.

    Raises:
        CandidateError: any way in which this fails.
    """
    module = import_module(source, path)
    function = module.__dict__.get(entry)
    if not callable(function):
        raise _no_entry_point(module, entry)
    entry_point: Callable[..., Any] = function
    return entry_point


def require(module: ModuleType, names: Iterable[str]) -> None:
    """See that the module defines every one of the names.

    Raises:
        CandidateError: it lacks one.
    """
    for name in names:
        if name not in module.__dict__:
            raise _no_entry_point(module, name)


def _no_entry_point(module: ModuleType, entry: str) -> CandidateError:
    there = module.__dict__
    what = f" ({entry} is a {type(there[entry]).__name__})" if entry in there else ""
    names = [name for name, value in there.items() if inspect.isfunction(value)]
    hint = f"; its functions are {', '.join(names[:8])}" if names else ""
    message = f"no function named {entry} in the module{what}{hint}"
    return CandidateError(Reason.NO_ENTRY_POINT, message)


def parse(source: str | ast.Module, path: Path) -> CodeType:
    """Compile Python that somebody else has written.

    Raises:
        CandidateError: it is none.
    """
    try:
        return compile(source, str(path), "exec", dont_inherit=True)
    except SyntaxError as error:
        kind = type(error).__name__
        failed = CandidateError(Reason.SYNTAX_ERROR, error.msg, error.lineno, exception=kind)
    except (ValueError, RecursionError, MemoryError) as error:
        message = f"cannot be parsed: {error}"
        failed = CandidateError(Reason.SYNTAX_ERROR, message, exception="SyntaxError")
    raise failed


def write(text: str, path: Path) -> None:
    """Put a source where tracebacks and Triton find its lines."""
    path.write_text(text, encoding="utf-8", errors="surrogatepass")
    linecache.checkcache(str(path))


def import_module(
    source: str, path: Path, name: str = MODULE, *, importing: bool = True
) -> ModuleType:
    """Import the source as a module.

    Args:
        source: the candidate's text.
        path: where to put it.
        name: what the module is to be called.
        importing: whether an exception is an import's; a script raises like any other.

    Raises:
        CandidateError: it cannot be parsed, or running it raised.
    """
    write(source, path)
    code = parse(source, path)
    module = ModuleType(name)
    module.__file__ = str(path)
    module.__spec__ = importlib.machinery.ModuleSpec(name, None, origin=str(path))
    sys.modules[name] = module
    try:
        exec(code, module.__dict__)  # noqa: S102 - running the candidate is what this process is for
    except BaseException as error:  # noqa: BLE001 - a candidate may raise anything
        raise describe(error, str(path), importing=importing) from None
    return module


def bind(
    function: Callable[..., Any],
    by_place: Mapping[str, Any],
    by_name: Mapping[str, Any] | None = None,
) -> None:
    """See that the function can be called with these arguments.

    Args:
        function: the entry point.
        by_place: what is passed by position, with the names that the task has for it.
        by_name: what is passed by keyword.

    Raises:
        CandidateError: it cannot.
    """
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):
        return
    try:
        signature.bind(*by_place.values(), **(by_name or {}))
    except TypeError as error:
        names = [*by_place, *(f"{name}=" for name in by_name or ())]
        wanted = f"the task calls it with ({', '.join(names)})"
        raise CandidateError(
            Reason.WRONG_SIGNATURE,
            f"{error}: {wanted}, the function is {signature}",
            _line_of(function),
            exception="TypeError",
        ) from None


def _line_of(function: Callable[..., Any]) -> int | None:
    code = getattr(inspect.unwrap(function), "__code__", None)
    return code.co_firstlineno if code is not None else None


def describe(error: BaseException, filename: str, *, importing: bool = False) -> CandidateError:
    """What an exception that left the candidate's code means."""
    if isinstance(error, CandidateError):
        return error
    chain = _chain(error)
    try:
        place = locate.locate(error, filename)
    except Exception:  # noqa: BLE001 - an exception's own __str__ may raise anything
        place = locate.Location(None, 0, "", type(error).__name__)
    in_kernel = any(_is(link, *_KERNEL_ERRORS) for link in chain)
    lacking = locate.limitation(error)
    message = place.message + (f" (a limit of the interpreter: {lacking})" if lacking else "")
    fatal = False
    if isinstance(error, SystemExit):
        reason = Reason.EXIT
        message = f"sys.exit({error.code!r}) was called"
    elif any(map(_is_out_of_memory, chain)):
        reason = Reason.OUT_OF_MEMORY
    elif any(map(_is_gpu_fault, chain)):
        reason, fatal = Reason.GPU_FAULT, True
    elif any(map(_is_out_of_processes, chain)):
        # The operating system was faster than the warden.
        reason, fatal = Reason.PROCESS_LIMIT, True
    elif any(_is(link, *_COMPILE_ERRORS) for link in chain):
        reason = Reason.COMPILE_ERROR
    else:
        reason = Reason.IMPORT_ERROR if importing else Reason.EXCEPTION
    return CandidateError(
        reason,
        message[:_MESSAGE],
        place.line or None,
        place.kernel if in_kernel else None,
        own_frames(error, filename),
        fatal,
        _class_name(chain),
    )


def _class_name(chain: list[BaseException]) -> str:
    """The class of what was raised, not of what the interpreter wrapped it in."""
    own = [link for link in chain if not _is(link, "InterpreterError")]
    return type((own or chain)[0]).__name__[:200]


def _chain(error: BaseException) -> list[BaseException]:
    """An error and what it says caused it, outermost first."""
    links: list[BaseException] = []
    link: BaseException | None = error
    while link is not None and link not in links and len(links) < 32:
        links.append(link)
        link = link.__cause__
    return links


def _is(error: BaseException, *names: str) -> bool:
    """Whether one of the error's classes, of triton or torch, has one of the names."""
    return any(
        kind.__name__ in names and kind.__module__.partition(".")[0] in {"triton", "torch"}
        for kind in type(error).__mro__
    )


_COMPILE_ERRORS = (
    *("CompilationError", "CompileTimeAssertionFailure", "OutOfResources", "PTXASError"),
    "UnsupportedLanguageConstruct",
)
_KERNEL_ERRORS = (*_COMPILE_ERRORS, "InterpreterError")
_STICKY = (
    *("illegal memory access", "misaligned address", "unspecified launch failure"),
    *(
        "device-side assert",
        "illegal instruction",
        "invalid program counter",
        "hardware stack error",
    ),
    *("launch timed out", "invalid address space", "uncorrectable"),
)


_FORKING = {"fork", "forkpty", "fork_exec", "_fork_exec", "posix_spawn", "posix_spawnp"}


def _is_out_of_memory(error: BaseException) -> bool:
    if isinstance(error, MemoryError) or _is(error, "OutOfMemoryError"):
        return True
    return isinstance(error, RuntimeError) and "[CUDA]: out of memory" in str(error)


def _is_gpu_fault(error: BaseException) -> bool:
    said = str(error)
    return isinstance(error, RuntimeError) and any(words in said for words in _STICKY)


def _is_out_of_processes(error: BaseException) -> bool:
    if isinstance(error, RuntimeError):
        return "can't start new thread" in str(error)
    frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
    called = set(frames[-1].f_code.co_names) if frames else set()
    return isinstance(error, BlockingIOError) and bool(called & _FORKING)


def own_frames(error: BaseException, filename: str) -> str:
    """The traceback, limited to the candidate's own frames."""
    frames = [
        frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename == filename
    ]
    lines = [f"line {frame.lineno}, in {frame.name}\n    {frame.line}\n" for frame in frames]
    lines += traceback.format_exception_only(error)
    return "".join(lines)[-_DETAIL:]
