"""Examples: what corpora there are, the search, and what it leaves out."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from pytest_tritonbench.task.prompts.corpus import Example, read_corpus
from pytest_tritonbench.task.prompts.leaks import reference_source
from pytest_tritonbench.task.prompts.problem import PromptError
from pytest_tritonbench.task.prompts.shots import Shots
from tests.unit.prompts.known import NAMES, ROOT, kernel, subject, task

bm25s = pytest.importorskip("bm25s", reason="the extra rag is not installed")


def sources(name: str) -> list[str]:
    """What solves a bundled task."""
    return [reference_source(task(name)), kernel(name)]


def test_the_nearest_kernels_are_found() -> None:
    """A search for a task gives kernels of its kind, and never its own."""
    shots = Shots.read(ROOT / "kernels")
    nearest = {
        name: [e.name for e in shots.best(subject(name), 3, sources(name))]
        for name in ("paged_attention", "quantize_int8", "max", "softmax")
    }
    assert set(nearest["paged_attention"][:2]) == {"flash_attention.py", "attention.py"}
    assert nearest["quantize_int8"][0] == "cast_fp8.py"
    # argmax.py shares most of its code with a solution of max, and is refused.
    assert nearest["max"][0] == "topk.py"
    assert "softmax.py" not in nearest["softmax"]


def test_no_search_gives_a_tasks_own_kernel() -> None:
    """For each of the 41 tasks as many examples as asked for are found, without its own kernel."""
    shots = Shots.read(ROOT / "kernels")
    for name in NAMES:
        found = shots.best(subject(name), 5, sources(name))
        assert len(found) == 5
        assert f"{name}.py" not in [e.name for e in found]


def test_what_is_refused_is_told_with_why() -> None:
    """Whoever asks learns which examples were passed over."""
    shots = Shots.read(ROOT / "kernels")
    told: dict[str, str] = {}

    def refused(example: Example, why: str) -> None:
        told[example.name] = why

    shots.best(subject("matmul"), 3, sources("matmul"), refused)
    assert told["matmul.py"] == "it is called matmul"
    assert told["matmul_persistent.py"] == "it is called matmul_persistent"
    assert told["bmm.py"].startswith("its code shares")


def test_the_order_is_the_same_every_time() -> None:
    """However the corpus is ordered, the examples are; equally good ones stand by name."""
    examples = [Example(f"{n}.py", "mean of rows") for n in "dacb"]
    orders = (examples, examples[::-1])
    found = [[e.name for e in Shots(tuple(o)).best(subject("mean"), 3)] for o in orders]
    assert found == [["a.py", "b.py", "c.py"]] * 2


def test_what_has_no_word_in_common_is_no_example() -> None:
    """Fewer are given than asked for, rather than anything at all."""
    corpus = (Example("q1.py", "zzz qqq"), Example("q2.py", "yyy"))
    assert Shots(corpus).best(subject("mean"), 2) == ()


def test_crawled_and_synthesised_kernels_are_read(tmp_path: Path) -> None:
    """`train_crawl.json` has code and descriptions, `train_synth.json` is Alpaca's."""
    crawled = [{"code": "import triton", "description_1": "First.", "description_2": "Second."}]
    synthesised = [
        {"instruction": "Write it.", "input": "", "output": "import torch"},
        {"instruction": "No code.", "input": "", "output": ""},
    ]
    (tmp_path / "train_crawl.json").write_text(json.dumps(crawled))
    (tmp_path / "train_synth.json").write_text(json.dumps(synthesised))
    assert read_corpus(tmp_path) == (
        Example("train_crawl.json[1]", "import triton", "First.\nSecond."),
        Example("train_synth.json[1]", "import torch", "Write it."),
    )
    assert len(read_corpus(tmp_path / "train_synth.json")) == 1


def test_a_folder_of_kernels_is_read(tmp_path: Path) -> None:
    """Python files in depth, by name; hidden folders are left out, equal code comes once."""
    for place, text in {
        "b/two.py": "x = 2\n",
        "a.py": '"""About a."""\nx = 1\n',
        "c.py": "x = 2\n",
        ".git/no.py": "x = 3\n",
        "__init__.py": "",
        "notes.txt": "x",
    }.items():
        (tmp_path / place).parent.mkdir(exist_ok=True)
        (tmp_path / place).write_text(text)
    assert [(e.name, e.description) for e in read_corpus(tmp_path)] == [
        ("a.py", "About a."),
        ("b/two.py", ""),
    ]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("{", r"c\.json: no JSON"),
        ('{"code": 1}', "no kernels in it|a JSON array of kernels"),
        ("[1]", r"c\.json: entry 1: an object with 'code' or 'output' is expected"),
        ("[]", "no kernels in it; Python files are expected"),
    ],
)
def test_a_corpus_that_cannot_be_used_is_told(tmp_path: Path, text: str, told: str) -> None:
    """The file, the entry, and what was expected."""
    (tmp_path / "c.json").write_text(text)
    with pytest.raises(PromptError, match=told):
        read_corpus(tmp_path / "c.json")
    with pytest.raises(PromptError, match="not there; name a folder of kernels"):
        read_corpus(tmp_path / "none")


def test_without_the_extra_the_line_to_install_it_is_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Without bm25s the message has the pip line, and the way to do without."""
    monkeypatch.setitem(sys.modules, "bm25s", None)
    with pytest.raises(PromptError, match=r"pip install 'pytest-tritonbench\[rag\]'"):
        Shots.read(ROOT / "kernels")


def test_the_search_is_imported_only_when_used() -> None:
    """Importing the prompts loads neither bm25s nor pytest."""
    program = (
        "import sys, pytest_tritonbench.task.prompts.shots, "
        "pytest_tritonbench.task.prompts.repair; "
        "assert not {'bm25s', 'pytest', '_pytest', 'openai'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=120)
