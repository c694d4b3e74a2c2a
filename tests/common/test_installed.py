"""Installed data is believed only while it is whole; what is wrong with it is said."""

from __future__ import annotations

import hashlib
import json
import os

import pytest

from auditor.common import data, installed
from auditor.common.installed import SCHEMAS, choose, home


def write(folder, files):
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def files(version, dated):
    return {"fingerprints/manifest.yaml": f"version: '{version}'\ndated: '{dated}'\n".encode(),
            "fingerprints/makers/one.yaml": b"rules: []\n", **dict.fromkeys(SCHEMAS, b"{}\n")}  # fmt: skip


class Place:
    """A program's own data and an installed pack, written by hand as docs/adr/0012 describes them."""

    def __init__(self, tmp_path):
        self.own, self.home = tmp_path / "own", tmp_path / "home"
        write(self.own, files("2026.06.01", "2026-06-01"))
        self.folder = self.home / "packs" / "000000005-0123456789abcdef"

    def install(self, dated="2027-01-01", needs="0.1.0", **more):
        content = files("new", dated) | more
        manifest = {
            "what": "camera-auditor data", "format": 1, "sequence": 5, "version": "new", "dated": dated,
            "needs_program": needs, "key_lists": {},
            "files": {name: {"bytes": len(text), "sha256": hashlib.sha256(text).hexdigest()} for name, text in content.items()},
        }  # fmt: skip
        text = json.dumps(manifest).encode()
        write(self.folder, content | {"manifest.json": text})
        pointer = {"folder": self.folder.name, "manifest_sha256": hashlib.sha256(text).hexdigest(), "sequence": 5}
        write(self.home, {"state.json": json.dumps({"format": 1, "pack": pointer, "trust": {}}).encode()})

    def choose(self):
        return choose(self.own / "fingerprints", self.own / "policies")

    def refused(self, said):
        choice = self.choose()
        assert choice.folder is None
        assert len(choice.warnings) == 1
        assert said in choice.warnings[0]
        assert choice.warnings[0].endswith("the data that came with the program is used.")


@pytest.fixture
def place(tmp_path, monkeypatch):
    made = Place(tmp_path)
    monkeypatch.setenv(installed.VARIABLE, str(made.home))
    return made


def test_nothing_installed_is_nothing_to_warn_of(place):
    place.home.mkdir()
    assert place.choose() == installed.Choice(None)


def test_a_whole_pack_is_used(place):
    place.install()
    choice = place.choose()
    assert (choice.folder, choice.warnings) == (place.folder, ())
    assert choice.manifest.sequence == 5


def test_a_pack_of_the_same_day_is_used_and_an_older_one_is_not(place):
    place.install(dated="2026-06-01")
    assert place.choose().folder == place.folder
    place.install(dated="2026-05-31")
    place.refused("it is of 2026-05-31, and the program came with data of 2026-06-01")


def test_a_pack_for_a_newer_program_or_of_another_form_is_not_used(place):
    place.install(needs="99")
    place.refused("for program 99 or newer")
    place.install(**{SCHEMAS[1]: b'{"a": 1}'})
    place.refused("its policies have another form")


