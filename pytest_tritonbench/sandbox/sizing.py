"""Times the calls of a published benchmark's own timing script, in the candidate's process.

Such a script defines a class `performance_metrics` on top of a base class that it imports: it
makes inputs of growing sizes (`get_input_tensors`), moves them (`to_cuda`), calls the operator
(`call_op`), and says what a time means in GB/s and TFLOP/s. The base class, the clock and the
module that it imports the operator from are ours.
"""

import contextlib
import random
import statistics
import sys
from collections.abc import Callable, Iterator, Mapping
from types import ModuleType
from typing import Any

import torch

from .stopwatch import Stopwatch

MOST_SIZES = 64
_BASE_MODULES = ("performance_utils", "performance_metrics.performance_utils")
_PACKAGES = ("TritonBench_v1", "TorchBench_v1")
_FEWEST, _MOST = 5, 50
_BUDGET_MS = 100.0
_FAILURES = 2
_empty_cache = torch.cuda.empty_cache
_set_default_device = torch.set_default_device
_manual_seed = torch.manual_seed


class _EnoughError(BaseException):
    """The inputs of the wanted size are there."""


class _Inputs(list[Any]):
    """Keeps the inputs of one size and lets go of those before it: together they may not fit."""

    def __init__(self, wanted: int) -> None:
        super().__init__()
        self._wanted = wanted
        self._seen = 0

    def append(self, made: Any) -> None:
        """Take the inputs of the next size."""
        if self._seen == self._wanted:
            super().append(made)
            raise _EnoughError
        self._seen += 1


class Metrics:
    """The base class that timing scripts import as `Performance_Metrics`."""

    wanted = 0

    def __init__(
        self,
        op_name: str,
        dtype: Any = None,
        is_backward: bool = False,  # noqa: FBT001, FBT002 - scripts call it so
        **kwargs: Any,
    ) -> None:
        self.op_name = op_name + ("backward" if is_backward else "")
        self.dtype = dtype
        self.kwargs = kwargs
        self._inputs: list[Any] = _Inputs(self.wanted)

    @property
    def input_tensors(self) -> list[Any]:
        """The inputs of all sizes, as a script believes."""
        return self._inputs

    @input_tensors.setter
    def input_tensors(self, given: list[Any]) -> None:
        self._inputs = _Inputs(self.wanted)
        for made in given:
            self._inputs.append(made)

    def get_input_tensors(self) -> None:
        """Make the inputs of every size."""
        raise NotImplementedError

    def to_cuda(self, inputs: Any) -> Any:
        """Move the inputs of one size."""
        raise NotImplementedError

    def call_op(self, inputs: Any) -> Any:
        """Call the operator."""
        raise NotImplementedError

    def get_gbps(self, inputs: Any, runtime: float) -> float:
        """GB/s, if a call takes so many milliseconds."""
        raise NotImplementedError

    def get_tflops(self, inputs: Any, runtime: float) -> float:
        """TFLOP/s, if a call takes so many milliseconds."""
        raise NotImplementedError


class _Config:
    """What scripts import as `do_bench_config`, and nobody reads."""

    def __init__(self, *_: Any, **__: Any) -> None:
        pass


def measure(text: str, name: str, operators: Mapping[str, Any], device: str = "cuda") -> Any:
    """Time an operator on every size of a timing script.

    Args:
        text: the script.
        name: module that it imports the operator from.
        operators: the names of that module: the candidate's.
        device: where inputs are made.

    Returns:
        A list with a dict for each size: `input_size` as the published result files have it, `ms`
        of each call, `gbs` and `tflops` of a call that takes a millisecond (`None` where the script
        does not say); or `error`, what went wrong at that size.
    """
    found: list[dict[str, Any]] = []
    failures = 0
    with _modules(name, operators):
        metrics = _class_of(text)
        for number in range(MOST_SIZES):
            try:
                one = _size(metrics, number, device)
            except Exception as error:  # noqa: BLE001 - a size that does not fit is not the last
                failures += 1
                found.append({"error": f"{type(error).__name__}: {error}"[:300]})
                _empty_cache()
                if failures == _FAILURES:
                    break
                continue
            if one is None:
                break
            failures = 0
            found.append(one)
    return found


def _size(metrics: type[Metrics], number: int, device: str) -> dict[str, Any] | None:
    inputs = _made(metrics, number, device)
    if inputs is None:
        return None
    operator, given = inputs
    moved = operator.to_cuda(given)

    def call() -> Any:
        return operator.call_op(moved)

    return {
        "input_size": _described(moved),
        "ms": _times(call, device),
        "gbs": _rate(operator.get_gbps, moved),
        "tflops": _rate(operator.get_tflops, moved),
    }


def _made(metrics: type[Metrics], number: int, device: str) -> tuple[Metrics, Any] | None:
    """The operator and its inputs of one size, made on the device: the CPU would take minutes."""
    metrics.wanted = number
    random.seed(0)
    _manual_seed(0)
    operator = metrics()  # type: ignore[call-arg]  # scripts name their operator themselves
    _set_default_device(device)
    try:
        operator.get_input_tensors()
    except _EnoughError:
        return operator, operator.input_tensors[-1]
    finally:
        _set_default_device(None)
    return None


def _times(call: Callable[[], Any], device: str) -> list[float]:
    """Milliseconds of device time of as many calls as are worth their time."""
    stopwatch = Stopwatch(torch.device(device), call)
    stopwatch.ready("events")
    few = [stopwatch.time()["ms"] for _ in range(_FEWEST)]
    typical = max(statistics.median(few), 1e-4)
    more = min(_MOST, int(_BUDGET_MS / typical)) - len(few)
    return few + [stopwatch.time()["ms"] for _ in range(more)]


def _rate(rate: Callable[[Any, float], float], inputs: Any) -> float | None:
    try:
        return float(rate(inputs, 1.0))
    except Exception:  # noqa: BLE001 - some scripts leave it out, some cannot count
        return None


def _described(inputs: Any) -> list[Any]:
    """As the published result files have it: shapes of tensors, everything else as it is."""
    items = inputs if isinstance(inputs, list | tuple) else [inputs]
    return [_shape(item) for item in items]


def _shape(item: Any) -> Any:
    if isinstance(item, torch.Tensor):
        return list(item.shape)
    return item if isinstance(item, int | float | str | bool | None) else str(type(item).__name__)


def _class_of(text: str) -> type[Metrics]:
    module: dict[str, Any] = {"__name__": "golden_metrics", "__file__": "/golden_metrics/script.py"}
    exec(compile(text, "golden_metrics.py", "exec"), module)  # noqa: S102 - it is what is timed
    found: type[Metrics] = module["performance_metrics"]
    return found


@contextlib.contextmanager
def _modules(name: str, operators: Mapping[str, Any]) -> Iterator[None]:
    """Have a script's imports find the base class and the candidate."""
    base = {"Performance_Metrics": Metrics, "do_bench_config": _Config}
    made = {module: _module(module, base) for module in _BASE_MODULES}
    for package in _PACKAGES:
        made[package] = _module(package, {"__path__": []})
        made[f"{package}.{name}"] = _module(f"{package}.{name}", operators)
    before = {module: sys.modules.get(module) for module in made}
    path = list(sys.path)
    sys.modules.update(made)
    try:
        yield
    finally:
        sys.path[:] = path
        for module, old in before.items():
            if old is None:
                del sys.modules[module]
            else:
                sys.modules[module] = old


def _module(name: str, contents: Mapping[str, Any]) -> ModuleType:
    module = ModuleType(name)
    module.__dict__.update({key: value for key, value in contents.items() if key != "__name__"})
    return module
