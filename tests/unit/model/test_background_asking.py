"""One process that asks in the background: order, errors, and an end that comes."""

import errno
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from pytest_tritonbench.candidate.model.asker import Asker
from pytest_tritonbench.candidate.model.claims import Claims, Held
from pytest_tritonbench.candidate.model.dispatch import Ask, Terms
from pytest_tritonbench.candidate.model.question import (
    Generation,
    GenerationError,
    Question,
    Streamed,
)
from pytest_tritonbench.candidate.model.store import Store
from tests.unit.model.answering import as_it_is, generation, question

Make = Callable[..., Asker]
Heard = Callable[[Streamed], None]


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """An empty one."""
    return Store(tmp_path / "generations")


@pytest.fixture
def make(tmp_path: Path, store: Store) -> Make:
    """Makes an asker."""

    def made(tasks: int, ask: Ask, terms: Terms | None = None, run: str = "run") -> Asker:
        return Asker(
            [question(f"task{number}") for number in range(tasks)],
            ask=ask,
            extract=as_it_is,
            store=store,
            run=tmp_path / run,
            terms=terms or Terms(1),
        )

    return made


class Model:
    """Answers in turn, and remembers what it was asked."""

    def __init__(self, seconds: float = 0.0, text: str = "x = 1\n") -> None:
        self.asked: list[str] = []
        self.seconds = seconds
        self.text = text

    def __call__(self, asked: Question, heard: Heard) -> Generation:
        """Answer, a piece every hundredth of a second."""
        self.asked.append(asked.name)
        begun = time.monotonic()
        while time.monotonic() < begun + self.seconds:
            time.sleep(0.01)
            heard(Streamed(1, time.monotonic() - begun))
        return generation(self.text)


def refuse(asked: Question, _heard: Heard) -> Generation:
    """A model that must not be asked."""
    raise AssertionError(f"{asked.name} was asked")


def test_the_same_question_is_answered_from_disk(make: Make) -> None:
    """A second run asks nothing."""
    with make(3, Model()) as asker:
        first = asker.answer(question("task2"))
    with make(3, refuse, run="second") as asker:
        assert asker.answer(question("task2")) == first


def test_the_awaited_question_comes_before_the_others(make: Make) -> None:
    """The last of fifty is asked next when a test waits for it."""
    model = Model(0.05)
    with make(50, model) as asker:
        asker.answer(question("task49"))
    assert model.asked.index("task49[fake-0]") < 5


def test_questions_are_asked_in_their_order_before_anybody_waits(make: Make, store: Store) -> None:
    """The background goes through the session while other tests run."""
    model = Model()
    with make(5, model):
        wait_until(lambda: store.get(question("task4")) is not None)
    assert model.asked == [f"task{number}[fake-0]" for number in range(5)]


def wait_until(done: Callable[[], bool], seconds: float = 10.0) -> None:
    """Wait for something that has to happen."""
    until = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < until
        time.sleep(0.01)


def test_a_repair_that_the_session_did_not_know_is_asked_too(make: Make, store: Store) -> None:
    """Its answer lies beside the first one."""
    repair = question("task0", attempt=1, prompt="Mend it.")
    with make(1, Model()) as asker:
        asker.answer(question("task0"))
        assert asker.answer(repair).path.name == "0.repair-1.py"
    assert store.get(question("task0")) is not None


def test_one_error_is_one_samples_and_the_rest_go_on(make: Make) -> None:
    """What the client raised is what the test is told, kind and sentence."""

    def ask(asked: Question, _heard: Heard) -> Generation:
        if asked.task == "task1":
            raise GenerationError("refusal", "it would rather not")
        return generation()

    with make(3, ask) as asker:
        with pytest.raises(GenerationError, match="it would rather not") as caught:
            asker.answer(question("task1"))
        assert caught.value.kind == "refusal"
        assert asker.answer(question("task2")).code == "x = 1\n"


def test_a_defect_ends_one_sample_and_shows_no_secret(make: Make) -> None:
    """An error that nobody foresaw names its place; its text may hold a key and is not shown."""

    def ask(_asked: Question, _heard: Heard) -> Generation:
        raise RuntimeError("header 'Bearer sk-secret' is no header")

    with make(1, ask) as asker, pytest.raises(GenerationError) as caught:
        asker.answer(question("task0"))
    assert caught.value.kind == "defect"
    assert "failed with RuntimeError in test_background_asking.py, line" in caught.value.message
    assert "secret" not in caught.value.message
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None


def test_an_answer_without_code_is_an_error_and_not_asked_again(make: Make, store: Store) -> None:
    """It says where the answer is; code written into the file by hand is judged."""
    with make(1, Model(text="")) as asker, pytest.raises(GenerationError) as caught:
        asker.answer(question("task0"))
    assert caught.value.kind == "no-code"
    assert "references/fake/task0/0.json, delete that file to ask again" in caught.value.message
    with make(1, refuse, run="second") as asker:
        with pytest.raises(GenerationError, match="was answered without code"):
            asker.answer(question("task0"))
        (store.folder / "references/fake/task0/0.py").write_text("x = 2\n")
        assert asker.answer(question("task0")).edited


