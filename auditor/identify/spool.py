"""Fixed memory for input of any size: a sorter that spills to disk, and a set of keys that does.

Everything is kept in unnamed files of the system's temporary folder (`TMPDIR`): the system frees them when they are
closed or the process ends, however it ends.
"""

from __future__ import annotations

import os
import tempfile
from array import array
from bisect import bisect_left
from contextlib import ExitStack, contextmanager
from heapq import merge
from struct import Struct
from typing import IO, TYPE_CHECKING, Final, Self

from auditor.common.errors import StorageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

# A record: key, number, payload.
Record = tuple[bytes, int, bytes]

_HEAD = Struct(">16sQI")
KEY_BYTES: Final = 16
_IN_MEMORY = 8 * 1024 * 1024  # bytes of payload that are sorted at once
_RECORD_COST = 200  # bytes that Python adds to each record
_FAN = 24  # files of one size that are merged into one of the next: bounds what is open and read at the same time
_BUFFER = 32 * 1024


@contextmanager
def _storage() -> Iterator[None]:
    """Say which folder failed, and that another can be chosen."""
    try:
        yield
    except OSError as error:
        try:
            folder = tempfile.gettempdir()
        except OSError:
            folder = "of this system"
        raise StorageError(
            f"the temporary folder {folder} cannot be used: {error.strerror or error}; make room there, or set TMPDIR "
            "to another folder"
        ) from error


class Sorter:
    """Sorts records by key and number in fixed memory. Use it in a `with` block."""

    def __init__(self) -> None:
        self._held: list[Record] = []
        self._size = 0
        self._levels: list[list[IO[bytes]]] = []
        self._open = ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._held.clear()
        self._open.close()

    def add(self, key: bytes, number: int, payload: bytes) -> None:
        """Take a record.

        Args:
            key: KEY_BYTES bytes.
            number: decides the order within a key, 0 to 2**64 - 1.
            payload: what comes back unchanged.

        Raises:
            StorageError: the temporary folder is full or cannot be written.
        """
        self._held.append((key, number, payload))
        self._size += len(payload) + _RECORD_COST
        if self._size >= _IN_MEMORY:
            self._held.sort()
            self._keep(self._held, 0)
            self._held, self._size = [], 0

    def records(self) -> Iterator[Record]:
        """Yield every record in order, once.

        Raises:
            StorageError: the temporary folder cannot be read.
        """
        self._held.sort()
        files = [file for level in self._levels for file in level]
        yield from merge(*map(_records, files), self._held) if files else self._held

    def _keep(self, records: Iterable[Record], level: int) -> None:
        with _storage():
            file = self._open.enter_context(tempfile.TemporaryFile(buffering=_BUFFER))  # noqa: SIM115  (closed by it)
            for key, number, payload in records:
                file.write(_HEAD.pack(key, number, len(payload)))
                file.write(payload)
            file.flush()
        if level == len(self._levels):
            self._levels.append([])
        self._levels[level].append(file)
        if len(self._levels[level]) >= _FAN:
            files, self._levels[level] = self._levels[level], []
            self._keep(merge(*map(_records, files)), level + 1)
            for old in files:
                old.close()


def _records(file: IO[bytes]) -> Iterator[Record]:
    with _storage():
        file.seek(0)
        while head := file.read(_HEAD.size):
            key, number, size = _HEAD.unpack(head)
            yield key, number, file.read(size)


_RECENT = 32_768  # numbers kept in a set before they are written as a sorted file
_BLOCK = 4096  # numbers read at a time
_NUMBER = 8  # bytes
_SCREEN_BITS = 25  # 2**25 bits are 4 MiB: of a million numbers, one in 1,500 others is looked for on disk in vain
_LOOKS = 4


class Numbers:
    """A set of 64-bit numbers in fixed memory. Use it in a `with` block.

    A Bloom filter says of nearly every new number that it is new; what it is not sure of is looked up in sorted files.
    """

    def __init__(self) -> None:
        self._screen = bytearray(1 << (_SCREEN_BITS - 3))
        self._recent: set[int] = set()
        self._files: list[tuple[IO[bytes], int]] = []
        self._open = ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    def add(self, number: int) -> bool:
        """Take a number, 0 to 2**64 - 1; say whether it is new.

        Raises:
            StorageError: the temporary folder is full or cannot be used.
        """
        screen, mask = self._screen, (1 << _SCREEN_BITS) - 1
        place, step = number & mask, (number >> 32) | 1
        perhaps = True
        for _ in range(_LOOKS):
            byte, bit = place >> 3, 1 << (place & 7)
            if not screen[byte] & bit:
                screen[byte] |= bit
                perhaps = False
            place = (place + step) & mask
        if perhaps and self._holds(number):
            return False
        self._recent.add(number)
        if len(self._recent) >= _RECENT:
            self._pack()
        return True

    def _holds(self, number: int) -> bool:
        if number in self._recent:
            return True
        with _storage():
            return any(_stands_in(file.fileno(), count, number) for file, count in self._files)

    def _pack(self) -> None:
        parts: list[Iterable[int]] = [sorted(self._recent)]
        count = len(self._recent)
        old = []
        with _storage():
            while self._files and self._files[-1][1] <= count:
                file, size = self._files.pop()
                old.append(file)
                parts.append(_numbers(file, size))
                count += size
            target = self._open.enter_context(tempfile.TemporaryFile(buffering=0))  # noqa: SIM115  (closed by it)
            block: array[int] = array("Q")
            for number in merge(*parts):
                block.append(number)
                if len(block) >= _BLOCK:
                    _write_all(target, block.tobytes())
                    del block[:]
            _write_all(target, block.tobytes())
        for file in old:
            file.close()
        self._files.append((target, count))
        self._recent = set()


def _write_all(file: IO[bytes], data: bytes) -> None:
    """Write all of it: an unbuffered file may take a part only."""
    rest = memoryview(data)
    while rest:
        rest = rest[file.write(rest) :]


def _numbers(file: IO[bytes], count: int) -> Iterator[int]:
    for start in range(0, count, _BLOCK):
        yield from _block(file.fileno(), start, min(_BLOCK, count - start))


def _block(descriptor: int, start: int, count: int) -> array[int]:
    found: array[int] = array("Q")
    found.frombytes(os.pread(descriptor, count * _NUMBER, start * _NUMBER))
    return found


def _stands_in(descriptor: int, count: int, number: int) -> bool:
    low, high = 0, count
    while high - low > _BLOCK:
        middle = (low + high) // 2
        if _block(descriptor, middle, 1)[0] <= number:
            low = middle
        else:
            high = middle
    block = _block(descriptor, low, high - low)
    place = bisect_left(block, number)
    return place < len(block) and block[place] == number
