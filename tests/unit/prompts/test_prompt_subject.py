"""What a prompt knows of a task, and what it must not."""

from __future__ import annotations

import ast
import inspect
import json
import textwrap
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pytest_tritonbench.task.prompts import upstream
from pytest_tritonbench.task.prompts.declared import signature, subject_of
from pytest_tritonbench.task.prompts.styles import OWN, messages
from pytest_tritonbench.task.prompts.subject import Argument
from pytest_tritonbench.task.tritonbench.checkout import find
from tests.unit.prompts.known import NAMES, ROOT, TARGET, subject, task
from tests.unit.tritonbench.checkouts import DOUBLE, checkout


def prompt(name: str, style: str) -> str:
    """All that is sent for a bundled task."""
    return "\n".join(content for _, content in messages(subject(name), style))


def body_of(source: str) -> list[str]:
    """The lines of a function's body that say what is done, comments included."""
    [function] = ast.parse(source).body
    assert isinstance(function, ast.FunctionDef)
    start = function.body[1].lineno if ast.get_docstring(function) else function.body[0].lineno
    lines = source.splitlines()[start - 1 :]
    return [line.strip() for line in lines if len(line.strip()) > 8]


@pytest.mark.parametrize("style", OWN)
def test_no_prompt_shows_a_line_of_its_reference(style: str) -> None:
    """In the prompts of all 41 tasks no line of a reference's body appears."""
    assert len(NAMES) == 41
    for name in NAMES:
        text = prompt(name, style)
        lines = body_of(textwrap.dedent(inspect.getsource(task(name).reference)))
        assert lines
        assert not [line for line in lines if line in text], name


@pytest.mark.parametrize("style", OWN)
def test_no_prompt_shows_a_case_or_a_seed(style: str) -> None:
    """In the prompts of all 41 tasks no pinned case, no timed case and no seed appears."""
    for name in NAMES:
        text = prompt(name, style)
        for case in (*task(name).cases, *task(name).sweep):
            shown = (case.to_json(), case.id, str(case.seed), json.dumps(dict(case.values)))
            assert not [part for part in shown if part in text], (name, case)


def test_a_prompt_does_not_depend_on_what_it_must_not_know() -> None:
    """With other cases, another body and another rule the subject of all 41 tasks is the same."""
    for name in NAMES:
        known = task(name)

        def other(*_arguments: Any) -> None:
            raise AssertionError

        other.__doc__ = known.reference.__doc__
        other.__signature__ = inspect.signature(known.reference)  # type: ignore[attr-defined]
        changed = replace(
            known,
            reference=other,
            cases=(),
            sweep=(),
            flops=None,
            moved=None,
            canonical=None,
            check=None,
            oracle=None,
            exact=not known.exact,
        )
        assert subject_of(changed, TARGET) == subject(name)


@pytest.mark.parametrize("style", OWN)
def test_a_prompt_says_what_is_wanted_and_for_what(style: str) -> None:
    """The signature, the whole docstring, the dtypes, the device and Triton's version are there."""
    for name in NAMES:
        text, known = prompt(name, style), subject(name)
        assert known.signature in text
        assert task(name).doc in text
        assert str(TARGET) in text
        assert all(dtype in text for dtype in known.dtypes)


def test_arguments_are_told_as_they_are_declared() -> None:
    """Shapes, dtypes, layouts, ranges, leave to change and gradients come from the pieces."""
    cache = {a.name: a for a in subject("kv_cache_copy").arguments}
    assert cache["key_cache"] == Argument(
        "key_cache",
        "tensor",
        "float32, float16 or bfloat16",
        shape="(s, h, d)",
        layouts="any strides and storage offset",
        mutated=True,
    )
    assert cache["destination"].words == (
        "tensor (t,); int64, from 0 to below s, or -1, all different; any strides and storage "
        "offset"
    )
    assert subject("layer_norm").gradients == ("x", "weight", "bias")
    assert subject("conv2d").arguments[2].optional
    topk = subject("topk").arguments[1]
    assert topk.words == "scalar; an int from 1 to n"


