"""The file that is carried: how it is made, and that nothing of it is believed too early."""

from __future__ import annotations

import io
import json
import tarfile
from pathlib import Path

import pytest

from auditor.common.errors import UsageError
from auditor.common.limits import MAX_KEY_LISTS, MAX_PACK
from auditor.update import PublicKey, Signature, Trust, archive, build, open_sealed, seal
from auditor.update.keys import SignedList
from auditor.update.pack import believe, collect, read_signed_list

DATA = Path(__file__).parent / "data"


def trust(tools, *numbers):
    return Trust.anchor(tools.secret(numbers[0] if numbers else 1).public)


def signed_by_one(tools, payload: bytes, comment: str) -> bytes:
    return seal(payload, tools.secret(1).sign(payload, comment))


def test_the_same_input_gives_the_same_bytes(site):
    assert site.pack() == site.pack()
    shuffled = dict(reversed(site.files("2027.01.01", "2027-01-01").items()))
    again = build(shuffled, sequence=1, version="2027.01.01", dated="2027-01-01", needs_program="0.1.0")
    assert again == site.payload()


def test_a_payload_that_the_real_minisign_signed_is_believed():
    files = {"fingerprints/manifest.yaml": b"version: '2027.01.01'\ndated: '2027-01-01'\n",
             "fingerprints/schema/fingerprint.schema.json": b"{}\n",
             "policies/schema/policy.schema.json": b"{}\n"}  # fmt: skip
    payload, _ = build(files, sequence=7, version="2027.01.01", dated="2027-01-01", needs_program="0.1.0")
    sealed = open_sealed(seal(payload, Signature.from_file((DATA / "payload.minisig").read_bytes())))
    key = PublicKey.from_file((DATA / "throw-away.pub").read_bytes())
    pack = believe(sealed, Trust.anchor(key))
    assert (pack.manifest.sequence, pack.signer, dict(pack.files)) == (7, key, files)


def test_a_plain_tar_takes_it_apart(site, tools):
    lists = [tools.key_list(3, [1, 2], by=1)]
    with tarfile.open(fileobj=io.BytesIO(site.pack(lists=lists))) as tar:
        found = {info.name: tar.extractfile(info).read() for info in tar}
    assert list(found) == ["keys-000000003.json", "keys-000000003.json.minisig", "payload.tar", "payload.tar.minisig"]
    Signature.from_file(found["payload.tar.minisig"]).check(tools.secret(1).public, found["payload.tar"])
    with tarfile.open(fileobj=io.BytesIO(found["payload.tar"])) as tar:
        assert json.load(tar.extractfile("manifest.json"))["sequence"] == 1


def test_an_unsigned_pack_is_refused(site):
    payload, _ = site.payload()
    with pytest.raises(UsageError, match="it is not signed"):
        open_sealed(archive.write({"payload.tar": payload}))
    with pytest.raises(UsageError, match="not a minisign signature"):
        open_sealed(archive.write({"payload.tar": payload, "payload.tar.minisig": b""}))
    with pytest.raises(UsageError, match=r"not a data pack|not a whole data pack"):
        open_sealed(payload)


@pytest.mark.parametrize("data", [b"", b"PK\x03\x04", bytes(1024), b"\x1f\x8b" + bytes(2000)])
def test_what_is_no_pack_is_refused_as_such(data):
    with pytest.raises(UsageError, match="not a"):
        open_sealed(data)


def test_an_oversized_file_is_refused():
    with pytest.raises(UsageError, match=f"more than {MAX_PACK} bytes"):
        open_sealed(bytes(MAX_PACK + 1))


@pytest.mark.parametrize("name", ["more.txt", "keys-1.json", "keys-000000001.json", "keys-000000001.json.minisig"])
def test_nothing_else_travels_in_it(site, tools, name):
    members = archive.read(site.pack()) | {name: b"{}"}
    with pytest.raises(UsageError, match="something else"):
        open_sealed(archive.write(members))


def test_nothing_of_the_payload_is_parsed_before_its_signature(site, tools, monkeypatch):
    payload, manifest = site.payload()
    wrong = tools.secret(1).sign(payload + b"x", manifest.comment)
    sealed = open_sealed(seal(payload, wrong))
    read = []
    monkeypatch.setattr(archive, "read", read.append)
    with pytest.raises(UsageError, match="does not fit"):
        believe(sealed, trust(tools))
    assert read == []


def test_the_trusted_comment_has_to_say_what_the_payload_says(site, tools):
    payload, manifest = site.payload(5)
    assert manifest.comment == "camera-auditor data version=2027.01.01 sequence=5 dated=2027-01-01"
    with pytest.raises(
        UsageError, match=r"trusted comment has to be `camera-auditor data version=2027\.01\.01 sequence=5"
    ):
        believe(open_sealed(signed_by_one(tools, payload, manifest.comment.replace("=5", "=6"))), trust(tools))


