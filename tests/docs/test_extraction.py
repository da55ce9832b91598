"""The extractor itself: what it compares, and what it refuses."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.docs import models
from tests.docs.pages import EMPTY, blocks, missing, steps
from tests.docs.repository import Repository, recipe
from tests.model_server.running import ModelServer


def _page(folder: Path, text: str) -> Path:
    page = folder / "page.md"
    page.write_text(text)
    return page


def test_figures_may_differ_and_words_may_not() -> None:
    """Measured figures and paddings are not compared; counts and words are."""
    stated = ["=== 1 passed in 0.52s ===", "softmax  ok  37  0.35"]
    assert missing(stated, ["===== 1 passed in 10.01s =====", "softmax ok 37 12.40"]) is None
    assert missing(stated, ["=== 1 failed in 0.52s ===", "softmax  ok  37  0.35"]) == stated[0]
    assert missing(stated, ["=== 1 passed in 0.52s ===", "softmax  ok  36  0.35"]) == stated[1]


def test_only_dots_leave_lines_out() -> None:
    """A line that the page leaves out is an error unless a line of three dots stands for it."""
    assert missing(["a", "c"], ["a", "b", "c"]) == "c"
    assert missing(["a", "...", "c"], ["a", "b", "c"]) is None
    assert missing(["a", "...", "d"], ["a", "b", "c"]) == "d"
    assert missing(["a"], ["a", "b"]) is not None
    assert missing(["a", "..."], ["a", "b"]) is None


def test_console_block_becomes_commands_with_output(tmp_path: Path) -> None:
    """A command's output ends where the next command begins."""
    [block] = blocks(_page(tmp_path, "text\n\n```console\n$ one\nout\n$ two\n```\n"))
    assert [(s.command, s.printed) for s in steps(block)] == [("one", ("out",)), ("two", ())]


def test_a_fence_says_what_it_holds(tmp_path: Path) -> None:
    """A block without a language, or one that never ends, is an error, not a block to skip."""
    with pytest.raises(ValueError, match=r"page\.md:1: .* does not say"):
        list(blocks(_page(tmp_path, "```\ncode\n```\n")))
    with pytest.raises(ValueError, match="not closed"):
        list(blocks(_page(tmp_path, "```python\ncode\n")))


def test_recipes_are_read_with_their_variables() -> None:
    """A recipe of the Makefile comes out as the shell would see it."""
    assert recipe("demo")[-1].startswith(".venv/bin/python -m pytest references ")


def test_a_page_beside_a_model_server_reaches_it(tmp_path: Path) -> None:
    """The address on the page stands for a server's, in files and commands, and in their output."""
    text = f'{EMPTY}\n{models.MARK}\n```toml title="a.toml"\nbase_url = "{models.ADDRESS}"\n```\n'
    page = _page(tmp_path, text)
    [block] = blocks(page)
    with models.beside(page, tmp_path) as address:
        repository = Repository(tmp_path / "project", page, address)
        repository.put(block)
        assert (repository.folder / "a.toml").read_text() == f'base_url = "{address}"\n'
        found, printed = repository.run(f"cat a.toml | grep -c {models.ADDRESS}; cat a.toml")
        assert ModelServer(int(address.rpartition(":")[2])).log()["requests"] == []
    assert (found, printed) == (0, ["1", *block.text.splitlines()])


def test_a_page_without_a_model_server_has_none(tmp_path: Path) -> None:
    """Where a page does not ask for a server, its addresses are left as they are."""
    with models.beside(_page(tmp_path, "text\n"), tmp_path) as address:
        assert address == models.ADDRESS


def test_commands_have_no_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a page shows does not depend on the keys of who tests it."""
    monkeypatch.setenv("ANTHROPIC_API_KEY", "a-key")
    repository = Repository(tmp_path / "project", _page(tmp_path, EMPTY))
    assert repository.run("env | grep -c a-key") == (1, ["0"])
