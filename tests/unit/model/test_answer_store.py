"""Answers on disk: found again, kept, edited, damaged."""

import errno
import json
import os
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from pytest_tritonbench.candidate.model.question import Generation, GenerationError, Question, Usage
from pytest_tritonbench.candidate.model.store import Store, StoreError, place
from tests.unit.model.answering import as_it_is, generation, question


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """An empty one."""
    return Store(tmp_path / "generations")


def files(store: Store) -> list[str]:
    """Its files, as paths."""
    return sorted(str(p.relative_to(store.folder)) for p in store.folder.rglob("*") if p.is_file())


def test_an_answer_is_found_again_by_another_process(store: Store) -> None:
    """What was saved is what is found: code, text, usage, cost, everything."""
    given = Generation(
        "<think>ä</think>\n",
        "stop",
        Usage(1, 2, 3, 4),
        0.25,
        "2026-01-01T00:00:00Z",
        "2026-01-01T00:00:09Z",
        "thought",
        "fake-1-mini",
        3,
    )
    saved = store.save(question(), given, lambda _question, _text: "x = 'ä'\r\ny = 2")
    found = Store(store.folder).get(question())
    assert found == saved
    assert found is not None
    assert found.generation == given
    assert (found.code, found.edited) == ("x = 'ä'\ny = 2\n", False)
    assert files(store) == ["references/fake/softmax/0.json", "references/fake/softmax/0.py"]


def test_samples_and_repairs_lie_side_by_side(store: Store) -> None:
    """A sample's number and a repair's are in the file's name."""
    for asked in (question(sample=1), question(sample=1, attempt=2), question(sample=11)):
        store.save(asked, generation(), as_it_is)
    assert [name for name in files(store) if name.endswith(".py")] == [
        "references/fake/softmax/1.py",
        "references/fake/softmax/1.repair-2.py",
        "references/fake/softmax/11.py",
    ]


def test_the_json_can_be_read_shared_and_committed(store: Store) -> None:
    """The prompt in full, sorted keys, a newline at the end; no path, no password of an address."""
    saved = store.save(question(), generation(), as_it_is)
    text = saved.path.with_suffix(".json").read_text()
    content = json.loads(text)
    assert list(content) == sorted(content)
    assert text.endswith("}\n")
    assert content["messages"] == [{"role": "user", "content": "Write softmax."}]
    assert content["prompt_hash"] == question().prompt_hash
    assert content["sampling"]["temperature"] == 0.5
    assert content["base_url"] == "http://localhost:1/v1"
    assert "secret" not in text
    assert str(store.folder) not in text


def test_the_same_answer_gives_the_same_bytes(store: Store, tmp_path: Path) -> None:
    """Two stores of the same answers do not differ."""
    other = Store(tmp_path / "other")
    for each in (store, other):
        each.save(question(), generation(), as_it_is)
    for name in files(store):
        assert (store.folder / name).read_bytes() == (other.folder / name).read_bytes()


def test_an_edited_file_is_judged_as_edited_and_marked(store: Store) -> None:
    """The code is the file's, the mark says that the model did not write it so."""
    saved = store.save(question(), generation(), as_it_is)
    saved.path.write_text("x = 2  # better\n")
    found = store.get(question())
    assert found is not None
    assert (found.code, found.edited, found.note) == ("x = 2  # better\n", True, "edited by hand")
    assert found.generation.text == "x = 1\n"


def test_line_ends_of_a_checkout_are_no_edit(store: Store) -> None:
    """Git may write a file with carriage returns; its code is the same."""
    saved = store.save(question(), generation("x = 1\ny = 2\n"), as_it_is)
    saved.path.write_bytes(b"x = 1\r\ny = 2\r\n")
    assert store.get(question()) == saved


