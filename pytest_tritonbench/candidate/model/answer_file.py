"""The JSON beside a stored answer: everything that was asked and everything that came back."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from pytest_tritonbench.candidate.model.question import Generation, Question, Usage

_FORMAT = 1


@dataclass(frozen=True)
class Written:
    """A JSON file of the store, read."""

    key: str
    sha256: str
    """Of the code as it was written, in hex."""

    generation: Generation
    note: str
    asked: Mapping[str, Any]
    """``model``, ``base_url``, ``extra``, ``messages`` and ``sampling`` as they were asked."""


def render(question: Question, generation: Generation, sha256: str, note: str) -> bytes:
    """The file's content: sorted keys, one line a field, a newline at the end.

    Args:
        question: What was asked.
        generation: What came back.
        sha256: Of the code as it is written, in hex.
        note: What taking the code out of the answer had to say.
    """
    content = {
        "format": _FORMAT,
        "key": question.key,
        "prompt_hash": question.prompt_hash,
        "suite": question.suite,
        "task": question.task,
        "sample": question.sample,
        "attempt": question.attempt,
        "endpoint": question.endpoint.name,
        **_asked(question),
        **asdict(generation),
        "sha256": sha256,
        "note": note,
    }
    text = json.dumps(content, indent=2, sort_keys=True, ensure_ascii=False) + "\n"
    try:
        return text.encode()
    except UnicodeEncodeError:
        # Half of a surrogate pair, as a stream that was cut leaves it: only escapes can hold it.
        return (json.dumps(content, indent=2, sort_keys=True) + "\n").encode()


def parse(data: bytes) -> Written:
    """Read a file's content.

    Raises:
        ValueError: If it is not what ``render`` writes; says what is wrong.
    """
    try:
        content = json.loads(data)
    except ValueError as e:
        raise ValueError(f"it is no JSON ({e})") from None
    if not isinstance(content, dict):
        raise ValueError("it holds no JSON object")
    if content.get("format") != _FORMAT:
        raise ValueError(f"its format is {content.get('format')!r}, not {_FORMAT}")
    for name in ("key", "sha256", "text", "finish_reason"):
        if not isinstance(content.get(name), str):
            raise ValueError(f"its {name!r} is missing or no text")
    usage = content.get("usage")
    if not isinstance(usage, dict):
        raise ValueError("its 'usage' is missing or no object")
    known = {f.name: content[f.name] for f in fields(Generation) if f.name in content}
    known["usage"] = Usage(**{f.name: usage.get(f.name) for f in fields(Usage)})
    asked = {name: content.get(name) for name in _ASKED}
    return Written(
        content["key"],
        content["sha256"],
        Generation(**known),
        str(content.get("note") or ""),
        asked,
    )


def differences(question: Question, written: Written) -> str:
    """What differs between a question and the one that was answered, for a message."""
    now = json.loads(json.dumps(_asked(question)))
    changed = [name for name in _ASKED if name != "sampling" and now[name] != written.asked[name]]
    before = written.asked["sampling"]
    before = before if isinstance(before, dict) else {}
    changed += [
        f"{name} {before.get(name)} -> {value}"
        for name, value in now["sampling"].items()
        if value != before.get(name)
    ]
    return ", ".join(changed) or "the sample's number or server's address"


_ASKED = ("base_url", "model", "extra", "messages", "sampling")


def _asked(question: Question) -> dict[str, Any]:
    return {
        "base_url": _public(question.endpoint.base_url),
        "model": question.endpoint.model,
        "extra": dict(question.endpoint.extra),
        "messages": [asdict(message) for message in question.messages],
        "sampling": asdict(question.sampling),
    }


def _public(url: str) -> str:
    # A user's name, a password or a key in an address stays out of a file that is shared.
    parts = urlsplit(url)
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))
