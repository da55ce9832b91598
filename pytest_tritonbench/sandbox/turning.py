"""Fresh inputs at the price of a copy: the same elements, turned by a secret number of places.

The values keep their distribution, and no two calls of a measurement have the same inputs.
"""

import torch

_copy = torch.Tensor.copy_


def turn(target: torch.Tensor, source: torch.Tensor, places: int) -> None:
    """Copy a tensor and turn it: its last `places` elements come first.

    Args:
        target: one-dimensional; what is written.
        source: as long as `target`, and elsewhere.
        places: any whole number; it counts modulo the length.
    """
    count = source.numel()
    places %= max(1, count)
    _copy(target[places:], source[: count - places])
    _copy(target[:places], source[count - places :])
