"""A user's own Jinja template."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_tritonbench.task.prompts.problem import PromptError
from pytest_tritonbench.task.prompts.styles import Messages, load_template, messages
from tests.unit.prompts.known import subject


def rendered(folder: Path, text: str) -> Messages:
    """What a template makes of softmax."""
    (folder / "mine.jinja").write_text(text)
    return messages(subject("softmax"), load_template(folder / "mine.jinja"))


def test_a_template_makes_the_users_message(tmp_path: Path) -> None:
    """What it renders is the user's message, without the blanks around it."""
    text = "\n{{ name }} on {{ target.arch }}: {{ signature }}\n\n"
    wanted = "softmax on sm_90: def softmax(x: torch.Tensor) -> torch.Tensor:"
    assert rendered(tmp_path, text) == (("user", wanted),)


def test_a_template_can_set_the_system_message(tmp_path: Path) -> None:
    """`{% set system %}` at its top level becomes a message of its own."""
    text = "{% set system %}You are {{ entry }}.{% endset %}Go."
    assert rendered(tmp_path, text) == (("system", "You are softmax."), ("user", "Go."))


def test_a_bundled_template_can_be_included(tmp_path: Path) -> None:
    """What comes with the plugin can be built upon."""
    [(_, content)] = rendered(tmp_path, "{% include 'tritonbench/simple.jinja' %}\nUse few warps.")
    assert content.startswith("Write a Triton kernel")
    assert content.endswith("Use few warps.")


def test_an_undefined_variable_is_told_with_those_there_are(tmp_path: Path) -> None:
    """File, line, the name, and what could have been meant."""
    with pytest.raises(PromptError, match=r"mine\.jinja:2: 'sgnature' is undefined") as caught:
        rendered(tmp_path, "line one\n{{ sgnature }}\n")
    assert "arguments, brief, constraints, dims, doc, dtypes, entry, gradients" in str(caught.value)


def test_a_syntax_error_is_told_with_its_line(tmp_path: Path) -> None:
    """File and line of what Jinja cannot read."""
    with pytest.raises(PromptError, match=r"mine\.jinja:3: .*endfor"):
        rendered(tmp_path, "one\n{% for a in arguments %}\n{% endif %}\n")


def test_a_missing_template_is_told(tmp_path: Path) -> None:
    """A path that is not there, or is a folder, is named."""
    with pytest.raises(PromptError, match=r"none\.jinja: not there; give the path of a Jinja"):
        load_template(tmp_path / "none.jinja")
    with pytest.raises(PromptError, match="a folder"):
        load_template(tmp_path)


def test_a_template_that_renders_to_nothing_is_refused(tmp_path: Path) -> None:
    """An empty prompt is not worth its price."""
    with pytest.raises(PromptError, match="renders to nothing for softmax"):
        rendered(tmp_path, "{% if suite %}text{% endif %}")


@pytest.mark.parametrize(
    "text",
    [
        "{{ name.__class__.__mro__ }}",
        "{{ target.__init__.__globals__ }}",
        "{{ dims.update({'m': 'x'}) }}",
        "{{ ''.__class__.__base__.__subclasses__() }}",
    ],
)
def test_a_template_cannot_leave_its_sandbox(tmp_path: Path, text: str) -> None:
    """Neither Python's insides nor the task itself are within a template's reach."""
    with pytest.raises(PromptError, match=r"mine\.jinja"):
        rendered(tmp_path, text)


def test_an_error_of_the_template_is_told(tmp_path: Path) -> None:
    """What its own expressions raise has file and line, too."""
    with pytest.raises(PromptError, match=r"mine\.jinja:2: ZeroDivisionError"):
        rendered(tmp_path, "\n{{ 1 / 0 }}")
    with pytest.raises(PromptError, match=r"mine\.jinja:1: no template 'other\.jinja' beside it"):
        rendered(tmp_path, "{% include 'other.jinja' %}")
