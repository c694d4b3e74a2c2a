"""A run's folder: 0700, files 0600, raw outcomes appended as they arrive, everything else replaced in one step."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import os
from typing import TYPE_CHECKING, Any, BinaryIO, Self

from auditor.common.clock import stamp
from auditor.common.errors import LockHeld, StorageError, UnreadableError, UsageError
from auditor.common.files import make_private_folder, open_append, replacing, write_private
from auditor.common.limits import MAX_RULE_FILE
from auditor.model import Outcome

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

OUTCOMES = "outcomes.jsonl"
OBSERVATIONS = "observations.jsonl"
AUDIT = "audit.json"
REPORT = "report.html"
PLAN = "plan.csv"
STATUS = "status.json"
LOG = "run.log"
SITE = "site.yaml"
RULES = "rules"
_LOCK = ".lock"


class RunFolder:
    """One run on disk. Open a new one with `create`, a finished one with `finished`."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock: BinaryIO | None = None
        self._outcomes: BinaryIO | None = None

    @classmethod
    def create(cls, path: Path) -> Self:
        """Make and lock the folder of a new run.

        Raises:
            LockHeld: another run is writing here; the text says since when.
            UsageError: the folder already holds a run; evidence is never overwritten.
            StorageError: the folder cannot be made, or its file system has no locks.
        """
        make_private_folder(path)
        folder = cls(path)
        folder._take_lock()
        # An empty list of outcomes is a run that was refused before its first packet: no evidence is lost.
        if (path / AUDIT).exists() or ((path / OUTCOMES).exists() and (path / OUTCOMES).stat().st_size):
            folder.close()
            raise UsageError(f"{path} already holds a run; evidence is never overwritten: name another --out folder")
        folder._outcomes = open_append(path / OUTCOMES)
        return folder

    @classmethod
    def finished(cls, path: Path) -> Self:
        """Open the folder of a run for reading.

        Raises:
            UsageError: it is not a run's folder.
        """
        if not (path / AUDIT).is_file():
            raise UsageError(f"{path} is not the folder of a run: it has no {AUDIT}")
        return cls(path)

    def _take_lock(self) -> None:
        lock = self.path / _LOCK
        stream = open_append(lock)
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            stream.close()
            since = lock.read_text("utf-8", "replace").strip() or "an unknown time"
            raise LockHeld(f"another run holds {self.path} since {since}; nothing was sent") from error
        except OSError as error:
            stream.close()
            raise StorageError(f"{self.path} is on a file system without locks: {error.strerror}") from error
        os.ftruncate(stream.fileno(), 0)
        stream.write(f"{stamp()} by process {os.getpid()}\n".encode())
        self._lock = stream

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_details: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the files and let the lock go."""
        for stream in (self._outcomes, self._lock):
            if stream is not None:
                stream.close()
        self._outcomes = self._lock = None

    def append_outcome(self, outcome: Outcome) -> None:
        """Append one raw outcome; it is on disk when this returns.

        Raises:
            StorageError: the system refused, for example because the disk is full.
        """
        if self._outcomes is None:
            raise StorageError(f"{self.path} is not open for writing")
        line = _line(outcome.to_json())
        try:
            written = self._outcomes.write(line)
        except OSError as error:
            raise StorageError(f"cannot write {self.path / OUTCOMES}: {error.strerror}") from error
        if written != len(line):
            raise StorageError(f"cannot write {self.path / OUTCOMES}: only {written} of {len(line)} bytes went to disk")

    def outcomes(self) -> Iterator[Outcome]:
        """Yield the raw outcomes of the run, in the order of their arrival.

        Raises:
            UnreadableError: a line is damaged; the text names it.
            StorageError: the file cannot be read.
        """
        try:
            with (self.path / OUTCOMES).open("rb") as stream:
                for number, line in enumerate(stream, 1):
                    try:
                        yield Outcome.from_json(json.loads(line))
                    except (ValueError, RecursionError) as error:
                        raise UnreadableError(f"{self.path / OUTCOMES}, line {number}: {error}") from error
        except OSError as error:
            raise StorageError(f"cannot read {self.path / OUTCOMES}: {error.strerror}") from error

    def write_lines(self, name: str, lines: Iterable[dict[str, Any]]) -> None:
        """Replace a file of JSON lines in one step."""
        with replacing(self.path / name) as stream:
            for line in lines:
                stream.write(_line(line))

    def write(self, name: str, content: str | bytes) -> Path:
        """Replace a file in one step and return its path."""
        path = self.path / name
        write_private(path, content)
        return path

    def read(self, name: str) -> bytes:
        """Return the content of a file.

        Raises:
            StorageError: it cannot be read.
        """
        try:
            return (self.path / name).read_bytes()
        except OSError as error:
            raise StorageError(f"cannot read {self.path / name}: {error.strerror}") from error

    def keep_rules(self, source: Path) -> None:
        """Copy a site's own fingerprints, so that the run can be explained where its site file is not.

        Args:
            source: folder of `*.yaml` files. A file that cannot be read stays out: reading the rules has listed it.

        Raises:
            StorageError: the disk refused.
        """
        make_private_folder(self.path / RULES)
        for path in sorted(source.glob("*.yaml")):
            # What reading the rules refuses, a link or a huge file, is not taken into the run either.
            if (
                not path.is_symlink() and path.is_file() and path.stat().st_size <= MAX_RULE_FILE
                and os.access(path, os.R_OK)
            ):  # fmt: skip
                write_private(self.path / RULES / path.name, path.read_bytes())

    @property
    def rules(self) -> Path | None:
        """The fingerprints of the site that this run used beside the built-in ones, or None."""
        folder = self.path / RULES
        return folder if folder.is_dir() else None

    def log_stream(self) -> BinaryIO:
        """Open the run's log for appending."""
        return open_append(self.path / LOG)


@contextlib.contextmanager
def only_run_of(site_file: Path) -> Iterator[None]:
    """Hold a site file for one run, so that two audits of one site never add up their packets.

    Raises:
        LockHeld: another run of this site file is going on.
    """
    with site_file.open("rb") as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise LockHeld(f"another run is auditing by {site_file}; nothing was sent") from error
        except OSError as error:
            if error.errno not in (errno.ENOLCK, errno.EOPNOTSUPP, errno.EINVAL):
                raise StorageError(f"cannot lock {site_file}: {error.strerror}") from error
            # A file system without locks: the lock of the run's folder still holds.
        yield


def _line(record: dict[str, Any]) -> bytes:
    return json.dumps(record, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "backslashreplace") + b"\n"
