"""What pytest-benchmark is told of kernels: the GPU, and when times are not to be compared."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from typing import Any

import pytest

from pytest_tritonbench.options import settings_of

FLAG = "--tb-any-gpu"


class BenchmarkPlugin:
    """Hooks of and around pytest-benchmark, in runs that have it.

    Args:
        config: pytest's.
        has_tasks: Says whether the run has kernels to time; what pytest-benchmark saves in other
            runs is left as it is.
    """

    def __init__(self, config: pytest.Config, has_tasks: Callable[[], bool]) -> None:
        self._config = config
        self._has_tasks = has_tasks

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Keep pytest-benchmark from warning that a wrong kernel was not timed."""
        report = yield
        if report.when != "call" or not report.failed:
            return report
        from pytest_tritonbench.timing.bridge import is_timed  # noqa: PLC0415 - where a test failed

        if is_timed(item):
            # It asks this of its fixture before it warns that nobody used it.
            item.funcargs["benchmark"].skipped = True  # type: ignore[attr-defined]
        return report

    @pytest.hookimpl(optionalhook=True)
    def pytest_benchmark_update_machine_info(self, machine_info: dict[str, Any]) -> None:
        """Add the GPU, and the versions that decide how fast a kernel is."""
        if self._has_tasks():
            machine_info.update(_described(self._config))

    @pytest.hookimpl(optionalhook=True, tryfirst=True)
    def pytest_benchmark_compare_machine_info(
        self, machine_info: Mapping[str, Any], compared_benchmark: Mapping[str, Any]
    ) -> None:
        """Refuse a saved run of another model of GPU.

        Raises:
            pytest.UsageError: If it was, and was not asked for.
        """
        if settings_of(self._config).timing.any_gpu or not _has_kernels(compared_benchmark):
            return
        from pytest_tritonbench.timing import machine  # noqa: PLC0415 - only where it is compared

        if machine.model(machine_info) == machine.CPU:
            # Nothing is timed here, so nothing is compared.
            return
        saved = f"--benchmark-compare: the run of {compared_benchmark.get('datetime', 'then')}"
        try:
            machine.refuse_others(machine_info, compared_benchmark["machine_info"], saved, FLAG)
        except machine.OtherGpuError as e:
            raise pytest.UsageError(str(e)) from None


def _has_kernels(saved: Mapping[str, Any]) -> bool:
    from pytest_tritonbench.timing.benchmark_rows import ROW  # noqa: PLC0415 - as above

    return any(ROW in benchmark.get("extra_info", ()) for benchmark in saved["benchmarks"])


def _described(config: pytest.Config) -> dict[str, Any]:
    from pytest_tritonbench import pinning  # noqa: PLC0415 - asks the driver
    from pytest_tritonbench.report import installed  # noqa: PLC0415 - only where it is saved
    from pytest_tritonbench.timing import machine  # noqa: PLC0415 - as above

    wanted = settings_of(config).gpu
    if config.getoption("dist", "no") != "no":
        gpus = pinning.candidates(wanted)
    else:
        gpu = pinning.gpu_of_process(wanted)
        gpus = () if gpu is None else (gpu,)
    cuda, rocm = installed.torch_built_for()
    versions = {
        "cuda": cuda,
        "torch": installed.of("torch"),
        "triton": installed.of("triton"),
    }
    return machine.describe(gpus, versions if rocm is None else {**versions, "rocm": rocm})
