"""Puts a checked pack in place: written beside, read back, flushed, and switched by the rename of one small file.

Until `state.json` is replaced nothing of the old data has changed, and that one rename changes data and trusted keys
together. The previous pack stays on disk: a program that is just reading it goes on undisturbed.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import re
import secrets
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from auditor.common.errors import LockHeld, StorageError, UsageError
from auditor.common.installed import (
    MANIFEST,
    PACKS,
    STATE,
    Damaged,
    check_fit,
    check_folder,
    check_owner,
    check_place,
    fingerprint_version,
    read_plain,
)
from auditor.common.limits import MAX_PACK_FILE
from auditor.update.keys import Trust, adopt
from auditor.update.pack import Pack, Sealed, believe

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from auditor.update.minisign import PublicKey

_FILE_MODE, _FOLDER_MODE = 0o644, 0o755  # data is no secret, and the program runs as other users than the installer
_STAGING = ".staging-"
_OURS = re.compile(r"[0-9]{9}-[0-9a-f]{16}")


class PackState(BaseModel):
    """The pack in use: its folder below `packs/`, sequence, hashes, and the id of the key that signed it."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)
    folder: str = Field(pattern=r"\A[0-9]{9}-[0-9a-f]{16}\z")
    sequence: int = Field(ge=1)
    manifest_sha256: str
    payload_sha256: str
    signed_by: str


