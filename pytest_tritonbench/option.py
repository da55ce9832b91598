"""One option: on the command line and in the ini file."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Option:
    """One option: ``--tb-NAME`` on the command line, ``tb_NAME`` in the ini file."""

    name: str
    metavar: str
    help: str
    parse: Callable[[str], Any]
    default: str | None
    many: bool = False
    """Whether it may be given several times; in the ini file one value a line."""

    switch: bool = False
    """Whether it is given without a value; in the ini file ``true`` or ``false``."""

    bare: str | None = None
    """What the option stands for where it is given without a value, if it may be."""

    @property
    def flag(self) -> str:
        """As it is written on the command line."""
        return f"--tb-{self.name}"

    @property
    def key(self) -> str:
        """As it is written in the ini file."""
        return f"tb_{self.name.replace('-', '_')}"
