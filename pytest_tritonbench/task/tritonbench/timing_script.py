"""The script of a checkout that makes a task's inputs of growing sizes, to be timed on them."""

from __future__ import annotations

from pytest_tritonbench.task.tritonbench.checkout import Upstream


def timing_script(task: Upstream) -> str | None:
    """The text of a task's script; ``None`` where the checkout has none.

    Args:
        task: Its file lies in ``data/TritonBench_T_v1/``; the script in
            ``performance_metrics/perf_T/golden_metrics/``, beside ``data`` or within it.
    """
    folder = f"performance_metrics/perf_{task.channel}/golden_metrics"
    for place in task.path.parents[1:3]:
        path = place / folder / f"{task.name}_perf.py"
        if path.is_file():
            return path.read_text(encoding="utf-8", errors="replace")
    return None
