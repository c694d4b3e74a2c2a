"""What a device is, by the rules of design, section 5."""

import itertools
import json
import random
from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auditor.assess import judge, load_packs, mark
from auditor.identify import explain, identify, load_rules
from auditor.identify.match import group_facts
from auditor.model import (
    Device,
    Kind,
    Observation,
    Outcome,
    Relation,
    Sensitivity,
    Site,
    Strength,
    Verdict,
    ZoneRole,
)  # fmt: skip
from auditor.observe import observe

HIK_MAC, DAHUA_MAC, AXIS_MAC = "44:19:b6:00:00:05", "3c:ef:8c:00:00:05", "ac:cc:8e:00:00:05"
SCOPES = "onvif://www.onvif.org/"


def test_the_worked_example_of_the_design(name):
    found = name({"http.server": "App-webs/"}, {"rtsp.server": "Rtsp Server/3.0"}, {"mac": HIK_MAC})
    shown = found.to_json()
    assert (shown["maker"], shown["confidence"], shown["verdict"], shown["conflicts"]) == (
        "Hikvision",
        0.997,
        "confirmed",
        [],
    )
    assert [(item["fingerprint"], item["says"], item["strength"], item["group"]) for item in shown["evidence"]] == [
        ("hikvision.http.server.app-webs", "maker Hikvision", "conclusive", "web"), ("hikvision.mac", "maker Hikvision", "moderate", "mac")]  # fmt: skip


def test_one_banner_never_confirms(name):
    assert name({"http.server": "App-webs/"}).verdict is Verdict.PROBABLE
    assert (
        name({"http.server": "DNVRS-Webs"}, {"http.body": '<script>x = "/doc/page/login.asp?_"'}).verdict
        is Verdict.PROBABLE
    )  # one group


def test_own_protocol_confirms_alone(name):
    sadp = name({"sadp.DeviceDescription": "DS-2CD2385G1-I"})
    assert (sadp.verdict, sadp.kind, sadp.model) == (Verdict.CONFIRMED, Kind.CAMERA, "DS-2CD2385G1-I")
    dhip = name({"dhip.method": "client.notifyDevInfo", "dhip.DeviceType": "IPC-HDW1431T1-S4"})
    assert (dhip.maker, dhip.verdict, dhip.kind) == ("Dahua", Verdict.CONFIRMED, Kind.CAMERA)
    refused = {
        "http.status": "401",
        "http.body": "<userCheck>\n<statusValue>401</statusValue>\n<statusString>Unauthorized</statusString>",
    }
    isapi = name(refused, request="GET /ISAPI/System/deviceInfo")
    assert (isapi.maker, isapi.verdict) == ("Hikvision", Verdict.CONFIRMED)
    # At another address it is a document with common words, not the maker's own protocol.
    elsewhere = name(refused, request="GET /login/check")
    assert (elsewhere.maker, elsewhere.verdict) == ("Hikvision", Verdict.PROBABLE)


@pytest.mark.parametrize(("mac", "maker"), [(HIK_MAC, "Hikvision"), (DAHUA_MAC, "Dahua"), (AXIS_MAC, "Axis")])
def test_a_prefix_alone_is_only_possible(name, mac, maker):
    found = name({"mac": mac})
    assert (found.maker, found.verdict, found.confidence) == (maker, Verdict.POSSIBLE, 0.70)


@pytest.mark.parametrize(
    "mac", ["40:2c:76:10:00:05", "44:6f:d8:a0:00:05", "20:5a:8f:00:00:05", "46:19:b6:00:00:05", "b0:b3:53:70:00:05"]
)
def test_lookalikes_and_local_addresses_say_nothing(name, mac):
    found = name({"mac": mac})
    assert (found.maker, found.brand, found.verdict, found.evidence) == (None, None, Verdict.UNIDENTIFIED, ())


