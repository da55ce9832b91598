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

import pytest

from pytest_tritonbench.sandbox.devices import DeviceError, Gpu, choose, inventory

VARIABLE = "PYTEST_TRITONBENCH_GPU"
"""Holds the UUID of a worker's GPU."""

_VISIBLE = ("CUDA_VISIBLE_DEVICES", "ROCR_VISIBLE_DEVICES", "HIP_VISIBLE_DEVICES")


def assigned(worker: int, gpus: tuple[Gpu, ...]) -> Gpu:
    """The GPU of the n-th worker: in turn, so that surplus workers are spread evenly."""
    return gpus[worker % len(gpus)]


def variables(gpu: Gpu) -> dict[str, str]:
    """What a worker's environment needs for it to see one GPU, and to know that it was pinned."""
    return {VARIABLE: gpu.uuid, **gpu.variables}


def pin(specs: Iterable[Any], gpus: tuple[Gpu, ...]) -> None:
    """Give each worker its GPU.

    Args:
        specs: Specifications of execnet, of all workers, in order. One on another machine, and one
            to which the user gave a variable of this kind (``--tx popen//env:...``), is left as is.
        gpus: What is to be shared out; where it is empty, nothing is.
    """
    for number, spec in enumerate(specs):
        local = spec.popen and not spec.via
        if gpus and local and not any(name in spec.env for name in _VISIBLE):
            spec.env.update(variables(assigned(number, gpus)))


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


def own_gpu(wanted: str | None, environment: Mapping[str, str] = os.environ) -> Gpu | None:
    """As :func:`gpu_of_process`, with an error that tells the user which option is wrong.

    Raises:
        pytest.UsageError: If a GPU that was asked for is not there.
    """
    try:
        return gpu_of_process(wanted, environment)
    except DeviceError as e:
        raise pytest.UsageError(f"--tb-gpu: {e}; give one of these, or cpu") from None


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


def others_count(config: pytest.Config) -> bool:
    """Whether the user's own hook, or another plugin's, says how many workers ``-n auto`` is."""
    hook = config.hook.pytest_xdist_auto_num_workers
    modules = (getattr(impl.plugin, "__name__", "") for impl in hook.get_hookimpls())
    return any(name.partition(".")[0] not in ("xdist", "pytest_tritonbench") for name in modules)
