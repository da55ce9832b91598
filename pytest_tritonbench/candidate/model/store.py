"""The answers of models on disk: readable, shared, and never paid for twice."""

from __future__ import annotations

import errno
import hashlib
import os
import re
import shutil
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from pytest_tritonbench.candidate.model.answer_file import Written, differences, parse, render
from pytest_tritonbench.candidate.model.atomic import staged, sweep
from pytest_tritonbench.candidate.model.question import Generation, GenerationError, Question

Extract = Callable[[Question, str], str]
"""Takes the code out of an answer; empty, or a ``GenerationError``, where there is none."""

_ASIDE = 8
_LONGEST = 100
_ROOM = 16 << 20
_UNSAFE = re.compile(r"[^\w.+-]", re.ASCII)


class StoreError(GenerationError):
    """The store cannot be read or written.

    Args:
        message: The path, what is wrong with it, and what to do.
    """

    def __init__(self, message: str) -> None:
        super().__init__("store", message)


@dataclass(frozen=True)
class Stored:
    """An answer on disk."""

    question_key: str
    path: Path
    """The ``.py`` file."""

    code: str
    """As it stands in the file; empty where the answer had none."""

    edited: bool
    """Whether the file is not what was written for the answer."""

    generation: Generation
    note: str = ""
    """What a reader of the verdict should know of it."""


def place(question: Question) -> Path:
    """Where a question's answer goes below the store's folder, without a suffix.

    ``<suite>/<model>/<task>/<sample>``, ``.repair-<n>`` after it for a repair. Letters that not
    every file system takes are written as ``%`` and their code.
    """
    repair = f".repair-{question.attempt}" if question.attempt else ""
    parts = (question.suite, question.endpoint.name, question.task)
    return Path(*map(_safe, parts), f"{question.sample}{repair}")


