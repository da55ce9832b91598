"""The styles: their own wording, and TritonBench's word for word."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from pytest_tritonbench.task.prompts.corpus import Example
from pytest_tritonbench.task.prompts.problem import PromptError
from pytest_tritonbench.task.prompts.styles import STYLES, messages
from pytest_tritonbench.task.prompts.subject import Subject
from pytest_tritonbench.task.prompts.upstream import published
from pytest_tritonbench.task.tritonbench.checkout import Upstream, find
from tests.unit.prompts.known import ROOT, TARGET, subject
from tests.unit.tritonbench.checkouts import published_checkout, rows

ALPACA = ROOT / "tests/data/alpaca"
SHOT = Example("add.py", "def add(x): ...", "Adds.")
# Of these the file beside the tests has the prompts.
HELD = {
    *("adam_update_triton", "add_example", "chunk_gla_fwd", "masked_select"),
    *("Adam", "SGD", "cholesky", "eig"),
}


@pytest.fixture(scope="module")
def tasks(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Upstream]:
    """All published tasks, without their code, and the prompts of eight of them."""
    root = published_checkout(tmp_path_factory.mktemp("checkout"))
    for file in ALPACA.glob("*.json"):
        shutil.copy(file, root / "data")
    return {name: found for channel in find(str(root)) for name, found in channel.tasks.items()}


def seen(task: Upstream) -> Subject:
    """A suite's task with its own prompts."""
    texts = {v: text for v in ("comp", "simp") if (text := published(task, v)) is not None}
    suite = f"TritonBench-{task.channel}"
    return Subject(task.name, TARGET, None, "", "", "", suite=suite, published=texts)


def test_the_published_prompt_is_what_the_models_were_sent(tasks: dict[str, Upstream]) -> None:
    """For each recorded zero-shot answer, the style gives the recorded prompt byte for byte."""
    compared = set()
    for row in rows("predictions"):
        zero_shot = row["origin"] in {
            *("G_qwen_092", "G_output_claude-3-5-sonnet-20240620_comp"),
            *("T_output_gpt-4o", "T_output_o1-2024-12-17"),
        }
        if zero_shot and row["task"] in HELD:
            assert messages(seen(tasks[row["task"]]), "tritonbench") == (("user", row["prompt"]),)
            compared.add(row["task"])
    assert compared == HELD


def test_the_published_one_shot_prompt_has_the_recorded_form(tasks: dict[str, Upstream]) -> None:
    """With an example, channel G's recorded one-shot prompt comes out, up to its blank end."""
    compared = 0
    for row in rows("predictions"):
        if row["origin"] != "G_output_gpt-4o_comp_rag" or row["task"] not in HELD:
            continue
        document = row["prompt"].partition("\n\nDocument 1:\n")[2].rstrip("\n")
        words, _, code = document.partition(" import ")
        shot = Example("recorded", f"import {code}", words)
        [(_, prompt)] = messages(seen(tasks[row["task"]]), "tritonbench", (shot,))
        assert prompt == row["prompt"].rstrip("\n")
        compared += 1
    assert compared == 2


def test_the_shorter_version_is_the_other_file(tasks: dict[str, Upstream]) -> None:
    """`tritonbench-simple` sends the text of the `simp` file, which is another."""
    for name in HELD:
        [(_, long)] = messages(seen(tasks[name]), "tritonbench")
        [(_, short)] = messages(seen(tasks[name]), "tritonbench-simple")
        assert tasks[name].instructions["simp"] in short or tasks[name].channel == "T"
        assert len(short) < len(long)


def test_a_missing_file_of_prompts_is_named(tasks: dict[str, Upstream]) -> None:
    """A checkout without the text says which file it is in and what else there is."""
    with pytest.raises(PromptError, match=r"add_value: .*TritonBench_G_comp_alpac_v1\.json"):
        messages(seen(tasks["add_value"]), "tritonbench")


def test_the_published_style_is_for_published_tasks() -> None:
    """For a task of the repository it is refused, with what to take instead."""
    with pytest.raises(PromptError, match=r"softmax: .*take 'simple' or 'complex'"):
        messages(subject("softmax"), "tritonbench")


def test_a_broken_file_of_prompts_is_told(tmp_path: Path) -> None:
    """A file that is no JSON is named, and nothing is guessed."""
    root = published_checkout(tmp_path)
    (root / "data/TritonBench_G_comp_alpac_v1.json").write_text("[{")
    with pytest.raises(PromptError, match=r"G_comp_alpac_v1\.json: no JSON"):
        published(find(f"{root}#G")[0].tasks["add_example"], "comp")


def test_an_unknown_style_names_those_there_are() -> None:
    """A typo is answered with the list."""
    with pytest.raises(PromptError, match="no prompt style 'smiple'; there are simple, complex"):
        messages(subject("softmax"), "smiple")
    assert STYLES == ("simple", "complex", "tritonbench", "tritonbench-simple")


@pytest.mark.parametrize("style", ["simple", "complex"])
def test_the_form_of_the_answer_is_asked_for(style: str) -> None:
    """One code block, the whole module with its imports, the entry point with this signature."""
    content = messages(subject("softmax"), style)[-1][1]
    assert content.endswith("write no tests or examples into it.")
    assert "Answer with one Python code block" in content
    assert "every import" in content
    assert "`softmax`, defined exactly as above" in content


@pytest.mark.parametrize("style", ["simple", "complex"])
def test_examples_are_shown_once(style: str) -> None:
    """With examples the prompt has their words and code; without, no heading for them."""
    content = messages(subject("softmax"), style, (SHOT,))[-1][1]
    assert content.count("Adds.\n\n```python\ndef add(x): ...\n```") == 1
    assert "Example" not in messages(subject("softmax"), style)[-1][1]


def test_complex_tells_more_than_simple() -> None:
    """Complex has a system message, every argument, and what counts; simple has one message."""
    short, long = (messages(subject("kv_cache_copy"), style) for style in ("simple", "complex"))
    assert [role for role, _ in short] == ["user"]
    assert [role for role, _ in long] == ["system", "user"]
    assert "- `destination`: tensor (t,); int64" in long[1][1]
    assert "Only key_cache, value_cache may be changed in place" in long[1][1]
    assert "- `destination`" not in short[0][1]