def test_another_prompt_is_another_question_and_both_answers_stay(store: Store) -> None:
    """The old answer is kept beside with its edits, and found when the old prompt comes back."""
    old, new = question(), question(prompt="Write it faster.")
    path = store.save(old, generation("old\n"), as_it_is).path
    path.write_text("edited\n")
    assert store.get(new) is None
    store.save(new, generation("new\n"), as_it_is)
    key = old.key[:8]
    assert files(store) == [
        f"references/fake/softmax/0.{key}.json",
        f"references/fake/softmax/0.{key}.py",
        "references/fake/softmax/0.json",
        "references/fake/softmax/0.py",
    ]
    first, second = store.get(old), store.get(new)
    assert first is not None
    assert second is not None
    assert (first.code, first.edited, first.path.name) == ("edited\n", True, f"0.{key}.py")
    assert (second.code, second.edited) == ("new\n", False)


def test_the_answer_to_another_question_tells_what_differs(store: Store) -> None:
    """Whoever wants a sample whatever was asked is told what was."""
    store.save(question(), generation(), as_it_is)
    asked = question(prompt="Other.")
    asked = replace(asked, sampling=replace(asked.sampling, temperature=0.9))
    found = store.latest(asked)
    assert found is not None
    assert found.question_key == question().key
    assert found.note == "answer to another question: messages, temperature 0.5 -> 0.9"


def test_an_answer_is_never_written_over(store: Store) -> None:
    """The first answer to a question stays when somebody saves a second."""
    store.save(question(), generation("first\n"), as_it_is)
    assert store.save(question(), generation("second\n"), as_it_is).code == "first\n"
    assert (store.folder / "references/fake/softmax/0.py").read_text() == "first\n"


def test_a_file_that_nobody_knows_is_kept(store: Store) -> None:
    """A .py without its .json may be somebody's own work."""
    path = store.folder / "references/fake/softmax/0.py"
    path.parent.mkdir(parents=True)
    path.write_text("mine\n")
    store.save(question(), generation(), as_it_is)
    others = [name for name in files(store) if "found" in name]
    assert [(store.folder / name).read_text() for name in others] == ["mine\n"]


def test_an_answer_without_code_is_kept(store: Store) -> None:
    """It is paid for: its text stays, with why there is no code."""

    def nothing(_question: Question, _text: str) -> str:
        raise GenerationError("no-code", "only prose")

    store.save(question(), generation("I cannot."), nothing)
    found = store.get(question())
    assert found is not None
    assert (found.code, found.note, found.generation.text) == ("", "only prose", "I cannot.")


def test_an_answer_outlives_a_fault_in_taking_its_code(store: Store) -> None:
    """Whatever goes wrong after the answer was paid for, it is kept."""

    def broken(_question: Question, _text: str) -> str:
        raise RecursionError("deep")

    saved = store.save(question(), generation(), broken)
    assert saved.note == "its code could not be taken out of it (RecursionError: deep)"
    assert store.get(question()) == saved


def test_half_a_surrogate_pair_can_be_kept(store: Store) -> None:
    """A stream that is cut in an emoji leaves text that UTF-8 cannot hold."""
    store.save(question(), generation("x = '\ud83d'\n"), as_it_is)
    found = store.get(question())
    assert found is not None
    assert (found.code, found.edited) == ("x = '?'\n", False)
    assert found.generation.text == "x = '\ud83d'\n"


@pytest.mark.parametrize(
    ("task", "folder"),
    [
        ("add.relu", "add.relu"),
        ("../../etc", "%2e.%2f..%2fetc"),
        ("a/b c", "a%2fb%20c"),
        ("", "%"),
    ],
)
def test_names_become_folders_that_every_system_takes(task: str, folder: str) -> None:
    """No name leaves the store or splits into two folders."""
    assert place(question(task)) == Path("references", "fake", folder, "0")


def test_names_that_are_too_long_stay_apart() -> None:
    """Two long names that begin alike are two folders, short enough for every file system."""
    first, second = (place(question("x" * 300 + end)).parts[2] for end in "ab")
    assert first != second
    assert len(first) == len(second) == 100


