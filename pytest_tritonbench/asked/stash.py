"""Where the desk of a run is kept; light, since runs without models ask for it too."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pytest_tritonbench.asked.desk import Desk

DESK: pytest.StashKey[Desk] = pytest.StashKey()


def desk_of(config: pytest.Config) -> Desk | None:
    """The desk of a run in which models are asked; ``None`` in every other run."""
    return config.stash.get(DESK, None)
