"""Compiled modules without what only debuggers read: the tables and symbols after the last part that is loaded, a fifth of the whole artifact."""

from __future__ import annotations

import struct
from pathlib import Path

_MAGIC = b"\x7fELF\x02\x01"  # 64 bits, little-endian
_HEADER = 64
_PHOFF, _SHOFF, _PHENTSIZE, _SHENTSIZE = 32, 40, 54, 58  # where the header says where the two tables are and how large their entries are
_OFFSET, _FILE_SIZE = 8, 32  # in a program header


def stripped(content: bytes) -> bytes:
    """A shared object up to the end of what its program headers name, which is all that a loader reads. Other files come back as they are."""
    if not content.startswith(_MAGIC):
        return content
    (table,) = struct.unpack_from("<Q", content, _PHOFF)
    size, count = struct.unpack_from("<HH", content, _PHENTSIZE)
    end = max(_HEADER, table + size * count)
    for at in range(table, table + size * count, size):
        (offset,), (length,) = struct.unpack_from("<Q", content, at + _OFFSET), struct.unpack_from("<Q", content, at + _FILE_SIZE)
        end = max(end, offset + length)
    if end >= len(content):
        return content
    kept = bytearray(content[:end])
    struct.pack_into("<Q", kept, _SHOFF, 0)  # the section table is gone, and the header says so
    struct.pack_into("<HHH", kept, _SHENTSIZE, 0, 0, 0)
    return bytes(kept)


def strip(folder: Path) -> int:
    """Strip every shared object below the folder; returns how many bytes that saved."""
    saved = 0
    for path in sorted(folder.rglob("*")):
        if path.is_file() and ".so" in path.suffixes:
            content = path.read_bytes()
            small = stripped(content)
            if len(small) < len(content):
                path.write_bytes(small)
                saved += len(content) - len(small)
    return saved
