"""The tar that can be written in one way only."""

from __future__ import annotations

import io
import tarfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditor.common.errors import UsageError
from auditor.common.limits import MAX_PACK_FILE, MAX_PACK_FILES
from auditor.update import archive

NAMES = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,20}(/[A-Za-z0-9][A-Za-z0-9_.-]{0,20}){0,3}", fullmatch=True)
SMALL = {"a.yaml": b"one\n", "b/c.tsv": b"x" * 700, "b/d.tsv": b""}


def foreign(change=lambda info: None, name="b.yaml", content=b"two\n"):
    """Return an archive made by Python's own writer, which can do everything that ours cannot."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.GNU_FORMAT) as tar:
        info = tarfile.TarInfo(name)
        info.size = len(content)
        change(info)
        tar.addfile(info, io.BytesIO(content))
    return out.getvalue()


@given(st.dictionaries(NAMES, st.binary(max_size=1200), max_size=8))
def test_what_is_written_is_read_again(members):
    parents = {"/".join(name.split("/")[:n]) for name in members for n in range(1, name.count("/") + 1)}
    if parents & set(members):
        with pytest.raises(UsageError):
            archive.read(archive.write(members))
        return
    assert archive.read(archive.write(members)) == members
    assert archive.write(dict(reversed(members.items()))) == archive.write(members)


def test_every_tar_reads_it():
    with tarfile.open(fileobj=io.BytesIO(archive.write(SMALL))) as tar:
        assert {info.name: tar.extractfile(info).read() for info in tar} == SMALL


@pytest.mark.parametrize(
    ("kind", "said"),
    [(tarfile.SYMTYPE, "symbolic link"), (tarfile.LNKTYPE, "hard link"), (tarfile.CHRTYPE, "device"),
     (tarfile.BLKTYPE, "device"), (tarfile.FIFOTYPE, "pipe"), (tarfile.DIRTYPE, "folder")],
)  # fmt: skip
def test_nothing_but_plain_files(kind, said):
    def change(info):
        info.type, info.linkname, info.size = kind, "/etc/passwd", 0

    with pytest.raises(UsageError, match=said):
        archive.read(foreign(change))


@pytest.mark.parametrize(
    "name", ["/etc/passwd", "../up.yaml", "a/../../up.yaml", "a//b.yaml", "./a.yaml", ".hidden", "a/.hidden", "a\\b", "a b",
             "a\nb", "C:/x.yaml", "a/b/c/d/e/f.yaml", "é.yaml", ""],
)  # fmt: skip
def test_no_name_leads_out(name):
    assert archive.name_problem(name)
    with pytest.raises(UsageError):
        archive.write({name: b""})
    with pytest.raises(UsageError):
        archive.read(foreign(name=name))


def test_a_long_name_needs_what_is_refused():
    with pytest.raises(UsageError, match="longer than 100"):
        archive.write({"a/" * 3 + "b" * 100: b""})
    with pytest.raises(UsageError, match="long name"):
        archive.read(foreign(name="a/" + "b" * 150))


@pytest.mark.parametrize("field", ["mode", "uid", "gid", "mtime", "uname", "gname"])
def test_every_field_of_a_header_has_one_value(field):
    with pytest.raises(UsageError, match="no plain file as"):
        archive.read(foreign(lambda info: setattr(info, field, "x" if field.endswith("name") else 0o4755)))


def test_no_bit_can_be_flipped_without_another_content():
    data = archive.write(SMALL)
    contents = 0
    for offset in range(len(data)):
        damaged = bytearray(data)
        damaged[offset] ^= 1 << (offset % 8)
        try:
            found = archive.read(bytes(damaged))
        except UsageError:
            continue
        assert found != SMALL, f"byte {offset} can be anything"
        contents += 1
    assert contents == sum(map(len, SMALL.values()))


def test_truncations_and_tails_are_refused():
    data = archive.write(SMALL)
    for length in range(len(data)):
        with pytest.raises(UsageError):
            archive.read(data[:length])
    for tail in (b"x", bytes(512), data):
        with pytest.raises(UsageError, match="does not end"):
            archive.read(data + tail)


def test_order_and_repetition():
    one, two = archive.write({"a": b"1"})[:-1024], archive.write({"b": b"2"})[:-1024]
    for wrong in (two + one, one + one):
        with pytest.raises(UsageError, match="out of order or there twice"):
            archive.read(wrong + bytes(1024))


def test_a_file_is_no_folder_at_the_same_time():
    with pytest.raises(UsageError, match="out of order or there twice"):
        archive.read(archive.write({"a": b"1", "a/b": b"2"}))


def test_sizes_and_counts_are_bounded_before_anything_is_kept():
    header = archive._header("a", MAX_PACK_FILE + 1)
    with pytest.raises(UsageError, match=f"more than {MAX_PACK_FILE}"):
        archive.read(header + bytes(2048))
    many = b"".join(archive._header(f"f{number:06d}", 0) for number in range(MAX_PACK_FILES + 1))
    with pytest.raises(UsageError, match=f"more than {MAX_PACK_FILES} files"):
        archive.read(many + bytes(1024))
    with pytest.raises(UsageError, match="at most"):
        archive.write({f"f{number:06d}": b"" for number in range(MAX_PACK_FILES + 1)})
