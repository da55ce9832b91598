"""Random generators of a process: seeded, kept and given back, without waking a GPU.

All functions used here were taken from torch before a candidate could change them.
"""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

Generator = torch.Generator
_manual_seed = torch.manual_seed
_initial_seed = torch.initial_seed
_get_cpu = torch.get_rng_state
_set_cpu = torch.set_rng_state
_is_initialized: Callable[[], bool] = torch.cuda.is_initialized
_get_cuda = torch.cuda.get_rng_state
_set_cuda = torch.cuda.set_rng_state
_seed_cuda = torch.cuda.manual_seed_all
_get_state = torch.Generator.get_state
_set_state = torch.Generator.set_state


def seed(value: int) -> None:
    """Seed torch (a GPU that is not awake gets its seed when it wakes), NumPy and Python."""
    _manual_seed(value)
    np.random.seed(value % (1 << 32))  # noqa: NPY002 - the generator that candidates use
    random.seed(value)


@dataclass(frozen=True)
class Saved:
    """Where every generator stood."""

    cpu: torch.Tensor
    cuda: torch.Tensor | None
    """`None` when no GPU was awake."""
    first: int
    """The seed that torch was given last."""
    numpy: Any
    python: Any
    passed: tuple[tuple[torch.Generator, torch.Tensor], ...]
    """Generators that a call was given, with their states."""


def save(passed: Sequence[torch.Generator] = ()) -> Saved:
    """Remember where the generators stand."""
    return Saved(
        cpu=_get_cpu(),
        cuda=_get_cuda() if _is_initialized() else None,
        first=_initial_seed(),
        numpy=np.random.get_state(),  # noqa: NPY002 - the generator that candidates use
        python=random.getstate(),
        passed=tuple((generator, _get_state(generator)) for generator in passed),
    )


def restore(saved: Saved) -> None:
    """Put the generators back to where they stood."""
    if saved.cuda is not None:
        _set_cuda(saved.cuda)
    elif _is_initialized():
        # It has been woken since: nobody had drawn from it.
        _seed_cuda(saved.first)
    else:
        _manual_seed(saved.first)
    _set_cpu(saved.cpu)
    np.random.set_state(saved.numpy)  # noqa: NPY002 - the generator that candidates use
    random.setstate(saved.python)
    for generator, state in saved.passed:
        _set_state(generator, state)