def test_offline_answers_from_disk_and_forbids_the_rest(make: Make, store: Store) -> None:
    """The last answer for a sample serves, with a note; what is missing is named."""
    store.save(question("task0"), generation(), as_it_is)
    store.save(question("task1", prompt="Other."), generation(), as_it_is)
    with make(3, refuse, Terms(offline=True)) as asker:
        assert asker.answer(question("task0")).code == "x = 1\n"
        assert asker.answer(question("task1")).note == "answer to another question: messages"
        with pytest.raises(GenerationError, match="run without --tb-offline") as caught:
            asker.answer(question("task2"))
        assert caught.value.kind == "offline"


def test_a_damaged_answer_is_one_samples_error(make: Make, store: Store) -> None:
    """It is not asked for again, and the others are answered."""
    path = store.save(question("task0"), generation(), as_it_is).path
    path.with_suffix(".json").write_text("{")
    model = Model()
    with make(2, model) as asker:
        assert asker.answer(question("task1")).code == "x = 1\n"
        with pytest.raises(GenerationError, match="git checkout") as caught:
            asker.answer(question("task0"))
    assert caught.value.kind == "store"
    assert model.asked == ["task1[fake-0]"]


@pytest.mark.parametrize("file", ["references/fake", ".claims"])
def test_nothing_is_asked_that_could_not_be_kept(make: Make, store: Store, file: str) -> None:
    """A store that cannot be written ends the run before anything is paid for."""
    path = store.folder / file
    path.parent.mkdir(parents=True)
    path.write_text("no folder")
    with make(2, refuse) as asker, pytest.raises(GenerationError) as caught:
        asker.answer(question("task1"))
    assert caught.value.kind == "store"
    assert str(path) in caught.value.message


def test_a_full_disk_is_seen_before_anything_is_paid_for(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without room for an answer none is asked for."""
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: SimpleNamespace(free=1000))
    model = Model()
    with make(3, model) as asker, pytest.raises(GenerationError, match="no room is left"):
        asker.answer(question("task1"))
    assert model.asked == []


def test_an_answer_that_cannot_be_kept_is_the_last_one(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The disk fills up: the others are told why they were not asked."""

    def full(_descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    model = Model()
    with make(5, model) as asker:
        for number in range(5):
            with pytest.raises(GenerationError, match="no room is left on the disk"):
                asker.answer(question(f"task{number}"))
    assert len(model.asked) == 1


def test_an_answer_that_came_before_the_claim_is_not_asked_for(
    make: Make, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another process ends between the look at the disk and the claim."""
    take = Claims.take

    def late(claims: Claims, asked: Question) -> Held | None:
        store.save(asked, generation("of the other\n"), as_it_is)
        return take(claims, asked)

    monkeypatch.setattr(Claims, "take", late)
    model = Model()
    with make(1, model) as asker:
        assert asker.answer(question("task0")).code == "of the other\n"
        wait_until(lambda: not asker._dispatcher._pending)
    assert model.asked == []


def test_the_end_does_not_wait_for_a_model_that_hangs(make: Make) -> None:
    """Requests that hear nothing any more are left behind; who waits is told."""
    hang = threading.Event()

    def ask(_asked: Question, _heard: Heard) -> Generation:
        hang.wait(60)
        return generation()

    asker = make(4, ask, Terms(2))
    asker.start()
    told: list[str] = []

    def wait() -> None:
        with pytest.raises(GenerationError) as caught:
            asker.answer(question("task3"))
        told.append(caught.value.kind)

    waiting = threading.Thread(target=wait)
    waiting.start()
    time.sleep(0.2)
    begun = time.monotonic()
    asker.close(grace=0.2)
    waiting.join(timeout=1)
    assert time.monotonic() - begun < 3
    assert told == ["stopped"]
    hang.set()


def test_the_end_lets_what_is_under_way_arrive(make: Make, store: Store) -> None:
    """An answer that comes within the grace is kept; nothing new is asked."""
    model = Model(0.3)
    asker = make(10, model)
    asker.start()
    wait_until(lambda: bool(model.asked))
    asker.close(grace=5)
    assert len(model.asked) == 1
    assert store.get(question("task0")) is not None


def test_what_was_cut_off_is_asked_again_in_the_same_run(make: Make) -> None:
    """The end of one process is no error for the others, and ends its requests at once."""
    slow = Model(30)
    asker = make(1, slow)
    asker.start()
    wait_until(lambda: bool(slow.asked))
    begun = time.monotonic()
    asker.close(grace=0.0)
    quick = Model()
    with make(1, quick) as asker:
        assert asker.answer(question("task0")).code == "x = 1\n"
    assert time.monotonic() - begun < 5
    assert quick.asked == slow.asked


INTERRUPTED = """
import signal
import sys
from pathlib import Path
from tests.unit.model.answering import Plan

# A shell has what it starts in the background ignore it, and all that descends from that.
signal.signal(signal.SIGINT, signal.default_int_handler)
plan = Plan(Path(sys.argv[1]), tasks=3, seconds=60)
try:
    with plan.asker() as asker:
        asker.answer(plan.questions()[2])
except KeyboardInterrupt:
    print("interrupted")
"""


def test_ctrl_c_while_waiting_ends_the_process(tmp_path: Path) -> None:
    """Within the grace, though three answers are under way."""
    process = subprocess.Popen(
        [sys.executable, "-c", INTERRUPTED, str(tmp_path)],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    wait_until((tmp_path / "log").exists)
    time.sleep(0.1)
    begun = time.monotonic()
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=20)
    assert time.monotonic() - begun < 5
    assert (out, process.returncode) == ("interrupted\n", 0)