def test_a_label_names_no_maker(name):
    for facts in (
        {"http.title": "Lorex"},
        {"onvif.manufacturer": "Amcrest"},
        {"mac": "00:1f:54:00:00:05"},
        {"http.title": "Annke NVR"},
    ):
        found = name(facts)
        assert (found.maker, found.verdict, found.rebrand, found.relation) == (None, Verdict.UNIDENTIFIED, False, None)
        assert found.brand in {"Lorex", "Amcrest", "Annke"}


def test_label_with_evidence_of_the_maker(name):
    found = name(
        {"rtsp.www_authenticate": 'Digest realm="Login to ND011811000000", nonce="e"'}, {"http.title": "Lorex"}
    )
    assert (found.maker, found.brand, found.rebrand, found.relation) == ("Dahua", "Lorex", True, Relation.RESELLER)
    found = name({"sadp.DeviceDescription": "X"}, {"mac": "0c:a6:4c:00:00:05"})
    assert (found.maker, found.brand, found.rebrand, found.relation) == ("Hikvision", "EZVIZ", True, Relation.SUB_BRAND)
    found = name({"wsd.scopes": [SCOPES + "name/HIKVISION%20DS-2CD2385G1-I"]})
    assert (found.maker, found.brand, found.rebrand, found.relation) == ("Hikvision", "Hikvision", False, None)
    found = name({"http.server": "App-webs/"})
    assert (found.brand, found.rebrand) == (None, False)


def test_the_makers_name_in_a_certificate_does_not_hide_the_label(name):
    subject = {"tls.subject": "CN=www.hikvision.com,OU=DVRNVR,O=HIKVISION,L=HangZhou,ST=ZheJiang,C=CN"}
    found = name(subject, {"wsd.scopes": [SCOPES + "name/TRENDnet%20TV-IP310PI"]})
    assert (found.maker, found.brand, found.rebrand, found.relation) == (
        "Hikvision",
        "TRENDnet",
        True,
        Relation.RESELLER,
    )
    found = name(subject, {"mac": "00:14:d1:00:00:05"})  # a prefix is too weak a sign to put another label on it
    assert (found.brand, found.rebrand) == ("Hikvision", False)


def test_a_reseller_prefix_neither_clears_nor_conflicts(name):
    found = name({"wsd.scopes": [SCOPES + "extension/Honeywell_mask/37777"]}, {"mac": "00:40:84:00:00:05"})
    assert (found.maker, found.brand, found.rebrand, found.conflicts) == ("Dahua", "Honeywell", True, ())
    assert found.verdict is Verdict.PROBABLE


def test_two_makers_are_a_conflict_and_no_average(name):
    found = name({"http.server": "App-webs/"}, {"mac": AXIS_MAC})
    assert (found.maker, found.confidence, found.verdict) == ("Hikvision", 0.99, Verdict.PROBABLE)
    [conflict] = found.conflicts
    assert conflict.says == ("Hikvision", "Axis")
    assert conflict.fingerprints == ("hikvision.http.server.app-webs", "axis.mac")
    both = name(
        {"http.server": "App-webs/"}, {"mac": HIK_MAC}, {"tls.subject": "CN=axis-accc8ea31abf,O=Axis Communications AB"}
    )
    # A prefix does not settle between two conclusive answers: somebody has to look.
    assert (both.maker, both.verdict) == ("Hikvision", Verdict.POSSIBLE)
    assert both.conflicts[0].says == ("Hikvision", "Axis")


AXIS_CERTIFICATE = {"tls.subject": "CN=axis-accc8ea31abf,O=Axis Communications AB"}
DAHUA_REALM = {"rtsp.www_authenticate": 'Digest realm="Login to 4K01FD2PAJ6E3FF", nonce="1"'}


