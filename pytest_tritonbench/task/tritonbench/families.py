"""The family of a TritonBench task: softmax, norm, matmul and so on."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path

_DATA = Path(__file__).with_name("families.json")


def family_of(channel: str, name: str) -> str | None:
    """Family of a task, as ``families.json`` has it.

    Args:
        channel: ``"G"`` or ``"T"``.
        name: Stem of the task's file.

    Returns:
        ``None`` for a task that is not one of the published 184 + 166.
    """
    return _families(channel).get(name)


@cache
def _families(channel: str) -> Mapping[str, str]:
    sorted_by_hand = json.loads(_DATA.read_text(encoding="utf-8")).get(channel, {})
    return {name: family for family, names in sorted_by_hand.items() for name in names}
