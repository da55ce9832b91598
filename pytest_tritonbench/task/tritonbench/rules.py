"""Special rules of imported tasks: which leaf is judged by what, read from ``rules.json``.

The file is data. A rule names its kind, the part of the evidence that it is about and the kind's
options; what a kind means is code of the judge.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

_FILE = Path(__file__).with_name("rules.json")

# Kind -> (options it must have, options it may have). Every rule of a call may say `on`.
CALL_KINDS: Mapping[str, tuple[frozenset[str], frozenset[str]]] = {
    "svd": (frozenset({"signature"}), frozenset()),
    "eig": (frozenset({"signature"}), frozenset()),
    "qr": (frozenset({"signature"}), frozenset()),
    "lu": (frozenset({"signature"}), frozenset()),
    "ldl": (frozenset({"signature"}), frozenset()),
    "index": (frozenset({"signature", "of"}), frozenset()),
    "dropout": (frozenset({"signature", "value"}), frozenset({"p", "rows", "tf32"})),
    "uniform": (frozenset({"signature", "low", "high"}), frozenset()),
    "binomial": (frozenset({"signature", "count", "probability"}), frozenset()),
    "window": (frozenset({"signature", "of"}), frozenset()),
}
"""Kinds that judge a part of every recorded call by its arguments."""

LEAF_KINDS: Mapping[str, tuple[frozenset[str], frozenset[str]]] = {
    "ignore": (frozenset({"leaf", "why"}), frozenset()),
    "text": (frozenset({"leaf", "why"}), frozenset()),
    "keys": (frozenset({"leaf", "keys", "why"}), frozenset()),
    "may_change": (frozenset({"leaf", "why"}), frozenset()),
    "steps": (frozenset({"leaf", "within", "share", "why"}), frozenset()),
    "yardstick": (frozenset({"leaf", "times", "why"}), frozenset()),
    "tf32": (frozenset({"why"}), frozenset()),
    "vacuous": (frozenset({"why"}), frozenset()),
    "not_fuzzed": (frozenset({"why"}), frozenset()),
}
"""Kinds that say how leaves are compared; ``leaf`` is a path with ``*`` for anything."""


class RuleError(ValueError):
    """A rule that the judge does not have, or one that lacks what it needs."""


@dataclass(frozen=True)
class Rule:
    """One special rule."""

    kind: str
    """What it does; a key of :data:`CALL_KINDS` or :data:`LEAF_KINDS`."""

    options: Mapping[str, Any] = field(default_factory=dict)

    @property
    def on(self) -> str:
        """The part of each call that a rule of a call judges: ``result``, ``changed[0]``."""
        return str(self.options.get("on", "result"))

    def covers(self, path: str) -> bool:
        """Whether a rule of leaves is about the leaf at a path."""
        return bool(_pattern(str(self.options.get("leaf", ""))).fullmatch(path))


@dataclass(frozen=True)
class Rules:
    """The special rules of one task."""

    rules: tuple[Rule, ...] = ()

    @property
    def needs_arguments(self) -> bool:
        """Whether they need the arguments of every recorded call."""
        return bool(self.of_calls)

    @property
    def of_calls(self) -> tuple[Rule, ...]:
        """The rules that judge a part of every recorded call."""
        return tuple(rule for rule in self.rules if rule.kind in CALL_KINDS)

    def of(self, kind: str) -> tuple[Rule, ...]:
        """The rules of one kind."""
        return tuple(rule for rule in self.rules if rule.kind == kind)

    def covering(self, kind: str, path: str) -> Rule | None:
        """The first rule of a kind that is about the leaf at a path."""
        return next((rule for rule in self.of(kind) if rule.covers(path)), None)


def rules_of(channel: str, task: str) -> Rules:
    """The special rules of a published task; most have none.

    Args:
        channel: ``G`` or ``T``.
        task: The stem of its file.
    """
    return _table().get(f"{channel}/{task}", Rules())


def read_rules(text: str, origin: str) -> dict[str, Rules]:
    """Rules by ``CHANNEL/TASK``.

    Args:
        text: JSON: ``{"rules": [{"tasks": ["T/svd"], "kind": "svd", ...}]}``.
        origin: What the text is called in messages.

    Raises:
        RuleError: A kind is unknown, or an option is missing or unknown.
    """
    found: dict[str, list[Rule]] = {}
    for number, entry in enumerate(json.loads(text)["rules"], start=1):
        where = f"{origin}: rule {number}"
        options = dict(entry)
        tasks, kind = options.pop("tasks", None), options.pop("kind", None)
        if not tasks:
            raise RuleError(f"{where} names no tasks")
        _check(where, kind, set(options))
        for task in tasks:
            found.setdefault(task, []).append(Rule(kind, options))
    return {task: Rules(tuple(rules)) for task, rules in found.items()}


def _check(where: str, kind: Any, options: set[str]) -> None:
    known = {**CALL_KINDS, **LEAF_KINDS}
    if kind not in known:
        raise RuleError(f"{where} is of kind {kind!r}; there are {', '.join(sorted(known))}")
    needed, further = known[kind]
    allowed = needed | further | ({"on", "why"} if kind in CALL_KINDS else set())
    if missing := needed - options:
        raise RuleError(f"{where} ({kind}) lacks {', '.join(sorted(missing))}")
    if unknown := options - allowed:
        raise RuleError(f"{where} ({kind}) has no option {', '.join(sorted(unknown))}")


@cache
def _table() -> dict[str, Rules]:
    return read_rules(_FILE.read_text(encoding="utf-8"), _FILE.name)


@cache
def _pattern(leaf: str) -> re.Pattern[str]:
    return re.compile(".*".join(map(re.escape, leaf.split("*"))))