@pytest.mark.parametrize("listed", [{"http.server": "App-webs/"}, DAHUA_REALM])
def test_a_tie_is_for_a_person_to_settle_and_hides_nobody(name, listed):
    maker = name(listed).maker
    found = name(listed, AXIS_CERTIFICATE)
    assert found.verdict is Verdict.POSSIBLE
    [conflict] = found.conflicts
    assert (conflict.about, set(conflict.says)) == ("maker", {maker, "Axis"})
    assert conflict.says[0] == found.maker
    with_prefix = name(listed, AXIS_CERTIFICATE, {"mac": AXIS_MAC})  # a foreign prefix never clears a device
    assert with_prefix.verdict is Verdict.POSSIBLE
    assert maker in with_prefix.conflicts[0].says


def test_between_equals_the_order_is_fixed(name):
    assert name({"http.server": "App-webs/"}, AXIS_CERTIFICATE).conflicts[0].says == ("Axis", "Hikvision")


def test_more_witnesses_come_before_the_alphabet(name):
    found = name(
        {"http.server": "App-webs/"}, {"rtsp.www_authenticate": 'Digest realm="IP Camera(AB705)"'}, AXIS_CERTIFICATE
    )
    assert (found.maker, found.verdict) == ("Hikvision", Verdict.PROBABLE)
    assert found.conflicts[0].says == ("Hikvision", "Axis")
    found = name({"http.server": "App-webs/"}, {"http.server": "VCS-VideoJet-Webserver"},
                 {"rtsp.www_authenticate": 'Digest realm="IP Camera(AB705)"'})  # fmt: skip
    assert found.conflicts[0].says == ("Hikvision", "Bosch")


def test_own_protocol_comes_before_any_number_of_other_signs(name):
    sadp = {"sadp.DeviceDescription": "DS-2CD2385G1-I"}
    found = name(sadp, AXIS_CERTIFICATE, {"snmp.sysobjectid": "1.3.6.1.4.1.368.1"}, {"http.title": "AXIS"})
    assert (found.maker, found.verdict) == ("Hikvision", Verdict.PROBABLE)
    assert found.conflicts[0].says == ("Hikvision", "Axis")


@pytest.mark.parametrize(("label", "brand", "conflict"), [
    ({"onvif.manufacturer": "Bosch"}, "Bosch", False), ({"onvif.manufacturer": "Panasonic"}, "Panasonic", False),
    ({"wsd.scopes": [SCOPES + "manufacturer/FLIR%20Systems", SCOPES + "name/FLIR"]}, "FLIR", False),
    ({"onvif.manufacturer": "Honeywell"}, "Honeywell", False), ({"onvif.manufacturer": "AXIS"}, None, True),
])  # fmt: skip
def test_a_label_never_cancels_a_fact_of_the_maker(name, label, brand, conflict):
    found = name(DAHUA_REALM, label)
    assert (found.maker, found.verdict, found.brand, bool(found.conflicts)) == (
        "Dahua",
        Verdict.PROBABLE,
        brand,
        conflict,
    )


def test_a_name_that_is_also_a_label_names_its_maker_only_possibly(name):
    for text, maker in (("Bosch", "Bosch"), ("Panasonic", "Panasonic"), ("FLIR Systems", "Teledyne FLIR")):
        found = name({"onvif.manufacturer": text})
        assert (found.maker, found.verdict) == (maker, Verdict.POSSIBLE)


def test_a_sub_brand_of_another_maker_is_no_label_of_this_one(name):
    found = name(DAHUA_REALM, {"onvif.manufacturer": "HiLook"})
    assert (found.maker, found.brand, found.relation) == ("Dahua", None, None)
    assert found.conflicts[0].says == ("Dahua", "Hikvision")
    alone = name({"onvif.manufacturer": "HiLook", "onvif.model": "IPC-C220H-D/W"})
    assert (alone.maker, alone.brand, alone.verdict) == ("Hikvision", "HiLook", Verdict.POSSIBLE)


