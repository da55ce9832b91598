"""A pytest-benchmark timer that replays samples which were taken on the device."""

from __future__ import annotations

from collections.abc import Iterator, Sequence


class Replay:
    """Called in pairs by pytest-benchmark, before and after each round.

    ``benchmark.pedantic(noop, rounds=len(samples))`` then sees exactly the samples.
    """

    __name__ = "replay"

    def __init__(self) -> None:
        self._readings: Iterator[float] = iter(())

    def load(self, samples: Sequence[float]) -> None:
        """Take the samples to replay, in seconds."""
        self._readings = (t for sample in samples for t in (0.0, sample))

    @property
    def spent(self) -> bool:
        """Whether every sample was replayed; a look ahead, after which no sample is left."""
        return next(self._readings, None) is None

    def __call__(self) -> float:
        """The next reading, in seconds."""
        return next(self._readings)