@pytest.mark.parametrize(
    ("content", "wrong"),
    [
        (b"", "it is no JSON"),
        (b'{"format": 1, "key"', "it is no JSON"),
        (b"[]", "it holds no JSON object"),
        (b'{"format": 7}', "its format is 7, not 1"),
        (b'{"format": 1}', "its 'key' is missing"),
        (b'{"format": 1, "key": "a", "sha256": "", "text": "", "finish_reason": ""}', "'usage'"),
        (b"<<<<<<< HEAD\n{}", "it is no JSON"),
    ],
)
def test_a_damaged_json_says_where_and_what_to_do(store: Store, content: bytes, wrong: str) -> None:
    """The path, what is wrong, and the two ways out."""
    path = store.save(question(), generation(), as_it_is).path.with_suffix(".json")
    path.write_bytes(content)
    with pytest.raises(StoreError, match=re.escape(str(path))) as caught:
        store.get(question())
    assert wrong in caught.value.message
    assert "git checkout" in caught.value.message
    with pytest.raises(StoreError, match="delete it to have the sample asked for again"):
        store.save(question(), generation(), as_it_is)


def test_a_missing_py_says_what_to_do(store: Store) -> None:
    """An answer whose code was deleted is not silently asked for again."""
    saved = store.save(question(), generation(), as_it_is)
    saved.path.unlink()
    with pytest.raises(StoreError, match=r"0\.py is missing, though 0\.json is there; bring it"):
        store.get(question())


def test_a_py_in_another_encoding_is_told(store: Store) -> None:
    """An editor that saves Latin-1 is the user's to set right."""
    saved = store.save(question(), generation(), as_it_is)
    saved.path.write_bytes("# ä\n".encode("latin-1"))
    with pytest.raises(StoreError, match="not UTF-8"):
        store.get(question())


def test_a_file_in_the_place_of_a_folder_is_told(store: Store) -> None:
    """Reading, preparing and saving each name the path and do not break otherwise."""
    store.folder.mkdir()
    (store.folder / "references").write_text("no folder")
    with pytest.raises(StoreError, match="cannot be read"):
        store.get(question())
    with pytest.raises(StoreError, match="references/fake/softmax cannot be written"):
        store.prepare(question())


def test_a_full_disk_leaves_the_store_as_it_was(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The error says so, nothing half is left, and what was there can still be read."""
    store.save(question(), generation("old\n"), as_it_is)
    before = files(store)

    def full(_descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StoreError, match="no room is left on the disk"):
        store.save(question(prompt="Other."), generation("new\n"), as_it_is)
    assert files(store) == before
    assert store.get(question()) is not None


KILLED = """
import os, signal, sys
from pathlib import Path
from pytest_tritonbench.candidate.model.store import Store
from tests.unit.model.answering import as_it_is, generation, question

def kill(*unused, **named):
    os.kill(os.getpid(), signal.SIGKILL)

step = int(sys.argv[2])
done = 0
replace = Path.replace
def counted(self, target):
    global done
    if done == step:
        kill()
    done += 1
    return replace(self, target)
Path.replace = counted
if step == 9:
    os.fsync = kill
Store(Path(sys.argv[1])).save(question(prompt="Other."), generation("new\\n"), as_it_is)
"""


@pytest.mark.parametrize("step", [0, 1, 2, 3, 9])
def test_a_kill_at_any_moment_leaves_a_store_that_goes_on(store: Store, step: int) -> None:
    """Before each of the four renames, or before the first write is safe: both answers in the end.

    An answer with an edit is there, the next process saves another one over it and is killed.
    """
    store.save(question(), generation("old\n"), as_it_is).path.write_text("edited\n")
    process = subprocess.run(
        [sys.executable, "-c", KILLED, str(store.folder), str(step)], check=False, timeout=30
    )
    assert process.returncode == -9
    new = question(prompt="Other.")
    assert store.get(new) is None
    old = store.get(question())
    assert old is not None
    assert old.code == "edited\n"
    store.save(new, generation("new\n"), as_it_is)
    codes = [found.code for asked in (question(), new) if (found := store.get(asked))]
    assert codes == ["edited\n", "new\n"]
    assert len(files(store)) == 4