def test_pages_realm_and_icon_of_one_port_are_one_witness(rules):
    def verdict(*facts):
        observations = [
            Observation("d", key.split(".")[0], key, (value,), number, port)
            for number, (key, value, port) in enumerate(facts)
        ]
        return identify("d", observations, rules)

    server, realm = ("http.server", "DNVRS-Webs", 80), ("http.www_authenticate", 'Digest realm="IP Camera(AB705)"', 80)
    icon = ("http.favicon.mmh3", "999357577", 80)
    one = verdict(server, realm, icon)
    assert (one.verdict, one.confidence) == (Verdict.PROBABLE, 0.99)
    assert "Everything rests on one clue, its web pages" in one.overturn[0]
    assert verdict(server, ("rtsp.www_authenticate", realm[1], 554)).verdict is Verdict.CONFIRMED
    assert verdict(server, realm, ("rtsp.www_authenticate", realm[1], 554)).verdict is Verdict.CONFIRMED
    assert verdict(server, ("mac", HIK_MAC, None)).confidence == pytest.approx(0.997, abs=5e-4)


def test_all_that_one_rtsp_server_says_is_one_witness(rules):
    body = "v=0\ns=Media Presentation\ne=NONE\na=Media_header:MEDIAINFO=494D4B48;\na=appversion:1.0\n"
    said = [("rtsp.www_authenticate", 'Digest realm="IP Camera(AB705)"'), ("rtsp.body", body)]

    def verdict(*ports):
        observations = [
            Observation("d", "rtsp", key, (value,), number, port)
            for number, ((key, value), port) in enumerate(zip(said, ports, strict=True))
        ]
        return identify("d", observations, rules)

    assert (verdict(554, 554).verdict, verdict(554, 554).maker) == (Verdict.PROBABLE, "Hikvision")
    assert verdict(554, 8554).verdict is Verdict.CONFIRMED


def test_a_prefix_with_weak_clues_is_only_possible(name):
    found = name({"mac": HIK_MAC}, {"http.server": "Webs"}, {"snmp.sysobjectid": "1.3.6.1.4.1.50001.1"},
                 {"rtsp.public": "OPTIONS, DESCRIBE, SETUP, PLAY, TEARDOWN, PAUSE"})  # fmt: skip
    assert (found.maker, found.verdict, found.confidence) == ("Hikvision", Verdict.POSSIBLE, 0.70)


def test_header_names_are_shown_as_they_came(name):
    names = ["CONNECTION", "CONTENT-LENGTH", "CONTENT-TYPE"]
    found = name({"http.header_names": names})
    assert (found.maker, [item.value for item in found.evidence]) == (None, [", ".join(names)])
    for key, value in (("http.header.p3p", "CP=CAO PSA OUR"), ("http.header.etag", '"1722917735:2002"')):
        full = name({"http.header_names": names, key: value})
        assert (full.maker, full.verdict) == ("Dahua", Verdict.PROBABLE)
        assert (full.evidence[0].observation, full.evidence[0].value) == (key, value)


def test_a_foreign_prefix_never_wins_a_tie(name):
    found = name({"http.header.p3p": "CP=CAO PSA OUR"}, {"mac": AXIS_MAC})
    assert found.maker == "Dahua"
    assert found.conflicts[0].says == ("Dahua", "Axis")


def test_evidence_against_stops_copied_strings(name):
    copied = {"rtsp.body": "v=0\ns=Media Presentation\ne=NONE\na=Media_header:MEDIAINFO=494D4B48;\na=appversion:1.0\n"}
    assert name(copied).maker == "Hikvision"
    found = name(copied, {"onvif.manufacturer": "IPCAM"})
    assert (found.maker, found.verdict) == (None, Verdict.UNIDENTIFIED)
    twice = name(copied, {"http.favicon.mmh3": "999357577"}, {"onvif.manufacturer": "IPCAM"})
    assert (twice.maker, twice.verdict) == ("Hikvision", Verdict.POSSIBLE)  # somebody has to look
    assert twice.conflicts[0].says == ("Hikvision", "not Hikvision")
    proven = name({"sadp.DeviceDescription": "DS-2CD2385G1-I"}, {"onvif.manufacturer": "IPCAM"})
    assert (proven.maker, proven.verdict) == ("Hikvision", Verdict.CONFIRMED)
    assert proven.conflicts[0].says == ("Hikvision", "not Hikvision")


