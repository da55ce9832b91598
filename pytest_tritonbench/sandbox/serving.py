"""The loop of a candidate's worker: load once, then answer calls until the channel closes."""

import contextlib
import functools
import os
import random
import traceback
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from . import cupti, launches, loading, profiling, tuning
from .calls import decode_call
from .device_memory import give_back
from .limits import Limits
from .memory import Arena
from .page import Page, Phase
from .poison import Poison
from .protocol import MAX_FRAME, Connection, FrameTooLongError
from .reasons import Reason
from .running import Runner
from .script import decode_script
from .scripting import ScriptRunner
from .timed import TimedService
from .watch import Watch

_FEW_QUEUES = ("CUDA_DEVICE_MAX_CONNECTIONS", "1")
"""A context's queues of work, 8 unless told: streams beyond their number wait for each other."""


class Service:
    """Serves one candidate.

    Args:
        connection: the channel to the parent.
        spec: `device` and `targets` of the sandbox.
        limits: what the worker may use.
        watch: names attempts to leave the borders.
        page: where to note what is being done.
        scratch: the worker's folder.
    """

    def __init__(
        self,
        connection: Connection,
        spec: Mapping[str, Any],
        limits: Limits,
        watch: Watch,
        page: Page,
        scratch: Path,
    ) -> None:
        self._connection = connection
        self._spec = spec
        self._limits = limits
        self._watch = watch
        self._page = page
        self._scratch = scratch
        self._poison = Poison()
        self._runner: Runner | None = None
        self._timed: TimedService | None = None
        self._scripts: ScriptRunner | None = None
        self._on_cpu = spec["device"] == "cpu"

    def warm_up(self, *, context: bool, times: bool) -> None:
        """Do what takes longer than most tests before anyone waits for it.

        Args:
            context: whether to have a CUDA context already.
            times: whether something may be timed in it.
        """
        if not times:
            os.environ.setdefault(*_FEW_QUEUES)
        if self._on_cpu:
            return
        launches.tune_with(tuning.measure)
        if not context:
            return
        # What is wrong with the device is said by the first call that needs it.
        with contextlib.suppress(Exception):
            torch.zeros(1, device="cuda")
            torch.cuda.synchronize()

    def serve(self) -> None:
        """Answer requests until the parent closes the channel."""
        while True:
            request = self._connection.recv()
            after = Phase.CALLING if self._on_cpu else Phase.LAUNCHED
            log = launches.LaunchLog(
                functools.partial(self._page.note, Phase.KERNEL),
                functools.partial(self._page.note, after),
            )
            try:
                answer = {"op": "done", **self._answer(request, log)}
            except loading.CandidateError as error:
                if error.reason is Reason.GPU_FAULT:
                    error.kernel = error.kernel or log.last
                answer = _failed(error)
            except Exception as error:  # noqa: BLE001 - ours, as when the device cannot be had
                answer = _failed(self._not_the_candidates(error))
            if request["op"] != "timed" or answer["op"] == "failed":
                # Before the answer: after it others may be timing, who are to find this at rest.
                give_back("cpu" if self._on_cpu else "cuda")
            self._page.note(Phase.IDLE, "")
            self._reply({**answer, "id": request["id"]}, log)

    def _answer(self, request: Mapping[str, Any], log: launches.LaunchLog) -> dict[str, Any]:
        if request["op"] == "load":
            self._load(request, log)
            return {}
        if request["op"] == "cupti":
            cupti.start()
            return {}
        if request["op"] == "script":
            return self._run_script(request, log)
        if self._runner is None or self._timed is None:
            raise RuntimeError("the parent loads before it calls")
        call = decode_call(request["call"])
        log.enabled = call.launches
        launches.watch(log)
        random.seed(call.seed)
        if request["op"] == "timed":
            return self._timed.answer(request, call)
        if request["op"] == "profile":
            return profiling.traced(self._runner, call, cold=request["cold"])
        return self._runner.run(call)

    def _not_the_candidates(self, error: Exception) -> loading.CandidateError:
        """What failed outside the candidate's code: moving its inputs, reaching the device."""
        failed = loading.describe(error, self._watch.filename)
        if failed.reason is Reason.EXCEPTION:
            failed.reason = Reason.SANDBOX
            failed.detail = traceback.format_exc()[-(1 << 13) :]
        failed.fatal = True
        return failed

    def _load(self, request: Mapping[str, Any], log: launches.LaunchLog) -> None:
        inputs, outputs = self._connection.descriptors()
        path = self._settle(request["name"], log, compiles=request["compile"])
        function = loading.load(request["source"], path, request["entry"])
        self._runner = Runner(
            function,
            str(path),
            inputs=Arena(inputs),
            outputs=Arena(outputs, self._limits.file),
            device=torch.device("cpu" if self._on_cpu else "cuda:0"),
            page=self._page,
            poison=self._poison,
            limit=self._limits.file,
        )
        self._timed = TimedService(self._runner)

    def _settle(self, name: str, log: launches.LaunchLog, *, compiles: bool) -> Path:
        """Make the process ready for a candidate, and say where its file goes."""
        self._page.note(Phase.LOADING)
        if self._on_cpu:
            from . import interpreter  # noqa: PLC0415 - not needed where there is a GPU

            targets = [interpreter.Target.parse(target) for target in self._spec["targets"]]
            interpreter.activate(compile_for=targets if compiles else (), device=targets[0])
        launches.watch(log)
        path = self._scratch / "home" / name
        self._watch.filename = str(path)
        return path

    def _run_script(self, request: Mapping[str, Any], log: launches.LaunchLog) -> dict[str, Any]:
        script = decode_script(request["script"])
        if self._scripts is None:
            (outputs,) = self._connection.descriptors()
            self._scripts = ScriptRunner(
                self._settle(request["name"], log, compiles=script.compile),
                outputs=Arena(outputs, self._limits.file),
                limit=self._limits.file,
                page=self._page,
                poison=self._poison,
            )
        self._scripts.rename(self._scratch / "home" / request["name"])
        self._watch.filename = str(self._scripts.path)
        launches.watch(log)
        log.enabled = script.launches
        if not self._on_cpu:
            if not script.timed:
                # Only a context that is not there yet heeds it, and is there sooner.
                os.environ.setdefault(*_FEW_QUEUES)
            return self._scripts.run(request["source"], script)
        from .interpreter import bounds  # noqa: PLC0415 - not needed where there is a GPU

        tolerance = bounds.Tolerance(lambda: float("nan") if script.fill == 0 else 7.0)
        bounds.tolerate(tolerance)
        shown = self._scripts.run(request["source"], script)
        return {**shown, "outside": str(tolerance.first)[:1000] if tolerance.first else None}

    def _reply(self, answer: dict[str, Any], log: launches.LaunchLog) -> None:
        answer["launches"] = log.count
        answer["kernels"] = [report.as_json() for report in log.reports[:64]]
        answer["tunings"] = [report.as_json() for report in [*log.tunings.values()][:64]]
        answer["incidents"] = [
            [incident.reason, incident.message, incident.line] for incident in self._watch.take()
        ]
        try:
            self._connection.send(answer)
        except FrameTooLongError:
            error = loading.CandidateError(
                Reason.WRONG_STRUCTURE, f"the answer's description passes {MAX_FRAME} bytes"
            )
            self._connection.send({**_failed(error), "id": answer["id"]})


def _failed(error: loading.CandidateError) -> dict[str, Any]:
    return {
        "op": "failed",
        "reason": error.reason,
        "message": error.message,
        "line": error.line,
        "kernel": error.kernel,
        "detail": error.detail,
        "fatal": error.fatal,
        "exception": error.exception,
        "part": error.part,
    }