def test_the_options_of_a_number_are_not_told() -> None:
    """A flag's options are all there is; those of a number are the tested ones, and stay hidden."""
    adam = {a.name: a.values for a in subject("adam_step").arguments}
    assert adam["lr"] == "a float"
    pooled = {a.name: a.values for a in subject("cross_entropy").arguments}
    assert pooled["reduction"] == "'mean', 'sum' or 'none'"
    assert pooled["ignore_index"] == "an int"
    assert subject("attention").arguments[-1].values == "None or a float"


def test_limits_and_constraints_are_told() -> None:
    """Limits of dims, a `where` as its expression, and special values are part of the prompt."""
    assert subject("paged_attention").dims["d"] == "at least 16, a power of two"
    assert subject("kv_cache_copy").constraints == ("t <= s",)
    assert "NaN" in subject("softmax").constraints[0]
    assert "t <= s" in prompt("kv_cache_copy", "complex")


def test_a_signature_is_rendered_as_it_is_written() -> None:
    """Defaults, bare stars and annotations in quotes survive, and a long one is broken."""

    def made(a: int, /, *b: float, c: str = "x", **d: Any) -> tuple[int, ...]:
        raise NotImplementedError

    wanted = "def made(a: int, *b: float, c: str = 'x', **d: Any) -> tuple[int, ...]:"
    assert signature("made", made) == wanted
    longer = signature("adam_step", task("adam_step").reference)
    assert longer.startswith("def adam_step(\n    param: torch.Tensor,\n")
    assert longer.endswith("\n    l2_penalty: float = 0.0,\n) -> None:")


def test_a_suites_task_is_told_by_its_instructions(tmp_path: Path) -> None:
    """The shorter instruction is the brief, the longer one the text; the code's head is shown."""
    checkout(tmp_path)
    g, t = find(str(tmp_path))
    double = upstream.subject_of(g.tasks["double"], TARGET)
    assert (double.entry, double.requires, double.suite) == ("double", ("double",), "TritonBench-G")
    assert double.brief == "Write a kernel that doubles every element of a tensor."
    assert double.doc == "Write a kernel `_double` and a wrapper `double(x)` for any tensor."
    assert double.signature == "def double(x):"
    halve = upstream.subject_of(t.tasks["halve"], TARGET)
    assert "x / 2" in halve.doc
    assert "x / 2" not in halve.brief


def test_the_heads_of_a_gold_hold_no_solution() -> None:
    """A kernel keeps its mark and loses its tuning; a class shows methods, a value not itself."""
    code = """
@triton.autotune(configs=[triton.Config({"BLOCK": 64})], key=["n"])
@triton.jit
def kernel(x, BLOCK: tl.constexpr):
    tl.store(x, 1)

class Twice(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return x * 2
    def _hidden(self): ...

twice = Twice.apply
LIMIT = 7
"""
    assert upstream.headers(code, ("kernel", "Twice", "twice"), ("LIMIT",)).splitlines() == [
        "@triton.jit",
        "def kernel(x, BLOCK: tl.constexpr):",
        "class Twice(torch.autograd.Function):",
        "    @staticmethod",
        "    def forward(ctx, x):",
        "# twice: a callable of the module",
        "# LIMIT: a value of the module",
    ]


def test_no_prompt_of_a_suite_shows_its_gold_or_its_test() -> None:
    """In the prompts of all tasks of the small checkout no line of code or test appears."""
    shown = 0
    for channel in find(str(ROOT / "tests/data/mini_tritonbench")):
        for name, known in channel.tasks.items():
            seen = upstream.subject_of(known, TARGET)
            text = "\n".join(c for style in OWN for _, c in messages(seen, style))
            heads = {line.strip() for line in seen.signature.splitlines()}
            lines = {line.strip() for line in (known.gold + known.test).splitlines()}
            own = {n for n in lines - heads if len(n) > 12 and n not in known.description}
            assert not [line for line in own if line in text], name
            shown += len(own)
    assert shown > 500
    assert DOUBLE  # the other checkout's gold is shorter than any line that is looked for