def test_what_another_maker_said_is_not_taken_over(name):
    found = name({"sadp.DeviceDescription": "DS-2CD2385G1-I", "sadp.DeviceSN": "DS-2CD2385G1-I20200414AAWRE33842150"},
                 {"rtsp.www_authenticate": 'Digest realm="Login to 4K01FD2PAJ6E3FF"'})  # fmt: skip
    assert (found.maker, found.serial) == ("Hikvision", "DS-2CD2385G1-I20200414AAWRE33842150")


@pytest.mark.parametrize(("model", "kind"), [
    ("DS-2CD2385G1-I", "camera"), ("DS-2TD2636B-10/P", "thermal"), ("DS-7616NI-K2", "recorder"), ("DS-K1T671M", "access-terminal"),
    ("DS-KV6113-WPE1(B)", "intercom"), ("DS-2DE4425IW-DE", "ptz"), ("iDS-6708NXI-I", "recorder"), ("ISD-SMG318LT", "scanner"),
    ("DS-6704HUHI-K", "encoder"), ("CMIP7442N-28M", "camera"), ("XQ 1000", "unknown"),
])  # fmt: skip
def test_kind_by_the_models_of_the_maker(name, model, kind):
    assert name({"sadp.DeviceDescription": model}).kind.value == kind


def test_kind_without_a_known_model(name):
    assert name({"sadp.DeviceDescription": "LTD8308", "sadp.AnalogChannelNum": "8"}).kind is Kind.RECORDER
    assert (
        name(
            {"dhip.method": "client.notifyDevInfo", "dhip.DeviceType": "SS 3530 MF FACE W", "dhip.DeviceClass": "BSC"}
        ).kind
        is Kind.ACCESS_TERMINAL
    )


@pytest.mark.parametrize("facts", [
    {"http.server": "nginx/1.4.6"}, {"http.server": "Boa/0.94.13"}, {"http.server": "GoAhead-Webs"}, {"http.server": "Webs"},
    {"http.server": "lighttpd/1.4.35"}, {"http.status": "200"}, {"rtsp.public": "OPTIONS, DESCRIBE, SETUP, PLAY, TEARDOWN, PAUSE"},
    {"rtsp.server": "Rtsp Server/3.0"}, {"http.title": "Login"}, {"http.www_authenticate": 'Basic realm="Login to use!"'}, {"onvif.manufacturer": "General"},
    {"snmp.sysobjectid": "1.3.6.1.4.1.50001.1"}, {},
])  # fmt: skip
def test_generic_answers_name_nobody(name, facts):
    found = name(facts)
    assert (found.maker, found.verdict) == (None, Verdict.UNIDENTIFIED)
    assert found.confidence < 0.5


def test_facts_of_different_answers_are_not_mixed(name):
    public = "OPTIONS, DESCRIBE, ANNOUNCE, SETUP, PLAY, RECORD, PAUSE, TEARDOWN, SET_PARAMETER, GET_PARAMETER"
    assert name({"rtsp.server": "Rtsp Server/3.0", "rtsp.public": public}).maker == "Dahua"
    assert name({"rtsp.server": "Rtsp Server/3.0"}, {"rtsp.public": public}).maker is None


def test_a_rule_may_demand_a_request(name):
    body = {"http.body": "table.MotionDetect[0].Enable=true"}
    assert name(body, request="GET /cgi-bin/configManager.cgi?action=getConfig").maker == "Dahua"
    assert name(body, request="GET /").maker is None
    assert name(body).maker is None


