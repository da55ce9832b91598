"""Where the time of a measurement went."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from pytest_tritonbench.timing.spent import Spent


def test_it_is_counted_by_what_it_went_into() -> None:
    """Twice the same adds up, a failure counts, and so does leaving a context."""
    spent = Spent()

    @contextmanager
    def turn() -> Iterator[None]:
        time.sleep(0.02)
        yield
        time.sleep(0.03)

    def fail() -> None:
        time.sleep(0.02)
        raise ValueError("too late")

    for _ in range(2):
        with spent.on("opening"):
            time.sleep(0.02)
    with pytest.raises(ValueError, match="too late"), spent.on("judging"):
        fail()
    with spent.until(turn(), "waiting"), spent.on("sampling"):
        time.sleep(0.1)
    assert spent["opening"] >= 0.04
    assert spent["judging"] >= 0.02
    assert 0.05 <= spent["waiting"] < spent["sampling"]
    assert spent["keeping"] == 0
    parts = ("opening", "judging", "waiting", "sampling")
    assert sum(spent[part] for part in parts) <= spent.all
