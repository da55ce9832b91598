"""CodeBLEU, part by part and by both policies."""

import subprocess
import sys
import time

import pytest

from pytest_tritonbench.report.metrics.similarity import (
    SimilarityUnavailableError,
    Tally,
    compare,
    corpus,
    published_answer,
    tree,
)
from pytest_tritonbench.report.metrics.similarity.dataflow import dataflow
from pytest_tritonbench.report.metrics.similarity.dataflow import match as match_flows
from pytest_tritonbench.report.metrics.similarity.ngrams import bleu, grams, precision
from pytest_tritonbench.report.metrics.similarity.ngrams import weighted_recall as recall
from pytest_tritonbench.report.metrics.similarity.syntax import match as match_trees
from pytest_tritonbench.report.metrics.similarity.syntax import subtrees
from pytest_tritonbench.report.metrics.similarity.text import one_line, without_java_comments

pytest.importorskip("tree_sitter_python")

KERNEL = '''import triton


def add(x, y):
    """Add."""
    # element by element
    out = x + y
    for i in range(4):
        out = out * i
    if out is None:
        out = x
    return out
'''


def flows(code: str) -> dict[tuple[str, str, tuple[str, ...]], int]:
    """The data flow of a program."""
    return dict(dataflow(tree.parse(code), code))


def test_bleu_of_a_small_pair() -> None:
    """One of five tokens differs: 4/5, 3/4, 2/3 and 1/2 of the n-grams are there."""
    counts = precision(grams(["a", "b", "c", "d", "e"]), grams(["a", "b", "c", "d", "f"]))
    assert counts == ((4, 5), (3, 4), (2, 3), (1, 2))
    matched, counted = zip(*counts, strict=True)
    assert bleu(matched, counted, 5, 5) == pytest.approx(0.2**0.25)


def test_bleu_of_a_short_candidate() -> None:
    """A candidate half as long as its reference is cut by e, and empty orders count 0.1."""
    counts = precision(grams(["a", "b", "c", "d"]), grams(["a", "b"]))
    assert counts == ((2, 2), (1, 1), (0, 1), (0, 1))
    matched, counted = zip(*counts, strict=True)
    expected = 0.36787944117144233 * (0.1 * 0.1) ** 0.25
    assert bleu(matched, counted, 4, 2) == pytest.approx(expected)
    assert bleu((0, 0, 0, 0), (1, 1, 1, 1), 4, 1) == 0


def test_repeated_tokens_count_as_often_as_both_have_them() -> None:
    """Saying a word four times finds it no more often than the reference has it."""
    assert precision(grams(["a", "a"]), grams(["a"] * 4))[0] == (2, 4)


def test_keywords_weigh_five_times_as_much() -> None:
    """Of ``if a b``, finding ``if`` and ``b`` is 1.2 of 1.4; pairs weigh alike."""
    counts = recall(grams(["if", "a", "b"]), grams(["if", "b"]))
    assert counts[0] == pytest.approx((1.2, 1.4))
    assert counts[1:] == ((0, 2), (0, 1), (0, 1))


def test_syntax_ignores_names_and_values() -> None:
    """Renaming changes no sub-tree; another kind of value changes all that hold it."""
    reference = subtrees(tree.parse("x = 1\n"))
    assert match_trees(reference, subtrees(tree.parse("y = 2\n"))) == (3, 3)
    assert match_trees(reference, subtrees(tree.parse("y = z\n"))) == (0, 3)


def test_syntax_counts_the_references_repeats() -> None:
    """Two equal statements of the reference are both found where the candidate has one."""
    reference = subtrees(tree.parse("x = 1\ny = 2\n"))
    # The module itself differs; two statements and two assignments are found.
    assert match_trees(reference, subtrees(tree.parse("x = 1\n"))) == (4, 5)


def test_data_flow_of_two_assignments() -> None:
    """Targets are computed from values, uses come from definitions; names become numbers."""
    assert flows("x = a\ny = x\n") == {
        ("var_1", "computedFrom", ("var_0",)): 1,
        ("var_0", "comesFrom", ()): 1,
        ("var_2", "computedFrom", ("var_1",)): 1,
        ("var_1", "comesFrom", ("var_1",)): 1,
    }