def test_result_does_not_depend_on_order(rules):
    facts = [("http.server", ("App-webs/",), 1), ("http.title", ("Annke",), 1), ("mac", (AXIS_MAC,), 2), ("rtsp.www_authenticate", ('Digest realm="IP Camera(C1214)"',), 3),
             ("onvif.model", ("DS-2CD1343G2-LIUF",), 4), ("onvif.manufacturer", ("LTS",), 4)]  # fmt: skip
    observations = [Observation("d", key.split(".")[0], key, values, response, 80) for key, values, response in facts]
    wanted = identify("d", observations, rules)
    for order in itertools.islice(itertools.permutations(observations), 0, 720, 7):
        assert identify("d", order, rules) == wanted
    text = json.dumps(wanted.to_json())
    shuffled = list(observations)
    random.Random(1).shuffle(shuffled)
    assert json.dumps(identify("d", shuffled, rules).to_json()) == text


def test_device_text_in_evidence_is_fit_to_be_shown(name):
    found = name({"sadp.DeviceDescription": "DS-2CD\x1b[31m\u202e" + "x" * 9000})
    assert "\x1b" not in found.model
    assert "\u202e" not in found.model
    assert all(len(item.value) < 400 for item in found.evidence)


def test_same_clue_on_two_ports_counts_once(rules):
    observations = [
        Observation("d", "http", "http.server", ("App-webs/",), number, port) for number, port in ((1, 80), (2, 8080))
    ]
    found = identify("d", observations, rules)
    assert (found.confidence, found.verdict) == (0.99, Verdict.PROBABLE)
    assert [item.port for item in found.evidence] == [80, 8080]


def test_http_and_rtsp_realm_are_one_clue(name):
    realm = 'Digest realm="Login to 4K01FD2PAJ6E3FF", nonce="1"'
    assert name({"http.www_authenticate": realm}, {"rtsp.www_authenticate": realm}).verdict is Verdict.PROBABLE


def test_the_same_sign_seen_twice_on_one_port_is_one_piece_of_evidence():
    rules = load_rules()
    challenge = (
        'HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Digest realm="Login to 4K01FD2PAJ6E3FF", nonce="{}"\r\n\r\n'
    )
    facts = [
        fact
        for number, nonce in enumerate(("a", "b"))
        for fact in observe(Outcome("d", "http", raw=challenge.format(nonce).encode(), port=80), number)
    ]
    shown = [(item.fingerprint, item.port, item.says) for item in identify("d", facts, rules).evidence]
    assert shown
    assert len(shown) == len(set(shown))


BUILT_IN = load_rules()
OWN_PROTOCOL = {rule.id for rule in BUILT_IN.rules if rule.own_protocol}


def _said(rule, example):
    facts = example.input if isinstance(example.input, dict) else {rule.observable: example.input}
    port = example.port or (rule.port[0] if rule.port else None)
    return [(key, values, rule.probe, port, example.request) for key, values in group_facts(facts).items()]


# Every value that an example of a rule gives, by fact key: what the published devices said.
SPOKEN = {}
for _rule in BUILT_IN.rules:
    for _example in _rule.examples:
        for _key, *_rest in _said(_rule, _example):
            SPOKEN.setdefault(_key, []).append(_rest)


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_no_single_observation_confirms_unless_it_is_the_makers_own_protocol(data):
    key = data.draw(st.sampled_from(sorted(SPOKEN)))
    drawn = data.draw(st.lists(st.sampled_from(SPOKEN[key]), min_size=1, max_size=6))
    values = tuple(value for item in drawn for value in item[0])
    if data.draw(st.booleans()):  # everything in one text, as a forger would write it
        values = (data.draw(st.sampled_from(["", " ", "\n", ", "])).join(values),)
    _, probe, port, request = drawn[0]
    fact = Observation("d", probe or key.split(".")[0], key, values, 1, port, request)
    found = identify("d", [fact], BUILT_IN)
    if not OWN_PROTOCOL & {item.fingerprint for item in found.evidence}:
        assert found.verdict is not Verdict.CONFIRMED


