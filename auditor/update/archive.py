"""A tar that can be written in one way only, so that nothing in it can hide from its reader.

Plain files of mode 0644, owner 0, time 0, in ascending order of their names, in ustar headers, two empty blocks at the
end and nothing behind them. The reader writes each header again and compares: a link, a device, a long name, an odd
mode or a byte in the padding is a difference. `tar xf` reads it.
"""

from __future__ import annotations

import re
import tarfile
from typing import TYPE_CHECKING

from auditor.common.errors import UsageError
from auditor.common.limits import MAX_PACK_FILE, MAX_PACK_FILES

if TYPE_CHECKING:
    from collections.abc import Mapping

_BLOCK = 512
_END = bytes(2 * _BLOCK)
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*(/[A-Za-z0-9][A-Za-z0-9_.-]*){0,4}", re.ASCII)
_LONGEST_NAME = 100  # bytes of ustar's field; longer names need extensions that this reader refuses
_SIZE = re.compile(rb"[0-7]{11}\0")
_KINDS = {b"1": "a hard link", b"2": "a symbolic link", b"3": "a device", b"4": "a device", b"5": "a folder",
          b"6": "a pipe", b"x": "an extended header", b"g": "an extended header", b"L": "a long name"}  # fmt: skip


def name_problem(name: str) -> str | None:
    """Return what is wrong with the name of a member, or None: relative, plain characters, no hidden part, not long."""
    if len(name) > _LONGEST_NAME:
        return f"its name is longer than {_LONGEST_NAME} characters"
    if not _NAME.fullmatch(name):
        return "its name is absolute, climbs out, is hidden, too deep or has odd characters"
    return None


def write(members: Mapping[str, bytes]) -> bytes:
    """Return the archive of some files, name to content: the same bytes for the same input.

    Raises:
        UsageError: a name or a size that the reader would refuse.
    """
    parts: list[bytes] = []
    for name in sorted(members):
        problem = name_problem(name) or _size_problem(len(members[name]))
        if problem:
            raise UsageError(f"{name!r} cannot be packed: {problem}")
        parts += [_header(name, len(members[name])), members[name], bytes(-len(members[name]) % _BLOCK)]
    if len(members) > MAX_PACK_FILES:
        raise UsageError(f"{len(members)} files cannot be packed: {MAX_PACK_FILES} at most")
    return b"".join([*parts, _END])


def read(data: bytes) -> dict[str, bytes]:
    """Return the files of an archive that `write` made.

    Raises:
        UsageError: anything else.
    """
    found: dict[str, bytes] = {}
    last, position = "", 0
    while data[position : position + _BLOCK] != bytes(_BLOCK):
        block = data[position : position + _BLOCK]
        number = len(found) + 1
        if len(block) < _BLOCK:
            raise UsageError("it ends in the middle: truncated")
        if number > MAX_PACK_FILES:
            raise UsageError(f"it holds more than {MAX_PACK_FILES} files")
        name, size = _member(block, number)
        if name <= last or any(part in found for part in _parents(name)):
            raise UsageError(f"entry {number} ({name}) is out of order or there twice")
        end = position + _BLOCK + size
        following = end + -size % _BLOCK
        if following > len(data) or any(data[end:following]):
            raise UsageError(f"entry {number} ({name}) is truncated or badly padded")
        found[name] = data[position + _BLOCK : end]
        last, position = name, following
    if data[position:] != _END:
        raise UsageError("it does not end where its last file ends: truncated, or something was put behind it")
    return found


def _member(block: bytes, number: int) -> tuple[str, int]:
    kind = _KINDS.get(block[156:157])
    if kind:
        raise UsageError(f"entry {number} is {kind}; only plain files are taken")
    name = block[:_LONGEST_NAME].rstrip(b"\0").decode("ascii", "replace")
    problem = name_problem(name)
    if problem:
        raise UsageError(f"entry {number} is refused: {problem}")
    field = block[124:136]
    if not _SIZE.fullmatch(field):
        raise UsageError(f"entry {number} ({name}) has no readable size")
    size = int(field[:11], 8)
    problem = _size_problem(size)
    if problem:
        raise UsageError(f"entry {number} ({name}): {problem}")
    if block != _header(name, size):
        raise UsageError(f"entry {number} ({name}) is no plain file as `auditor fingerprints pack` writes it")
    return name, size


def _size_problem(size: int) -> str | None:
    return f"{size} bytes, more than {MAX_PACK_FILE}" if size > MAX_PACK_FILE else None


def _header(name: str, size: int) -> bytes:
    info = tarfile.TarInfo(name)
    info.size, info.mode = size, 0o644
    return info.tobuf(tarfile.USTAR_FORMAT, "ascii", "strict")


def _parents(name: str) -> list[str]:
    parts = name.split("/")
    return ["/".join(parts[:depth]) for depth in range(1, len(parts))]
