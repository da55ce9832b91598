"""pass@k: how likely one of k answers to a task is right."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from pytest_tritonbench.report.metrics.resampling import Estimate, mean


def unbiased(samples: int, right: int, k: int) -> float:
    """Estimate pass@k of one task (Chen et al., 2021, arXiv 2107.03374): 1 - C(n-c, k) / C(n, k).

    Args:
        samples: Answers to the task, n.
        right: How many of them are right, c.
        k: Answers that are drawn of them, without putting back.

    Returns:
        The probability that at least one of ``k`` is right.
    """
    if not 1 <= k <= samples:
        raise ValueError(f"pass@{k} needs at least {max(k, 1)} answers, there are {samples}")
    if not 0 <= right <= samples:
        raise ValueError(f"{right} of {samples} answers cannot be right")
    return 1 - math.comb(samples - right, k) / math.comb(samples, k)


def pass_at_k(counts: Sequence[tuple[int, int]], k: int) -> Estimate | None:
    """Average pass@k over tasks.

    Args:
        counts: Answers and right answers of each task.
        k: As in `unbiased`.

    Returns:
        The mean with its bootstrap interval over tasks; ``None`` without tasks.
    """
    return mean([unbiased(samples, right, k) for samples, right in counts])


def reported(samples: int) -> Iterable[int]:
    """Which k are worth a column for so many answers to each task: 1, 2, 5, 10 ... and all."""
    series = [k * 10**power for power in range(6) for k in (1, 2, 5)]
    return sorted({k for k in series if k <= samples} | ({samples} if samples else set()))