def test_no_example_of_a_rule_confirms_by_one_fact():
    seen = 0
    for rule in BUILT_IN.rules:
        for example in rule.examples:
            for key, values, probe, port, request in _said(rule, example):
                fact = Observation("d", probe or key.split(".")[0], key, values, 1, port, request)
                found = identify("d", [fact], BUILT_IN)
                seen += found.maker is not None
                if not OWN_PROTOCOL & {item.fingerprint for item in found.evidence}:
                    assert found.verdict is not Verdict.CONFIRMED, rule.id
    assert seen > 400


@pytest.mark.parametrize("rule", [rule for rule in BUILT_IN.rules if rule.own_protocol], ids=lambda rule: rule.id)
def test_own_protocol_is_nothing_that_a_banner_can_say(rule, name):
    """A document of the maker's interface or a message of its discovery: never a header, a title or a realm."""
    keys = {key for example in rule.examples for key, *_ in _said(rule, example)}
    assert all(key == "http.body" or key.startswith(("sadp.", "dhip.", "isapi.")) for key in keys)
    for example in rule.examples:
        for _, values, *_ in _said(rule, example):
            for banner in (
                "http.server",
                "http.title",
                "http.www_authenticate",
                "rtsp.server",
                "ftp.banner",
                "telnet.banner",
            ):
                assert name({banner: values[0]}).verdict is not Verdict.CONFIRMED
            if "http.body" in keys:  # inside a page it is only quoted
                assert name({"http.body": f"<html><body>{values[0]}</body></html>"}).verdict is not Verdict.CONFIRMED


BOSCH_CERTIFICATE = {
    "tls.subject": "CN=0004631234ab,SERIALNUMBER=0004631234ab",
    "tls.issuer": "CN=Bosch ST Root CA,OU=ST-VS,O=Bosch Sicherheitssysteme GmbH,C=DE",
}


def at(rules, *facts):
    """Identify from facts, each a key, a value and a port, and each an answer of its own."""
    return identify("d", [Observation("d", key.split(".")[0], key, (value,), number, port)
                          for number, (key, value, port) in enumerate(facts)], rules)  # fmt: skip


@pytest.mark.parametrize("reseller", [
    BOSCH_CERTIFICATE, {"http.server": "VCS-VideoJet-Webserver"}, {"http.www_authenticate": 'Basic realm="Use \'live\' as User Name"'},
])  # fmt: skip
def test_the_name_of_a_reseller_never_cancels_the_builder(name, reseller):
    alone = name(reseller)
    assert (alone.maker, alone.conflicts) == ("Bosch", ())
    found = name(DAHUA_REALM, reseller)
    assert (found.maker, found.brand, found.rebrand, found.relation) == ("Dahua", "Bosch", True, Relation.RESELLER)
    assert (found.verdict, found.confidence) == (Verdict.PROBABLE, name(DAHUA_REALM).confidence)
    [conflict] = found.conflicts
    assert (conflict.about, conflict.says) == ("brand", ("Dahua", "Bosch"))
    assert "sources name Dahua as the builder" in conflict.sentence
    assert "several devices" in conflict.sentence
    twice = name(DAHUA_REALM, BOSCH_CERTIFICATE, reseller, {"http.title": "Bosch"})
    assert (twice.maker, twice.brand, twice.verdict) == ("Dahua", "Bosch", Verdict.PROBABLE)


def test_without_a_source_the_certificate_of_another_maker_is_a_rival_as_before(name, rules):
    assert not rules.brands.sells("Hikvision", "Bosch")
    found = name({"http.server": "DNVRS-Webs"}, BOSCH_CERTIFICATE)
    assert found.verdict is Verdict.POSSIBLE
    assert set(found.conflicts[0].says) == {"Hikvision", "Bosch"}
    assert found.conflicts[0].about == "maker"


