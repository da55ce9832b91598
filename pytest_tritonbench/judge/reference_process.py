"""The trusted child that makes inputs and runs references.

It is forked like a candidate's process but not confined: it reads task files. Neither side can
disturb the other's global state, and the pytest process never initialises a GPU.
"""

from __future__ import annotations

import inspect
import traceback
from collections.abc import Iterator, Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import torch

from pytest_tritonbench.judge.oracle import (
    copied,
    cotangents_for,
    run_nearby,
    run_oracle,
    run_reference,
)
from pytest_tritonbench.judge.sample import Sampler
from pytest_tritonbench.judge.timed_reference import TimedReference, Turns
from pytest_tritonbench.judge.wire import Storages, encode_answer
from pytest_tritonbench.sandbox import Arena, Connection
from pytest_tritonbench.sandbox.calls import encode_value
from pytest_tritonbench.sandbox.device_memory import give_back
from pytest_tritonbench.sandbox.protocol import ConnectionLostError
from pytest_tritonbench.task.case import Case
from pytest_tritonbench.task.declaration import Task
from pytest_tritonbench.task.loading import load
from pytest_tritonbench.task.materialise import arguments
from pytest_tritonbench.task.pieces import DerivedPiece, IntegerPiece, TensorPiece
from pytest_tritonbench.timing.peak_measurement import measure

ENTRY = f"{__name__}:serve"


def serve(connection: Connection, arena: Arena) -> None:
    """Answer requests until the other side closes.

    A request is ``{"task": path, "case": line, "device": name}``. The first reply describes the
    arguments and the cotangents, the second the reference's and the oracle's answers, all of them
    in the arena; with ``"timed": true`` without gradients, and a sample of what is large. With
    ``"turns"``, inputs are turned by so many places first. With ``"what"`` the reference is timed
    instead, and there is one reply: ``open`` calls it first, ``ready`` chooses the clock, ``time``
    times one call, ``burst`` calls it some times in a row, ``move`` lets its inputs lie elsewhere,
    ``close`` gives the memory back. ``"threads"`` are PyTorch's on the CPU. ``peaks`` measures the
    device and needs no case. Where the task file's own code fails, a reply is ``{"error": text}``
    and says whether the device was ``"exhausted"``: whether its memory was too little.
    """
    tasks: dict[str, Task] = {}
    inputs = Inputs(arena)
    while True:
        try:
            request = connection.recv()
        except ConnectionLostError:
            return
        try:
            for reply in _answers(request, inputs, tasks):
                connection.send(reply)
        except Exception as e:  # noqa: BLE001 - whatever a task file does must reach the user
            told = {"error": _told(e), "traceback": traceback.format_exc(limit=-6)}
            connection.send({**told, "exhausted": isinstance(e, torch.OutOfMemoryError)})


class Inputs:
    """The arguments of the case that was asked for last, which is often asked for again.

    Args:
        arena: Where they lie; nothing else is kept there between requests.
    """

    def __init__(self, arena: Arena) -> None:
        self._arena = arena
        self._key: tuple[str, str] | None = None
        self._made: dict[str, Any] = {}
        self._turns = Turns({})
        self.timed: TimedReference | None = None
        self.storages = Storages(arena)
        self._end = 0

    def of(
        self, path: str, task: Task, case: Case, turns: Mapping[str, int] | None = None
    ) -> dict[str, Any]:
        """The arguments of a case, in the arena; what was behind them there is forgotten.

        Args:
            path: Of the task file.
            task: The task.
            case: The case.
            turns: Which arguments are turned, and by what number.
        """
        key = (path, case.to_json())
        if key != self._key:
            self._key = None
            self._arena.clear()
            self.storages = Storages(self._arena)
            self._made = arguments(task, case, self.storages.allocate)
            self._key, self._end, self._turns = key, self._arena.used, Turns(self._made)
        self._arena.clear(beyond=self._end)
        self._turns.turn(turns or {})
        return self._made

    def turnable(self, task: Task) -> list[str]:
        """Arguments whose elements may change places: drawn ones that nothing was derived from."""
        derived = [piece.make for piece in task.inputs.values() if isinstance(piece, DerivedPiece)]
        taken = {name for make in derived for name in inspect.signature(make).parameters}
        return [
            name
            for name, piece in task.inputs.items()
            if isinstance(piece, TensorPiece | IntegerPiece)
            and name not in taken
            and self._made[name] is not None
            and self.storages.describe(self._made[name]).dense
        ]

    @property
    def used(self) -> int:
        """Bytes of the arena that are taken."""
        return self._arena.used


