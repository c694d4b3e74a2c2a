"""plan.csv: complete, one line a cell, and nothing in it is a formula to any spreadsheet."""

from __future__ import annotations

import csv
import dataclasses
import io
import re
import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from report.build import audit, devices
from report.hostile import hostile_audit
from report.payloads import PAYLOADS

from auditor.report import plan_csv
from auditor.report.spreadsheet import COLUMNS, guard

STARTS = set("=+-@\t\r\n\uff1d\uff0b\uff0d\uff20\ufe62\ufe63\ufe66\ufe6b\u2212")
DECORATION = " \t\r\n\u00a0\u3000'\"`\u2018\u2019\u201c\u201d\u00ab\u00bb\uff02\uff07"


def rows(text):
    return list(csv.DictReader(io.StringIO(text, newline=""), strict=True))


def is_formula(cell):
    """What a spreadsheet may compute: a cell that starts with a trigger, also after blanks and quotation marks."""
    return not cell.startswith("'") and cell.lstrip(DECORATION)[:1] in STARTS and bool(cell.lstrip(DECORATION))


def test_every_work_order_and_every_device_to_check_has_a_row():
    whole = audit()
    table = rows(plan_csv(whole))
    orders = [order for wave in whole.plan.waves for order in wave.orders]
    assert [row["work_order"] for row in table if row["list"] == "plan"] == [order.id for order in orders]
    assert [row["device"] for row in table if row["list"] == "to check"] == [
        device for device, _reason in whole.plan.to_check
    ]
    assert tuple(table[0]) == COLUMNS
    first = table[0]
    assert (first["address"], first["maker"], first["decision"], first["deadline"], first["switch"], first["port"]) == (
        "10.88.0.21", "Hikvision", "remove", "2027-04-30", "sw-a-02", "1/0/7")  # fmt: skip
    assert first["steps"].startswith("(1) Tell the control room")
    assert "core network" in first["why"]
    assert table[-1]["decision"] == "check"


def test_an_order_whose_device_is_missing_still_has_a_row():
    whole = dataclasses.replace(audit(), devices=())
    assert len(rows(plan_csv(whole))) == len(rows(plan_csv(audit())))


def test_columns_are_documented():
    import auditor.report.spreadsheet as module

    for column in COLUMNS:
        assert f"`{column}`" in module.__doc__, column


def test_all_cells_are_quoted_and_rows_end_in_crlf():
    text = plan_csv(audit())
    assert text.count("\r\n") == text.count("\n") == 1 + len(rows(text))
    for line in text.split("\r\n")[:-1]:
        assert line.startswith('"')
        assert line.endswith('"')
        assert line.count('","') == len(COLUMNS) - 1


@pytest.mark.parametrize(("text", "cell"), [
    ("=1+1", "'=1+1"), ("+1", "'+1"), ("-1", "'-1"), ("@x", "'@x"), ("\t=1", "\\x09=1"), ("\r=1", "\\x0d=1"), (" =1", "' =1"), ('"=1', "'\"=1"), ("'=1", "''=1"),
    ("\uff1d1", "'\uff1d1"), ("\uff0d1", "'\uff0d1"), ("\u22121", "'\u22121"), ("\u3000=1", "'\u3000=1"), ("a;=1", "a;'=1"), ('a; "=1', "a;' \"=1"), ("DS-2CD", "DS-2CD"), ("", ""),
    ("10.0.0.5", "10.0.0.5"), ("a\nb", "a\\x0ab"), ("\x1b[2J", "\\x1b[2J"),
])  # fmt: skip
def test_guard(text, cell):
    assert guard(text) == cell


@given(st.text(st.characters(exclude_categories=[]), max_size=60))
@example("=1")
@example("\ufeff=1")
@example("x;;=1;'=2")
def test_no_text_becomes_a_formula(text):
    cell = guard(text)
    assert not is_formula(cell)
    assert not any(unicodedata.category(char) in {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"} for char in cell)
    for half in cell.split(";")[1:]:
        assert not is_formula(half)
    cell.encode("utf-8")


@example("; =")
@given(st.text(st.sampled_from(" ;'\"=+-@,\t\r\nab\uff1d\u2212"), max_size=12))
def test_no_mixture_of_triggers_becomes_a_formula(text):
    first, *rest = devices()
    odd = dataclasses.replace(first, identity=dataclasses.replace(first.identity, model=text, serial=text, brand=text))
    written = plan_csv(audit(units=(odd, *rest)))
    cells = [cell for row in csv.reader(io.StringIO(written, newline=""), strict=True) for cell in row]
    assert not [cell for cell in cells if is_formula(cell)]
    semicolons = [cell for row in csv.reader(io.StringIO(written, newline=""), delimiter=";") for cell in row[1:]]
    assert not [cell for cell in semicolons if is_formula(cell)]


def test_hostile_audit_gives_a_well_formed_table():
    text = plan_csv(hostile_audit())
    table = rows(text)
    flagged, check = (len(PAYLOADS) + 1) // 2, sum(index % 4 == 1 for index in range(len(PAYLOADS)))
    assert len(table) == flagged + check
    assert not [cell for row in table for cell in row.values() if is_formula(cell)]
    assert not re.search("[\x00-\x09\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e]", text)
