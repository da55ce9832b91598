"""Registers and spills of a compiled kernel, read from its binary without a GPU.

NVIDIA: the cubin is an ELF file whose section ``.nv.info`` holds attributes of the kernel, among
them the registers of a thread and its stack frame in bytes (what ``cuobjdump -res-usage`` prints).
A Triton kernel has no local arrays, so its frame is what was spilled, and Triton counts spills as
frame bytes / 4.
AMD: the metadata note of the code object is MessagePack (LLVM AMDGPU usage, code object v4).
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

_FRAME_SIZE = 0x11
_REGISTERS = 0x2F
_WITH_PAYLOAD = 0x04
_NO_DATA_SECTION = 8


@dataclass(frozen=True)
class Resources:
    """What one thread of a kernel uses."""

    registers: int | None
    """32-bit registers; ``None`` when the binary does not say."""
    spills: int | None
    """32-bit words spilled to local memory, as Triton's ``n_spills``."""


def of_binary(binary: bytes) -> Resources:
    """Return the resources of a cubin or an AMD code object with one kernel.

    Args:
        binary: An ELF file as Triton's compiler makes it.
    """
    if b".vgpr_count" in binary:
        return Resources(_integer(binary, b".vgpr_count"), _integer(binary, b".vgpr_spill_count"))
    found = _attributes(_section(binary, ".nv.info"))
    frame = found.get(_FRAME_SIZE)
    return Resources(found.get(_REGISTERS), None if frame is None else frame // 4)


def _section(elf: bytes, wanted: str) -> bytes:
    if elf[:5] != b"\x7fELF\x02":
        return b""
    (table,) = struct.unpack_from("<Q", elf, 40)
    size, count, names_index = struct.unpack_from("<HHH", elf, 58)
    headers = [struct.unpack_from("<IIQQQQIIQQ", elf, table + i * size) for i in range(count)]
    names = headers[names_index][4]
    for name, kind, _, _, offset, length, *_ in headers:
        start = names + name
        if kind != _NO_DATA_SECTION and elf[start : elf.index(b"\0", start)].decode() == wanted:
            return elf[offset : offset + length]
    return b""


def _attributes(info: bytes) -> dict[int, int]:
    """Return the largest value of each attribute that belongs to a function."""
    found: dict[int, int] = {}
    position = 0
    while position + 4 <= len(info):
        form, attribute, size = struct.unpack_from("<BBH", info, position)
        position += 4
        if form != _WITH_PAYLOAD:
            continue
        if attribute in (_FRAME_SIZE, _REGISTERS) and size == 8:
            _, value = struct.unpack_from("<II", info, position)
            found[attribute] = max(found.get(attribute, 0), value)
        position += size
    return found


def _integer(note: bytes, key: bytes) -> int | None:
    # The key is a string of its own, so it is preceded by its length: ".vgpr_count" must not be
    # found in ".agpr_count" or in a longer name.
    start = note.find(bytes([0xA0 | len(key)]) + key)
    if start < 0:
        return None
    value = note[start + 1 + len(key) :]
    if value[0] < 0x80:
        return value[0]
    widths = {0xCC: ">B", 0xCD: ">H", 0xCE: ">I"}
    form = widths.get(value[0])
    return None if form is None else int(struct.unpack_from(form, value, 1)[0])
