import errno
import os
import stat

import pytest

from auditor.common import files
from auditor.common.errors import StorageError


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


def test_a_file_is_private_from_its_first_byte_and_whatever_the_umask(tmp_path, monkeypatch):
    seen = []
    real = os.open
    monkeypatch.setattr(
        os, "open", lambda path, flags, *mode, **kw: seen.append((str(path), mode)) or real(path, flags, *mode, **kw)
    )
    old = os.umask(0)
    try:
        files.write_private(tmp_path / "audit.json", "{}")
    finally:
        os.umask(old)
    assert mode(tmp_path / "audit.json") == 0o600
    created = [given for path, given in seen if path.endswith(".tmp")]
    assert created == [(0o600,)]
    assert [path.name for path in tmp_path.iterdir()] == ["audit.json"]


def test_a_wider_file_that_was_there_ends_private(tmp_path):
    target = tmp_path / "report.html"
    target.write_text("old")
    target.chmod(0o666)
    files.write_private(target, "new")
    assert mode(target) == 0o600
    assert target.read_text() == "new"


def test_a_symbolic_link_is_refused_and_its_target_untouched(tmp_path):
    canary = tmp_path / "canary"
    canary.write_text("untouched")
    (tmp_path / "report.html").symlink_to(canary)
    with pytest.raises(StorageError, match="symbolic link"):
        files.write_private(tmp_path / "report.html", "x")
    with pytest.raises(StorageError):
        files.open_append(tmp_path / "report.html")
    assert canary.read_text() == "untouched"


def test_a_failed_write_keeps_the_old_file_and_leaves_nothing_behind(tmp_path, monkeypatch):
    target = tmp_path / "report.html"
    files.write_private(target, "old")

    def full(_descriptor):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StorageError, match="No space left"):
        files.write_private(target, "new")
    assert target.read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["report.html"]


def test_a_folder_is_private_and_an_open_one_is_tightened(tmp_path):
    folder = tmp_path / "deep" / "run"
    files.make_private_folder(folder)
    assert mode(folder) == 0o700
    folder.chmod(0o777)
    files.make_private_folder(folder)
    assert mode(folder) == 0o700
    link = tmp_path / "link"
    link.symlink_to(folder)
    with pytest.raises(StorageError, match="symbolic link"):
        files.make_private_folder(link)


def test_an_error_of_the_caller_is_not_blamed_on_the_disk(tmp_path):
    with pytest.raises(PermissionError), files.replacing(tmp_path / "a"):
        raise PermissionError(errno.EACCES, "Permission denied", "somewhere else")
    with pytest.raises(StorageError), files.replacing(tmp_path / "a"):
        raise OSError(errno.ENOSPC, "No space left on device")
    assert not list(tmp_path.iterdir())
