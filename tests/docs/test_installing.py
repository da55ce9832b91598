"""The two commands of the README and its plain lines for people without make."""

from __future__ import annotations

from tests.docs.pages import ROOT, blocks, steps
from tests.docs.repository import recipe

README = ROOT / "README.md"


def _commands() -> list[str]:
    return [
        step.command
        for block in blocks(README)
        if block.language == "console"
        for step in steps(block)
    ]


def test_readme_shows_the_two_commands() -> None:
    """`make demo` and `make test` are in the README, and the Makefile has both."""
    for target in ("demo", "test"):
        assert f"make {target}" in _commands()
        assert recipe(target)


def test_plain_lines_are_those_of_make() -> None:
    """What the README tells people without make to type installs and runs what make does."""
    installed = [
        line.replace("--quiet --disable-pip-version-check ", "")
        for line in recipe("$(STAMP)")
        if "pip install" in line
    ]
    assert len(installed) == 2
    run = [recipe("demo")[-1], recipe("test")[-1]]
    for line in (*installed, *run):
        assert line in _commands(), f"the README does not have {line!r}"


def test_every_fetching_command_is_known() -> None:
    """The README installs nothing that its own repository does not hold or pin."""
    for command in _commands():
        if "pip install" in command:
            pinned = "-c constraints.txt" in command
            assert pinned or command.endswith("pip install ../pytest-tritonbench"), command
