"""A reference that found too little memory beside others is tried once more, alone."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from pytest_tritonbench.judge.oracle_client import Oracle, OutOfMemoryError, ReferenceFailedError
from pytest_tritonbench.sandbox import Sandbox
from pytest_tritonbench.second_try import with_memory
from pytest_tritonbench.task.loading import load

TASK = '''
from pathlib import Path

import torch

from pytest_tritonbench import dim, task, tensor


@task(inputs={"x": tensor("n")}, dtypes=("float32",), dims={"n": dim(1, 4)}, cases=[{"n": 3}])
def double(x: torch.Tensor) -> torch.Tensor:
    """Fails once, as where a device is full."""
    tried = Path(__file__).with_suffix(".tried")
    if not tried.exists():
        tried.touch()
        raise ERROR
    return x * 2
'''


class Device:
    """A turn at it alone, and what was tried with and without."""

    def __init__(self) -> None:
        self.is_alone = False
        self.tries: list[bool] = []

    @contextmanager
    def alone(self) -> Iterator[None]:
        """A turn."""
        self.is_alone = True
        yield
        self.is_alone = False


def test_it_is_tried_again_alone() -> None:
    """What comes of it then is what counts."""
    device = Device()

    def work() -> str:
        device.tries.append(device.is_alone)
        if not device.is_alone:
            raise OutOfMemoryError("too little")
        return "right"

    assert with_memory(work, device.alone) == "right"
    assert device.tries == [False, True]


def test_what_fits_is_done_once() -> None:
    """Nobody waits to be alone for nothing."""
    device = Device()

    def work() -> str:
        device.tries.append(device.is_alone)
        return "right"

    assert with_memory(work, device.alone) == "right"
    assert device.tries == [False]


def test_what_never_fits_fails_as_it_did() -> None:
    """Twice is enough."""
    device = Device()

    def work() -> str:
        device.tries.append(device.is_alone)
        raise OutOfMemoryError("too little")

    with pytest.raises(OutOfMemoryError, match="too little"):
        with_memory(work, device.alone)
    assert device.tries == [False, True]


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        ("torch.OutOfMemoryError('CUDA out of memory')", OutOfMemoryError),
        ("ValueError('out of memory, it says')", ReferenceFailedError),
    ],
)
def test_a_full_device_is_told_from_other_failures(
    tmp_path: Path, error: str, kind: type[ReferenceFailedError]
) -> None:
    """By what was raised; the reference is right the next time."""
    path = tmp_path / "double.py"
    path.write_text(TASK.replace("ERROR", error))
    case = load(path).task.cases[0]
    with Sandbox() as sandbox:
        oracle = Oracle(sandbox, "cpu", 60.0)
        with pytest.raises(ReferenceFailedError, match="out of memory") as caught:
            oracle.ask(path, case).truth()
        assert type(caught.value) is kind
        assert oracle.ask(path, case).expected.oracle is not None
        oracle.close()
