"""What may be spent: read, reserved, booked, given back."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from pytest_tritonbench.candidate.model.budget import Budget, Limit, parse_limit
from pytest_tritonbench.candidate.model.question import Generation, GenerationError, Price, Usage
from tests.unit.model.answering import ENDPOINT, generation, question


@pytest.mark.parametrize(
    ("text", "limit"),
    [
        ("5.00", Limit(dollars=5.0)),
        ("5", Limit(dollars=5.0)),
        ("$5", Limit(dollars=5.0)),
        (".50", Limit(dollars=0.5)),
        ("7 dollars", Limit(dollars=7.0)),
        ("200000tokens", Limit(tokens=200_000)),
        ("200_000 tokens", Limit(tokens=200_000)),
        ("200k tokens", Limit(tokens=200_000)),
        ("1.5M tokens", Limit(tokens=1_500_000)),
    ],
)
def test_budgets_are_read_as_people_write_them(text: str, limit: Limit) -> None:
    """A number alone is dollars; tokens are named."""
    assert parse_limit(text) == limit


@pytest.mark.parametrize(
    "text",
    ["", "much", "-5", "5,00", "5 euros", "5k", "$5 tokens", "nan", "inf", "1e3", "0", "0tokens"],
)
def test_other_budgets_are_refused_with_what_was_expected(text: str) -> None:
    """The error shows the text and both ways to write a budget."""
    with pytest.raises(ValueError, match=r"as in 5\.00, or tokens, as in 200000tokens") as caught:
        parse_limit(text)
    assert repr(text) in str(caught.value)


def test_what_was_reserved_is_replaced_by_what_it_cost(tmp_path: Path) -> None:
    """Sixty cents are set aside, fifty are booked."""
    budget = Budget(tmp_path, Limit(dollars=5.0))
    held = budget.reserve(question())
    assert held is not None
    assert budget.spending().reserved == pytest.approx(0.60, abs=0.01)
    budget.settle(held, generation())
    assert budget.spending() == replace(budget.spending(), spent=0.5, reserved=0.0, undone=())


def test_without_usage_the_reservation_is_what_it_cost(tmp_path: Path) -> None:
    """A server that does not count is taken to have used all that it might have."""
    budget = Budget(tmp_path, Limit(tokens=10_000))
    held = budget.reserve(question())
    assert held is not None
    budget.settle(held, Generation("x", "stop"))
    assert budget.spending().spent == held.amount


def test_cached_tokens_cost_what_their_price_says(tmp_path: Path) -> None:
    """An answer that does not tell its cost is booked at its usage's."""
    asked = replace(question(), endpoint=replace(ENDPOINT, price=Price(1000.0, 1000.0, 100.0)))
    budget = Budget(tmp_path, Limit(dollars=5.0))
    held = budget.reserve(asked)
    assert held is not None
    budget.settle(held, Generation("x", "stop", Usage(100, 0, cached=50)))
    assert budget.spending().spent == pytest.approx(0.055)


def test_a_request_waits_while_reservations_stand_in_its_way(tmp_path: Path) -> None:
    """Nothing is refused for money that may come back; what cannot fit is refused and listed."""
    budget = Budget(tmp_path, Limit(dollars=1.0))
    held = budget.reserve(question("first"))
    assert held is not None
    assert budget.reserve(question("second")) is None
    budget.settle(held, generation())
    with pytest.raises(GenerationError, match=r"second\[fake-0\] was not asked") as caught:
        budget.reserve(question("second"))
    assert caught.value.kind == "budget"
    assert "$0.5000 of $1.00 are spent" in caught.value.message
    assert budget.spending().undone == ("second[fake-0]",)


def test_a_request_without_an_answer_gives_all_back(tmp_path: Path) -> None:
    """An error costs nothing that is known."""
    budget = Budget(tmp_path, Limit(dollars=1.0))
    held = budget.reserve(question())
    assert held is not None
    budget.release(held)
    assert budget.spending().reserved == 0
    assert budget.reserve(question()) is not None


DIES = """
import os, sys
from pathlib import Path
from pytest_tritonbench.candidate.model.budget import Budget, Limit
from tests.unit.model.answering import question

assert Budget(Path(sys.argv[1]), Limit(dollars=1.0)).reserve(question())
os.kill(os.getpid(), 9)
"""


def test_what_a_dead_process_reserved_is_given_back(tmp_path: Path) -> None:
    """A process is killed with a reservation; the next request gets it."""
    done = subprocess.run([sys.executable, "-c", DIES, str(tmp_path)], check=False, timeout=30)
    assert done.returncode == -9
    budget = Budget(tmp_path, Limit(dollars=1.0))
    assert budget.spending().reserved > 0.5
    assert budget.reserve(question()) is not None
    assert budget.spending().reserved < 0.7


def test_a_living_process_keeps_what_it_reserved(tmp_path: Path) -> None:
    """Two budgets over one folder stand for two processes."""
    first, second = (Budget(tmp_path, Limit(dollars=1.0)) for _ in range(2))
    assert first.reserve(question()) is not None
    assert second.reserve(question()) is None
    first.close()
    assert second.reserve(question()) is not None


def test_dollars_need_a_price(tmp_path: Path) -> None:
    """A model without one is not asked for dollars, but for tokens it is."""
    asked = replace(question(), endpoint=replace(ENDPOINT, price=None))
    with pytest.raises(GenerationError, match="give its price in the table of models"):
        Budget(tmp_path / "a", Limit(dollars=1.0)).reserve(asked)
    assert Budget(tmp_path / "b", Limit(tokens=10_000)).reserve(asked) is not None


def test_many_cents_add_up_exactly(tmp_path: Path) -> None:
    """Ten times ten cents is a dollar, and fits into one."""
    sampling = replace(question().sampling, max_tokens=77)
    asked = replace(question(), sampling=sampling)
    budget = Budget(tmp_path, Limit(dollars=1.0))
    for _ in range(10):
        held = budget.reserve(asked)
        assert held is not None
        budget.settle(held, Generation("x", "stop", Usage(23, 77), 0.1))
    assert budget.spending().spent == 1.0
