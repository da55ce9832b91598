"""A sample of a large tensor: whole rows, or blocks where rows are too long.

Timed cases are too large to be compared element by element in float64 on a CPU. What is compared
is chosen after the case was made and is never told to the candidate.
"""

from __future__ import annotations

import math
import os
from dataclasses import dataclass

import torch

LARGEST_WHOLE = 1 << 20
_SAMPLED = 1 << 19
_LONGEST_ROW = 1 << 16
_BLOCK = 1 << 12


@dataclass(frozen=True)
class Sample:
    """Which elements of a tensor were taken."""

    shape: tuple[int, ...]
    """Shape of the whole tensor."""

    starts: tuple[int, ...]
    """Flat index of the first element of each row or block that was taken."""

    length: int
    """Elements taken from each start on."""

    def take(self, tensor: torch.Tensor) -> torch.Tensor:
        """The sampled elements of a tensor of that shape, ``(starts, length)``."""
        starts = torch.tensor(self.starts, device=tensor.device)
        places = starts[:, None] + torch.arange(self.length, device=tensor.device)
        return tensor.reshape(-1)[places]

    def flat(self, place: int) -> int:
        """Flat index in the whole tensor of the sampled element number ``place``."""
        row, column = divmod(place, self.length)
        return self.starts[row] + column


class Sampler:
    """Chooses the same sample for every tensor of one shape.

    Args:
        nonce: Entropy of this request; drawn fresh if it is not given.
    """

    def __init__(self, nonce: int | None = None) -> None:
        self._nonce = int.from_bytes(os.urandom(7), "big") if nonce is None else nonce

    def choose(self, shape: tuple[int, ...]) -> Sample | None:
        """The sample for tensors of a shape; ``None`` where the whole tensor is compared."""
        count = math.prod(shape)
        if count <= LARGEST_WHOLE:
            return None
        rows = 1 < shape[-1] <= _LONGEST_ROW
        length = shape[-1] if rows else _BLOCK
        available = count // length
        g = torch.Generator().manual_seed(self._nonce + count)
        chosen = torch.randint(available, (max(1, _SAMPLED // length),), generator=g) * length
        # The first and the last tile are where kernels break.
        starts = sorted({0, count - length, *chosen.tolist()})
        return Sample(tuple(shape), tuple(starts), length)
