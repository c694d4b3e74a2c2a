"""The exceptions of the product, each with the exit code it ends in (design, section 5).

```text
AuditorError
├── UsageError            2  a site file, policy or argument is wrong; says file, line, key and the fix
│   └── NotAuthorised     2  no authorisation, or outside its dates or windows
├── NotPermitted          -  something asked for an address without a permit: a bug, never a network event
├── UnreadableError       -  bytes from a device or file that a parser cannot read
├── LockHeld              4  another run holds the lock
├── CannotScan            5  this machine cannot scan: no route, no interface
├── StorageError          6  a file could not be written
└── StoppedForSafety      7  stopped to protect a subnet or the run
```
"""

from __future__ import annotations

from enum import IntEnum


class ExitCode(IntEnum):
    """Exit codes; where several apply, `worst` says which wins."""

    COMPLETE = 0
    FLAGGED = 1
    USAGE = 2
    INCOMPLETE = 3
    LOCKED = 4
    CANNOT_SCAN = 5
    STORAGE = 6
    STOPPED = 7

    @staticmethod
    def worst(*codes: ExitCode) -> ExitCode:
        """Return the code that wins: 6 over 7, 7 over 5, 5 over 3, 3 over 1, 1 over 0."""
        order = (
            ExitCode.USAGE,
            ExitCode.LOCKED,
            ExitCode.STORAGE,
            ExitCode.STOPPED,
            ExitCode.CANNOT_SCAN,
            ExitCode.INCOMPLETE,
            ExitCode.FLAGGED,
            ExitCode.COMPLETE,
        )
        return min(codes, key=order.index, default=ExitCode.COMPLETE)


class AuditorError(Exception):
    """Any failure that is reported as one sentence, without a traceback."""

    exit_code = ExitCode.USAGE


class UsageError(AuditorError):
    """A site file, data file or argument is wrong; the text names file, line, key and the fix where it can."""


class NotAuthorised(UsageError):  # noqa: N818  (reads as a sentence where it is raised)
    """There is no authorisation for this audit now."""


class NotPermitted(AuditorError):  # noqa: N818
    """An address was asked for that the scope gives no permit for."""

    exit_code = ExitCode.STOPPED


class UnreadableError(AuditorError):
    """Bytes that a parser cannot read; the text says where and why."""


class LockHeld(AuditorError):  # noqa: N818
    """Another run holds the lock of this run folder."""

    exit_code = ExitCode.LOCKED


class CannotScan(AuditorError):  # noqa: N818
    """This machine cannot scan the scope: no interface or no route."""

    exit_code = ExitCode.CANNOT_SCAN


class StorageError(AuditorError):
    """A file of the run could not be written or read."""

    exit_code = ExitCode.STORAGE


class StoppedForSafety(AuditorError):  # noqa: N818
    """The audit was stopped to protect a subnet or the run itself."""

    exit_code = ExitCode.STOPPED
