"""The sentences of `auditor explain`: what it rests on, what would overturn it, what to look for."""

from __future__ import annotations

import dataclasses

import pytest

from auditor.identify import explain
from auditor.model import Verdict

HIKVISION_MAC = {"mac": "44:19:b6:00:00:05"}
WEB = {"http.server": "App-webs/"}
SADP = {"sadp.DeviceDescription": "DS-2CD2385G1-I", "sadp.DeviceSN": "DS-2CD2385G1-I20200414AAWRE33842150"}
DAHUA_LOGIN = {"http.www_authenticate": 'Digest realm="Login to 4X7C5A1ZAG21L3F", nonce="1"'}


def said(identity, rules):
    return "\n".join(explain(identity, rules))


def test_every_part_is_said_in_plain_words(name, rules):
    text = said(name({**WEB, "http.title": "Annke"}, {"mac": "ac:cc:8e:00:00:05"}, port=80), rules)
    for part in ("made by Hikvision, probable (confidence 0.990)", "Label: Annke, reseller of Hikvision: made by Hikvision, sold as Annke.",
                 "Sources also know it on units of Dahua.", "The label Annke is also put on units of other makers; only technical evidence was used.",
                 "1. Its web server gives its name as `App-webs/`. Port 80. Only firmware of Hikvision is known to use this name.",
                 "maker Hikvision: conclusive (0.99), its web pages on port 80: http.server = App-webs/", "fingerprint hikvision.http.server.app-webs",
                 "Axis Communications AB; a MAC prefix never clears a device", "Conflict: Evidence names more than one maker: Hikvision (http.server), Axis (mac)",
                 "What would overturn it: One clue decides, its web pages on port 80", f"Fingerprint data {rules.version}"):  # fmt: skip
        assert part in text, part


@pytest.mark.parametrize(("responses", "verdict", "first"), [
    ([WEB], Verdict.PROBABLE, "Everything rests on one clue, its web pages on port 80: if that answer came from a proxy or from another device"),
    ([WEB, HIKVISION_MAC], Verdict.CONFIRMED, "One clue decides, its web pages on port 80: if it is false or comes from another device, Hikvision is only possible."),
    ([HIKVISION_MAC], Verdict.POSSIBLE, "Everything rests on the prefix of its MAC address. A network module or board of Hikvision"),
    ([WEB, SADP], Verdict.CONFIRMED, "One clue decides, the maker's own discovery protocol on port 80"),
    ([WEB, SADP, HIKVISION_MAC], Verdict.CONFIRMED, "No single clue decides: 2 of 3 independent clues would have to be false"),
    ([{"http.server": "nginx"}], Verdict.UNIDENTIFIED, "Any answer that a fingerprint knows would name this device"),
])  # fmt: skip
def test_the_decisive_clue_is_named_first(name, responses, verdict, first):
    identity = name(*responses, port=80)
    assert identity.verdict is verdict
    assert identity.overturn[0].startswith(first), identity.overturn


def test_what_is_said_to_decide_does_decide(name):
    """The sentence is held against the product itself: the clue is left out, and the device identified again."""
    both = name(WEB, HIKVISION_MAC, port=80)
    assert "Hikvision is only possible" in both.overturn[0]
    assert (name(HIKVISION_MAC).maker, name(HIKVISION_MAC).verdict) == ("Hikvision", Verdict.POSSIBLE)
    assert both.overturn[1] == "The verdict would also change without the prefix of its MAC address."
    assert name(WEB, port=80).verdict is Verdict.PROBABLE
    three = name(WEB, SADP, HIKVISION_MAC, port=80)
    assert three.overturn[0].startswith("No single clue")
    for left in ([WEB, SADP], [WEB, HIKVISION_MAC], [SADP, HIKVISION_MAC]):
        assert name(*left, port=80).verdict is three.verdict
    assert {name(*left, port=80).verdict for left in ([WEB], [SADP], [HIKVISION_MAC])} != {three.verdict}


