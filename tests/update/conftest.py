"""A small site for data packs: keys, a program with data of its own, a folder to install into."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

import pytest

from auditor.common import installed
from auditor.common.installed import SCHEMAS
from auditor.update import SecretKey, archive, build, install, open_sealed, plan, seal
from auditor.update.keys import SignedList

if TYPE_CHECKING:
    from pathlib import Path


def secret(number: int) -> SecretKey:
    """Return a key of the tests, always the same for one number."""
    digest = hashlib.sha256(b"throw-away test key %d" % number).digest()
    return SecretKey(digest[:8], hashlib.sha256(digest).digest())


def tree(folder: Path) -> dict[str, tuple[int, str]]:
    """Return every entry below a folder with its mode, and its content's hash or its target."""
    found = {}
    for path in sorted([folder, *folder.rglob("*")]) if folder.exists() else []:
        if path.is_symlink():
            content = str(path.readlink())
        else:
            content = hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else "folder"
        found[path.relative_to(folder).as_posix()] = (path.lstat().st_mode, content)
    return found


class Site:
    """A program with its own data of 2026-06-01, and the folder that packs are installed into."""

    def __init__(self, folder: Path) -> None:
        self.home = folder / "home"
        self.own = folder / "own"
        for name, content in self.files("2026.06.01", "2026-06-01").items():
            path = self.own / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)

    @property
    def packaged(self) -> dict[str, Path]:
        return {"fingerprints": self.own / "fingerprints", "policies": self.own / "policies"}

    @staticmethod
    def files(version: str, dated: str) -> dict[str, bytes]:
        return {
            "fingerprints/manifest.yaml": f"version: '{version}'\ndated: '{dated}'\n".encode(),
            "fingerprints/makers/one.yaml": b"rules: []\n",
            "policies/one.yaml": b"title: One\n",
            **dict.fromkeys(SCHEMAS, b'{"title": "small"}\n'),
        }

    def payload(
        self, sequence=1, *, version="2027.01.01", dated="2027-01-01", needs="0.1.0", lists=(), more=None, **other
    ):
        files = self.files(version, dated) | (more or {})
        return build(files, sequence=sequence, version=version, dated=dated, needs_program=needs, lists=lists, **other)

    def pack(self, sequence=1, *, by=1, lists=(), **other) -> bytes:
        payload, manifest = self.payload(sequence, lists=lists, **other)
        return seal(payload, secret(by).sign(payload, manifest.comment), lists)

    def forced(self, sequence: int, signed: SignedList) -> bytes:
        """Return a pack of key 1 with a list that our own writer would refuse."""
        payload, manifest = self.payload(sequence)
        lists = {"keys-000000009.json": signed.content, "keys-000000009.json.minisig": signed.signature.file}
        members = archive.read(payload)
        stated = json.loads(members["manifest.json"])
        stated["key_lists"] = {name: hashlib.sha256(content).hexdigest() for name, content in lists.items()}
        payload = archive.write(members | {"manifest.json": json.dumps(stated).encode()})
        signature = secret(1).sign(payload, manifest.comment)
        return archive.write(lists | {"payload.tar": payload, "payload.tar.minisig": signature.file})

    def plan(self, data: bytes, *, key: int | None = None, reinstall=False):
        named = None if key is None else secret(key).public
        return plan(open_sealed(data), self.home, key=named, reinstall=reinstall, **self.packaged)

    def install(self, data: bytes, **how):
        return install(self.plan(data, **how), self.home)

    def choice(self):
        return installed.choose(**self.packaged)

    def used(self) -> str:
        """Return the version of the data that is in use."""
        folder = self.choice().folder or self.own
        return installed.fingerprint_version((folder / "fingerprints/manifest.yaml").read_bytes())[0]


def key_list(sequence: int, keys, /, *, by: int, revoked=(), **change) -> SignedList:
    """Return a signed list; `keys` are numbers, or pairs of a number and its rights."""
    pairs = [(item, ("data", "keys")) if isinstance(item, int) else item for item in keys]
    content = {
        "what": "camera-auditor trusted keys", "format": 1, "sequence": sequence, "dated": "2027-01-01",
        "keys": [{"key": secret(n).public.text, "signs": list(rights), "note": f"test key {n}"} for n, rights in pairs],
        "revoked": [{"key": secret(n).public.text, "reason": "test"} for n in revoked],
    } | change  # fmt: skip
    text = json.dumps(content).encode()
    return SignedList(text, secret(by).sign(text, "a list of keys"))


@pytest.fixture
def site(tmp_path, monkeypatch):
    made = Site(tmp_path)
    monkeypatch.setenv(installed.VARIABLE, str(made.home))
    return made


@pytest.fixture
def tools():
    class Tools:
        secret = staticmethod(secret)
        tree = staticmethod(tree)
        key_list = staticmethod(key_list)

    return Tools