def test_data_flow_survives_renaming_and_sees_rewiring() -> None:
    """Other names are the same flow; another source is another flow."""
    reference = dataflow(tree.parse("x = a\ny = x\n"), "x = a\ny = x\n")
    renamed, rewired = "u = v\nw = u\n", "x = a\ny = a\n"
    assert match_flows(reference, dataflow(tree.parse(renamed), renamed)) == (4, 4)
    assert match_flows(reference, dataflow(tree.parse(rewired), rewired)) == (2, 4)


def test_branches_join() -> None:
    """After an if, a use comes from both branches: one variable, and no flow is lost."""
    code = "if c:\n    x = 1\nelse:\n    x = 2\ny = x\n"
    found = flows(code)
    assert found["var_1", "comesFrom", ("var_1",)] == 1
    assert sum(count for (_, kind, _), count in found.items() if kind == "computedFrom") == 3


def test_loops_are_gone_through_twice() -> None:
    """In a loop, a use at the top comes from an assignment below it, as b does here."""
    assert flows("for i in n:\n    a = b\n    b = i\n") == {
        ("var_1", "computedFrom", ("var_0",)): 1,
        ("var_0", "comesFrom", ("var_0",)): 1,
        ("var_3", "computedFrom", ("var_2",)): 1,
        ("var_2", "comesFrom", ("var_2",)): 1,
        ("var_2", "computedFrom", ("var_1",)): 1,
        ("var_1", "comesFrom", ("var_1",)): 1,
    }


def test_while_loops_are_gone_through_twice() -> None:
    """A while is a loop like a for: what its condition and its top use comes from its end."""
    assert flows("while c:\n    a = b\n    b = a\n") == {
        ("var_0", "comesFrom", ("var_0",)): 1,
        ("var_2", "computedFrom", ("var_1",)): 1,
        ("var_1", "comesFrom", ("var_1",)): 1,
        ("var_1", "computedFrom", ("var_2",)): 1,
        ("var_2", "comesFrom", ("var_2",)): 1,
    }


def test_comprehension_knows_its_variable() -> None:
    """The element of a comprehension, written first, comes from the clause behind it."""
    assert flows("[i for i in n]\n") == {
        ("var_0", "comesFrom", ("var_0",)): 1,
        ("var_0", "computedFrom", ("var_1",)): 1,
        ("var_1", "comesFrom", ()): 1,
    }


@pytest.mark.parametrize("rest", ["", "else:\n    x = 2\n"])
def test_what_was_before_a_branch_lasts_where_there_is_no_else(rest: str) -> None:
    """The x of the call reaches the end past an if alone; an if with else hides it."""
    found = flows(f"f(x)\nif c:\n    x = 1\n{rest}y = x\n")
    # Literals are sources: 1 and the x of the call, or 1 and 2.
    assert sum(count for (_, _, sources), count in found.items() if not sources) == 2


def test_broken_programs_have_no_flow_and_no_error() -> None:
    """A loop without a side, and nesting too deep to follow, give nothing instead of failing."""
    assert not flows("(" * 5000 + ")" * 5000)
    assert compare(KERNEL, "for in:\n x = (").similarity().score >= 0
    assert compare(KERNEL, "").similarity().score == 0


def test_itself_is_fully_similar() -> None:
    """A program compared with itself scores 100 in every part."""
    found = compare(KERNEL, KERNEL).similarity()
    assert tuple(vars(found).values()) == pytest.approx((100.0,) * 5)


def test_published_itself_may_score_75() -> None:
    """On one line, a comment at the top leaves no data flow to match, which counts as none."""
    found = compare(f"# add\n{KERNEL}", f"# add\n{KERNEL}", "published").similarity()
    assert (found.score, found.dataflow) == pytest.approx((75.0, 0.0))
    assert compare("y = x", "y = x", "published").similarity().score < 100  # fewer than 4 tokens
    long = "y = x + z + 1"
    assert compare(long, long, "published").similarity().score == pytest.approx(100.0)


def test_proper_does_not_see_comments_in_syntax_and_flow() -> None:
    """Without its comment and docstring, a program has the same syntax and the same data flow."""
    bare = "\n".join(line for line in KERNEL.splitlines() if "Add." not in line and "#" not in line)
    found = compare(KERNEL, bare).similarity()
    assert (found.syntax, found.dataflow) == (100.0, 100.0)
    assert found.ngram < 100
    assert tree.without_comments("x = '# no comment'  # one\n") == "x = '# no comment'  "


