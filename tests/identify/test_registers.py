"""What `auditor fingerprints check` says of damaged MAC prefix data."""

import re
import shutil

import pytest

from auditor.common.data import data_path
from auditor.identify import load_rules, register_problems
from auditor.identify.registers import family_problems


@pytest.fixture
def data(tmp_path):
    return shutil.copytree(data_path("fingerprints"), tmp_path / "fingerprints")


def problems(folder):
    rules = load_rules(folder)
    return [*register_problems(rules), *family_problems(folder, rules)]


def change(path, old, new):
    text = path.read_text("utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), "utf-8")


def test_the_shipped_data_is_sound(data):
    assert problems(data) == []


def test_a_block_of_a_known_holder_that_is_in_no_list(data):
    change(data / "oui" / "dahua.tsv", "08EDED\tDahua\tmaker\tZhejiang Dahua Technology Co., Ltd.\n", "")
    (problem,) = problems(data)
    assert "08EDED of Zhejiang Dahua Technology Co., Ltd. is in no list" in problem


@pytest.mark.parametrize("row", [
    "08EDEE\tDahua\tmaker\tZhejiang Dahua Technology Co., Ltd.", "402C762\tDahua\tmaker\tShanghai Dahua Scale Factory",
    "00000C\tDahua\tmaker\tCisco Systems, Inc",
])  # fmt: skip
def test_a_block_that_the_register_does_not_have_there(data, row):
    path = data / "oui" / "others.tsv"
    rows = path.read_text("utf-8").splitlines()
    path.write_text("\n".join(sorted([*rows, row], key=lambda line: (not line.startswith("#"), line))) + "\n", "utf-8")
    assert any(f"block {row.split(chr(9))[0]} is not what the register" in problem for problem in problems(data))


def test_another_family_or_role_than_declared(data):
    change(data / "oui" / "dahua.tsv", "08EDED\tDahua\tmaker", "08EDED\tDahua\tbrand")
    (problem,) = problems(data)
    assert "08EDED is not what" in problem


def test_a_historic_block_stands_with_its_source(data):
    path = data / "oui" / "dahua.tsv"
    rows = path.read_text("utf-8").splitlines()
    rows.insert(4, "00AAA1\tDahua\tmaker\tZhejiang Dahua Technology Co., Ltd.")
    path.write_text("\n".join(rows) + "\n", "utf-8")
    assert problems(data)
    entry = "historic:\n  - {prefix: 00AAA1, registrant: 'Zhejiang Dahua Technology Co., Ltd.', source: made up}"
    change(data / "oui" / "families.yaml", "historic: []", entry)
    assert problems(data) == []


def test_a_foreign_part_of_a_familys_block(data):
    """40:2C:76:1 is of the scale factory; a list that takes all of 40:2C:76 would take it for Dahua."""
    path = data / "oui" / "others.tsv"
    with path.open("a", encoding="utf-8") as file:
        file.write("FC5F4A\tDahua\tmaker\tZhejiang Dahua Technology Co., Ltd.\n")
    found = problems(data)
    assert any("others.tsv is not in ascending order" in problem for problem in found)
    assert any("block FC5F4A belongs into dahua.tsv" in problem for problem in found)
    with (data / "oui" / "dahua.tsv").open("a", encoding="utf-8") as file:
        file.write("C0619A\tDahua\tmaker\tZhejiang Dahua Technology Co., Ltd.\n")
    assert any(re.search(r"block C0619A\w of .* lies inside C0619A of Dahua", problem) for problem in problems(data))


def test_a_date_that_is_not_the_registers(data):
    change(data / "manifest.yaml", "registers_dated: '2026-10-24'", "registers_dated: '2026-11-24'")
    (problem,) = problems(data)
    assert "registers_dated is 2026-11-24" in problem


@pytest.mark.parametrize("content", [None, b"damaged"])
def test_a_register_that_cannot_be_read(data, content):
    path = data / "oui" / "registers.tsv.gz"
    path.unlink()
    if content is not None:
        path.write_bytes(content)
    assert any("registers.tsv.gz" in problem for problem in problems(data))


@pytest.mark.parametrize(
    ("old", "new"),
    [("historic: []", "historic: [{prefix: 00AAA1}]"), ("role: maker", "role: owner"), ("lists:", "list:")],
)
def test_a_broken_families_file(data, old, new):
    change(data / "oui" / "families.yaml", old, new)
    (problem,) = problems(data)
    assert "families.yaml" in problem


def test_a_holder_placed_twice(data):
    change(
        data / "oui" / "families.yaml",
        "          - 'Tiandy",
        "          - 'ZTEC Instruments, Inc.'\n          - 'Nuctech Company Limited'\n          - 'Tiandy",
    )
    assert any("Nuctech Company Limited is placed twice" in problem for problem in problems(data))
