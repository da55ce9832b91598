"""The root folder, where pytest takes the value of an option for a path of tests.

pytest looks for its root folder and its configuration before plugins have declared their options.
Of ``--tb-results /tmp/out`` it then knows the folder alone, and where that exists, begins above it:
another project's settings are read, or none, and kernels are looked for where there are none.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

_OURS = "--tb-"
_KERNELS = "kernels"
# File names in pytest's order, and what makes them a configuration of pytest.
_CONFIGURATIONS = {
    "pytest.toml": "",
    ".pytest.toml": "",
    "pytest.ini": "",
    ".pytest.ini": "",
    "pyproject.toml": "[tool.pytest",
    "tox.ini": "[pytest]",
    "setup.cfg": "[tool:pytest]",
}


def refuse_wrong_root(config: pytest.Config) -> None:
    """Refuse to run with another project's root folder because of an option's value.

    Args:
        config: After all options were read.

    Raises:
        pytest.UsageError: The message says how to write the option instead.
    """
    if config.option.rootdir or config.option.inifilename or hasattr(config, "workerinput"):
        return
    taken = list(_taken_for_paths(config))
    if not taken:
        return
    here = _common_folder(config)
    right = _configuration(here)
    if right is None:
        lost = here / _KERNELS
        found = lost.is_dir() and not (config.rootpath / _KERNELS).is_dir()
    else:
        lost, found = right, config.inipath != right
    if not found:
        return
    wanted = " ".join(f"{option}={value}" for option, value in taken)
    raise pytest.UsageError(
        f"pytest takes {' and '.join(value for _, value in taken)} for a path of tests: "
        f"{config.rootpath} is its root folder, and {lost} is not looked at; write {wanted}"
    )


def hand_on_root(config: pytest.Config) -> None:
    """Have workers of pytest-xdist begin where the controller began.

    They read the command line again, when folders may exist that did not before.
    """
    own = config.invocation_params
    more = [f"--rootdir={config.rootpath}"]
    if config.inipath is not None:
        more.append(f"--config-file={config.inipath}")
    config.invocation_params = pytest.Config.InvocationParams(
        args=(*own.args, *more), plugins=own.plugins, dir=own.dir
    )


def _taken_for_paths(config: pytest.Config) -> Iterator[tuple[str, str]]:
    """Our options with a value of its own that is a path that exists."""
    args = [str(arg) for arg in config.invocation_params.args]
    for option, value in itertools.pairwise(args):
        if not option.startswith(_OURS) or "=" in option or value.startswith("-"):
            continue
        if _exists(config.invocation_params.dir / value):
            yield option, value


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:
        return False


def _common_folder(config: pytest.Config) -> Path:
    """What the paths of tests have in common, or the folder that pytest was started in."""
    here = config.invocation_params.dir
    named: list[Any] = config.option.file_or_dir or []
    paths = [here / str(arg).partition("::")[0] for arg in named]
    paths = [path if path.is_dir() else path.parent for path in paths if _exists(path)]
    return Path(os.path.commonpath(paths)) if paths else here


def _configuration(folder: Path) -> Path | None:
    """The nearest configuration of pytest in a folder or above it."""
    for base in (folder, *folder.parents):
        for name, mark in _CONFIGURATIONS.items():
            path = base / name
            if path.is_file() and mark in path.read_text(encoding="utf-8", errors="replace"):
                return path
    return None