def test_published_programs_are_one_line() -> None:
    """Line breaks are two characters, so that everything behind the first # is a comment."""
    assert one_line("a = 1\r\nb = 2\n") == "a = 1\\nb = 2\\n"
    tail = "# start\n" + KERNEL
    other = "# start\nraise SystemExit\n"
    assert compare(tail, other, "published").similarity().syntax == 100.0
    assert compare(tail, other).similarity().syntax < 50


def test_published_floor_division_ends_the_program() -> None:
    """Java's comment rule cuts at //, outside quotes."""
    assert without_java_comments("a = b // c\\nd = 1") == "a = b  "
    assert without_java_comments("a = 'x // y'") == "a = 'x // y'"
    same, other = "a = b // c\nx = 1\n", "a = b // c\nfor i in y:\n    z()\n"
    found = compare(same, other, "published").similarity()
    assert (found.syntax, found.dataflow) == (100.0, 100.0)


def test_published_answer_joins_blocks() -> None:
    """Closed python blocks are joined; an open or foreign fence leaves the whole answer."""
    two = "Sure:\n```python\na = 1\n```\nand\n```python\nb = 2\n```\n"
    assert published_answer(two) == "a = 1\n\n\nb = 2\n"
    for text in ("```python\na = 1\n", "```py\na = 1\n```", "a = 1", "```python\n```"):
        assert published_answer(text) == text


def test_published_tokens_behind_a_wide_character_are_misread() -> None:
    """Upstream counts bytes as characters: behind an accent, names are cut elsewhere."""
    code = "s = 'é'; x = a; y = x"
    root = tree.parse(code)
    assert dataflow(root, code) != dataflow(root, code, bytes_as_characters=True)


def test_tallies_add_up_to_the_corpus() -> None:
    """A corpus is the sum of its parts, not the mean of their scores, also across JSON."""
    pairs = [(KERNEL, KERNEL), (KERNEL, "x = 1\n")]
    parts = [Tally.from_json(compare(*pair).as_json()) for pair in pairs]
    assert sum(parts, Tally()) == corpus(pairs)
    whole = corpus(pairs).similarity()
    assert whole.score != pytest.approx(sum(p.similarity().score for p in parts) / 2)
    assert Tally().similarity().score == 0


def test_result_is_the_same_in_every_process() -> None:
    """Hash seeds move no flow, as they do upstream, where sources are kept in sets of names."""
    code = (
        "from pytest_tritonbench.report.metrics.similarity import tree\n"
        "from pytest_tritonbench.report.metrics.similarity.dataflow import dataflow\n"
        "a = 'for i in r:\\n    x = h + g + f + e + d + c + b + a\\n    b = i\\n    f = x\\n'\n"
        "print(sorted(dataflow(tree.parse(a), a)))"
    )
    printed = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={"PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("0", "1", "2")
    }
    assert len(printed) == 1


def test_weighted_part_has_no_brevity_penalty() -> None:
    """Half of a reference is not cut a second time: 1/2, 3/7, 2/6 and 1/5 are all there is."""
    found = compare("a b c d e f g h", "a b c d").similarity()
    assert found.weighted == pytest.approx(100 * (1 / 2 * 3 / 7 * 2 / 6 * 1 / 5) ** 0.25)
    assert found.ngram == pytest.approx(36.787944)


def test_184_pairs_take_seconds() -> None:
    """As many pairs as G has tasks, of 60 lines each, take less than 10 seconds on one core."""
    body = KERNEL.split("\n", 2)[2]
    pairs = [(f"v{i} = {i}\n" + body * 5, f"w{i} = {i}\n" + body * 5) for i in range(184)]
    start = time.process_time()
    assert corpus(pairs).similarity().dataflow > 90
    assert time.process_time() - start < 10


def test_without_tree_sitter_a_sentence_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The extra is asked for by name when it is missing."""
    tree._parser.cache_clear()
    monkeypatch.setitem(sys.modules, "tree_sitter_python", None)
    with pytest.raises(SimilarityUnavailableError, match=r"pytest-tritonbench\[similarity\]"):
        compare("other = 1", "code = 2")
