"""What pytest-benchmark's machine info says of GPUs, and whether two of them may be compared."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    # The sandbox comes with it, which a run without kernels does not need.
    from pytest_tritonbench.sandbox.devices import Gpu

KEY = "gpu"
CPU = "none"


class OtherGpuError(ValueError):
    """Timings of different models of GPU were to be put together; the message says which."""


def describe(gpus: Sequence[Gpu], versions: Mapping[str, str | None]) -> dict[str, Any]:
    """What is added to the machine info.

    Args:
        gpus: Those that the run uses.
        versions: Of ``torch``, ``triton``, ``cuda`` and the like.

    Returns:
        ``gpu``: the model's name, several by commas, ``none`` without a GPU; ``driver``; and the
        versions.
    """
    names = sorted({gpu.name for gpu in gpus})
    driver = gpus[0].driver if gpus else None
    return {KEY: ", ".join(names) or CPU, "driver": driver, **versions}


def model(machine_info: Mapping[str, Any]) -> str | None:
    """The model of GPU of saved results; ``None`` where they do not say, as without this plugin."""
    found = machine_info.get(KEY)
    return found if isinstance(found, str) else None


def refuse_others(now: Mapping[str, Any], then: Mapping[str, Any], source: str, flag: str) -> None:
    """Refuse to put timings of different models together.

    Args:
        now: Machine info.
        then: Other machine info.
        source: Where the other is from, for the message.
        flag: The option that allows it.

    Raises:
        OtherGpuError: If both name a model of GPU and it is not the same.
    """
    one, other = model(now), model(then)
    if one is not None and other is not None and one != other:
        raise OtherGpuError(
            f"{source} was measured on {_shown(other)}, and this is {_shown(one)}: such times are "
            f"not to be compared; choose results of the same model, or give {flag}"
        )


def _shown(name: str) -> str:
    return "no GPU" if name == CPU else name
