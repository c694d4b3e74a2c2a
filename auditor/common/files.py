"""Private files that are either all there or not there: 0600 from the first byte, replaced in one step."""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
from typing import TYPE_CHECKING, BinaryIO

from auditor.common.errors import StorageError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

# What a disk, a quota or a network file system answers to a write.
_OF_THE_DISK = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EROFS, errno.EFBIG, errno.ESTALE})
_FILE_MODE = 0o600
_FOLDER_MODE = 0o700


def make_private_folder(folder: Path) -> None:
    """Create a folder (and its parents) that only this user can enter; tighten it when it exists.

    Raises:
        StorageError: it cannot be created, is a symbolic link or belongs to somebody else.
    """
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        if folder.is_symlink():
            raise StorageError(f"{folder} is a symbolic link; name the real folder")
        folder.mkdir(mode=_FOLDER_MODE, exist_ok=True)
        folder.chmod(_FOLDER_MODE)
    except OSError as error:
        raise StorageError(f"cannot make the folder {folder}: {error.strerror}") from error


def write_private(path: Path, content: bytes | str) -> None:
    """Replace a file in one step, mode 0600 from the first byte, flushed to disk before it takes the name.

    Raises:
        StorageError: the disk is full, the target is a symbolic link, or the system refused; the old file is intact.
    """
    with replacing(path) as stream:
        stream.write(content.encode("utf-8") if isinstance(content, str) else content)


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """Yield a binary stream whose content becomes `path` when the block ends without an error.

    Raises:
        StorageError: as `write_private`. An error of the block itself that no disk gives passes unchanged.
    """
    foreign: OSError | None = None
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(6)}.tmp")
    try:
        if path.is_symlink():
            raise StorageError(f"{path} is a symbolic link; refusing to write through it")
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, _FILE_MODE)
        try:
            with os.fdopen(descriptor, "wb") as stream:
                try:
                    yield stream
                except OSError as error:
                    if error.errno in _OF_THE_DISK:
                        raise
                    foreign = error
                    raise
                stream.flush()
                os.fsync(stream.fileno())
            temporary.replace(path)
            _sync_folder(path.parent)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
    except OSError as error:
        if error is foreign:
            raise
        raise StorageError(f"cannot write {path}: {error.strerror}") from error


def open_append(path: Path) -> BinaryIO:
    """Open a file for appending, created with mode 0600, never through a symbolic link.

    Raises:
        StorageError: the system refused.
    """
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC, _FILE_MODE)
        os.fchmod(descriptor, _FILE_MODE)
    except OSError as error:
        raise StorageError(f"cannot open {path}: {error.strerror}") from error
    return os.fdopen(descriptor, "ab", buffering=0)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
