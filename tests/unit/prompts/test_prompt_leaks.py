"""An example never solves the task: by name, and by similarity.

On the bundled kernels, with the reference and the task's own kernel known (the figures behind
``CODE_LIMIT``, shares of the runs of ten tokens):

==============================================  =====
a kernel under other names, without comments     1.00
softmax and log_softmax                          0.90
argmax and max                                   0.78
layer_norm and rms_norm                          0.70
add and geglu (the highest of two operations
that have no arithmetic in common)               0.68
gelu and geglu                                   0.56
bmm and matmul                                   0.54
matmul and matmul_leaky_relu                     0.48
softmax and cross_entropy                        0.27
median of all 820 pairs                          0.15
==============================================  =====

Near relatives are refused with the solution: with their help little would be left to write.
"""

from __future__ import annotations

import ast
import re
from itertools import combinations
from statistics import median

import pytest

from pytest_tritonbench.task.prompts.corpus import Example
from pytest_tritonbench.task.prompts.leaks import (
    CODE_LIMIT,
    CODE_RUN,
    Solved,
    operation,
    reference_source,
    solved,
)
from pytest_tritonbench.task.prompts.words import runs, structure, words
from tests.unit.prompts.known import NAMES, kernel, subject, task

_KEPT = {"torch", "triton", "tl", "math", "libdevice"}
# Pairs of which neither helps with the other, as far apart as the corpus allows.
UNRELATED = (
    *(("softmax", "matmul"), ("softmax", "cross_entropy"), ("add", "topk"), ("conv2d", "gelu")),
    *(("embedding", "adam_step"), ("cumsum", "dropout"), ("transpose", "layer_norm")),
    *(("paged_attention", "masked_select"), ("matvec", "quantize_int8"), ("max", "kl_div")),
)


def known(name: str) -> Solved:
    """All that is known of the solutions of a bundled task."""
    return solved(subject(name), [reference_source(task(name)), kernel(name)])


def renamed(code: str) -> str:
    """The same kernel under other names, without its comments and docstrings."""
    tree = ast.parse(code)
    names = {n.id for n in ast.walk(tree) if isinstance(n, ast.Name)}
    names |= {n.arg for n in ast.walk(tree) if isinstance(n, ast.arg)}
    names |= {n.name for n in ast.walk(tree) if isinstance(n, ast.FunctionDef)}
    for number, name in enumerate(sorted(names - _KEPT)):
        code = re.sub(rf"(?<![.\w]){name}\b", f"other_{chr(97 + number % 26)}{number}q", code)
    return re.sub(r'(?s)""".*?"""|#[^\n]*', "", code)


@pytest.mark.parametrize("name", NAMES)
def test_a_tasks_own_kernel_is_refused(name: str) -> None:
    """As it is, by its name; renamed, stripped and without a description, by its code."""
    own = Example(f"{name}.py", kernel(name))
    assert known(name).leak(own) is not None
    assert "called" in (solved(subject(name)).leak(own) or "")
    copy = Example("corpus.json[7]", renamed(kernel(name)))
    assert solved(subject(name)).leak(copy) is None
    assert re.search(r"code shares (9\d|100)%", known(name).leak(copy) or "")


def test_unrelated_kernels_are_kept() -> None:
    """Of two operations that have nothing in common each is an example for the other."""
    for one, other in UNRELATED:
        assert known(one).leak(Example(f"{other}.py", kernel(other))) is None, (one, other)
        assert known(other).leak(Example(f"{one}.py", kernel(one))) is None, (other, one)


def test_enough_of_a_corpus_is_left() -> None:
    """For a third of the 41 tasks, at most one in ten of the other kernels is refused."""
    asked = NAMES[::3]
    refused = {
        name: [
            other
            for leaks in [known(name)]
            for other in NAMES
            if other != name and leaks.leak(Example(f"{other}.py", kernel(other)))
        ]
        for name in asked
    }
    assert max(map(len, refused.values())) <= 4
    assert sum(map(len, refused.values())) <= len(asked) * 2


