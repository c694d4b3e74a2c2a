"""Labels: one spelling, several makers, sub-brands; and the list itself."""

from __future__ import annotations

import shutil

import pytest

from auditor.common.data import data_path
from auditor.identify.selftest import check
from auditor.model import Relation

MIXED = (
    "Honeywell",
    "Bosch",
    "Lorex",
    "Swann",
    "Annke",
    "Alibi",
    "Advidia",
    "FLIR",
    "Panasonic",
    "Tyco",
    "Stanley",
    "ADT",
    "Loryta",
)


@pytest.mark.parametrize("brand", MIXED)
def test_mixed_labels_are_known_as_mixed(rules, brand):
    assert rules.brands.is_mixed(brand)


@pytest.mark.parametrize("brand", ["EZVIZ", "HiLook", "Imou", "Hikvision", "Axis", "nobody's"])
def test_labels_of_one_maker_are_not_mixed(rules, brand):
    assert not rules.brands.is_mixed(brand)


def test_one_maker_that_builds_part_of_a_label_makes_it_mixed_too(rules):
    assert rules.brands.makers_of("Bosch") == ("Dahua",)
    assert rules.brands.is_mixed("bosch security systems")


def test_dates_come_from_the_list(rules):
    dated = {
        (line.brand, line.maker): (line.since, line.until) for line in rules.brand_lines if line.since or line.until
    }
    assert dated == {
        ("Lorex", "Dahua"): (None, "2022-11"), ("Honeywell", "Dahua"): (None, "2022-04"), ("Honeywell", "Hikvision"): (None, "2020"),
        ("Luminys", "Dahua"): ("2024-01", None), ("Rhino Co", "Dahua"): ("2013", "2016"),
    }  # fmt: skip


def test_what_a_maker_is_sold_as(rules):
    own, others = rules.brands.sold_as("Hikvision")
    assert own == ("EZVIZ", "HIKMICRO", "HiLook", "HiWatch", "Hikrobot", "Hikstorage", "Prama"), (
        "names of apps are not on units"
    )
    assert others
    assert rules.brands.sold_as("Axis") == ((), False)


@pytest.mark.parametrize("spelling", ["CP PLUS", "cp-plus", "CPPlus", "cp%20plus"])
def test_one_label_in_any_spelling(rules, spelling):
    assert rules.brands.label(spelling) == "CP Plus"
    assert rules.brands.relation("Dahua", "cpplus") is Relation.RESELLER


def test_a_label_never_names_a_maker(name, rules):
    """Of every label in the list alone, as title and as ONVIF name."""
    for line in rules.brand_lines:
        identity = name({"http.title": line.brand})
        assert identity.maker is None or rules.brands.is_own_name(identity.maker, line.brand), line.brand


@pytest.mark.parametrize(("file", "old", "new", "part"), [
    ("brands.yaml", "from: '2013', until: '2016'", "from: '2017', until: '2016'", "from 2017 is after until 2016"),
    ("brands.yaml", "until: '2022-11'", "until: '2062-11'", "later than the data"), ("brands.yaml", "until: '2022-11'", "until: 'November'", "until"),
    ("brands.yaml", "maker: Dahua, relation: reseller, part: most, until: '2022-11'", "maker: Dahua, relation: reseller, part: all", "on record for several makers"),
    ("on-the-unit.yaml", "maker: Axis", "maker: Nobody", "no rule names this maker"), ("on-the-unit.yaml", "key: U-FCCHIK", "key: NOWHERE", "source NOWHERE"),
    ("on-the-unit.yaml", "example: DS-2CD2142FWD-IS", "example: M1065-LW", "is a model of no line"), ("on-the-unit.yaml", "example: '594199052'", "example: '5941'", "fits no form"),
    ("on-the-unit.yaml", "'2AVYF'", "'2ADTD'", "stands at another maker too"), ("on-the-unit.yaml", "'2AVYF'", "'2AV'", "fcc"),
    ("on-the-unit.yaml", "maker: Axis", "maker: Bosch", "stands twice"),
])  # fmt: skip
def test_faults_of_the_list_are_found(tmp_path, file, old, new, part):
    folder = tmp_path / "fingerprints"
    shutil.copytree(data_path("fingerprints"), folder)
    path = folder / file
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new, 1))
    assert any(part in problem for problem in check(folder)), check(folder)


def test_a_missing_list_of_units_is_found(tmp_path):
    folder = tmp_path / "fingerprints"
    shutil.copytree(data_path("fingerprints"), folder)
    (folder / "on-the-unit.yaml").unlink()
    assert check(folder) == ["on-the-unit.yaml is missing"]