@pytest.mark.parametrize("name", ["fingerprints/makers/one.yaml", "manifest.json", SCHEMAS[0]])
def test_one_changed_byte_gives_up_the_whole_pack(place, name):
    place.install()
    content = bytearray((place.folder / name).read_bytes())
    content[len(content) // 2] ^= 1
    (place.folder / name).write_bytes(content)
    place.refused("not")


def test_files_that_are_missing_longer_or_added_give_it_up(place):
    place.install()
    one = place.folder / "fingerprints/makers/one.yaml"
    one.write_bytes(one.read_bytes() + b"# more\n")
    place.refused("longer than it was")
    one.unlink()
    os.utime(place.home / "state.json", ns=(1, 1))
    place.refused("one.yaml is missing")
    one.write_bytes(b"rules: []\n")
    (place.folder / "fingerprints/makers/two.yaml").write_bytes(b"rules: []\n")
    os.utime(place.home / "state.json", ns=(2, 2))
    place.refused("two.yaml does not belong to it")
    (place.folder / "fingerprints/makers/two.yaml").unlink()
    (place.folder / "fingerprints/more").mkdir()
    os.utime(place.home / "state.json", ns=(3, 3))
    place.refused("more does not belong to it")


def test_links_give_it_up(place, tmp_path):
    place.install()
    one = place.folder / "fingerprints/makers/one.yaml"
    one.rename(tmp_path / "one.yaml")
    one.symlink_to(tmp_path / "one.yaml")
    place.refused("symbolic link")


@pytest.mark.parametrize("where", ["home", "state", "folder", "file"])
@pytest.mark.parametrize("mode", [0o020, 0o002])
def test_what_others_can_write_gives_it_up(place, where, mode):
    place.install()
    path = {"home": place.home, "state": place.home / "state.json", "folder": place.folder / "fingerprints",
            "file": place.folder / "fingerprints/manifest.yaml"}[where]  # fmt: skip
    path.chmod(path.stat().st_mode | mode)
    place.refused("can be written by others")


@pytest.mark.parametrize("content", [b"", b"null", b'{"format": 2}', b'{"format": 1, "pack": {"folder": "../x"}}'])
def test_a_damaged_state_is_said(place, content):
    place.install()
    (place.home / "state.json").write_bytes(content)
    place.refused("state.json is damaged")


def test_a_variable_that_names_no_folder_is_said(place):
    place.refused("CAMERA_AUDITOR_DATA names")


def test_where_data_is_installed(monkeypatch, tmp_path):
    monkeypatch.delenv(installed.VARIABLE, raising=False)
    monkeypatch.setattr(installed.os, "geteuid", lambda: 0)
    assert home() == installed.SYSTEM
    monkeypatch.setattr(installed.os, "geteuid", lambda: 1000)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    assert home() == tmp_path / "camera-auditor"
    monkeypatch.setenv("XDG_DATA_HOME", "relative")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert home() == tmp_path / ".local/share/camera-auditor"
    monkeypatch.setenv(installed.VARIABLE, "/data")
    assert str(home()) == "/data"


def test_a_user_without_data_of_his_own_reads_that_of_the_system(place, monkeypatch, tmp_path):
    place.install()
    owner = place.home.stat().st_uid
    monkeypatch.delenv(installed.VARIABLE)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "mine"))
    monkeypatch.setattr(installed, "SYSTEM", place.home)
    if owner == 0:
        monkeypatch.setattr(installed.os, "geteuid", lambda: 1000)
    assert place.choose().folder == place.folder


def test_a_home_that_is_not_the_users_is_no_reason_to_warn_and_the_systems_data_is(place, monkeypatch):
    monkeypatch.delenv(installed.VARIABLE)
    monkeypatch.setenv("XDG_DATA_HOME", "/not/mine")
    monkeypatch.setattr(installed.os, "geteuid", lambda: 1000)
    real, closed = installed.Path.lstat, ["/not/mine"]

    def lstat(path):
        if str(path).startswith(tuple(closed)):
            raise PermissionError(13, "Permission denied")
        return real(path)

    monkeypatch.setattr(installed.Path, "lstat", lstat)
    assert place.choose() == installed.Choice(None)
    closed.append(str(installed.SYSTEM))
    place.refused("cannot be read (Permission denied)")


def test_the_product_takes_both_kinds_of_data_from_the_pack_and_tells_what_it_did_not_take(place, monkeypatch):
    place.install()
    monkeypatch.setattr(data, "packaged_path", lambda name: place.own / name)
    monkeypatch.setattr(data, "_told", {})
    assert data.data_path("fingerprints") == place.folder / "fingerprints"
    assert data.data_path("policies") == place.folder / "policies"
    assert data.data_path("reports") == place.own / "reports"
    assert data.warnings_so_far() == ()
    (place.home / "state.json").write_bytes(b"{}")
    assert data.data_path("fingerprints") == place.own / "fingerprints"
    assert data.warnings_so_far() == data.data_warnings()
    assert "state.json is damaged" in data.data_warnings()[0]
