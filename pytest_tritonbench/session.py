"""What the tests of one pytest process share: the sandbox, the oracle, the environment."""

from __future__ import annotations

import atexit
import gc
import os
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext, suppress
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pytest_tritonbench import pinning
from pytest_tritonbench.candidate.revision import Revision, RevisionError, revision
from pytest_tritonbench.options import Settings, settings_of
from pytest_tritonbench.report.environment import Environment, describe
from pytest_tritonbench.sandbox import Sandbox
from pytest_tritonbench.sandbox.devices import Gpu
from pytest_tritonbench.sandbox.gpu_lock import GpuLock, LockError
from pytest_tritonbench.shared_start import now, started
from pytest_tritonbench.timers import Timer
from pytest_tritonbench.timing import profile_place
from pytest_tritonbench.timing.benchmark_rows import COMPILED, REFERENCE

if TYPE_CHECKING:
    # This imports torch; the sandbox is started while that still takes its time.
    from pytest_tritonbench.judge.oracle_client import Oracle
    from pytest_tritonbench.timing.peaks import Peaks
    from pytest_tritonbench.timing.watch import Watch

TIMES_ON_CPU = "PYTEST_TRITONBENCH_TIME_ON_CPU"
"""Set by the project's own tests: what is timed is then the host's time for the interpreter."""

_REFERENCE_TIMEOUT = 300.0
_JUDGE_THREADS = 4
_INPUT_THREADS = 8


class Session:
    """Shared by every task of one pytest process; everything in it is made when first needed.

    Args:
        settings: What the user asked for.
        seed: Hypothesis's seed, where one was given.
        cache: Folder for what is worth keeping from run to run, if there is one.
        started: When the run began, if not just now.
    """

    def __init__(
        self,
        settings: Settings,
        seed: int | str | None,
        cache: Path | None = None,
        started: str | None = None,
    ) -> None:
        self.settings = settings
        self.seed = seed
        self.started = started or now()
        self.cache = cache
        self.only_judges = False
        """Whether nothing is timed in this run, as the one who has collected its tests knows."""

        self._oracle: Oracle | None = None
        self._compiled: Oracle | None = None
        self._peaks: Peaks | None = None
        # An interpreter that ends looks through all that torch has made, several times, for
        # garbage: over half a second, for which pytest-xdist waits.
        atexit.register(gc.freeze)

    @cached_property
    def gpu(self) -> Gpu | None:
        """The GPU of this process, or ``None`` for the interpreter.

        Raises:
            pytest.UsageError: If a GPU that was asked for is not there.
        """
        return pinning.own_gpu(self.settings.gpu)

    @cached_property
    def _turns(self) -> GpuLock | None:
        return None if self.gpu is None else GpuLock(self.gpu)

    def computing(self) -> AbstractContextManager[float]:
        """A turn at the GPU beside others that compute: for everything that is not timed.

        It is to end when nothing that was started in it is at work on the GPU any more. Within
        :meth:`timing` it changes nothing; without a GPU it is nothing.

        Returns:
            A context whose value is the seconds that were waited.
        """
        return nullcontext(0.0) if self._turns is None else _told(self._turns.shared())

    def timing(self) -> AbstractContextManager[float]:
        """A turn at the GPU while no other worker computes on it: for what is timed.

        Within :meth:`computing` it gives that turn up, waits to be alone, and has its share back
        afterwards. What the process keeps on the GPU stays there, and is to be at rest.

        Returns:
            As :meth:`computing`.
        """
        return nullcontext(0.0) if self._turns is None else _told(self._turns.alone())

    def alone(self) -> AbstractContextManager[float]:
        """As :meth:`timing`, with what this process left unfinished on the GPU done first."""
        self.settle()
        return self.timing()

    def give_way(self) -> None:
        """Within a long turn of :meth:`computing`, let those go first who wait to time.

        Between two cases, when no candidate is at work.
        """
        if self._turns is not None:
            self.settle()
            self._turns.give_way()

    def settle(self) -> None:
        """Wait until the reference's process is at rest: a turn ends when nothing is at work."""
        if self._oracle is not None:
            self._oracle.settle()

    @property
    def on_gpu(self) -> bool:
        """Whether kernels run on a GPU."""
        return self.gpu is not None

    @property
    def times(self) -> bool:
        """Whether kernels are timed: on a GPU, or where the project's own tests have it so."""
        return self.on_gpu or TIMES_ON_CPU in os.environ

    @cached_property
    def timers(self) -> Mapping[str, Timer]:
        """Who times references, by the name of the row in the table."""
        found = {REFERENCE: Timer(self.oracle, self._another_oracle)}
        if "compile" in self.settings.timing.baselines:
            self._compiled = self._another_oracle()
            found[COMPILED] = Timer(self._compiled, self._another_oracle)
        return found

    def watching(self) -> AbstractContextManager[Watch | None]:
        """Look at the GPU while it is timed on; nothing without one."""
        from pytest_tritonbench.timing.watch import Watch  # noqa: PLC0415 - only where it is timed

        return nullcontext() if self.gpu is None else Watch(self.gpu)

    def peaks(self, again: bool = False) -> Peaks:  # noqa: FBT001, FBT002 - a call says it all
        """What the device can do, measured once, alone on it, and kept in pytest's cache.

        Args:
            again: Measure once more, and keep the better of both: what was measured on a device
                that was hot or shared is less than it can do.

        Raises:
            ReferenceFailedError: If it cannot be measured.
        """
        from pytest_tritonbench.timing import peaks  # noqa: PLC0415 - only where it is timed

        gpu, versions = self.gpu, self.environment.as_json()
        device, driver = ("cpu", "") if gpu is None else (gpu.uuid, gpu.driver or "")
        key = peaks.Key(device, driver, str(versions.get("torch")))
        if self._peaks is None and self.cache is not None:
            self._peaks = peaks.read(self.cache, key)
        if self._peaks is None or again:
            with self.alone():
                found = peaks.Peaks.from_json(self.oracle.peaks())
            self._peaks = found if self._peaks is None else peaks.fastest(self._peaks, found)
            if self.cache is not None:
                # Without a cache it is measured again next time.
                with suppress(OSError):
                    peaks.write(self.cache, key, self._peaks)
        return self._peaks

    @property
    def profiles(self) -> Path:
        """Folder of the profiles."""
        return profile_place.folder_of(self.settings.results, self.settings.rootdir)

    @cached_property
    def base(self) -> Revision | None:
        """The revision whose kernels are timed beside today's, if there is one.

        Raises:
            pytest.UsageError: As :func:`base_of`.
        """
        return base_of(self.settings)

    def _another_oracle(self) -> Oracle:
        from pytest_tritonbench.judge.oracle_client import Oracle  # noqa: PLC0415 - as above

        share_cores()
        if not self.on_gpu:
            # One thread, so that sums have one order on every machine.
            return Oracle(self.sandbox, "cpu", _REFERENCE_TIMEOUT)
        # It makes arguments of gigabytes on the CPU.
        threads = min(_INPUT_THREADS, own_cores())
        return Oracle(self.sandbox, "cuda", _REFERENCE_TIMEOUT, threads=threads)

    @cached_property
    def sandbox(self) -> Sandbox:
        """Where candidates and references run."""
        made = Sandbox(
            device="cpu" if self.gpu is None else self.gpu,
            targets=self.settings.targets,
            # Of a suite, an answer and its gold are wanted first.
            spares=2 if self.settings.suites else 1,
            warm=not self.settings.suites,
            times=not self.only_judges,
        )
        made.alone = self.alone if self.on_gpu else None
        made.start()
        return made

    @property
    def oracle(self) -> Oracle:
        """The trusted side."""
        if self._oracle is None:
            self._oracle = self._another_oracle()
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
        timers: Mapping[str, Timer] = self.__dict__.get("timers", {})
        for process in (*timers.values(), self._compiled, self._oracle):
            if process is not None:
                process.close()
        if "sandbox" in self.__dict__:
            self.sandbox.close()