def _answers(
    request: dict[str, Any], inputs: Inputs, tasks: dict[str, Task]
) -> Iterator[dict[str, Any]]:
    if request.get("what") == "peaks":
        yield measure(torch.device(request["device"]))
        return
    if torch.get_num_threads() != request["threads"]:
        torch.set_num_threads(request["threads"])
    path = request["task"]
    if path not in tasks:
        tasks[path] = load(Path(path)).task
    task = tasks[path]
    case = task.case(request["case"])
    device = torch.device(request["device"])
    if "what" in request:
        yield _timing(request, inputs, task, case)
        return
    made = inputs.of(path, task, case, request.get("turns"))
    storages = inputs.storages
    sampler = None
    if request.get("timed"):
        # What is timed is the forward pass, on sizes that are compared by a sample.
        task = replace(task, gradients=())
        sampler = None if task.canonical or task.check else Sampler()
    cotangents = None
    if task.gradients:
        forward = run_reference(task, made, None, device)
        cotangents = cotangents_for(task, case, forward, storages.allocate)
    yield {
        "inputs": inputs.used,
        "args": [
            [n, encode_value(storages.describe(v) if isinstance(v, torch.Tensor) else v)]
            for n, v in made.items()
        ],
        "turnable": inputs.turnable(task),
        "cotangents": [
            None if c is None else encode_value(storages.describe(c)) for c in cotangents or ()
        ],
    }
    # The candidate runs from here on; it waits for none of what follows.
    if device.type != "cpu":
        # They travel once; each answer copies them there.
        made = {name: copied(value, device) for name, value in made.items()}
    _seed(case, device)
    reference = run_reference(task, made, cotangents, device, sampler)
    _seed(case, device)
    oracle = run_oracle(task, made, cotangents, device, sampler)
    _seed(case, device)
    nearby = run_nearby(task, made, cotangents, device, sampler)
    del made
    give_back(device.type)
    yield {
        "reference": encode_answer(reference, storages),
        "oracle": None if oracle is None else encode_answer(oracle, storages),
        "nearby": None if nearby is None else encode_answer(nearby, storages),
    }


def _seed(case: Case, device: torch.device) -> None:
    # torch.manual_seed looks at every backend, which costs more than a small reference.
    torch.default_generator.manual_seed(case.seed)
    if device.type == "cuda":
        torch.cuda.manual_seed(case.seed)


def _timing(request: dict[str, Any], inputs: Inputs, task: Task, case: Case) -> dict[str, Any]:
    """Do one step of timing the reference."""
    match request["what"]:
        case "open":
            inputs.timed = None
            made = inputs.of(request["task"], task, case)
            device = torch.device(request["device"])
            inputs.timed = TimedReference(
                task, case, made, device, cold=request["cold"], compiled=request["compiled"]
            )
            # Until it is its turn to be timed, others may need the memory that it works in.
            give_back(device.type)
            return asdict(inputs.timed.work)
        case "close":
            inputs.timed = None
            give_back(torch.device(request["device"]).type)
        case _ if inputs.timed is None:
            raise RuntimeError("the parent opens before it asks for more")
        case "ready":
            return inputs.timed.ready(request["clock"])
        case "time":
            return {**inputs.timed.time(request["turns"], held=request["held"])}
        case "burst":
            return {**inputs.timed.burst(request["count"])}
        case "move":
            inputs.timed.move(request["spacer"])
    return {}


def _told(error: BaseException) -> str:
    text = str(error).strip() or "no message"
    return f"{type(error).__name__}: {text}"
