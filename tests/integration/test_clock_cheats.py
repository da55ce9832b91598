"""Kernels that try to look fast, each caught with its reason, or none the faster for it.

What needs a GPU to be tried (other streams, events, graphs) is in tests/gpu.
"""

from typing import Any

import pytest

from tests.integration.timed_project import TimedProject

# What runs before the right kernel's launch in its wrapper.
BY_POINTER = """\
global KNOWN
if "KNOWN" not in globals():
    KNOWN = {}
key = x.data_ptr(), x.shape
if key in KNOWN:
    return KNOWN[key]
out = torch.empty((m, n), dtype=x.dtype, device=x.device)
_rows[(m,)](x, out, n, *x.stride(), BLOCK=triton.next_power_of_2(n))
KNOWN[key] = out
return out
"""
BY_SUM = """\
global KNOWN
if "KNOWN" not in globals():
    KNOWN = {}
key = x.double().sum().item(), x.shape
if key in KNOWN:
    return KNOWN[key]
out = torch.empty((m, n), dtype=x.dtype, device=x.device)
_rows[(m,)](x, out, n, *x.stride(), BLOCK=triton.next_power_of_2(n))
KNOWN[key] = out
return out
"""
BY_CONTENT = """\
global KNOWN
if "KNOWN" not in globals():
    KNOWN = {}
key = x.cpu().numpy().tobytes()
if key in KNOWN:
    return KNOWN[key]
out = torch.empty((m, n), dtype=x.dtype, device=x.device)
_rows[(m,)](x, out, n, *x.stride(), BLOCK=triton.next_power_of_2(n))
KNOWN[key] = out
return out
"""
TWENTY = """\
global CALLS
CALLS = globals().get("CALLS", 0) + 1
if CALLS > 20:
    return out
"""
THREAD = """\
import threading, time
global CALLS
CALLS = globals().get("CALLS", 0) + 1
if CALLS < 3:
    _rows[(m,)](x, out, n, *x.stride(), BLOCK=triton.next_power_of_2(n))
    return out
def later():
    time.sleep(5)
    _rows[(m,)](x, out, n, *x.stride(), BLOCK=triton.next_power_of_2(n))
threading.Thread(target=later).start()
return out
"""
LAZY = """\
class Lazy(torch.Tensor):
    @classmethod
    def __torch_function__(cls, function, types, args=(), kwargs=None):
        return super().__torch_function__(function, types, args, kwargs or {})
_rows[(m,)](x, out, n, *x.stride(), BLOCK=triton.next_power_of_2(n))
return out.as_subclass(Lazy)
"""
CLOCK = """\
import time
time.perf_counter = lambda: 0.0
torch.cuda.Event.elapsed_time = lambda self, other: 1e-6
"""
SLEEPY = """\
import time
global CALLS
CALLS = globals().get("CALLS", 0) + 1
if CALLS < 4:
    time.sleep(0.3)
"""


CAUGHT = {
    "by_pointer": (BY_POINTER, "wrong-values"),
    "by_sum": (BY_SUM, "wrong-values"),
    "twenty": (TWENTY, "wrong-values"),
    "in_a_thread": (THREAD, "threads-left"),
    "lazy": (LAZY, "lazy-tensor"),
}
IN_VAIN = {"by_content": BY_CONTENT, "clocks": CLOCK, "sleepy": SLEEPY}


@pytest.fixture(scope="module")
def records(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    """The record of each cheat, out of one run."""
    project = TimedProject(tmp_path_factory.mktemp("cheats"))
    cheats = {name: before for name, (before, _) in CAUGHT.items()} | IN_VAIN | {"honest": ""}
    for name, before in cheats.items():
        project.quick(name, before=before)
    project.time()
    return {record["task"]: record for record in project.records()}


@pytest.mark.parametrize("name", CAUGHT)
def test_it_is_caught(records: dict[str, dict[str, Any]], name: str) -> None:
    """Fresh inputs, and outputs that are judged without warning, leave it no way."""
    record = records[name]
    assert (record["outcome"], record["reason"]) == ("failed", CAUGHT[name][1])
    assert record["phase"] == "bench"


@pytest.mark.parametrize("name", IN_VAIN)
def test_it_gains_nothing(records: dict[str, dict[str, Any]], name: str) -> None:
    """It is timed like the honest kernel, on as many samples, and is none the faster."""
    honest, timing = records["honest"]["timing"], records[name]["timing"]
    assert records[name]["outcome"] == "passed"
    assert timing["median_ms"] > 0.5 * honest["median_ms"]
    assert timing["samples"] > 0.2 * honest["samples"]
