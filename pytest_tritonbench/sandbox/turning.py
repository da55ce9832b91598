"""Fresh inputs at the price of a copy: the same elements in another order, by a secret number.

The values keep their distribution, and no two calls of a measurement have the same inputs.
"""

import torch

LARGEST_SHUFFLED = 1 << 14
"""Elements up to which a tensor is shuffled. It has too few places to be turned by, and a longer
one would take longer to shuffle than to time."""

_copy = torch.Tensor.copy_
_randperm = torch.randperm
_Generator = torch.Generator


def turn(target: torch.Tensor, source: torch.Tensor, number: int) -> None:
    """Copy a tensor in another order: shuffled, or its last elements first where it is long.

    Args:
        target: one-dimensional; what is written.
        source: as long as `target`, and elsewhere.
        number: says in which order, the same one everywhere; from 0 to 2**63 - 1.
    """
    count = source.numel()
    if count <= LARGEST_SHUFFLED:
        order = _randperm(count, generator=_Generator().manual_seed(number))
        _copy(target, source[order.to(source.device)])
        return
    places = number % count
    _copy(target[places:], source[: count - places])
    _copy(target[:places], source[count - places :])
