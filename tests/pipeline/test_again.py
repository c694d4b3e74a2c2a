"""Explaining a device of a finished run: with the fingerprints that the run itself used."""

from __future__ import annotations

import dataclasses

import pytest
from report.build import audit, devices

from auditor.common.errors import UsageError
from auditor.model import Outcome
from auditor.pipeline.again import explain_device
from auditor.report import dump
from auditor.store import RunFolder
from auditor.store.folder import AUDIT

OWN = """
maker: Sunell
reviewed: '2026-11-21'
rules:
- id: our.http.server
  observable: http.server
  match: {exact: Front door 7}
  says: {maker: Sunell}
  strength: strong
  group: web
  source: [{key: FACTS}]
  examples: [{input: Front door 7}]
  counter_examples: [App-webs/]
"""
ANSWER = b"HTTP/1.1 200 OK\r\nServer: %s\r\nContent-Length: 0\r\n\r\n"


@pytest.fixture
def rules_folder(tmp_path):
    folder = tmp_path / "our rules"
    folder.mkdir()
    (folder / "own.yaml").write_text(OWN)
    (folder / "notes.txt").write_text("no rule")
    return folder


def finished(path, server, *, rules=None, **unit):
    """Write the folder of a run with one device whose web server has that name."""
    found = dataclasses.replace(devices()[-1], addresses=("10.88.1.90",), **unit)
    with RunFolder.create(path) as folder:
        if rules is not None:
            folder.keep_rules(rules)
        folder.append_outcome(Outcome("10.88.1.90", "http", raw=ANSWER % server, port=80, request="GET /"))
        folder.write(AUDIT, dump(audit(units=(found,))))
    return path


def test_the_fingerprints_of_the_run_explain_its_devices(tmp_path, rules_folder):
    text = "\n".join(explain_device(finished(tmp_path / "run", b"Front door 7", rules=rules_folder), "10.88.1.90"))
    assert "made by Sunell, probable" in text
    assert "fingerprint our.http.server" in text
    assert sorted(path.name for path in (tmp_path / "run" / "rules").iterdir()) == ["own.yaml"]
    assert (tmp_path / "run" / "rules").stat().st_mode & 0o777 == 0o700
    assert (tmp_path / "run" / "rules" / "own.yaml").stat().st_mode & 0o777 == 0o600


def test_without_them_the_device_is_not_named_and_a_folder_that_is_asked_for_wins(tmp_path, rules_folder):
    bare = finished(tmp_path / "bare", b"Front door 7")
    assert "the maker is not identified" in "\n".join(explain_device(bare, "10.88.1.90"))
    assert "made by Sunell" in "\n".join(explain_device(bare, "10.88.1.90", rules_folder))
    other = tmp_path / "other"
    other.mkdir()
    (other / "own.yaml").write_text(OWN.replace("Sunell", "Tiandy"))
    run = finished(tmp_path / "run", b"Front door 7", rules=rules_folder)
    assert "made by Tiandy" in "\n".join(explain_device(run, "10.88.1.90", other))


def test_a_broken_file_of_theirs_is_told(tmp_path, rules_folder):
    (rules_folder / "broken.yaml").write_text("maker: [")
    text = "\n".join(explain_device(finished(tmp_path / "run", b"Front door 7", rules=rules_folder), "10.88.1.90"))
    assert "Site-local fingerprints: broken.yaml" in text
    assert "made by Sunell" in text


def test_the_reasons_for_one_unit_and_what_it_stands_behind_are_told(tmp_path):
    path = finished(tmp_path / "run", b"App-webs/", behind="A proxy answered.", same_because=("One serial number.",))
    lines = explain_device(path, "10.88.1.90")
    assert "Behind its address: A proxy answered." in lines
    assert "One unit: One serial number." in lines
    assert any(line.startswith("  1. Its web server gives its name as `App-webs/`. Port 80.") for line in lines)


def test_hostile_answers_are_shown_on_one_line(tmp_path):
    path = finished(tmp_path / "run", b"App-webs/\x1b[2J\xe2\x80\xae" + b"A" * 9000)
    for line in explain_device(path, "10.88.1.90"):
        assert line.isprintable()
        assert len(line) < 700


def test_an_unknown_device_is_refused_with_those_there_are(tmp_path):
    with pytest.raises(UsageError, match=r"it has 10\.88\.1\.90"):
        explain_device(finished(tmp_path / "run", b"x"), "10.9.9.9")
