"""What the pages show of a suite: plain numbers, ready to be laid out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Policy = Literal["published", "strict", ""]


@dataclass(frozen=True)
class Share:
    """``k`` of ``n``, with its 95 % Wilson interval."""

    k: int
    n: int
    low: float
    high: float

    @property
    def value(self) -> float:
        """The share itself, 0 to 1."""
        return self.k / self.n if self.n else 0.0


@dataclass(frozen=True)
class Cell:
    """One value of the leaderboard: a share on both denominators, or a number."""

    share: Share | None = None
    """Of all tasks of the suite, as published."""

    judgeable: Share | None = None
    """Of the tasks that can be judged."""

    number: float | None = None
    low: float | None = None
    """Lower end of the number's 95 % interval, where it has one."""

    high: float | None = None
    counted: int | None = None
    """How many tasks a number stands on."""

    form: Literal["percent", "times"] = "times"
    """What a number is."""

    @property
    def order(self) -> float | None:
        """What a column is sorted by; ``None`` comes last."""
        return self.number if self.share is None else self.share.value


@dataclass(frozen=True)
class Column:
    """One column of the leaderboard."""

    key: str
    heading: str
    policy: Policy
    meaning: str


@dataclass(frozen=True)
class Difference:
    """A published number beside ours."""

    model: str
    """As the paper names it."""

    answers: str
    """Name of the prediction file that we judged."""

    metric: str
    setting: str
    published: float
    ours: float | None
    """Under the policy ``published``."""

    strict: float | None
    unit: Literal["%", "x"] = "%"
    note: str = ""
    """Why the paper's number cannot be right, where it cannot."""

    @property
    def difference(self) -> float | None:
        """Ours minus the published number."""
        return None if self.ours is None else self.ours - self.published


@dataclass(frozen=True)
class Group:
    """The tasks of one difficulty or family, as one model answers them."""

    name: str
    published: Share | None
    strict: Share | None


@dataclass(frozen=True)
class Unjudged:
    """A task that cannot be judged."""

    task: str
    state: str
    reason: str


@dataclass(frozen=True)
class Errors:
    """How the answers of one model failed, by class and by type.

    The paper's classes come first; those behind them, of failures that it has no type for, are in
    ``untyped``.
    """

    model: str
    failed: int
    classes: Mapping[str, int]
    types: Mapping[str, Mapping[str, int]]
    """By class."""

    untyped: frozenset[str] = frozenset()
    paper: Mapping[str, float] = field(default_factory=dict)
    """The paper's percentages by class, where it has them for this model."""


@dataclass(frozen=True)
class Suite:
    """Everything that the pages show of one suite, beside the answers themselves."""

    name: str
    """Empty for the tasks of a repository itself."""

    tasks: int
    judgeable: int
    columns: tuple[Column, ...]
    rows: Mapping[str, Mapping[str, Cell]]
    """Cells by column, by model."""

    not_run: Mapping[str, int] = field(default_factory=dict)
    """How many tasks have no record, by model; they count as failures."""

    difficulty: Mapping[str, tuple[Group, ...]] = field(default_factory=dict)
    """By model."""

    family: Mapping[str, tuple[Group, ...]] = field(default_factory=dict)
    errors: tuple[Errors, ...] = ()
    differences: tuple[Difference, ...] = ()
    unjudged: tuple[Unjudged, ...] = ()

    @property
    def title(self) -> str:
        """The suite's name, or what to call tasks without one."""
        return self.name or "tasks of this repository"