@contextmanager
def _told(turn: AbstractContextManager[float]) -> Iterator[float]:
    """A turn; one that cannot be had fails the test with a sentence and not with a traceback."""
    with ExitStack() as stack:
        try:
            waited = stack.enter_context(turn)
        except LockError as e:
            pytest.fail(str(e), pytrace=False)
        yield waited


def base_of(settings: Settings) -> Revision | None:
    """The revision that ``--tb-base`` names, or ``None`` without it.

    Raises:
        pytest.UsageError: If its kernels cannot be had.
    """
    name = settings.timing.base
    try:
        return None if name is None else revision(name, settings.kernels, settings.rootdir)
    except RevisionError as e:
        raise pytest.UsageError(f"--tb-base: {e}") from None


def share_cores() -> None:
    """Leave the other workers of pytest-xdist their cores.

    Judging many small tensors gains nothing from threads, and workers that each start one per core
    bring a machine to a halt.
    """
    import torch  # noqa: PLC0415 - as above

    torch.set_num_threads(min(_JUDGE_THREADS, own_cores()))


def own_cores() -> int:
    """How many cores each worker of pytest-xdist has for itself, at least one."""
    workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    return max(1, len(os.sched_getaffinity(0)) // workers)


_SESSION = pytest.StashKey[Session]()


def session_of(config: pytest.Config) -> Session:
    """The session of a pytest process, made when first needed."""
    if _SESSION not in config.stash:
        seed = config.getoption("--hypothesis-seed", None)
        config.stash[_SESSION] = session = Session(
            settings_of(config), _seed(seed), _cache(config), started(config)
        )
        config.add_cleanup(session.close)
    return config.stash[_SESSION]


def _cache(config: pytest.Config) -> Path | None:
    cache = getattr(config, "cache", None)
    return None if cache is None else cache.mkdir("tritonbench-peaks")


def _seed(given: str | None) -> int | str | None:
    try:
        return None if given is None else int(given)
    except ValueError:
        # Hypothesis takes any text.
        return str(given)
