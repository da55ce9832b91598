"""Which blocks of samples are void, as the sampler asks."""

from __future__ import annotations

from pytest_tritonbench.timing.watch import Watch


class Voids:
    """Answers for a watch.

    Args:
        watch: It is open while samples are taken.
    """

    def __init__(self, watch: Watch) -> None:
        self._watch = watch

    def before(self) -> None:
        """A block of calls begins."""
        self._watch.before()

    def after(self) -> str | None:
        """It has ended; why its samples are void, if they are."""
        found = self._watch.after()
        return str(found) if found is not None and found.voids else None
