"""Finds data that was installed from a signed pack, and believes it only while it is whole.

The folder holds `state.json`, the only file that says what is in use, and `packs/<name>/` with `manifest.json`,
`fingerprints/` and `policies/`. It is written by `auditor.update` alone. Here it is read: any difference between a
file and the manifest, and any doubt about who could have written it, gives up the whole pack.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import stat
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from auditor import __version__
from auditor.common.limits import MAX_KEY_LISTS, MAX_PACK_FILE, MAX_PACK_FILES

if TYPE_CHECKING:
    from collections.abc import Callable

VARIABLE = "CAMERA_AUDITOR_DATA"
SYSTEM = Path("/var/lib/camera-auditor")
STATE = "state.json"
PACKS = "packs"
MANIFEST = "manifest.json"
KINDS = ("fingerprints", "policies")
SCHEMAS = ("fingerprints/schema/fingerprint.schema.json", "policies/schema/policy.schema.json")
_OWN_DATA = "the data that came with the program is used"
_SHA256 = r"\A[0-9a-f]{64}\z"
_MAX_STATE = 1024 * 1024  # bytes; a real one has about 2 KB
_FOREIGN_WRITE = stat.S_IWGRP | stat.S_IWOTH


class Damaged(Exception):  # noqa: N818
    """Why installed data is not used; one clause without a full stop."""


class FileEntry(BaseModel):
    """One file of a pack: its size in bytes and its SHA-256."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)
    bytes: int = Field(ge=0, le=MAX_PACK_FILE)
    sha256: str = Field(pattern=_SHA256)


