"""Every command and example of the README and of docs/ does what the page says."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.docs.models import beside
from tests.docs.pages import PAGES, ROOT, Block, blocks, missing, steps
from tests.docs.repository import Repository, is_setup


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_page_does_what_it_says(page: Path, tmp_path: Path) -> None:
    """The files of a page can be written, its programs end well and its commands print as shown."""
    with beside(page, tmp_path) as address:
        repository = Repository(tmp_path / "project", page, address)
        for block in blocks(page):
            if block.title is not None:
                repository.put(block)
            elif block.language == "python":
                _run_program(block, repository)
            elif block.language == "console":
                _run_commands(block, repository)


def _run_program(block: Block, repository: Repository) -> None:
    done = subprocess.run(
        [sys.executable, "-c", block.text],
        cwd=repository.folder,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, f"{block.place}: {done.stderr}"


def _run_commands(block: Block, repository: Repository) -> None:
    for step in steps(block):
        # What `make` runs is in the README once more, spelt out for people without make.
        if is_setup(step.command) or (not step.printed and repository.has_run(step.command)):
            continue
        code, printed = repository.run(step.command)
        told = "\n".join(printed)
        if not step.printed:
            assert code == 0, f"{block.place}: {step.command} ends with {code}:\n{told}"
            continue
        lost = missing(step.printed, printed)
        assert lost is None, f"{block.place}: {step.command}: no line {lost!r} in\n{told}"


def test_links_lead_somewhere() -> None:
    """Every relative link of a page names a file that is there."""
    for page in PAGES:
        prose = re.sub(r"^```.*?^```$", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)
        for target in re.findall(r"\]\((?!https?:|#)([^)#]+)", prose):
            assert (page.parent / target).exists(), f"{page.relative_to(ROOT)}: no {target}"