def test_the_figures_behind_the_limit() -> None:
    """The table above is what the bundled kernels give."""
    found = {name: runs(structure(kernel(name)), CODE_RUN) for name in NAMES}

    def shared(one: str, other: str) -> float:
        small = min(len(found[one]), len(found[other]))
        return round(len(found[one] & found[other]) / small, 2)

    assert shared("softmax", "log_softmax") == pytest.approx(0.90, abs=0.03)
    assert shared("argmax", "max") == pytest.approx(0.78, abs=0.03)
    assert shared("layer_norm", "rms_norm") == pytest.approx(0.70, abs=0.03)
    assert shared("add", "geglu") == pytest.approx(0.68, abs=0.03)
    assert shared("gelu", "geglu") == pytest.approx(0.56, abs=0.03)
    assert shared("bmm", "matmul") == pytest.approx(0.54, abs=0.03)
    assert shared("matmul", "matmul_leaky_relu") == pytest.approx(0.48, abs=0.03)
    assert shared("softmax", "cross_entropy") < CODE_LIMIT
    assert median(shared(a, b) for a, b in combinations(NAMES, 2)) == pytest.approx(0.15, abs=0.03)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("_layernorm_fwd_kernel", "layernorm"),
        ("layer_norm", "layernorm"),
        ("TritonLayerNorm", "layernorm"),
        ("flash_attn", "attention"),
        ("matmul_kernel2", "matmul"),
        ("int4_matmul", "int4matmul"),
        ("conv2d", "conv2d"),
        ("fused_kernel", ""),
    ],
)
def test_a_name_says_an_operation(name: str, said: str) -> None:
    """Spelling, and words that name no operation, make no difference; what is computed does."""
    assert operation(name) == said


@pytest.mark.parametrize(
    ("code", "leaks"),
    [
        ("def softmax_kernel(x): ...", True),
        ("class FusedSoftmax(torch.autograd.Function):\n    def forward(ctx, x): ...", True),
        ("def outer():\n    def triton_softmax(x): ...", True),
        ("def log_softmax(x): ...", False),
        ("y = softmax(x)", False),
    ],
)
def test_an_example_that_defines_the_operation_is_refused(code: str, *, leaks: bool) -> None:
    """Functions and classes count wherever they are defined; a call does not."""
    assert (solved(subject("softmax")).leak(Example("a.json[1]", code)) is not None) == leaks


def test_an_example_described_as_the_task_is_refused() -> None:
    """A description in the task's own words gives it away, whatever the code is called."""
    told = "This kernel computes a softmax over the last dimension of its input."
    found = solved(subject("softmax")).leak(Example("a.json[1]", "def f(x): ...", told))
    assert found is None  # a phrase in common is no copy
    longer = f"{told} {task('softmax').doc}"
    found = solved(subject("softmax")).leak(Example("a.json[1]", "def f(x): ...", longer))
    assert "its description shares" in (found or "")


def test_words_are_pieces_of_identifiers() -> None:
    """Underscores, humps and digits part an identifier, which is kept as well."""
    assert words("rms_normFwd(HTTPServer, x)") == [
        *("rms", "norm", "fwd", "rms_normfwd", "http", "server", "httpserver", "x")
    ]
    assert words("tl.float16 x2") == ["tl", "float", "16", "float16", "x", "2", "x2"]


def test_names_comments_and_layout_are_no_structure() -> None:
    """Two spellings of one function have the same structure; another operator has not."""
    one = 'def f(x, y):\n    """Adds."""\n    return tl.load(x) + y  # sum\n'
    other = "def add_all(first,second): return (tl.load(first)+second)".replace("(tl", "tl")
    assert structure(one) == structure(other.rstrip(")"))
    assert structure(one) != structure(one.replace("+", "-"))
    assert structure("tl.load(x)") != structure("tl.store(x)")
