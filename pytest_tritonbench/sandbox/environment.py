"""What a process of the sandbox sees of the environment."""

from __future__ import annotations

from collections.abc import Mapping

from .devices import Gpu

_KEPT = (
    *("PATH", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "CC", "CXX", "TZ", "TMPDIR", "VIRTUAL_ENV"),
    *("CUDA_HOME", "CUDA_PATH", "CUDA_VISIBLE_DEVICES", "CUDA_DEVICE_ORDER", "ROCM_PATH"),
    *("HIP_VISIBLE_DEVICES", "ROCR_VISIBLE_DEVICES", "NVIDIA_VISIBLE_DEVICES"),
    *("NVIDIA_DRIVER_CAPABILITIES", "TRITON_PTXAS_PATH", "TRITON_LIBCUDA_PATH"),
    "CUDA_DEVICE_MAX_CONNECTIONS",
    *("SYSTEMROOT", "PYTHONPATH", "PYTHONHOME", "PYTHONNOUSERSITE"),
)
"""Variables a worker may see; everything else of the environment stays here."""


def environment(outer: Mapping[str, str], device: str | Gpu) -> dict[str, str]:
    """The environment of every process of the sandbox: an allow-list, and what they need.

    Args:
        outer: the parent's environment.
        device: as for `Sandbox`; an index counts within the parent's `CUDA_VISIBLE_DEVICES`.
    """
    kept = {name: outer[name] for name in _KEPT if name in outer}
    for name in ("OMP", "OPENBLAS", "MKL", "NUMEXPR"):
        kept[f"{name}_NUM_THREADS"] = "1"
    kept["PYTORCH_NVML_BASED_CUDA_CHECK"] = "1"
    kept["PYTHONDONTWRITEBYTECODE"] = "1"
    if isinstance(device, Gpu):
        return {**kept, **device.variables}
    kind, _, which = device.partition(":")
    if kind == "cuda" and which:
        visible = [name.strip() for name in outer.get("CUDA_VISIBLE_DEVICES", "").split(",")]
        inside = which.isdigit() and int(which) < len(visible) and visible[int(which)]
        kept["CUDA_VISIBLE_DEVICES"] = inside or which
    elif kind == "cpu":
        kept |= {"CUDA_VISIBLE_DEVICES": "", "ROCR_VISIBLE_DEVICES": ""}
        # HIP takes an empty list for none at all, and would show every GPU.
        kept["HIP_VISIBLE_DEVICES"] = "-1"
    return kept