def test_only_a_conclusive_sign_of_the_builder_takes_a_resellers_name_for_a_label(name, rules):
    strong = next(rule for rule in rules.rules if rule.says.maker == "Dahua" and rule.strength is Strength.STRONG
                  and rule.observable == "http.favicon.mmh3")  # fmt: skip
    picture = {"http.favicon.mmh3": strong.match.hash[0]}
    assert (name(picture).maker, name(picture).verdict) == ("Dahua", Verdict.PROBABLE)
    found = name(picture, BOSCH_CERTIFICATE)
    assert (found.maker, found.conflicts[0].about) == ("Bosch", "maker")
    assert "Dahua" in found.conflicts[0].says


def test_what_is_more_than_a_name_still_speaks_for_the_reseller(name):
    found = name(DAHUA_REALM, BOSCH_CERTIFICATE, {"http.favicon.mmh3": "-1702769256"})
    assert found.verdict is not Verdict.CONFIRMED
    assert ("maker", {"Dahua", "Bosch"}) in [(conflict.about, set(conflict.says)) for conflict in found.conflicts]
    prefix = name(DAHUA_REALM, BOSCH_CERTIFICATE, {"mac": "00:04:63:00:00:05"})
    assert (prefix.maker, prefix.verdict, prefix.brand) == ("Dahua", Verdict.PROBABLE, "Bosch")


def test_between_equals_the_known_builder_is_named_before_the_alphabet(name, rules):
    assert rules.brands.sells("Dahua", "Bosch")
    found = name({"mac": DAHUA_MAC}, {"mac": "00:04:63:00:00:05"})
    assert (found.maker, found.verdict) == ("Dahua", Verdict.POSSIBLE)
    assert found.conflicts[0].says == ("Dahua", "Bosch")


def test_a_tie_is_said_to_be_one(name, rules):
    tie = name({"http.server": "App-webs/"}, AXIS_CERTIFICATE)
    assert tie.conflicts[0].sentence.startswith("Evidence names Axis and Hikvision equally: Axis (tls.subject)")
    headline = explain(tie, rules)[0]
    assert headline.startswith("10.0.0.5: evidence names Axis and Hikvision equally; each is only possible")
    uneven = name({"http.server": "App-webs/"}, {"mac": AXIS_MAC})
    assert explain(uneven, rules)[0].startswith("10.0.0.5: made by Hikvision, probable")
    three = name({"mac": HIK_MAC}, {"mac": DAHUA_MAC}, {"mac": AXIS_MAC})
    assert "evidence names Axis, Dahua and Hikvision equally" in explain(three, rules)[0]


def test_signs_of_two_makers_on_different_ports_may_be_two_devices(rules):
    hikvision = (
        "http.www_authenticate",
        'Digest qop="auth", realm="fe12f37bd0123ccbbd35f1aa", domain="::", stale="FALSE"',
        8080,
    )
    found = at(rules, ("http.server", "Avtech/1.0", 80), hikvision)
    assert (found.maker, found.verdict) == ("Avtech", Verdict.PROBABLE)
    sentence = found.conflicts[0].sentence
    assert "Hikvision (http.www_authenticate on port 8080)" in sentence
    assert "came from different ports: several devices may stand behind this address" in sentence
    together = at(rules, ("http.server", "Avtech/1.0", 80), (*hikvision[:2], 80))
    assert "different ports" not in together.conflicts[0].sentence
    assert "several devices stand behind this address" in together.conflicts[0].sentence


def test_a_covered_maker_on_another_port_is_checked_by_hand(rules):
    found = at(rules, ("http.server", "Avtech/1.0", 80),
               ("http.www_authenticate", 'Digest qop="auth", realm="fe12f37bd0123ccbbd35f1aa", domain="::", stale="FALSE"', 8080))  # fmt: skip
    device = Device("addr-10-0-0-5", ("10.0.0.5",), None, "office", ZoneRole.CORE, None, found)
    site = Site("Ministry HQ", Sensitivity.SENSITIVE, (), ("uk-2022",))
    marked = mark(device, judge(device, site, load_packs(("uk-2022",)), date(2026, 11, 21)))
    assert marked.to_check
    assert any("also names Hikvision" in finding.sentence for finding in marked.findings)
