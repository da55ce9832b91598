"""GPUs that are not here: a package of NVML that a repository brings along."""

from pathlib import Path

from tests.unit.sandbox import nvml

# Python hands out what stands in sys.modules once a module has run.
INSTALLED = """

import sys

sys.modules["pynvml"] = Nvml({chips})
"""


def install(path: Path, *gpus: str | tuple[str, ...]) -> None:
    """Put GPUs into a repository.

    Args:
        path: The repository; pytester has Python look there first, in every process.
        gpus: Their UUIDs; for one in parts, the UUIDs of its instances.
    """
    chips = ", ".join(_chip(number, gpu) for number, gpu in enumerate(gpus))
    text = Path(nvml.__file__).read_text(encoding="utf-8") + INSTALLED.format(chips=chips)
    (path / "pynvml.py").write_text(text, encoding="utf-8")


def _chip(number: int, gpu: str | tuple[str, ...]) -> str:
    if isinstance(gpu, str):
        return f"Chip({gpu!r})"
    parts = ", ".join(f"Chip({part!r}, 'NVIDIA H200 MIG 3g.71gb')" for part in gpu)
    return f"Chip('GPU-{number:04}', instances=[{parts}])"
