"""What the tests of one pytest process share: the sandbox, the oracle, the environment."""

from __future__ import annotations

import os
import time
from functools import cached_property
from typing import TYPE_CHECKING

import pytest

from pytest_tritonbench.options import Settings, settings_of
from pytest_tritonbench.report.environment import Environment, describe
from pytest_tritonbench.sandbox import Sandbox
from pytest_tritonbench.sandbox.devices import DeviceError, Gpu, choose, inventory

if TYPE_CHECKING:
    # This imports torch; the sandbox is started while that still takes its time.
    from pytest_tritonbench.judge.oracle_client import Oracle

_REFERENCE_TIMEOUT = 300.0
_JUDGE_THREADS = 4


class Session:
    """Shared by every task of one pytest process; everything in it is made when first needed.

    Args:
        settings: What the user asked for.
        seed: Hypothesis's seed, where one was given.
    """

    def __init__(self, settings: Settings, seed: int | str | None) -> None:
        self.settings = settings
        self.seed = seed
        self.started = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        self._oracle: Oracle | None = None

    @cached_property
    def gpu(self) -> Gpu | None:
        """The GPU of this process, or ``None`` for the interpreter.

        Raises:
            pytest.UsageError: If a GPU that was asked for is not there.
        """
        wanted = self.settings.gpu
        if wanted == "cpu":
            return None
        gpus = inventory()
        if wanted is not None:
            try:
                gpus = choose(wanted, gpus)
            except DeviceError as e:
                raise pytest.UsageError(f"--tb-gpu: {e}; give one of these, or cpu") from None
        # Workers take turns; gw0, gw1, ... is what pytest-xdist calls them.
        worker = os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")
        return gpus[int(worker) % len(gpus)] if gpus else None

    @property
    def on_gpu(self) -> bool:
        """Whether kernels run on a GPU."""
        return self.gpu is not None

    @cached_property
    def sandbox(self) -> Sandbox:
        """Where candidates and references run."""
        device = "cpu" if self.gpu is None else f"cuda:{self.gpu.uuid}"
        made = Sandbox(device=device, targets=self.settings.targets)
        made.start()
        return made

    @property
    def oracle(self) -> Oracle:
        """The trusted side."""
        if self._oracle is None:
            from pytest_tritonbench.judge.oracle_client import Oracle  # noqa: PLC0415 - as above

            share_cores()
            device = "cuda" if self.on_gpu else "cpu"
            self._oracle = Oracle(self.sandbox, device, _REFERENCE_TIMEOUT)
        return self._oracle

    @cached_property
    def environment(self) -> Environment:
        """What a record says of where it was made."""
        return describe(self.gpu, self.settings.rootdir)

    @property
    def elements(self) -> int:
        """Upper limit for the elements of a tensor that fuzzing draws."""
        return 1 << 22 if self.on_gpu else 1 << 14

    def close(self) -> None:
        """End every process."""
        if self._oracle is not None:
            self._oracle.close()
        if "sandbox" in self.__dict__:
            self.sandbox.close()


def share_cores() -> None:
    """Leave the other workers of pytest-xdist their cores.

    Judging many small tensors gains nothing from threads, and workers that each start one per core
    bring a machine to a halt.
    """
    import torch  # noqa: PLC0415 - as above

    workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    torch.set_num_threads(max(1, min(_JUDGE_THREADS, (os.cpu_count() or 1) // workers)))


_SESSION = pytest.StashKey[Session]()


def session_of(config: pytest.Config) -> Session:
    """The session of a pytest process, made when first needed."""
    if _SESSION not in config.stash:
        seed = config.getoption("--hypothesis-seed", None)
        config.stash[_SESSION] = session = Session(settings_of(config), _seed(seed))
        config.add_cleanup(session.close)
    return config.stash[_SESSION]


def _seed(given: str | None) -> int | str | None:
    try:
        return None if given is None else int(given)
    except ValueError:
        # Hypothesis takes any text.
        return str(given)
