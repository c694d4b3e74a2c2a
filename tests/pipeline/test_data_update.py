"""Data from headquarters to a closed network and into its reports, as the administrator types it."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from auditor import __version__
from auditor.common.data import packaged_path

ROOT = Path(__file__).resolve().parents[2]
KEYS = ROOT / "tests" / "update" / "data"
MARK = "headquarters-rule"
RULE = """maker: ACTi
reviewed: '2026-11-21'
rules:
  - id: acti.http.headquarters-rule
    observable: http.server
    match: {exact: Headquarters-Test/1.0}
    says: {maker: ACTi, kind: camera}
    strength: strong
    group: web
    source:
      - {key: WSPEN}
    examples:
      - {input: Headquarters-Test/1.0}
    counter_examples:
      - {input: App-webs/, of: Hikvision}
"""
LINE = b'{"device": "10.0.0.5", "probe": "http", "port": 80, "facts": {"http.server": "Headquarters-Test/1.0"}}\n'
# Addresses of this machine's loopback only; nothing answers there.
SITE = """site: {name: Nobody, sensitivity: standard}
authorisation: {by: A test, reference: T-1, valid_from: 2020-01-01, valid_until: 2099-12-31}
zones: [{name: loopback, role: core, subnets: [127.88.7.0/30]}]
policies: [uk-2022]
pace: standard
"""


def auditor(*words, home=None, text=None, **environment):
    surroundings = {name: value for name, value in os.environ.items() if name != "CAMERA_AUDITOR_DATA"}
    if home is not None:
        surroundings["CAMERA_AUDITOR_DATA"] = str(home)
    return subprocess.run(
        [sys.executable, "-m", "auditor", *map(str, words)],
        cwd=ROOT, env=surroundings | environment, input=text, capture_output=True, check=False, timeout=240,
    )  # fmt: skip


def tree(folder):
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        if path.is_file()
        else "folder"
        for path in folder.rglob("*")
    }


@pytest.fixture(scope="module")
def headquarters(tmp_path_factory):
    """A folder of data with one rule and one policy that the program does not come with, packed as 12 and 13."""
    folder = tmp_path_factory.mktemp("headquarters")
    for kind in ("fingerprints", "policies"):
        shutil.copytree(packaged_path(kind), folder / "data" / kind)
    data = folder / "data" / "fingerprints"
    (data / "makers" / "headquarters.yaml").write_text(RULE)
    manifest = (data / "manifest.yaml").read_text()
    (data / "manifest.yaml").write_text(re.sub("version: .*", "version: '2026.99.12'", manifest))
    policy = (folder / "data" / "policies" / "uk-2022.yaml").read_text()
    (folder / "data" / "policies" / "hq-2022.yaml").write_text(policy.replace("id: uk-2022", "id: hq-2022"))
    for sequence in (12, 13):
        done = auditor(
            "fingerprints", "pack", folder / "data", "--sequence", sequence, "--secret-key", KEYS / "throw-away.key",
            "--out", folder / f"{sequence}.cadata",
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture(scope="module")
def installed(headquarters, tmp_path_factory):
    """A closed network that installed pack 12; nobody changes it."""
    home = tmp_path_factory.mktemp("closed") / "home"
    done = install(headquarters / "12.cadata", home=ready(home))
    assert done.returncode == 0, done.stderr
    return home


@pytest.fixture
def site(installed, tmp_path):
    """A copy of that network, to be spoiled."""
    home = tmp_path / "home"
    shutil.copytree(installed, home)
    return home


def ready(home):
    home.mkdir()
    return home


def install(pack, *more, home):
    return auditor("fingerprints", "install", pack, "--key", KEYS / "throw-away.pub", *more, home=home)


def one_of(home):
    (folder,) = (home / "packs").iterdir()
    return folder


def test_packing_twice_gives_the_same_bytes(headquarters, tmp_path):
    done = auditor(
        "fingerprints", "pack", headquarters / "data", "--sequence", 12, "--secret-key", KEYS / "throw-away.key",
        "--out", tmp_path / "again.cadata",
    )  # fmt: skip
    assert done.returncode == 0
    assert (tmp_path / "again.cadata").read_bytes() == (headquarters / "12.cadata").read_bytes()


def test_a_payload_can_be_signed_elsewhere(headquarters, tmp_path):
    """The key never comes near this program; the signature is made as minisign would, from the printed comment."""
    from auditor.update import SecretKey

    base = ("fingerprints", "pack", headquarters / "data", "--sequence", 12)
    done = auditor(*base, "--payload-only", "--out", tmp_path / "payload.tar")
    assert done.returncode == 0, done.stderr
    comment = re.search(r"minisign -Sm \S+ -t '([^']+)'", done.stdout.decode()).group(1)
    key = SecretKey.from_file((KEYS / "throw-away.key").read_bytes(), str)
    signature = key.sign((tmp_path / "payload.tar").read_bytes(), comment)
    (tmp_path / "s.minisig").write_bytes(signature.file.replace(b"signature from", b"who cares about"))
    given = ("--signature", tmp_path / "s.minisig", "--key", KEYS / "throw-away.pub")
    done = auditor(*base, *given, "--out", tmp_path / "12.cadata")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "12.cadata").read_bytes() == (headquarters / "12.cadata").read_bytes()
    (tmp_path / "s.minisig").write_bytes(key.sign((tmp_path / "payload.tar").read_bytes(), "hello").file)
    done = auditor(*base, *given, "--out", tmp_path / "wrong.cadata")
    assert done.returncode == 2
    assert b"trusted comment has to be" in done.stderr
    (tmp_path / "s.minisig").write_bytes(key.sign(b"something else", comment).file)
    done = auditor(*base, *given, "--out", tmp_path / "wrong.cadata")
    assert done.returncode == 2
    assert b"does not fit" in done.stderr
    assert not (tmp_path / "wrong.cadata").exists()


@pytest.mark.parametrize("more", [(), ("--payload-only", "--secret-key", "x"), ("--signature", "x")])
def test_packing_needs_one_way_to_sign(headquarters, tmp_path, more):
    done = auditor("fingerprints", "pack", headquarters / "data", "--sequence", 1, "--out", tmp_path / "x", *more)
    assert done.returncode == 2
    assert b"name one of" in done.stderr or b"belong together" in done.stderr


def test_data_that_fails_its_self_test_is_neither_packed_nor_installed(headquarters, tmp_path):
    from auditor.common.files import write_private
    from auditor.update import SecretKey, build, seal
    from auditor.update.pack import collect

    shutil.copytree(headquarters / "data", tmp_path / "data")
    rules = tmp_path / "data" / "fingerprints" / "makers" / "headquarters.yaml"
    rules.write_text(RULE.replace("input: App-webs/,", "input: Headquarters-Test/1.0,"))
    base = ("fingerprints", "pack", tmp_path / "data", "--sequence", 12, "--secret-key", KEYS / "throw-away.key")
    done = auditor(*base, "--out", tmp_path / "12.cadata")
    assert done.returncode == 2
    assert b"fails its self-test" in done.stderr
    assert b"counter-example 1 matches" in done.stderr
    dated = re.search("dated: '(.*)'", (tmp_path / "data/fingerprints/manifest.yaml").read_text()).group(1)
    payload, manifest = build(
        collect(tmp_path / "data"), sequence=12, version="2026.99.12", dated=dated, needs_program=__version__
    )
    key = SecretKey.from_file((KEYS / "throw-away.key").read_bytes(), str)
    write_private(tmp_path / "12.cadata", seal(payload, key.sign(payload, manifest.comment)))
    home = ready(tmp_path / "home")
    done = install(tmp_path / "12.cadata", home=home)
    assert done.returncode == 2
    assert b"its data fails the self-test" in done.stderr
    assert list(home.iterdir()) == []


def test_verify_says_who_what_and_what_is_new_and_changes_nothing(headquarters, tmp_path):
    home = ready(tmp_path / "home")
    done = auditor(
        "fingerprints", "verify", headquarters / "12.cadata", "--key", KEYS / "throw-away.pub", home=home
    )  # fmt: skip
    text = done.stdout.decode()
    assert done.returncode == 0, done.stderr
    assert (KEYS / "throw-away.pub").read_text().splitlines()[1] in text
    for wanted in (r"^Sequence +12$", r"^Version +2026\.99\.12", r"^Dated +\d{4}-\d\d-\d\d, ", r"^  rules +\d+: 1 added, 0 rem",
                   rf"^    \+ acti\.http\.{MARK}$", r"^  policy rules +\d+: \d+ added, 0 removed, 0 changed$",
                   r"^    \+ hq-2022/", r"^Nothing was changed"):  # fmt: skip
        assert re.search(wanted, text, re.MULTILINE), wanted
    assert list(home.iterdir()) == []


def test_verify_refuses_what_install_would_refuse(headquarters, site):
    before = tree(site)
    done = auditor("fingerprints", "verify", headquarters / "12.cadata", home=site)
    assert done.returncode == 2
    assert b"sequence 12 is installed already" in done.stderr
    done = auditor("fingerprints", "verify", headquarters / "13.cadata", home=site)
    assert done.returncode == 0, done.stderr
    assert b"(installed: 12)" in done.stdout
    assert tree(site) == before


def test_every_command_uses_the_installed_data(installed):
    listed = auditor("fingerprints", "list", home=installed)
    assert f"acti.http.{MARK} ".encode() in listed.stdout
    assert f"acti.http.{MARK} ".encode() not in auditor("fingerprints", "list").stdout
    found = auditor("identify", "-", home=installed, text=LINE)
    assert json.loads(found.stdout)["maker"] == "ACTi"
    assert json.loads(auditor("identify", "-", text=LINE).stdout)["maker"] is None
    assert b"hq-2022 " in auditor("policies", "list", home=installed).stdout
    assert auditor("policies", "show", "hq-2022", home=installed).returncode == 0
    assert auditor("fingerprints", "check", home=installed).returncode == 0
    assert (listed.stderr, found.stderr) == (b"", b"")


def test_a_user_installs_below_his_own_folder(headquarters, tmp_path):
    """XDG_DATA_HOME serves everybody but root; as root the same path is named."""
    if os.geteuid() == 0:
        where = {"home": tmp_path / "xdg" / "camera-auditor"}
        where["home"].mkdir(parents=True)
    else:
        where = {"XDG_DATA_HOME": str(tmp_path / "xdg")}
    words = ("fingerprints", "install", headquarters / "12.cadata", "--key", KEYS / "throw-away.pub")
    assert auditor(*words, **where).returncode == 0
    assert (tmp_path / "xdg" / "camera-auditor" / "state.json").is_file()
    assert MARK.encode() in auditor("fingerprints", "list", **where).stdout


def scanned(home, folder):
    (folder / "site.yaml").write_text(SITE)
    (folder / "site.yaml").chmod(0o600)
    done = auditor("scan", folder / "site.yaml", "--out", folder / "run", "--quiet", home=home)
    assert (folder / "run" / "audit.json").is_file(), done.stderr
    return json.loads((folder / "run" / "audit.json").read_text()), (folder / "run" / "report.html").read_text(), done


def test_a_report_names_the_version_of_the_installed_data(installed, tmp_path):
    audit, page, done = scanned(installed, tmp_path)
    assert audit["run"]["versions"]["fingerprints"] == "2026.99.12"
    assert "2026.99.12" in page
    assert b"is not used" not in done.stderr
    doctor = auditor("doctor", tmp_path / "site.yaml", home=installed)
    assert b"(installed data pack 12)" in doctor.stdout


def test_a_damaged_installation_is_left_aside_and_said_everywhere(site, tmp_path):
    (one_of(site) / "fingerprints" / "makers" / "headquarters.yaml").write_text(RULE + "#\n")
    audit, page, done = scanned(site, tmp_path)
    said = "headquarters.yaml is longer than it was; the data that came with the program is used."
    assert audit["run"]["versions"]["fingerprints"] != "2026.99.12"
    assert any(warning.endswith(said) for warning in audit["warnings"])
    assert said in page
    assert said in done.stderr.decode()
    for words in (("fingerprints", "list"), ("policies", "list"), ("fingerprints", "check")):
        done = auditor(*words, home=site)
        assert done.returncode == 0
        assert said in done.stderr.decode()
        assert MARK.encode() not in done.stdout
    doctor = auditor("doctor", tmp_path / "site.yaml", home=site)
    assert re.search(rf"^warn +data .*{re.escape(said)}", doctor.stdout.decode(), re.MULTILINE)


def test_the_same_pack_again_mends_it(headquarters, site):
    (one_of(site) / "manifest.json").unlink()
    assert b"is not used" in auditor("fingerprints", "list", home=site).stderr
    refused = auditor("fingerprints", "install", headquarters / "12.cadata", home=site)
    assert refused.returncode == 2
    done = auditor("fingerprints", "install", headquarters / "12.cadata", "--reinstall", home=site)
    assert (done.returncode, done.stderr) == (0, b"")
    listed = auditor("fingerprints", "list", home=site)
    assert MARK.encode() in listed.stdout
    assert listed.stderr == b""


def test_what_is_refused_says_why_in_one_sentence_with_exit_2(headquarters, site, tmp_path):
    before = tree(site)
    good = (headquarters / "13.cadata").read_bytes()
    cases = {
        "missing": (None, "there is no such file"),
        "empty": (b"", "not a whole data pack"),
        "half": (good[: len(good) // 2], "truncated"),
        "tail": (good + b"\0", "does not end"),
        "twelve": ((headquarters / "12.cadata").read_bytes(), "installed already"),
        "flipped": (good[:70_000] + bytes([good[70_000] ^ 4]) + good[70_001:], "does not fit"),
    }
    for name, (content, said) in cases.items():
        pack = tmp_path / f"{name}.cadata"
        if content is not None:
            pack.write_bytes(content)
        for command in ("verify", "install"):
            done = auditor("fingerprints", command, pack, home=site)
            assert (done.returncode, done.stdout) == (2, b""), name
            assert said in done.stderr.decode(), name
            assert done.stderr.decode().endswith("Nothing was changed.\n")
            assert "Traceback" not in done.stderr.decode()
    assert tree(site) == before


def test_flipped_bits_across_a_real_pack_are_refused(headquarters, site, monkeypatch):
    from auditor.common.errors import UsageError
    from auditor.pipeline.data_update import install_lines

    monkeypatch.setenv("CAMERA_AUDITOR_DATA", str(site))
    good, before = (headquarters / "13.cadata").read_bytes(), tree(site)
    damaged = site.parent / "damaged.cadata"
    for offset in [*range(0, len(good), len(good) // 97), len(good) - 1]:
        damaged.write_bytes(good[:offset] + bytes([good[offset] ^ (1 << offset % 8)]) + good[offset + 1 :])
        with pytest.raises(UsageError, match="Nothing was changed"):
            list(install_lines(damaged, None))
    assert tree(site) == before


def test_keys_are_rotated_with_the_real_data(headquarters, site, tmp_path):
    """Headquarters retires its first key: the list is signed by the old key, the pack already by the new one."""
    from auditor.update import SecretKey
    from auditor.update.minisign import PublicKey

    old = SecretKey.from_file((KEYS / "throw-away.key").read_bytes(), str)
    new = PublicKey.from_file((KEYS / "throw-away-encrypted.pub").read_bytes())
    listed = {
        "what": "camera-auditor trusted keys", "format": 1, "sequence": 1, "dated": "2026-11-21",
        "keys": [{"key": new.text, "signs": ["data", "keys"], "note": "second key"}],
        "revoked": [{"key": old.public.text, "reason": "retired"}],
    }  # fmt: skip
    (tmp_path / "keys.json").write_text(json.dumps(listed))
    signature = old.sign((tmp_path / "keys.json").read_bytes(), "list 1")
    (tmp_path / "keys.json.minisig").write_bytes(signature.file)
    done = auditor(
        "fingerprints", "pack", headquarters / "data", "--sequence", 20, "--keys", tmp_path / "keys.json",
        "--secret-key", KEYS / "throw-away-encrypted.key", "--out", tmp_path / "20.cadata", text=b"throw-away\n",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    done = auditor("fingerprints", "install", tmp_path / "20.cadata", home=site)
    assert done.returncode == 0, done.stderr
    assert b"list 1 of trusted keys takes the place of 0" in done.stdout
    assert f"revoked   {old.public.name}" in done.stdout.decode()
    done = auditor("fingerprints", "install", headquarters / "13.cadata", home=site)
    assert done.returncode == 2
    assert b"that key is revoked here" in done.stderr
