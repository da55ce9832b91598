"""Lists of the documentation that must not fall behind the code."""

from __future__ import annotations

import re

import pytest

from pytest_tritonbench.candidate.model.question import GenerationError
from pytest_tritonbench.candidate.model.table import KEYS
from pytest_tritonbench.option import Option
from pytest_tritonbench.options import OPTIONS
from tests.docs.pages import ROOT

# The first cell of a row, as far as it is code.
_ROW = re.compile(r"^\| `([^`]+)`", re.MULTILINE)
_CELLS = re.compile(r"^\| `(--tb-[^` ]+)[^`]*` \| `(\w+)` \|", re.MULTILINE)


def _below(page: str, heading: str) -> str:
    text = (ROOT / "docs" / page).read_text()
    return re.split(r"^## ", text.partition(f"\n## {heading}\n")[2], flags=re.MULTILINE)[0]


@pytest.mark.parametrize("option", OPTIONS, ids=lambda option: str(option.name))
def test_every_option_is_in_the_reference(option: Option) -> None:
    """The reference has a row for each option, with its ini key."""
    assert (option.flag, option.key) in _CELLS.findall(_below("reference.md", "Options"))


def test_every_reason_for_no_answer_is_explained() -> None:
    """The page about models says of each kind of missing answer what to do, and of no other."""
    described = (GenerationError.__doc__ or "").partition("kind:")[2].partition("message:")[0]
    kinds = re.findall(r"``([a-z-]+)``", described)
    assert len(kinds) > 15
    assert sorted(_ROW.findall(_below("models.md", "No answer"))) == sorted(kinds)


def test_every_key_of_the_table_of_models_is_explained() -> None:
    """The page about models has a row for each key of an entry, in the order of the messages."""
    rows = _ROW.findall(_below("models.md", "Which model"))
    assert tuple(row for row in rows if row in KEYS) == KEYS
