"""Kernels that try to look fast by what only a GPU has: streams, events, graphs."""

import pytest

from tests.gpu.test_gpu_run import records, run
from tests.integration.project import TASK, Project

# Some 100 us of work on any GPU, far above what a launch costs.
SWEEP = '"m": 8192, "n": 8192'

ON_ANOTHER_STREAM = """\
global SIDE
if "SIDE" not in globals():
    SIDE = torch.cuda.Stream()
with torch.cuda.stream(SIDE):
    _rows[(m,)](x, out, n, *x.stride(), BLOCK=triton.next_power_of_2(n))
return out
"""
ON_ANOTHER_STREAM_WHILE_BUSY = """\
global SIDE
if "SIDE" not in globals():
    SIDE = torch.cuda.Stream()
if not torch.cuda.current_stream().query():
    with torch.cuda.stream(SIDE):
        _rows[(m,)](x, out, n, *x.stride(), BLOCK=triton.next_power_of_2(n))
    return out
"""
REPLACED_EVENTS = """\
torch.cuda.Event.elapsed_time = lambda self, other: 1e-4
torch.cuda.Event.record = lambda self, stream=None: None
torch.cuda.synchronize = lambda device=None: None
torch.cuda._sleep = lambda cycles: None
"""
STALE_GRAPH = """\
global GRAPH, KEPT
if m < 8192:
    _rows[(m,)](x, out, n, *x.stride(), BLOCK=triton.next_power_of_2(n))
    return out
if "GRAPH" not in globals():
    _rows[(m,)](x, out, n, *x.stride(), BLOCK=triton.next_power_of_2(n))
    KEPT = (x.clone(), torch.empty_like(out))
    torch.cuda.synchronize()
    GRAPH = torch.cuda.CUDAGraph()
    with torch.cuda.graph(GRAPH):
        _rows[(m,)](
            KEPT[0], KEPT[1], n, *KEPT[0].stride(), BLOCK=triton.next_power_of_2(n)
        )
    return out
GRAPH.replay()
return KEPT[1]
"""
CAUGHT = {
    "another stream": (ON_ANOTHER_STREAM, {"false-time", "wrong-values"}),
    "another stream while busy": (ON_ANOTHER_STREAM_WHILE_BUSY, {"false-time", "wrong-values"}),
    "a graph of stale data": (STALE_GRAPH, {"wrong-values"}),
}


def timed(project: Project, pytester: pytest.Pytester, before: str) -> dict[str, object]:
    """The record of a kernel's only timed case."""
    project.task(text=TASK.replace('"m": 64, "n": 1024', SWEEP))
    project.kernel(before=before)
    run(project, pytester, "-m", "tb_bench")
    (record,) = records(pytester)
    return record


@pytest.mark.parametrize("name", CAUGHT)
def test_it_is_caught(project: Project, pytester: pytest.Pytester, name: str) -> None:
    """Work that nobody waits for is seen, and so is work that was not done."""
    before, reasons = CAUGHT[name]
    record = timed(project, pytester, before)
    assert record["outcome"] == "failed"
    assert record["reason"] in reasons


def test_replaced_events_change_nothing(project: Project, pytester: pytest.Pytester) -> None:
    """The clock has its own from before the kernel was loaded: 512 MiB do not move in 50 us."""
    record = timed(project, pytester, REPLACED_EVENTS)
    assert record["outcome"] == "passed"
    timing = record["timing"]
    assert isinstance(timing, dict)
    assert timing["median_ms"] > 0.05
    assert timing["audit"] == "wall-clock"