class Manifest(BaseModel):
    """What a pack says of itself.

    Attributes:
        sequence: only ever grows; what is refused as a rollback is decided by it.
        version, dated: of the fingerprints, as in `fingerprints/manifest.yaml`; `dated` is ISO 8601.
        needs_program: least version of this program.
        files: name below the pack to size and hash, everything but the manifest itself.
        key_lists: name to SHA-256 of the lists of keys, and their signatures, that travel beside the payload.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)
    what: Literal["camera-auditor data"]
    format: Literal[1]
    sequence: int = Field(ge=1, le=10**9)
    version: str = Field(pattern=r"\A[0-9A-Za-z.+-]{1,40}\z")
    dated: str = Field(pattern=r"\A[0-9]{4}-[0-9]{2}-[0-9]{2}\z")
    needs_program: str = Field(pattern=r"\A[0-9]{1,6}(\.[0-9]{1,6}){0,3}\z")
    files: dict[str, FileEntry] = Field(max_length=MAX_PACK_FILES)
    key_lists: dict[str, str] = Field(max_length=2 * MAX_KEY_LISTS)

    @property
    def comment(self) -> str:
        """The trusted comment that the signature of the payload has to carry."""
        return f"camera-auditor data version={self.version} sequence={self.sequence} dated={self.dated}"


class _Pointer(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", strict=True)
    folder: str = Field(pattern=r"\A[0-9]{9}-[0-9a-f]{16}\z")
    manifest_sha256: str = Field(pattern=_SHA256)


class _State(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", strict=True)
    format: Literal[1]
    pack: _Pointer


@dataclass(frozen=True, slots=True)
class Choice:
    """Which data is in use.

    Attributes:
        folder: of the installed pack; None: the data that came with the program.
        manifest: of that pack.
        warnings: sentences; why an installed pack is not used.
    """

    folder: Path | None
    manifest: Manifest | None = None
    warnings: tuple[str, ...] = ()


def home() -> Path:
    """Return the folder that an installation writes to.

    `CAMERA_AUDITOR_DATA` where it is set; else /var/lib/camera-auditor for root, and `camera-auditor` below
    XDG_DATA_HOME (or ~/.local/share) for everybody else.
    """
    named = os.environ.get(VARIABLE)
    if named:
        return Path(named)
    return SYSTEM if os.geteuid() == 0 else _own()


def _own() -> Path:
    base = os.environ.get("XDG_DATA_HOME", "")
    # A relative path there has to be ignored, says the XDG base directory specification.
    base = base if base.startswith("/") else os.path.expanduser("~/.local/share")  # noqa: PTH111  (Path's raises)
    return Path(base) / "camera-auditor" if base.startswith("/") else SYSTEM


def choose(fingerprints: Path, policies: Path) -> Choice:
    """Return which data is in use: an installed pack that is whole and not older than the program's own, or that one.

    A pack is hashed once a process, and again when `state.json` was replaced.

    Args:
        fingerprints: the program's own folder.
        policies: the program's own folder.
    """
    named = os.environ.get(VARIABLE)
    if named and not Path(named).is_dir():
        return Choice(None, warnings=(f"{VARIABLE} names {named}, which is no folder; {_OWN_DATA}.",))
    for place in dict.fromkeys((home(),) if named else (home(), SYSTEM)):
        try:
            seen = (place / STATE).lstat()
        except (FileNotFoundError, NotADirectoryError):
            continue
        except OSError as error:
            if isinstance(error, PermissionError) and not named and place != SYSTEM:
                continue  # a home that is not this user's: nothing that he installed can be there
            why = f"Data installed in {place} cannot be read ({error.strerror}); {_OWN_DATA}."
            return Choice(None, warnings=(why,))
        return _chosen(place, fingerprints, policies, (seen.st_ino, seen.st_mtime_ns, seen.st_size))
    return Choice(None)


@lru_cache(maxsize=16)
def _chosen(place: Path, fingerprints: Path, policies: Path, _seen: tuple[int, int, int]) -> Choice:
    try:
        folder, manifest_sha256 = pointed_at(place)
        manifest = check_folder(folder, manifest_sha256)
        check_fit(lambda name: (folder / name).read_bytes(), manifest, fingerprints, policies)
    except Damaged as reason:
        return Choice(None, warnings=(f"Data installed in {place} is not used: {reason}; {_OWN_DATA}.",))
    return Choice(folder, manifest)


def pointed_at(place: Path) -> tuple[Path, str]:
    """Return the folder of the pack in use and the SHA-256 of its manifest.

    Raises:
        Damaged: the state cannot be read or believed.
    """
    check_owner(place)
    content = read_plain(place / STATE, _MAX_STATE)
    try:
        pointer = _State.model_validate_json(content).pack
    except ValidationError as error:
        raise Damaged(f"{STATE} is damaged") from error
    return place / PACKS / pointer.folder, pointer.manifest_sha256


def check_folder(folder: Path, manifest_sha256: str) -> Manifest:
    """Return the manifest of an unpacked pack after comparing every file with it.

    Raises:
        Damaged: a file is missing, changed, too many, a link, or could have been written by others.
    """
    content = read_plain(folder / MANIFEST, MAX_PACK_FILE)
    if hashlib.sha256(content).hexdigest() != manifest_sha256:
        raise Damaged(f"{MANIFEST} is not the one that was installed")
    manifest = read_manifest(content)
    _check_names(folder, {MANIFEST, *manifest.files})
    for name, entry in manifest.files.items():
        content = read_plain(folder / name, entry.bytes)
        if hashlib.sha256(content).hexdigest() != entry.sha256:
            raise Damaged(f"{name} is not as it was installed")
    return manifest


def _check_names(folder: Path, wanted: set[str]) -> None:
    """Compare what lies in a folder with what belongs there: an added rule file would be read like the others."""
    folders = {parent.as_posix() for name in wanted for parent in Path(name).parents}
    waiting, found = [folder], set()
    while waiting:
        here = waiting.pop()
        check_owner(here, ancestors=False)
        try:
            entries = sorted(os.scandir(here), key=lambda entry: entry.name)
        except OSError as error:
            raise Damaged(f"{here.name} cannot be read ({error.strerror})") from error
        for entry in entries:
            name = Path(entry.path).relative_to(folder).as_posix()
            if entry.is_dir(follow_symlinks=False) and name in folders:
                waiting.append(Path(entry.path))
            elif name not in wanted:
                raise Damaged(f"{name} does not belong to it")
            else:
                found.add(name)
    missing = sorted(wanted - found)
    if missing:
        raise Damaged(f"{missing[0]} is missing")


def read_manifest(content: bytes) -> Manifest:
    """Read the manifest of a pack.

    Raises:
        Damaged: it is none.
    """
    try:
        return Manifest.model_validate_json(content)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(map(str, first["loc"])) or "the text"
        raise Damaged(f"{MANIFEST}: {where}: {first['msg']}") from error


def check_fit(read: Callable[[str], bytes], manifest: Manifest, fingerprints: Path, policies: Path) -> None:
    """Check that this program can use a pack and has no newer data of its own.

    Args:
        read: returns the content of a file of the pack.
        manifest: of the pack.
        fingerprints: the program's own folder.
        policies: the program's own folder.

    Raises:
        Damaged: it is for a newer program, its rules have another shape, or the program came with newer data.
    """
    if _numbers(manifest.needs_program) > _numbers(__version__):
        raise Damaged(f"it is for program {manifest.needs_program} or newer, and this is {__version__}")
    for schema in SCHEMAS:
        kind, rest = schema.split("/", 1)
        own = {"fingerprints": fingerprints, "policies": policies}[kind] / rest
        try:
            same = json.loads(read(schema)) == json.loads(own.read_bytes())
        except (OSError, ValueError, RecursionError) as error:
            raise Damaged(f"{schema} cannot be read") from error
        if not same:
            raise Damaged(f"its {kind} have another form than those of program {__version__}")
    try:
        own_date = fingerprint_version((fingerprints / "manifest.yaml").read_bytes())[1]
    except OSError as error:
        raise Damaged("the program's own manifest.yaml cannot be read") from error
    if manifest.dated < own_date:
        raise Damaged(f"it is of {manifest.dated}, and the program came with data of {own_date}")


def fingerprint_version(manifest_yaml: bytes) -> tuple[str, str]:
    """Return version and day (ISO 8601) that the `manifest.yaml` of a folder of fingerprints states.

    Raises:
        Damaged: it cannot be read.
    """
    try:
        found = YAML(typ="safe").load(manifest_yaml.decode("utf-8"))
        return str(found["version"]), str(found["dated"])
    except (ValueError, YAMLError, KeyError, TypeError, RecursionError) as error:
        raise Damaged("manifest.yaml of the fingerprints cannot be read") from error


def _numbers(version: str) -> tuple[int, ...]:
    """Return the leading numbers of a version: `0.3.0` is (0, 3), so that `0.3` equals it."""
    numbers = [int(part) for part in re.findall(r"\d+", re.split(r"[^\d.]", version, maxsplit=1)[0])]
    while numbers and numbers[-1] == 0:
        numbers.pop()
    return tuple(numbers)


def check_owner(path: Path, *, ancestors: bool = True) -> None:
    """Check that only root and this user can have written a file or folder.

    Args:
        path: looked at without following a link.
        ancestors: look at the folders above too: nobody else may be able to replace the one below.

    Raises:
        Damaged: a link, a foreign owner, or writable for others.
    """
    try:
        seen = path.lstat()
    except OSError as error:
        raise Damaged(f"{path.name} cannot be read ({error.strerror})") from error
    if stat.S_ISLNK(seen.st_mode):
        raise Damaged(f"{path.name} is a symbolic link")
    if seen.st_uid not in {0, os.geteuid()}:
        raise Damaged(f"{path.name} belongs to user {seen.st_uid}, who is neither root nor you")
    if seen.st_mode & _FOREIGN_WRITE:
        raise Damaged(f"{path.name} can be written by others: chmod go-w {path}")
    if ancestors:
        for above in {*path.absolute().parents, *path.resolve().parents}:
            _check_above(above)


def check_place(place: Path) -> None:
    """Check a folder to install into as `check_owner` does; while it is missing, the folders that it would be made in.

    Raises:
        Damaged: no folder, or others could write there or replace it.
    """
    try:
        seen = place.lstat()
    except FileNotFoundError:
        above = {*place.absolute().parents, *place.resolve().parents}
        for folder in sorted(above, key=lambda path: len(path.parts), reverse=True):
            if os.path.lexists(folder):
                _check_above(folder)
    except OSError as error:
        raise Damaged(f"{place.name} cannot be read ({error.strerror})") from error
    else:
        check_owner(place)
        if not stat.S_ISDIR(seen.st_mode):
            raise Damaged(f"{place.name} is no folder")


def _check_above(above: Path) -> None:
    try:
        link, seen = above.lstat(), above.stat()
    except OSError as error:
        raise Damaged(f"{above} cannot be read ({error.strerror})") from error
    for owner in (link.st_uid, seen.st_uid):
        if owner not in {0, os.geteuid()}:
            raise Damaged(f"{above} above it belongs to user {owner}, who is neither root nor you")
    # Where the sticky bit is set, as on /tmp, only owners can rename what lies there.
    if seen.st_mode & _FOREIGN_WRITE and not seen.st_mode & stat.S_ISVTX:
        raise Damaged(f"{above} above it can be written by others: chmod go-w {above}")


def read_plain(path: Path, limit: int) -> bytes:
    """Return the content of a plain file that only root or this user can have written.

    Args:
        path: never followed when it is a link.
        limit: bytes; a longer file is damaged.

    Raises:
        Damaged: no plain file, foreign, longer, or unreadable.
    """
    check_owner(path, ancestors=False)
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(descriptor, "rb") as stream:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise Damaged(f"{path.name} is no plain file")
            content = stream.read(limit + 1)
    except OSError as error:
        raise Damaged(f"{path.name} cannot be read ({error.strerror})") from error
    if len(content) > limit:
        raise Damaged(f"{path.name} is longer than it was")
    return content