class Store:
    """Answers, one a sample, as a ``.py`` with a ``.json`` beside it.

    The ``.json`` is written last: an answer is there when it is. An answer to another question for
    the same sample is kept beside, with the first characters of its key in its name.

    Args:
        folder: Made when the first answer is saved.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def get(self, question: Question) -> Stored | None:
        """The answer to a question, or ``None`` if it was never answered.

        Raises:
            StoreError: If its files are damaged or cannot be read.
        """
        base = self.folder / place(question)
        for candidate in (base, _aside(base, question.key)):
            written = _read(candidate)
            if written is not None and written.key == question.key:
                return _stored(candidate, written)
        return None

    def latest(self, question: Question) -> Stored | None:
        """The last answer for a question's sample, whatever exactly was asked.

        ``note`` says what was asked otherwise.

        Raises:
            StoreError: If its files are damaged or cannot be read.
        """
        base = self.folder / place(question)
        written = _read(base)
        if written is None:
            return None
        found = _stored(base, written)
        if written.key == question.key:
            return found
        other = f"answer to another question: {differences(question, written)}"
        note = "; ".join(filter(None, (found.note, other)))
        return Stored(written.key, found.path, found.code, found.edited, found.generation, note)

    def prepare(self, question: Question) -> None:
        """See that an answer could be saved, before it is paid for.

        Raises:
            StoreError: If the folder cannot be written or the disk is full.
        """
        base = self.folder / place(question)
        try:
            base.parent.mkdir(parents=True, exist_ok=True)
            staged(_with(base, ".json"), b"").unlink()
            free = shutil.disk_usage(base.parent).free
        except OSError as e:
            raise unwritable(base.parent, e) from None
        if free < _ROOM:
            raise unwritable(base.parent, OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)))

    def save(self, question: Question, generation: Generation, extract: Extract) -> Stored:
        """Keep an answer; whoever calls holds the sample's claim.

        An answer to the same question that is there already stays, and is returned.

        Raises:
            StoreError: If it cannot be written; then the store is as it was before.
        """
        base = self.folder / place(question)
        known = self.get(question)
        if known is not None:
            return known
        code, note = _extracted(question, generation, extract)
        source = _python(code)
        try:
            base.parent.mkdir(parents=True, exist_ok=True)
            _write(base, source, render(question, generation, _sha256(source), note))
        except OSError as e:
            raise unwritable(base.parent, e) from None
        return Stored(
            question.key,
            _with(base, ".py"),
            source.decode(),
            edited=False,
            generation=generation,
            note=note,
        )


def _safe(part: str) -> str:
    name = _UNSAFE.sub(lambda found: "".join(f"%{b:02x}" for b in found[0].encode()), part)
    if name.startswith("."):
        name = f"%2e{name[1:]}"
    if len(name) > _LONGEST:
        name = f"{name[: _LONGEST - 9]}-{_sha256(part.encode())[:8]}"
    return name or "%"


def _with(base: Path, suffix: str) -> Path:
    return base.with_name(base.name + suffix)


def _aside(base: Path, key: str) -> Path:
    return _with(base, f".{key[:_ASIDE]}")


def _read(base: Path) -> Written | None:
    path = _with(base, ".json")
    try:
        return parse(path.read_bytes())
    except FileNotFoundError:
        return None
    except OSError as e:
        raise _unreadable(path, e) from None
    except ValueError as e:
        raise StoreError(
            f"{path}: {e}; bring back the file as it was (git checkout), or delete it to have the "
            "sample asked for again"
        ) from None


def _stored(base: Path, written: Written) -> Stored:
    path = _with(base, ".py")
    try:
        source = path.read_bytes().replace(b"\r\n", b"\n")
        code = source.decode()
    except FileNotFoundError:
        raise StoreError(
            f"{path} is missing, though {base.name}.json is there; bring it back (git checkout), "
            f"or delete {base.name}.json too to have the sample asked for again"
        ) from None
    except OSError as e:
        raise _unreadable(path, e) from None
    except UnicodeDecodeError as e:
        raise StoreError(f"{path}: it is not UTF-8 ({e}); save it as UTF-8") from None
    edited = _sha256(source) != written.sha256
    note = "; ".join(filter(None, (written.note, "edited by hand" if edited else "")))
    return Stored(written.key, path, code, edited, written.generation, note)


def _extracted(question: Question, generation: Generation, extract: Extract) -> tuple[str, str]:
    try:
        return extract(question, generation.text), ""
    except GenerationError as e:
        return "", e.message
    except Exception as e:  # noqa: BLE001 - the answer is paid for: it is kept whatever befalls here
        return "", f"its code could not be taken out of it ({type(e).__name__}: {e})"


def _python(code: str) -> bytes:
    text = code.replace("\r\n", "\n").rstrip()
    return (f"{text}\n" if text else "").encode(errors="replace")


def _write(base: Path, source: bytes, content: bytes) -> None:
    python, answer = _with(base, ".py"), _with(base, ".json")
    sweep(python)
    sweep(answer)
    temporary: list[Path] = []
    try:
        temporary.append(staged(python, source, durable=True))
        temporary.append(staged(answer, content, durable=True))
        _keep_old(base, source)
        temporary[0].replace(python)
        temporary[1].replace(answer)
    except BaseException:
        for path in temporary:
            path.unlink(missing_ok=True)
        raise


def _keep_old(base: Path, source: bytes) -> None:
    python, answer = _with(base, ".py"), _with(base, ".json")
    written = _read(base)
    if written is not None:
        # The code first and as a copy: at no moment is there an answer without its code.
        aside = _aside(base, written.key)
        kept = _with(aside, ".py")
        sweep(kept)
        with suppress(FileNotFoundError):
            staged(kept, python.read_bytes(), durable=True).replace(kept)
        answer.replace(_with(aside, ".json"))
    elif python.exists():
        # Of a killed process, or somebody's own work: who knows.
        found = python.read_bytes()
        others = (path.read_bytes() for path in python.parent.glob(f"{base.name}.*.py"))
        if found != source and found not in others:
            python.replace(_with(base, f".found-{_sha256(found)[:_ASIDE]}.py"))


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _unreadable(path: Path, error: OSError) -> StoreError:
    return StoreError(
        f"{path} cannot be read ({error.strerror}); every part of the path must be a folder that "
        "you may read, or choose another folder for the answers"
    )


def unwritable(folder: Path, error: OSError) -> StoreError:
    """What to say of a folder that could not be written."""
    if error.errno in {errno.ENOSPC, errno.EDQUOT}:
        return StoreError(
            f"{folder}: no room is left on the disk ({error.strerror}); make room and run again, "
            "the answers so far are kept"
        )
    return StoreError(
        f"{folder} cannot be written ({error.strerror}); let this user write there, or choose "
        "another folder for the answers"
    )
