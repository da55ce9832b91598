"""Kernel files: read as they are, or refused with the reason and the place."""

import hashlib
from pathlib import Path

import pytest

from pytest_tritonbench.candidate.files import (
    NoKernelError,
    UnreadableKernelError,
    kernel_file,
)


def test_a_kernel_file_is_read(tmp_path: Path) -> None:
    """Text, the name to show, the entry point, and the digest of the bytes."""
    (tmp_path / "kernels").mkdir()
    raw = "# \u00e9\ndef add(): ...\n".encode()
    (tmp_path / "kernels/add.py").write_bytes(raw)
    found = kernel_file(tmp_path / "kernels", "add", tmp_path)
    assert (found.text, found.name, found.entry) == (raw.decode(), "kernels/add.py", "add")
    assert found.digest == hashlib.sha256(raw).hexdigest()


def test_a_folder_elsewhere_is_shown_in_full(tmp_path: Path) -> None:
    """A kernel outside the root folder has an absolute name."""
    (tmp_path / "add.py").write_text("")
    found = kernel_file(tmp_path, "add", tmp_path / "root")
    assert found.name == str(tmp_path / "add.py")


def test_a_missing_file_is_told_apart(tmp_path: Path) -> None:
    """No kernel yet is no failure of a kernel."""
    with pytest.raises(NoKernelError, match=r"no kernel file add\.py for the task 'add'"):
        kernel_file(tmp_path, "add", tmp_path)


def test_another_encoding_is_told_with_its_line(tmp_path: Path) -> None:
    """The line of the first byte that is not UTF-8."""
    (tmp_path / "add.py").write_bytes(b"one\ntwo\ncaf\xe9\n")
    with pytest.raises(UnreadableKernelError, match=r"add\.py:3: not UTF-8 .*save the kernel file"):
        kernel_file(tmp_path, "add", tmp_path)


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    """A folder of that name cannot be read, and the system says why."""
    (tmp_path / "add.py").mkdir()
    with pytest.raises(UnreadableKernelError, match="cannot read the kernel file: Is a directory"):
        kernel_file(tmp_path, "add", tmp_path)
