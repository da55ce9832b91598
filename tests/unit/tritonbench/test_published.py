"""The published benchmark's way of taking code out of an answer, with all that is wrong in it."""

from __future__ import annotations

import ast

import pytest

from pytest_tritonbench.candidate.published import published_code
from tests.unit.tritonbench.checkouts import rows

TICKS = "```"


def test_the_last_fence_opens_the_code_and_nothing_ends_it() -> None:
    """The closing fence and the prose behind it stay, so that it is no Python."""
    text = f"{TICKS}python\na = 1\n{TICKS}\n{TICKS}python\nb = 2<|EOT|>\n{TICKS}\nThat is all."
    assert published_code(text, "T") == f"\nb = 2\n{TICKS}\nThat is all."
    assert published_code(text, "G") == published_code(text, "T")


def test_tokens_without_a_fence_stay() -> None:
    """Upstream takes them out of fenced code alone."""
    assert published_code("a = 1<|im_end|>", "T") == "a = 1<|im_end|>"


def test_g_keeps_imports_and_functions_alone() -> None:
    """Methods and inner functions come out again; classes, constants and ``if`` are lost."""
    code = (
        "import torch\nN = 4\nclass A:\n    def method(self):\n        import os\n"
        "        return N\nif N:\n    def f():\n        def inner(): ...\n        return inner\n"
        "async def g(): ...\n"
    )
    assert published_code(code, "G") == (
        "import torch\nimport os\n\n"
        "def method(self):\n    import os\n    return N\n"
        "def f():\n\n    def inner():\n        ...\n    return inner\n"
        "def inner():\n    ..."
    )
    assert published_code(code, "T") == code


@pytest.mark.parametrize("code", ["def f(:", "a\0b", "(" * 500])
def test_what_is_no_python_stays(code: str) -> None:
    """Whatever it is that the parser dislikes."""
    assert published_code(code, "G") == code


def test_real_answers_come_out_as_python_or_as_they_are() -> None:
    """Of each G answer that parses, imports and functions are left, and nothing else."""
    taken = 0
    for row in rows("predictions"):
        if row["channel"] != "G":
            continue
        plain = published_code(row["predict"], "T")
        code = published_code(row["predict"], "G")
        if code != plain:
            taken += 1
            kinds = {type(node) for node in ast.parse(code).body}
            assert kinds <= {ast.Import, ast.ImportFrom, ast.FunctionDef}
    assert taken > 10
