"""What workers of pytest-xdist share: one process that has imported torch and triton."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

import pytest

from pytest_tritonbench.sandbox.environment import environment
from pytest_tritonbench.sandbox.nursery import VARIABLE, Nursery


def share_nursery(
    config: pytest.Config, specs: Sequence[Any], device: str, targets: Sequence[str]
) -> None:
    """Start a nursery and tell the workers where it is, before they are started.

    Each worker would import torch and triton once more for its sandbox, all at the same time.

    Args:
        config: Of the controller; the nursery ends with it.
        specs: Specifications of execnet, of all workers.
        device: What they run kernels on: ``cpu`` or ``cuda``.
        targets: What they compile for.
    """
    here = [spec for spec in specs if spec.popen]
    if len(here) < 2 or VARIABLE in os.environ:
        return
    try:
        nursery = Nursery(device, targets, environment(os.environ, device))
    except OSError:
        # A folder for temporary files whose name is too long for a socket: each for itself, then.
        return
    config.add_cleanup(nursery.close)
    for spec in here:
        spec.env[VARIABLE] = nursery.address
