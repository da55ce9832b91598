"""The code of an answer: every form that published answers have."""

from __future__ import annotations

import pytest

from pytest_tritonbench.candidate.extraction import Extracted, Rule, extract
from pytest_tritonbench.candidate.source import parse_piece
from tests.unit.tritonbench.checkouts import rows

TICKS = "```"
CODE = "import torch\n\ndef f(x):\n    return x"


def fenced(code: str, language: str = "python") -> str:
    """Code in a fence."""
    return f"{TICKS}{language}\n{code}\n{TICKS}\n"


def taken(text: str, *names: str) -> Extracted:
    """The code of an answer that is to define ``f``, or the names given."""
    return extract(text, entry="f", names=names or ("f",))


@pytest.mark.parametrize(
    "row", rows("predictions"), ids=lambda row: f"{row['origin']}-{row['line']}"
)
def test_real_answers(row: dict[str, object]) -> None:
    """The rule that finds the code of a published answer, and whether it is all that is needed."""
    names, text = row["names"], str(row["predict"])
    assert isinstance(names, list)
    found = extract(text, entry=None, names=names)
    piece = parse_piece(found.code) if found.code else None
    complete = piece is not None and piece.defines >= set(names)
    assert (found.rule, complete) == (row["rule"], row["complete"])
    assert (found.code == "") == (found.rule == Rule.NONE)
    # Nothing is made up: every line of the code stands in the answer.
    assert all(line.strip() in text for line in found.code.split("\n"))


def test_code_is_taken_as_it_stands() -> None:
    """Classes, constants and ``if`` blocks are code like everything else."""
    code = f"N = 4\nclass A:\n    pass\nif N:\n    import os\n{CODE}\nx = '{TICKS}python'\n"
    assert taken(code) == Extracted(code, Rule.WHOLE)


def test_a_blank_before_the_code_is_no_indentation() -> None:
    """A tokenizer may leave one."""
    assert taken(f" {CODE}") == Extracted(CODE, Rule.WHOLE)


@pytest.mark.parametrize("language", ["python", "py", "triton", "", "python:kernel.py", "Python3 "])
def test_a_fenced_block_is_taken(language: str) -> None:
    """With prose around it, and whatever its fence calls Python."""
    found = taken(f"Sure!\n\n{fenced(CODE, language)}\nThis works.")
    assert found == Extracted(CODE, Rule.BLOCK)


def test_a_block_of_another_language_is_none() -> None:
    """C++ that happens to be Python too is not what was asked for."""
    assert taken(fenced(CODE, "cpp")).rule == Rule.NONE


@pytest.mark.parametrize(
    "text", [f"Sure:\n{TICKS}python\n{CODE}", f"Sure: {TICKS}python\n{CODE}\n"]
)
def test_an_open_fence_ends_with_the_answer(text: str) -> None:
    """It is told, for the answer was cut short."""
    found = taken(text)
    assert (found.code.strip(), found.rule, found.note) == (
        CODE,
        Rule.BLOCK,
        "a fence is not closed",
    )


def test_a_fence_behind_the_last_line_closes_the_block() -> None:
    """``return x`` and three ticks on one line."""
    assert taken(f"{TICKS}python\n{CODE}{TICKS}\nDone.").code == CODE


def test_an_indented_block_is_moved_to_the_margin() -> None:
    """Blocks stand in lists."""
    text = "1. Do it:\n" + "\n".join("   " + line for line in fenced(CODE).splitlines())
    assert taken(text).code == CODE


def test_the_block_that_answers_is_taken() -> None:
    """Installing and using it is not part of the answer."""
    use = "import torch\nprint(f(torch.ones(3)))"
    found = taken(fenced("pip install torch", "") + fenced(CODE) + fenced(use))
    assert (found.code, found.rule, found.note) == (CODE, Rule.BLOCK, "block 2 of 3")


def test_blocks_that_belong_together_are_joined() -> None:
    """Imports, kernel and wrapper in three blocks; the example of use is left out."""
    parts = ["import torch", "def kernel(x):\n    return torch.abs(x)"]
    parts += ["def f(x):\n    return kernel(x)", "y = f(torch.ones(3))"]
    found = taken("\n".join(map(fenced, parts)))
    assert (found.code, found.rule) == ("\n\n".join(parts[:3]), Rule.BLOCKS)
    assert found.note == "block 1, 2, 3 of 4"


