"""The one file that is carried: a tar with the payload, its signature, and lists of keys with theirs.

```text
update.cadata            written by auditor.update.archive: one possible form
├── keys-000000002.json           a list of trusted keys, for rotation (none, one or several)
├── keys-000000002.json.minisig
├── payload.tar                   manifest.json, fingerprints/..., policies/...
└── payload.tar.minisig
```

A person checks it without this program: `tar xf update.cadata && minisign -Vm payload.tar -p headquarters.pub`.
Nothing is compressed, so nothing can swell. The outer tar has to be read before a signature is checked; it is read by
comparing every byte with the only value it may have. The payload is parsed after its signature.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from auditor.common.errors import UsageError
from auditor.common.installed import KINDS, MANIFEST, SCHEMAS, Damaged, FileEntry, Manifest, read_manifest
from auditor.common.limits import MAX_KEY_FILE, MAX_KEY_LISTS, MAX_PACK
from auditor.update import archive
from auditor.update.keys import SignedList, read_list
from auditor.update.minisign import PublicKey, Signature

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from auditor.update.keys import Trust

PAYLOAD, PAYLOAD_SIGNATURE = "payload.tar", "payload.tar.minisig"
_KEYS = re.compile(r"keys-[0-9]{9}\.json")
_SUFFIXES = frozenset({".yaml", ".tsv", ".json", ".md", ".txt", ".gz", ".xz"})
_MUST = ("fingerprints/manifest.yaml", *SCHEMAS)


@dataclass(frozen=True, slots=True)
class Sealed:
    """A carried file taken apart, nothing of it believed yet.

    Attributes:
        payload: tar, not parsed.
        signature: of the payload.
        lists: of keys, oldest first.
        members: the key files as they stand, name to content.
    """

    payload: bytes
    signature: Signature
    lists: tuple[SignedList, ...]
    members: Mapping[str, bytes]


@dataclass(frozen=True, slots=True)
class Pack:
    """A payload whose signature was checked.

    Attributes:
        manifest: what it says of itself.
        manifest_bytes: as they stand in it.
        files: name to content, everything but the manifest.
        signer: the key that signed it.
        payload_sha256: of the payload.
    """

    manifest: Manifest
    manifest_bytes: bytes
    files: Mapping[str, bytes]
    signer: PublicKey
    payload_sha256: str


def collect(folder: Path) -> dict[str, bytes]:
    """Read `fingerprints/` and `policies/` of a folder.

    Raises:
        UsageError: a file that is not plain or not data, too large, or a folder that is missing.
    """
    found: dict[str, bytes] = {}
    for kind in KINDS:
        if not (folder / kind).is_dir():
            raise UsageError(f"{folder} has no folder {kind}: a pack holds fingerprints and policies together")
        for path in sorted((folder / kind).rglob("*")):
            name = path.relative_to(folder).as_posix()
            if path.is_symlink() or not (path.is_file() or path.is_dir()):
                raise UsageError(f"{path} is no plain file; a pack holds nothing else")
            if path.is_dir():
                continue
            problem = _data_problem(name)
            if problem:
                raise UsageError(f"{path} cannot be packed: {problem}")
            try:
                found[name] = path.read_bytes()
            except OSError as error:
                raise UsageError(f"{path} cannot be read: {error.strerror}") from error
    return found


def build(
    files: Mapping[str, bytes], *, sequence: int, version: str, dated: str, needs_program: str,
    lists: Sequence[SignedList] = (),
) -> tuple[bytes, Manifest]:  # fmt: skip
    """Return the payload and its manifest: the same bytes for the same input.

    Args:
        files: name to content, as `collect` reads them.
        sequence: greater than that of every pack before.
        version: of the fingerprints.
        dated: day of the fingerprints, ISO 8601.
        needs_program: least version of this program.
        lists: of keys that travel with it.

    Raises:
        UsageError: something that no site would take.
    """
    for name in files:
        problem = _data_problem(name)
        if problem:
            raise UsageError(f"{name} cannot be packed: {problem}")
    content = {
        "what": "camera-auditor data", "format": 1, "sequence": sequence, "version": version, "dated": dated,
        "needs_program": needs_program,
        "files": {name: FileEntry(bytes=len(text), sha256=_sha256(text)).model_dump() for name, text in files.items()},
        "key_lists": {name: _sha256(text) for name, text in _key_members(lists).items()},
    }  # fmt: skip
    text = (json.dumps(content, indent=1, sort_keys=True, ensure_ascii=True) + "\n").encode("ascii")
    try:
        manifest = read_manifest(text)
    except Damaged as error:
        raise UsageError(str(error)) from error
    return archive.write({**files, MANIFEST: text}), manifest


def seal(payload: bytes, signature: Signature, lists: Sequence[SignedList] = ()) -> bytes:
    """Return the file to carry.

    Raises:
        UsageError: larger than any site takes.
    """
    whole = archive.write({**_key_members(lists), PAYLOAD: payload, PAYLOAD_SIGNATURE: signature.file})
    if len(whole) > MAX_PACK:
        raise UsageError(f"the pack would have {len(whole)} bytes; {MAX_PACK} at most")
    return whole


def open_sealed(data: bytes) -> Sealed:
    """Take a carried file apart; nothing of it is believed yet.

    Raises:
        UsageError: it is no pack, damaged, or unsigned.
    """
    if len(data) > MAX_PACK:
        raise UsageError(f"it has more than {MAX_PACK} bytes")
    try:
        members = archive.read(data)
    except UsageError as error:
        raise UsageError(f"not a whole data pack: {error}") from error
    payload, signed = members.pop(PAYLOAD, None), members.pop(PAYLOAD_SIGNATURE, None)
    if payload is None:
        raise UsageError(f"not a data pack: it has no {PAYLOAD}")
    if signed is None:
        raise UsageError("it is not signed")
    names = [name for name in members if _KEYS.fullmatch(name)]
    if set(members) != {*names, *(f"{name}.minisig" for name in names)} or len(names) > MAX_KEY_LISTS:
        raise UsageError("not a data pack: it holds something else besides the payload and lists of keys")
    lists = tuple(SignedList(members[name], _signature(members[f"{name}.minisig"])) for name in names)
    return Sealed(payload, _signature(signed), lists, members)


def believe(sealed: Sealed, trust: Trust) -> Pack:
    """Check the signature of the payload by the keys that are trusted, then read it.

    Raises:
        UsageError: by no trusted key, damaged, or not what its signature says.
    """
    signer = trust.check(sealed.signature, sealed.payload, "data")
    try:
        files = archive.read(sealed.payload)
        manifest_bytes = files.pop(MANIFEST, b"")
        manifest = read_manifest(manifest_bytes)
    except (UsageError, Damaged) as error:
        raise UsageError(f"the payload is signed but no sound data: {error}") from error
    if sealed.signature.comment != manifest.comment:
        raise UsageError(f"its trusted comment has to be `{manifest.comment}`, not `{sealed.signature.comment}`")
    stated = {name: (entry.bytes, entry.sha256) for name, entry in manifest.files.items()}
    if {name: (len(content), _sha256(content)) for name, content in files.items()} != stated:
        raise UsageError("the payload is signed, but its files are not those of its manifest")
    if {name: _sha256(content) for name, content in sealed.members.items()} != manifest.key_lists:
        raise UsageError("the lists of keys are not those that it was packed with: something was taken out or put in")
    problems = [f"{name}: {problem}" for name in files if (problem := _data_problem(name))]
    problems += [f"{name} is missing" for name in _MUST if name not in files]
    if problems:
        raise UsageError(f"the payload is signed but no sound data: {problems[0]}")
    return Pack(manifest, manifest_bytes, files, signer, _sha256(sealed.payload))


def read_signed_list(path: Path) -> SignedList:
    """Read a list of keys and the signature beside it (`FILE.minisig`).

    Raises:
        UsageError: missing, damaged, or no such list. The signature itself is checked by who trusts keys.
    """
    content = read_small(path)
    beside = path.with_name(f"{path.name}.minisig")
    try:
        read_list(content)
        return SignedList(content, Signature.from_file(read_small(beside)))
    except UsageError as error:
        raise UsageError(f"{path}: {error}") from error


def read_small(path: Path) -> bytes:
    """Return the content of a key, signature or list.

    Raises:
        UsageError: it cannot be read or is too long to be one.
    """
    try:
        with path.open("rb") as stream:
            content = stream.read(MAX_KEY_FILE + 1)
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}") from error
    if len(content) > MAX_KEY_FILE:
        raise UsageError(f"{path} is too long to be a key, a signature or a list of keys")
    return content


def _key_members(lists: Sequence[SignedList]) -> dict[str, bytes]:
    members: dict[str, bytes] = {}
    for signed in lists:
        name = f"keys-{read_list(signed.content).sequence:09d}.json"
        if name in members:
            raise UsageError("two lists of keys have one sequence number")
        members |= {name: signed.content, f"{name}.minisig": signed.signature.file}
    if len(lists) > MAX_KEY_LISTS:
        raise UsageError(f"{len(lists)} lists of keys cannot travel with one pack: {MAX_KEY_LISTS} at most")
    return members


def _signature(content: bytes) -> Signature:
    signature = Signature.from_file(content)
    # Base64 has several spellings of one value, and the first line is not signed: one form, so that damage shows.
    if signature.file != content:
        raise UsageError("a signature in it is damaged: not in the form that it was packed in")
    return signature


def _data_problem(name: str) -> str | None:
    kind, _, rest = name.partition("/")
    if kind not in KINDS or not rest:
        return f"a pack holds {' and '.join(KINDS)} only"
    if not name.endswith(tuple(_SUFFIXES)):
        return f"not a kind of file that belongs to the data ({', '.join(sorted(_SUFFIXES))})"
    return archive.name_problem(name)


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
