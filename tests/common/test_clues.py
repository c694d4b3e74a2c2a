"""The sentences on what was seen and why it tells the maker."""

from __future__ import annotations

import pytest

from auditor.common import clues
from auditor.model import Evidence, Strength


def evidence(key: str, group: str, strength: Strength = Strength.CONCLUSIVE) -> Evidence:
    return Evidence("a.rule", key, "value", "maker Hikvision", strength, group)


@pytest.mark.parametrize(("key", "group", "strength", "message"), [
    ("http.server", "web", Strength.CONCLUSIVE, clues.ONLY_THIS_NAME), ("http.body", "web", Strength.CONCLUSIVE, clues.BY_STRENGTH[Strength.CONCLUSIVE]),
    ("http.server", "web", Strength.STRONG, clues.BY_STRENGTH[Strength.STRONG]), ("sadp.DeviceSN", "discovery", Strength.CONCLUSIVE, clues.OWN_PROTOCOL),
    ("sadp.DeviceSN", "discovery", Strength.WEAK, clues.BY_STRENGTH[Strength.WEAK]), ("tls.subject", "tls", Strength.CONCLUSIVE, clues.ONLY_THIS_CERTIFICATE),
    ("http.favicon.mmh3", "favicon", Strength.CONCLUSIVE, clues.ONLY_THIS_PICTURE), ("mac", "mac", Strength.MODERATE, clues.MAC),
    ("onvif.manufacturer", "onvif", Strength.STRONG, clues.NAME_SET_BY_PEOPLE), ("onvif.manufacturer", "onvif", Strength.WEAK, clues.BY_STRENGTH[Strength.WEAK]),
])  # fmt: skip
def test_the_reason_follows_the_sort_of_sign_and_then_its_strength(key, group, strength, message):
    assert clues.why(evidence(key, group, strength)) == message


def test_every_reason_names_the_maker_and_no_sort_of_sign_is_called_certain():
    special = [
        clues.OWN_PROTOCOL,
        clues.MAC,
        clues.NAME_SET_BY_PEOPLE,
        clues.ONLY_THIS_NAME,
        clues.ONLY_THIS_CERTIFICATE,
        clues.ONLY_THIS_PICTURE,
    ]
    for message in (*special, *clues.BY_STRENGTH.values()):
        assert "Hikvision" in message % {"maker": "Hikvision"}
        assert "certainly" not in message
    assert set(clues.BY_STRENGTH) == set(Strength)


def test_what_was_seen_is_told_by_its_key_by_its_protocol_or_in_general():
    assert clues.observed("http.server") is clues.OBSERVATION["http.server"]
    assert "SADP" not in clues.observed("http.server")
    assert "Hikvision's tools" in clues.observed("sadp.DeviceSN")
    assert "Dahua's tools" in clues.observed("dhip.SerialNo")
    assert clues.observed("ubnt.name") is clues.OBSERVATION_OTHER
