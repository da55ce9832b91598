"""What a prompt may know of a task, and nothing else.

The reference's source, the pinned cases, the sweep, the seeds and the judge's rule have no field
here, so that no template can show them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Target:
    """What the kernel is written for."""

    arch: str
    """``sm_90``, ``gfx942``."""

    triton: str
    """Version of Triton."""

    gpu: str | None = None
    """The device's name; ``None`` where the kernel is compiled for the architecture alone."""

    torch: str | None = None
    """Version of PyTorch."""

    def __str__(self) -> str:
        device = self.arch if self.gpu is None else f"{self.gpu} ({self.arch})"
        versions = f"Triton {self.triton}"
        return f"{device}, {versions}" + (f", PyTorch {self.torch}" if self.torch else "")


@dataclass(frozen=True)
class Argument:
    """One parameter of the entry point."""

    name: str
    kind: str
    """``tensor`` or ``scalar``."""

    values: str
    """In words: the dtype and range of a tensor's elements, or what a scalar may be."""

    shape: str = ""
    """``(m, 2*n)``; empty for a scalar, and where only the docstring says it."""

    layouts: str = ""
    """Memory layouts that must work, in words; empty for a scalar."""

    optional: bool = False
    """It may be ``None``."""

    broadcast: bool = False
    """Any of its dims may have extent 1 instead."""

    mutated: bool = False
    """It is changed in place."""

    differentiable: bool = False
    """A gradient must flow back to it."""

    @property
    def words(self) -> str:
        """All of it in one line."""
        parts = [f"{self.kind} {self.shape}".rstrip(), self.values]
        parts += [self.layouts] if self.layouts else []
        parts += ["each dim may be 1 and broadcasts"] if self.broadcast else []
        parts += ["may be None"] if self.optional else []
        parts += ["changed in place"] if self.mutated else []
        parts += ["needs a gradient"] if self.differentiable else []
        return "; ".join(parts)


@dataclass(frozen=True)
class Subject:
    """A task as a prompt sees it."""

    name: str
    target: Target
    entry: str | None
    """The function that is wanted; ``None`` where a suite's test names none."""

    signature: str
    """How the entry point is defined, without its body; for a suite's task also whatever else its
    test uses, one after the other."""

    doc: str
    """What it computes: the docstring, or a suite's longer instruction."""

    brief: str
    """The same in short: a suite's shorter instruction, otherwise the docstring."""

    suite: str | None = None
    requires: tuple[str, ...] = ()
    """Every name that an answer must define."""

    arguments: tuple[Argument, ...] = ()
    """Empty for a suite's task, whose instruction says it in words."""

    dtypes: tuple[str, ...] = ()
    """The dtypes that tensors without one of their own may have, one at a time."""

    dims: Mapping[str, str] = field(default_factory=dict)
    """Limits by dim, in words."""

    constraints: tuple[str, ...] = ()
    """What holds between dims and scalars, and which special values occur."""

    published: Mapping[str, str] = field(default_factory=dict)
    """A suite's own prompts, word for word: ``comp`` and ``simp``, where its files are there."""

    @property
    def mutates(self) -> tuple[str, ...]:
        """Arguments that are changed in place."""
        return tuple(a.name for a in self.arguments if a.mutated)

    @property
    def gradients(self) -> tuple[str, ...]:
        """Arguments that need a gradient."""
        return tuple(a.name for a in self.arguments if a.differentiable)

    @property
    def question(self) -> str:
        """All words about it: what examples are searched with."""
        return f"{self.name}\n{self.signature}\n{self.doc}"
