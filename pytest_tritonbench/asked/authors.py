"""The authors of candidates: models, each once for every sample."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from pytest_tritonbench.candidate.model.endpoints import EndpointError, read_table, resolve_all
from pytest_tritonbench.candidate.model.question import Endpoint
from pytest_tritonbench.model_options import Asking


@dataclass(frozen=True)
class Author:
    """One answer of one model to every task."""

    endpoint: Endpoint
    sample: int
    """Number of the answer, from 0."""

    @property
    def id(self) -> str:
        """How it is named in a node id: ``claude-0``."""
        return f"{self.endpoint.name}-{self.sample}"


def authors_of(asking: Asking, root: Path) -> tuple[Author, ...]:
    """Who writes candidates.

    Args:
        asking: What was asked for.
        root: Folder whose ``pyproject.toml`` may extend the table of endpoints.

    Raises:
        pytest.UsageError: If there is no such model, or the table is not well formed.
    """
    try:
        endpoints = resolve_all(asking.models, read_table(_models(root / "pyproject.toml")))
    except EndpointError as e:
        raise pytest.UsageError(str(e)) from None
    return tuple(Author(e, sample) for e in endpoints for sample in range(asking.samples))


def _models(path: Path) -> Any:
    """The user's own part of the table; ``None`` where there is none."""
    try:
        with path.open("rb") as file:
            return tomllib.load(file).get("tool", {}).get("tritonbench", {}).get("models")
    except FileNotFoundError:
        return None
    except (OSError, tomllib.TOMLDecodeError) as e:
        raise pytest.UsageError(
            f"--tb-model: {path} cannot be read for [tool.tritonbench.models]: {e}"
        ) from None
