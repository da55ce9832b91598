"""Which worker of pytest-xdist has which GPU.

The controller decides, before a worker is started: the variables travel in the worker's
specification, which execnet sets before anything else runs in it. pytest-xdist starts the
replacement of a worker that died from the same specification, under a new name (``gw5`` for
``gw1``), so that it has the GPU of the one that it replaces; the number in its name does not say
which that was.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from typing import Any

from pytest_tritonbench.sandbox.devices import DeviceError, Gpu, choose, inventory

VARIABLE = "PYTEST_TRITONBENCH_GPU"
"""Holds the UUID of a worker's GPU."""

_VISIBLE = ("CUDA_VISIBLE_DEVICES", "ROCR_VISIBLE_DEVICES", "HIP_VISIBLE_DEVICES")


def assigned(worker: int, gpus: tuple[Gpu, ...]) -> Gpu:
    """The GPU of the n-th worker: in turn, so that surplus workers are spread evenly."""
    return gpus[worker % len(gpus)]


def variables(gpu: Gpu, environment: Mapping[str, str] = os.environ) -> dict[str, str]:
    """What a process's environment needs for it to see one GPU and no other."""
    if gpu.maker == "nvidia":
        return {VARIABLE: gpu.uuid, "CUDA_VISIBLE_DEVICES": gpu.selector}
    found = {VARIABLE: gpu.uuid, "ROCR_VISIBLE_DEVICES": gpu.selector}
    for name in ("HIP_VISIBLE_DEVICES", "CUDA_VISIBLE_DEVICES"):
        if name in environment:
            # Counts within what ROCr leaves, and that is one.
            found[name] = "0"
    return found


def pin(
    specs: Iterable[Any],
    gpus: tuple[Gpu, ...],
    environment: Mapping[str, str] = os.environ,
) -> None:
    """Give each worker its GPU.

    Args:
        specs: Specifications of execnet, of all workers, in order. One on another machine, and one
            to which the user gave a variable of this kind (``--tx popen//env:...``), is left as is.
        gpus: What is to be shared out; where it is empty, nothing is.
        environment: Of the controller.
    """
    for number, spec in enumerate(specs):
        if gpus and spec.popen and not any(name in spec.env for name in _VISIBLE):
            spec.env.update(variables(assigned(number, gpus), environment))


def candidates(wanted: str | None, environment: Mapping[str, str] = os.environ) -> tuple[Gpu, ...]:
    """The GPUs that a run shares out among its workers; none where it is to use the CPU.

    Args:
        wanted: What ``--tb-gpu`` says: ``cpu``, ``all``, a list, or ``None`` for whatever is there.
        environment: Of the controller, or of a process without workers.

    Raises:
        DeviceError: If a GPU that was asked for is not there.
    """
    if wanted == "cpu":
        return ()
    gpus = inventory(environment)
    return gpus if wanted is None else choose(wanted, gpus)


def gpu_of_process(wanted: str | None, environment: Mapping[str, str] = os.environ) -> Gpu | None:
    """The GPU that this process uses, or ``None`` for the interpreter.

    In a worker that was pinned, ``wanted`` has been obeyed already: its indices would count among
    GPUs that the worker does not see.

    Raises:
        DeviceError: If a GPU that was asked for is not there.
    """
    if wanted == "cpu":
        return None
    pinned = environment.get(VARIABLE)
    if pinned is not None and "PYTEST_XDIST_WORKER" in environment:
        for gpu in inventory(environment):
            if gpu.uuid == pinned:
                return gpu
        raise DeviceError(f"GPU {pinned!r}, which this worker was given, is not there any more")
    gpus = candidates(wanted, environment)
    # A worker that nobody pinned: started on another machine, or with variables of the user's.
    worker = environment.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")
    return assigned(int(worker) if worker.isdecimal() else 0, gpus) if gpus else None


def auto_workers(wanted: str | None, environment: Mapping[str, str] = os.environ) -> int | None:
    """How many workers ``-n auto`` starts: one a GPU.

    Returns:
        ``None`` to leave the number to pytest-xdist: without a GPU, with a GPU that is not there
        (which is an error soon after), and where ``PYTEST_XDIST_AUTO_NUM_WORKERS`` has it.
    """
    if environment.get("PYTEST_XDIST_AUTO_NUM_WORKERS"):
        return None
    try:
        return len(candidates(wanted, environment)) or None
    except DeviceError:
        return None