def hostile(tools, **changes: object) -> bytes:
    """Return a pack with one file that our own writer would not write, signed by a trusted key."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        info = tarfile.TarInfo("fingerprints/a.yaml")
        for field, value in changes.items():
            setattr(info, field, value)
        tar.addfile(info)
    return signed_by_one(tools, out.getvalue(), "comment")


@pytest.mark.parametrize(
    ("changes", "said"),
    [({"name": "../../etc/cron.d/x"}, "climbs out"), ({"name": "/etc/cron.d/x"}, "absolute"),
     ({"type": tarfile.SYMTYPE, "linkname": "/etc/passwd"}, "symbolic link"),
     ({"type": tarfile.LNKTYPE, "linkname": "/etc/passwd"}, "hard link"),
     ({"type": tarfile.CHRTYPE}, "device"), ({"mode": 0o4755}, "no plain file")],
)  # fmt: skip
def test_even_a_trusted_key_signs_no_way_out(tools, changes, said):
    with pytest.raises(UsageError, match=f"signed but no sound data: .*{said}"):
        believe(open_sealed(hostile(tools, **changes)), trust(tools))


@pytest.mark.parametrize(
    ("change", "said"),
    [({"fingerprints/makers/two.yaml": b"x"}, "not those of its manifest"),
     ({"fingerprints/makers/one.yaml": b"x"}, "not those of its manifest"),
     ({"manifest.json": b"{}"}, "no sound data: manifest.json"), ({"manifest.json": b""}, "no sound data: manifest.json")],
)  # fmt: skip
def test_the_manifest_lists_every_file(site, tools, change, said):
    payload, manifest = site.payload()
    changed = archive.write(archive.read(payload) | change)
    with pytest.raises(UsageError, match=said):
        believe(open_sealed(signed_by_one(tools, changed, manifest.comment)), trust(tools))


def test_the_lists_that_it_was_packed_with_cannot_be_taken_out_or_put_in(site, tools):
    payload, manifest = site.payload(lists=[tools.key_list(1, [1], by=1)])
    with pytest.raises(UsageError, match="taken out or put in"):
        believe(open_sealed(signed_by_one(tools, payload, manifest.comment)), trust(tools))
    payload, manifest = site.payload()
    added = seal(payload, tools.secret(1).sign(payload, manifest.comment), [tools.key_list(1, [1], by=1)])
    with pytest.raises(UsageError, match="taken out or put in"):
        believe(open_sealed(added), trust(tools))


@pytest.mark.parametrize(
    ("name", "said"),
    [("fingerprints/run.py", "not a kind of file"), ("fingerprints/x.yaml~", "not a kind of file"),
     ("reports/x.json", "fingerprints and policies only"), ("policies", "fingerprints and policies only"),
     ("fingerprints/.x.yaml", "hidden"), ("fingerprints/../x.yaml", "climbs out")],
)  # fmt: skip
def test_only_data_is_packed(site, name, said):
    with pytest.raises(UsageError, match=said):
        site.payload(more={name: b"x"})


def test_a_folder_is_read_with_plain_files_only(site, tmp_path):
    assert collect(site.own) == site.files("2026.06.01", "2026-06-01")
    link = site.own / "policies" / "link.yaml"
    link.symlink_to(site.own / "policies" / "one.yaml")
    with pytest.raises(UsageError, match="no plain file"):
        collect(site.own)
    link.unlink()
    (site.own / "policies" / "run.sh").write_text("x")
    with pytest.raises(UsageError, match="not a kind of file"):
        collect(site.own)
    with pytest.raises(UsageError, match="has no folder fingerprints"):
        collect(tmp_path / "home")


@pytest.mark.parametrize("wrong", [{"sequence": 0}, {"dated": "1 May"}, {"version": "a b"}, {"needs": "new"}])
def test_what_no_site_would_take_is_not_built(site, wrong):
    with pytest.raises(UsageError, match=r"manifest\.json"):
        site.payload(**({"sequence": 1} | wrong))


def test_how_many_lists_travel(site, tools):
    lists = [tools.key_list(number, [1], by=1) for number in range(1, MAX_KEY_LISTS + 2)]
    with pytest.raises(UsageError, match="at most"):
        site.payload(lists=lists)
    with pytest.raises(UsageError, match="one sequence number"):
        site.payload(lists=[lists[0], lists[0]])


def test_a_list_is_read_with_the_signature_beside_it(tmp_path, tools):
    made = tools.key_list(2, [1, 2], by=1)
    (tmp_path / "keys.json").write_bytes(made.content)
    with pytest.raises(UsageError, match=r"keys\.json\.minisig cannot be read"):
        read_signed_list(tmp_path / "keys.json")
    (tmp_path / "keys.json.minisig").write_bytes(made.signature.file.replace(b"\n", b"\r\n"))
    assert read_signed_list(tmp_path / "keys.json") == SignedList(made.content, made.signature)
    (tmp_path / "keys.json").write_bytes(b"x" * 100_000)
    with pytest.raises(UsageError, match="too long"):
        read_signed_list(tmp_path / "keys.json")