def test_contested_identities_say_what_either_side_hangs_on(name, rules):
    identity = name(WEB, {"http.server": "VCS-VideoJet-Webserver"}, port=80)
    assert identity.verdict is Verdict.POSSIBLE
    assert {"Hikvision", "Bosch"} <= set(identity.conflicts[0].says)
    text = said(identity, rules)
    other = ({"Hikvision", "Bosch"} - {identity.maker}).pop()
    assert f"the maker named is {other}" in identity.overturn[0]
    assert f"If what names {other} comes from another device behind this address, {identity.maker} is probable." in text
    assert "made by Bosch may name Bosch Security Systems" in text
    assert "made by Hikvision may name" in text


def test_what_speaks_against_a_maker_is_told(name):
    identity = name({"http.server": "thttpd"}, HIKVISION_MAC)
    assert identity.overturn
    for sentence in identity.overturn:
        assert "{" not in sentence


def test_a_proof_of_another_maker_would_overturn_all_but_a_prefix(name):
    proof = "another maker's own protocol"
    assert any(proof in sentence for sentence in name(WEB).overturn)
    assert not any(proof in sentence for sentence in name(HIKVISION_MAC).overturn)


def test_witnesses_stand_in_order_of_weight_and_the_mac_last(name):
    identity = name(HIKVISION_MAC, WEB, SADP, port=80)
    keys = [identity.evidence[place].observation for place in identity.rests_on]
    assert keys[-1] == "mac"
    assert keys[0] in {"http.server", "sadp.DeviceDescription"}
    assert len(keys) == 3, "one for each independent witness"
    assert all(identity.evidence[place].says == "maker Hikvision" for place in identity.rests_on)


def test_of_two_equal_signs_the_plain_one_is_told(name):
    page = {
        "http.body": '<script>window.location.href = "/doc/page/login.asp?_" + (new Date()).getTime();</script>',
        "http.server": "App-webs/",
    }
    identity = name(page, port=80)
    (place,) = identity.rests_on
    assert identity.evidence[place].observation == "http.server"


def test_possible_and_unidentified_tell_what_to_look_for(name, rules):
    assert "begin with 2ADTD" in said(name(HIKVISION_MAC), rules)
    text = said(name({"http.title": "Alibi"}), rules)
    assert "The label Alibi proves nothing: look at the unit. Known makers of units with this label:" in text
    for maker in ("Dahua", "Hikvision", "Uniview"):
        assert f"{maker} (" in text
    assert name({"http.title": "Alibi"}).maker is None
    assert any("says nothing against any maker" in line for line in explain(name({"mac": "00:1f:54:00:00:05"}), rules))
    assert not name(WEB, HIKVISION_MAC).look_for


def test_a_sub_brand_is_the_makers_own_and_needs_no_warning(name, rules):
    identity = name({**WEB, "http.title": "EZVIZ"}, port=80)
    assert identity.label_note is None
    assert "Label: EZVIZ, sub-brand of Hikvision: made by Hikvision, sold as EZVIZ." in said(identity, rules)


def test_a_makers_own_label_that_others_build_for_is_told(name):
    identity = name({"http.title": "Bosch"}, DAHUA_LOGIN, port=80)
    assert identity.maker == "Dahua"
    assert (
        identity.label_note == "The label Bosch is also put on units of other makers; only technical evidence was used."
    )


def test_the_note_of_a_rule_is_given(name, rules):
    assert "Note of the rule: The realm is the serial number" in said(name(DAHUA_LOGIN, port=80), rules)


def test_what_the_model_and_serial_say_is_told(name, rules):
    text = said(name(SADP, HIKVISION_MAC, port=80), rules)
    for part in ("Manufactured: 2020-04-14", "Resolution: 8 megapixels", "Lens: fixed"):
        assert part in text


def test_hostile_text_is_one_line_visible_and_cut(name, rules):
    realm = 'Digest realm="Login to 4X7C5A1ZAG21L3F", nonce="' + "\x1b[2J\n\u202e<script>" + "x" * 5000 + '"'
    for line in explain(name({"http.www_authenticate": realm, "http.title": "Lorex\x07"}, port=80), rules):
        assert len(line) < 700
        assert line.isprintable(), line


def test_evidence_of_a_rule_that_is_gone_is_still_explained(name, rules):
    identity = name(WEB)
    gone = dataclasses.replace(
        identity, evidence=tuple(dataclasses.replace(item, fingerprint="old.rule.gone") for item in identity.evidence)
    )
    assert "no longer among the fingerprints" in said(gone, rules)
