"""What the test of a TritonBench task is seen to use."""

from __future__ import annotations

import pytest

from pytest_tritonbench.task.tritonbench.parsed import parse

TEST = "def test_f():\n    return {use}\n\nresult_gold = test_f()\n"


@pytest.mark.parametrize(
    ("code", "use", "names"),
    [
        ("def f(x): ...\ndef g(x): ...", "f(1)", ("f",)),
        ("def f(x): ...\ndef g(x): ...", "g(f(1))", ("g", "f")),
        ("class A: ...\nattention = A.apply", "attention(1)", ("attention",)),
        ("class A: ...", "A.apply(1)", ("A",)),
        ("import triton\n@triton.jit\ndef kernel(x): ...", "kernel[(1,)](1)", ("kernel",)),
        ("if 1:\n    def f(): ...\nelse:\n    def f(): ...", "f()", ("f",)),
        ("try:\n    def f(): ...\nexcept ImportError:\n    f = None", "f()", ("f",)),
        ("def abs(x): ...", "abs(1)", ("abs",)),
        ("import torch\ndef f(): ...", "torch.ones(f())", ("f",)),
        ("def f(): ...\ndef x(): ...", "[f(x) for x in range(3)]", ("f",)),
        ("def f(): ...", "1", ()),
    ],
)
def test_names_are_what_the_test_uses(code: str, use: str, names: tuple[str, ...]) -> None:
    """Functions, classes and assigned callables; no imports, and nothing the test binds itself."""
    assert parse(code, TEST.format(use=use), stem="f").names == names


def test_values_are_told_from_callables() -> None:
    """A constant that the test uses must be defined as well, but no calls of it are looked for."""
    parsed = parse("BLOCK = 4\ndef f(x): ...", TEST.format(use="f(BLOCK)"), stem="f")
    assert (parsed.names, parsed.constants, parsed.defines) == (("f",), ("BLOCK",), ("f", "BLOCK"))


def test_a_test_that_defines_the_code_itself_uses_none_of_it() -> None:
    """Then there is no entry point."""
    parsed = parse("def f(): ...", "def f(): ...\n" + TEST.format(use="f()"), stem="f")
    assert (parsed.entry, parsed.names) == (None, ())


def test_a_test_that_imports_its_own_file_uses_the_code() -> None:
    """Two published tests say ``from tanh_linear import tanh_linear``."""
    test = "from tanh_linear import tanh_linear\n" + TEST.format(use="tanh_linear()")
    parsed = parse("def tanh_linear(): ...", test, stem="tanh_linear")
    assert (parsed.names, parsed.own_import) == (("tanh_linear",), True)


def test_imports_that_the_test_borrows_are_named() -> None:
    """An answer without them fails, as it does upstream."""
    parsed = parse("import numpy as np\ndef f(x): ...", TEST.format(use="f(np.ones(3))"), stem="f")
    assert parsed.imports == ("np",)


@pytest.mark.parametrize(
    ("code", "use", "signature", "stem", "entry"),
    [
        ("def f(): ...\ndef g(): ...", "f(g(g(1)))", None, "f", "g"),
        (
            "def quantize(): ...\ndef matmul(): ...",
            "matmul(quantize())",
            None,
            "matmul_x",
            "matmul",
        ),
        ("def f(): ...\ndef g(): ...", "f(g())", None, "x", "f"),
        ("class Config: ...\ndef f(): ...", "f(Config(), Config())", None, "x", "f"),
        (
            "def svd(): ...\ndef g(): ...",
            "g(g(svd()))",
            "def linalg.svd(A, *, out=None)",
            "x",
            "svd",
        ),
        ("def svd(): ...\ndef g(): ...", "g(g(svd()))", "input (Tensor): the input", "svd", "svd"),
        ("def g(): ...", "g()", "quantize_dynamic(model)", "quantize_dynamic", "g"),
    ],
)
def test_the_entry_point(code: str, use: str, signature: str | None, stem: str, entry: str) -> None:
    """T names it; otherwise it is what the test calls most, likest the task's name, or first."""
    parsed = parse(code, TEST.format(use=use), stem=stem, signature=signature)
    assert parsed.entry == entry


@pytest.mark.parametrize(
    ("end", "result"),
    [
        ("result_gold = test_f()", "result_gold"),
        ("a = test_f()\nb = test_f()\nc = f()", "b"),
        ("if __name__ == '__main__':\n    out = test_f()", "out"),
        ("print(test_f())", None),
        ("", None),
    ],
)
def test_the_result_is_what_takes_the_tests_value(end: str, result: str | None) -> None:
    """The last assignment of a call of the test, whatever its name."""
    parsed = parse("def f(): ...", f"def test_f():\n    return f()\n{end}\n", stem="f")
    assert (parsed.test_function, parsed.result) == ("test_f", result)


def test_an_answer_has_the_names_that_the_test_imports() -> None:
    """In one file with its test it may use them; what it has of its own that is lent stays."""
    code = "import math\nimport torch\ndef f(): ...\n"
    test = "import torch\nfrom f import f\n"
    test += "try:\n    import os.path as p\nexcept ImportError:\n    p = 0\n"
    test += "def test_f():\n    import json\n    return f(), math.pi\nr = test_f()\n"
    surroundings = parse(code, test, stem="f").surroundings
    namespace: dict[str, object] = {"math": 3}
    exec(surroundings, namespace)  # noqa: S102 - it is code
    assert namespace["math"] == 3
    assert {"torch", "p"} <= set(namespace)
    assert not {"json", "f"} & set(namespace)