def test_an_example_of_use_is_not_run_for_its_imports() -> None:
    """The block that answers may lack an import that the example has; the test has it too."""
    code = "def f(x):\n    return torch.abs(x)"
    found = taken(fenced(code) + fenced("import torch\nprint(f(torch.ones(3)))"))
    assert (found.code, found.rule) == (code, Rule.BLOCK)


def test_the_later_of_two_whole_answers_is_taken() -> None:
    """A model that corrects itself has the last word; an excerpt repeated later is none."""
    better = CODE.replace("return x", "return x + 0")
    excerpt = "def f(x):\n    return torch.abs(x)"
    assert taken(fenced(CODE) + "Better:\n" + fenced(better)).code == better
    assert taken(fenced(CODE) + fenced("def f(x):\n    return g(x)")).code == CODE
    assert excerpt not in taken(fenced(CODE) + fenced(excerpt) + fenced(CODE)).code


def test_names_in_several_blocks_are_gathered() -> None:
    """Forward and backward come one after the other."""
    found = taken(fenced("def f(): ...") + fenced("def g(): ..."), "f", "g")
    assert (found.code, found.rule) == ("def f(): ...\n\ndef g(): ...", Rule.BLOCKS)


def test_prose_around_bare_code_is_left_out() -> None:
    """Without fences, up to the first paragraph that is no Python."""
    found = taken(f"Here is the kernel:\n\n{CODE}\n\nThis kernel returns its argument as it is.\n")
    assert (found.code.strip(), found.rule) == (CODE, Rule.TRIMMED)


def test_the_rest_of_a_prompt_is_left_out() -> None:
    """A prompt cut in its middle is first brought to its end."""
    found = taken(f".dot(q, k)\n        qk *= sm_scale\n    return qk\n\n{CODE}\n")
    assert (found.code.strip(), found.rule) == (CODE, Rule.TRIMMED)


@pytest.mark.parametrize("end", ["\n\ndef g(x):\n    return (x", "\n\ny = [1,\n", "\n\nif x"])
def test_unfinished_code_is_not_repaired(end: str) -> None:
    """An answer that was cut off is handed on as it stands, and fails."""
    assert taken(CODE + end) == Extracted(CODE + end, Rule.BROKEN)


def test_a_broken_block_is_handed_on() -> None:
    """The one that tries to answer."""
    found = taken(fenced("oh no") + fenced("def f(x:\n    return"))
    assert (found.code, found.rule) == ("def f(x:\n    return", Rule.BROKEN)


def test_thoughts_are_left_out() -> None:
    """Whole ones, ones without a beginning, and what stands behind one without an end."""
    draft = fenced(CODE.replace("return x", "return 0"))
    for text in (f"<think>{draft}</think>{fenced(CODE)}", f"{draft}</think>\n{fenced(CODE)}"):
        found = taken(text)
        assert (found.code, found.note) == (CODE, "thoughts left out")
    assert taken(f"<think>{draft}").rule == Rule.NONE


@pytest.mark.parametrize(
    "mark", ["<|im_end|>", "<|EOT|>", "<\uff5cend\u2581of\u2581sentence\uff5c>"]
)
def test_a_mark_of_the_chat_format_ends_the_code(mark: str) -> None:
    """It is no part of the code, fenced or not."""
    assert taken(f"{CODE}{mark}").code == CODE
    assert taken(f"{fenced(CODE).strip()}{mark}").code == CODE


def test_the_first_turn_that_answers_is_taken() -> None:
    """What follows is a conversation of the model with itself."""
    other = CODE.replace("return x", "return 0")
    found = taken(f"Well.<|user|>{fenced(CODE)}<|user|>Again!<|assistant|>{fenced(other)}")
    assert (found.code, found.note) == (CODE, "turn 2 of 4")


@pytest.mark.parametrize(
    "text", ["", " \n", "Certainly", "I am sorry, I cannot do that.", "<|EOT|>"]
)
def test_no_code_is_none(text: str) -> None:
    """One word is an expression in Python, and still no answer."""
    assert taken(text) == Extracted("", Rule.NONE)


def test_a_late_future_import_does_not_break_the_answer() -> None:
    """Two files in two blocks, each with its own ``from __future__``."""
    first = "from __future__ import annotations\ndef kernel(): ..."
    second = "from __future__ import annotations\ndef f():\n    kernel()"
    found = taken(fenced(first) + fenced(second))
    compile(found.code, "answer", "exec")
    assert "def f" in found.code
