"""The age of the data: told apart by part, and warned of from the 181st day on."""

from datetime import date, timedelta

import pytest

from auditor.assess import load_packs
from auditor.identify import load_rules
from auditor.pipeline import preflight
from auditor.pipeline.dates import FINGERPRINTS, REGISTERS, age_warnings, data_dates

TODAY = date(2026, 11, 21)


def test_each_part_has_its_own_day():
    rules, packs = load_rules(), load_packs(("uk-2022",))
    assert data_dates(rules, packs) == {
        FINGERPRINTS: rules.dated, REGISTERS: rules.registers_dated, "policy uk-2022": packs[0].pack.checked_on.isoformat()
    }  # fmt: skip


@pytest.mark.parametrize("name", [FINGERPRINTS, REGISTERS, "policy uk-2022"])
def test_180_days_are_well_and_181_are_not(name):
    dates = dict.fromkeys((FINGERPRINTS, REGISTERS, "policy uk-2022"), TODAY.isoformat())
    assert age_warnings(dates | {name: (TODAY - timedelta(180)).isoformat()}, TODAY) == ()
    (warning,) = age_warnings(dates | {name: (TODAY - timedelta(181)).isoformat()}, TODAY)
    assert name in warning
    assert "181 days old" in warning


@pytest.mark.parametrize(
    ("days", "result", "words"),
    [(0, "ok", "0 days ago"), (180, "ok", "180 days ago"), (181, "warn", "181 days ago: ask for newer")],
)
def test_doctor_says_the_age_of_each_part(monkeypatch, days, result, words):
    from datetime import UTC, datetime, time
    from types import SimpleNamespace

    day = date.fromisoformat(load_rules().registers_dated)
    monkeypatch.setattr(preflight, "now", lambda: datetime.combine(day + timedelta(days), time(12), UTC))
    site = SimpleNamespace(rules_folder=None, site=SimpleNamespace(policies=("uk-2022",)))
    (check,) = [check for check in preflight._data(site) if check.sentence.startswith(REGISTERS)]
    assert check.result == result
    assert words in check.sentence


def unit(mac):
    from auditor.model import Device, Identity, ZoneRole

    return Device("addr", ("10.0.0.5",), mac, "office", ZoneRole.CORE, None, Identity("10.0.0.5"), notes=("seen",))


def test_each_device_gets_the_holder_of_its_prefix_and_a_module_its_note():
    from auditor.pipeline.conclude import with_registrants

    macs = ("44:19:b6:00:00:05", "00:00:0c:00:00:05", "46:19:b6:00:00:05", "d8:f1:5b:00:00:05", None)
    done, problems = with_registrants([unit(mac) for mac in macs], load_rules())
    assert problems == ()
    assert [device.mac_registrant for device in done] == [
        "Hangzhou Hikvision Digital Technology Co.,Ltd.", "Cisco Systems, Inc",
        "(nobody: a locally administered address, set by software)", "Espressif Inc.", None,
    ]  # fmt: skip
    assert [device.notes[1:] for device in done[:3]] == [(), (), ()]
    assert "says nothing about who built" in done[3].notes[1]


def test_a_damaged_register_costs_the_names_and_not_the_audit(tmp_path, monkeypatch):
    import shutil
    from types import SimpleNamespace

    from auditor.common.data import data_path
    from auditor.pipeline.conclude import with_registrants

    folder = shutil.copytree(data_path("fingerprints"), tmp_path / "fingerprints")
    (folder / "oui" / "registers.tsv.gz").write_bytes(b"damaged")
    rules, devices = load_rules(folder), (unit("44:19:b6:00:00:05"), unit("00:00:0c:00:00:05"))
    done, (problem,) = with_registrants(devices, rules)
    assert done == devices
    assert "registers.tsv.gz" in problem
    monkeypatch.setattr(preflight, "load_rules", lambda **_: rules)
    site = SimpleNamespace(rules_folder=None, site=SimpleNamespace(policies=("uk-2022",)))
    assert [check.result for check in preflight._data(site) if "registers.tsv.gz" in check.sentence] == ["warn"]
