"""Turning a candidate's source into its entry point, and its errors into failures."""

import importlib.machinery
import inspect
import linecache
import sys
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
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


def load(source: str, path: Path, entry: str) -> Callable[..., Any]:
    """Import the source as a module and return the function of the task's name.

    Args:
        source: the candidate's text.
        path: where to put it, so that tracebacks and Triton find its lines.
        entry: name of the function.

    Raises:
        CandidateError: any way in which this fails.
    """
    path.write_text(source, encoding="utf-8", errors="surrogatepass")
    try:
        code = compile(source, str(path), "exec", dont_inherit=True)
    except SyntaxError as error:
        raise CandidateError(Reason.SYNTAX_ERROR, error.msg, error.lineno) from None
    except (ValueError, RecursionError, MemoryError) as error:
        raise CandidateError(Reason.SYNTAX_ERROR, f"cannot be parsed: {error}") from None
    module = ModuleType(MODULE)
    module.__file__ = str(path)
    module.__spec__ = importlib.machinery.ModuleSpec(MODULE, None, origin=str(path))
    sys.modules[MODULE] = module
    linecache.checkcache(str(path))
    try:
        exec(code, module.__dict__)  # noqa: S102 - running the candidate is what this process is for
    except BaseException as error:  # noqa: BLE001 - a candidate may raise anything
        raise describe(error, str(path), importing=True) from None
    function = module.__dict__.get(entry)
    if not callable(function):
        what = f" ({entry} is a {type(function).__name__})" if entry in module.__dict__ else ""
        names = [name for name, value in module.__dict__.items() if inspect.isfunction(value)]
        hint = f"; its functions are {', '.join(names[:8])}" if names else ""
        raise CandidateError(
            Reason.NO_ENTRY_POINT, f"no function named {entry} in the module{what}{hint}"
        )
    entry_point: Callable[..., Any] = function
    return entry_point


def bind(function: Callable[..., Any], names: list[str], values: list[Any]) -> None:
    """See that the function can be called with these arguments.

    Raises:
        CandidateError: it cannot.
    """
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):
        return
    try:
        signature.bind(*values)
    except TypeError as error:
        wanted = f"the task calls it with ({', '.join(names)})"
        raise CandidateError(
            Reason.WRONG_SIGNATURE,
            f"{error}: {wanted}, the function is {signature}",
            _line_of(function),
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
    )


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


def _is_out_of_memory(error: BaseException) -> bool:
    if isinstance(error, MemoryError) or _is(error, "OutOfMemoryError"):
        return True
    return isinstance(error, RuntimeError) and "[CUDA]: out of memory" in str(error)


def _is_gpu_fault(error: BaseException) -> bool:
    said = str(error)
    return isinstance(error, RuntimeError) and any(words in said for words in _STICKY)


def own_frames(error: BaseException, filename: str) -> str:
    """The traceback, limited to the candidate's own frames."""
    frames = [
        frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename == filename
    ]
    lines = [f"line {frame.lineno}, in {frame.name}\n    {frame.line}\n" for frame in frames]
    lines += traceback.format_exception_only(error)
    return "".join(lines)[-_DETAIL:]