class State(BaseModel):
    """What `state.json` holds."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)
    format: Literal[1] = 1
    pack: PackState
    trust: Trust


@dataclass(frozen=True, slots=True)
class Plan:
    """A pack that may be installed.

    Attributes:
        pack: checked.
        state: what `state.json` will hold.
        before: what it holds now; None at the first installation.
    """

    pack: Pack
    state: State
    before: State | None


@dataclass(frozen=True, slots=True)
class Installed:
    """What an installation did.

    Attributes:
        folder: of the pack now in use.
        left_over: sentences on old files that could not be removed.
    """

    folder: Path
    left_over: tuple[str, ...] = ()


def read_state(home: Path) -> State | None:
    """Return what is installed and trusted, or None when nothing was ever installed.

    Raises:
        UsageError: the state is damaged, or others than root and this user could have written it.
    """
    try:
        (home / STATE).lstat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise UsageError(f"{home / STATE} cannot be read: {error.strerror}") from error
    try:
        check_owner(home)
        return State.model_validate_json(read_plain(home / STATE, MAX_PACK_FILE))
    except ValidationError as error:
        raise UsageError(f"{home / STATE} is damaged; docs/data-updates.md says how to begin anew") from error
    except Damaged as error:
        raise UsageError(f"{home}: {error}") from error


def plan(
    sealed: Sealed, home: Path, *, key: PublicKey | None, fingerprints: Path, policies: Path, reinstall: bool = False
) -> Plan:
    """Decide whether a pack may be installed; changes nothing.

    Args:
        sealed: the carried file, taken apart.
        home: where packs are installed.
        key: that the administrator names; the first installation needs it, later ones do not.
        fingerprints: the program's own folder.
        policies: the program's own folder.
        reinstall: allow the very pack that is in use, to mend a damaged installation.

    Raises:
        UsageError: it may not, with the reason.
    """
    try:
        check_place(home)
    except Damaged as error:
        raise UsageError(f"{home}: {error}") from error
    before = read_state(home)
    trust = adopt(_trust(before, key), sealed.lists)
    pack = believe(sealed, trust)
    manifest = pack.manifest
    _check_sequence(pack, before, reinstall=reinstall)
    try:
        stated = fingerprint_version(pack.files["fingerprints/manifest.yaml"])
        check_fit(pack.files.__getitem__, manifest, fingerprints, policies)
    except Damaged as error:
        raise UsageError(f"this program cannot use it: {error}") from error
    if stated != (manifest.version, manifest.dated):
        raise UsageError(
            f"it says {manifest.version} of {manifest.dated}, and its fingerprints say {' of '.join(stated)}"
        )
    state = State(
        pack=PackState(
            folder=f"{manifest.sequence:09d}-{secrets.token_hex(8)}", sequence=manifest.sequence,
            manifest_sha256=hashlib.sha256(pack.manifest_bytes).hexdigest(), payload_sha256=pack.payload_sha256,
            signed_by=pack.signer.name,
        ),
        trust=trust,
    )  # fmt: skip
    return Plan(pack, state, before)


def _trust(before: State | None, key: PublicKey | None) -> Trust:
    if before is None:
        if key is None:
            raise UsageError("no key is trusted here yet: name that of headquarters with --key FILE, once")
        return Trust.anchor(key)
    if key is not None and not before.trust.holds(key):
        raise UsageError(
            f"the key {key.name} named with --key is not trusted here; keys change only by a signed list that travels "
            "with a pack"
        )
    return before.trust


def _check_sequence(pack: Pack, before: State | None, *, reinstall: bool) -> None:
    if before is None:
        return
    number, here = pack.manifest.sequence, before.pack.sequence
    if number < here:
        raise UsageError(f"it has sequence {number}, and {here} is installed: going back is refused")
    if number == here and pack.payload_sha256 != before.pack.payload_sha256:
        raise UsageError(f"it is another pack than the installed one of the same sequence {here}")
    if number == here and not reinstall:
        raise UsageError(f"sequence {here} is installed already; --reinstall writes the very same pack again")


def unpack(pack: Pack, folder: Path) -> None:
    """Write the files of a pack into a new folder, flushed to disk.

    Raises:
        OSError: the disk refused.
    """
    _make_folder(folder)
    made = {folder}
    for name, content in {**pack.files, MANIFEST: pack.manifest_bytes}.items():
        path = folder / name
        for parent in reversed(path.relative_to(folder).parents):
            if folder / parent not in made:
                _make_folder(folder / parent)
                made.add(folder / parent)
        _write(path, content)
    for done in made:
        _sync(done)


def install(decided: Plan, home: Path) -> Installed:
    """Put a pack in place and switch to it.

    Args:
        decided: what `plan` returned for this folder.
        home: where packs are installed; made when missing.

    Raises:
        LockHeld: another installation is at work.
        UsageError: others could write there, or it changed since the plan was made.
        StorageError: the disk refused; the text says which data is in use.
    """
    try:
        check_place(home)
        with _made(home):
            check_owner(home)
            with _locked(home):
                if read_state(home) != decided.before:
                    raise UsageError(f"{home} was changed meanwhile; start again")
                return _install(decided, home)
    except Damaged as error:
        raise UsageError(f"{home}: {error}") from error
    except OSError as error:
        raise StorageError(f"cannot install into {home}: {error.strerror}; the old data is in use as before") from error


def _install(decided: Plan, home: Path) -> Installed:
    packs, name = home / PACKS, decided.state.pack.folder
    with _made(packs):
        check_owner(packs, ancestors=False)
        folder = _put_in_place(decided, home, packs)
    try:
        _sync(home)
    except OSError as error:
        raise StorageError(
            f"the new data is in use in {home}, but the disk did not confirm it ({error.strerror}): a power cut could "
            "bring the old data back, so look with `auditor fingerprints verify` afterwards"
        ) from error
    previous = decided.before.pack.folder if decided.before else ""
    return Installed(folder, tuple(_tidy(home, keep={name, previous})))


def _put_in_place(decided: Plan, home: Path, packs: Path) -> Path:
    name = decided.state.pack.folder
    staging, folder, new_state = packs / f"{_STAGING}{name}", packs / name, home / f"{_STAGING}{name}.json"
    try:
        unpack(decided.pack, staging)
        check_folder(staging, decided.state.pack.manifest_sha256)
        staging.rename(folder)
        _sync(packs)
        _write(new_state, decided.state.model_dump_json(indent=1).encode("utf-8") + b"\n")
        new_state.rename(home / STATE)
    except BaseException:
        # The switch is the last step above, but an interruption can come right after it.
        if not _may_be_in_use(home, name):
            shutil.rmtree(staging, ignore_errors=True)
            shutil.rmtree(folder, ignore_errors=True)
            new_state.unlink(missing_ok=True)
        raise
    return folder


def _may_be_in_use(home: Path, name: str) -> bool:
    """Say whether `state.json` names a pack; yes too where it cannot be read, since the next installation tidies up."""
    try:
        state = read_state(home)
    except UsageError:
        return True
    return state is not None and state.pack.folder == name


@contextlib.contextmanager
def _made(folder: Path) -> Iterator[None]:
    """Make a folder and what is missing above it, whatever the umask; take all of it away if the block fails.

    One by one: with `parents`, those above would get the mode that the umask leaves, and be refused for it.
    """
    made: list[Path] = []
    try:
        for path in [*reversed(folder.absolute().parents), folder]:
            if os.path.lexists(path):
                continue
            with contextlib.suppress(FileExistsError):  # another installation was faster: it is not ours to remove
                path.mkdir(mode=_FOLDER_MODE)
                made.append(path)
                path.chmod(_FOLDER_MODE)
        yield
    except BaseException:
        for path in reversed(made):
            with contextlib.suppress(OSError):  # something else is in it by now
                path.rmdir()
        raise


def _tidy(home: Path, keep: set[str]) -> Iterator[str]:
    """Remove packs before the previous one and what interrupted installations left; yield what could not be removed."""
    try:
        found = [*(home / PACKS).iterdir(), *home.glob(f"{_STAGING}*.json")]
    except OSError as error:
        yield f"{home} may hold packs that are no longer needed: {error.strerror}"
        return
    for path in found:
        if path.name in keep or not (_OURS.fullmatch(path.name) or path.name.startswith(_STAGING)):
            continue
        try:
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink()
        except OSError as error:
            yield f"{path} is no longer needed and could not be removed: {error.strerror}"


@contextlib.contextmanager
def _locked(home: Path) -> Iterator[None]:
    descriptor = os.open(home, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise LockHeld(f"another installation is at work in {home}") from error
        yield
    finally:
        os.close(descriptor)


def _make_folder(folder: Path) -> None:
    folder.mkdir(mode=_FOLDER_MODE)
    folder.chmod(_FOLDER_MODE)  # whatever the umask took away


def _write(path: Path, content: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, _FILE_MODE)
    with os.fdopen(descriptor, "wb") as stream:
        os.fchmod(descriptor, _FILE_MODE)
        stream.write(content)
        stream.flush()
        os.fsync(descriptor)


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
