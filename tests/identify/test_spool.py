import os
import random
import tempfile
from pathlib import Path

import pytest

from auditor.common.errors import StorageError
from auditor.identify import spool


def test_records_come_back_in_order_through_every_level(monkeypatch):
    monkeypatch.setattr(spool, "_IN_MEMORY", 3000)
    monkeypatch.setattr(spool, "_FAN", 3)
    shuffled = random.Random(1)
    records = [
        (bytes([key]) * 16, number, os.urandom(number % 50))
        for number, key in enumerate(shuffled.choices(range(200), k=700))
    ]
    with spool.Sorter() as sorter:
        for key, number, payload in shuffled.sample(records, len(records)):
            sorter.add(key, number, payload)
        assert len(sorter._levels) > 2
        assert all(len(level) < 3 for level in sorter._levels)
        assert list(sorter.records()) == sorted(records)


def test_a_small_set_of_records_needs_no_file(monkeypatch):
    monkeypatch.setattr(tempfile, "TemporaryFile", None)
    with spool.Sorter() as sorter:
        sorter.add(b"b" * 16, 1, b"x")
        sorter.add(b"a" * 16, 2, b"y")
        assert [payload for _, _, payload in sorter.records()] == [b"y", b"x"]


def test_numbers_are_new_once(monkeypatch):
    monkeypatch.setattr(spool, "_RECENT", 64)
    monkeypatch.setattr(spool, "_BLOCK", 16)
    monkeypatch.setattr(spool, "_SCREEN_BITS", 10)  # full soon: most answers come from the files
    shuffled = random.Random(2)
    numbers = [shuffled.getrandbits(64) for _ in range(3000)] + [0, 2**64 - 1]
    with spool.Numbers() as seen:
        assert all(seen.add(number) for number in numbers)
        assert len(seen._files) < 8
        assert not any(seen.add(number) for number in shuffled.sample(numbers, 500))
        assert seen.add(12345)


def test_files_are_gone_after_an_error(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(spool, "_IN_MEMORY", 100)
    files = []

    def fail():
        with spool.Sorter() as sorter:
            for number in range(9):
                sorter.add(b"a" * 16, number, b"x" * 50)
            files.extend(file for level in sorter._levels for file in level)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert files
    assert all(file.closed for file in files)
    assert not list(tmp_path.iterdir())


def test_a_folder_that_cannot_be_used_is_a_storage_error(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "gone"))
    monkeypatch.setattr(spool, "_IN_MEMORY", 100)
    monkeypatch.setattr(spool, "_RECENT", 2)
    with pytest.raises(StorageError, match="TMPDIR"), spool.Sorter() as sorter:
        sorter.add(b"a" * 16, 1, b"x" * 200)
    with spool.Numbers() as seen:
        seen.add(1)
        with pytest.raises(StorageError, match="temporary folder"):
            seen.add(2)


def test_a_full_disk_is_a_storage_error(monkeypatch):
    monkeypatch.setattr(tempfile, "TemporaryFile", lambda **_: Path("/dev/full").open("r+b", buffering=0))  # noqa: SIM115
    monkeypatch.setattr(spool, "_IN_MEMORY", 100)
    with pytest.raises(StorageError, match="No space left"), spool.Sorter() as sorter:
        sorter.add(b"a" * 16, 1, b"x" * 200)
