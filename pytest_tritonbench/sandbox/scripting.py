"""Runs a script in the child: the candidate as a module, then the test part in its namespace."""

from __future__ import annotations

import gc
import importlib.util
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import torch

from . import arithmetic, loading, naming, poison, randomness
from .capture import Capture
from .evidence import Evidence
from .loading import CandidateError
from .memory import Arena
from .page import Page, Phase
from .reasons import Reason
from .recording import Recorder, Terms
from .script import SEPARATOR, Script, whose_line
from .test_part import HOOK, compile_part, hook

_MAIN = "__main__"
_ENDED_WELL = {"sys.exit(0) was called", "sys.exit(None) was called"}
_set_default_dtype = torch.set_default_dtype
_set_grad_enabled = torch.set_grad_enabled
_is_initialized: Callable[[], bool] = torch.cuda.is_initialized
_synchronize = torch.cuda.synchronize


class ScriptRunner:
    """Runs scripts, one after the other, each in a module of its own.

    Args:
        path: where the candidate's file is to be put; the test part goes beside it.
        outputs: arena for what is shown.
        limit: bytes that may be shown.
        page: where to note what is being done.
        poison: the wrapped allocators.
    """

    def __init__(
        self, path: Path, *, outputs: Arena, limit: int, page: Page, poison: poison.Poison
    ) -> None:
        self.rename(path)
        self._own_names: set[str] = set()
        self._outputs = outputs
        self._limit = limit
        self._page = page
        self._poison = poison

    def rename(self, path: Path) -> None:
        """Put the next candidate's file elsewhere: one process serves many golds."""
        self.path = path
        self.test_path = path.with_name(f"test-{path.name}")

    def run(self, source: str, script: Script) -> dict[str, Any]:
        """Run one script and describe what it shows.

        Raises:
            loading.CandidateError: it did not come to its end.
        """
        _as_new()
        capture = Capture()
        times: dict[str, float] = {}
        with capture:
            try:
                run = self._main if script.main else self._recorded
                shown = run(source, script, times)
            except CandidateError:
                raise
            except BaseException as error:  # noqa: BLE001 - a candidate may raise anything
                raise self._described(error) from None
            finally:
                self._poison.choose = None
        return {**shown, "stdout": capture.text, "used": self._outputs.used, "parts": times}

    def _recorded(self, source: str, script: Script, times: dict[str, float]) -> dict[str, Any]:
        start = time.perf_counter()
        self._page.note(Phase.LOADING)
        evidence = Evidence(self._outputs, self._limit)
        recorder = Recorder(
            Terms(script.seed, script.fill, script.arguments),
            evidence,
            arithmetic.of(script.arithmetic),
            (str(self.path), str(self.test_path)),
            self._finish,
        )
        self._poison.choose = None if script.timed else recorder.fill
        module = loading.import_module(source, self.path)
        loading.require(module, script.names)
        try:
            part = compile_part(script.test, self.test_path, script.test_function)
        except CandidateError as error:
            error.part = "test"
            raise
        namespace = module.__dict__
        naming.record(recorder, namespace, script.names)
        recorder.loading = False
        self._answer_to_its_name(module, part.imports)
        found: dict[str, Any] = {}
        _lend(namespace, script.lent)
        namespace[HOOK] = hook(found)
        namespace["__name__"] = _MAIN
        namespace["__file__"] = str(self.test_path)
        sys.modules[_MAIN] = module
        times["load"] = time.perf_counter() - start

        start = time.perf_counter()
        randomness.seed(script.seed)
        self._page.note(Phase.CALLING)
        exec(part.code, namespace)  # noqa: S102 - running it is what this process is for
        result = self._result(namespace, script)
        self._finish()
        if recorder.broken is not None:
            raise recorder.broken
        times["test"] = time.perf_counter() - start

        start = time.perf_counter()
        self._page.note(Phase.DELIVERING)
        self._poison.choose = None
        shown = {
            "calls": recorder.calls,
            "result": evidence.node(result, "result"),
            "locals": evidence.locals(found, part.arguments),
        }
        times["deliver"] = time.perf_counter() - start
        return shown

    def _result(self, namespace: dict[str, Any], script: Script) -> Any:
        """What the test function returned: to the test part, or to us where that never calls it."""
        if script.result is not None:
            if script.result in namespace:
                return namespace[script.result]
            raise CandidateError(
                Reason.EXCEPTION,
                f"the test part ended without a value for {script.result}",
                part="test",
            )
        function = namespace.get(script.test_function)
        if not callable(function):
            raise CandidateError(
                Reason.EXCEPTION,
                f"the test part defines no function {script.test_function}",
                part="test",
            )
        randomness.seed(script.seed)
        return function()

    def _main(self, source: str, script: Script, times: dict[str, float]) -> dict[str, Any]:
        """Run both as one script, as `python FILE` would."""
        start = time.perf_counter()
        Evidence(self._outputs, self._limit)
        self._page.note(Phase.CALLING)
        randomness.seed(script.seed)
        text = f"{source}\n{SEPARATOR}\n{script.test}"
        folder = str(self.path.parent)
        sys.path.insert(0, folder)
        try:
            loading.import_module(text, self.path, _MAIN, importing=False)
            self._finish()
        except CandidateError as error:
            error.part, error.line = whose_line(source, error.line)
            if error.message not in _ENDED_WELL:
                raise
        finally:
            sys.path.remove(folder)
        times["test"] = time.perf_counter() - start
        return {"calls": [], "result": None, "locals": []}

    def _answer_to_its_name(self, module: ModuleType, imports: frozenset[str]) -> None:
        """Have a test part that imports the candidate by its file's name find this module."""
        stem = self.path.stem
        if stem not in imports:
            return
        # An earlier script's module must not answer for this one's.
        if stem in self._own_names or importlib.util.find_spec(stem) is None:
            sys.modules[stem] = module
            self._own_names.add(stem)

    def _finish(self) -> None:
        if _is_initialized():
            self._page.note(Phase.SYNCHRONISING)
            _synchronize()
            self._page.note(Phase.CALLING)

    def _described(self, error: BaseException) -> CandidateError:
        """What an exception means, and whether the candidate's or the test's line raised it."""
        ours, theirs = str(self.path), str(self.test_path)
        failed = loading.describe(error, ours)
        if failed.kernel is None and _innermost(error, ours, theirs) == theirs:
            failed = loading.describe(error, theirs)
            failed.part = "test"
        return failed


def _innermost(error: BaseException, *files: str) -> str | None:
    """The file, of these, whose frame is the innermost in an error's traceback."""
    link: BaseException | None = error
    innermost = None
    for _ in range(32):
        if link is None:
            break
        frames = traceback.extract_tb(link.__traceback__)
        names = [frame.filename for frame in frames if frame.filename in files]
        innermost = names[-1] if names else innermost
        link = link.__cause__
    return innermost


def _as_new() -> None:
    """Take back what an earlier script may have set, and what it left in memory."""
    _set_default_dtype(torch.float32)
    torch.set_default_device(None)
    _set_grad_enabled(True)  # noqa: FBT003 - positional only
    gc.collect()


def _lend(namespace: dict[str, Any], statements: tuple[str, ...]) -> None:
    """Import what the test part expects the candidate to have imported, where it has not."""
    for statement in statements:
        lent: dict[str, Any] = {}
        exec(statement, lent)  # noqa: S102 - an import statement of the gold's
        del lent["__builtins__"]
        for name, value in lent.items():
            namespace.setdefault(name, value)
