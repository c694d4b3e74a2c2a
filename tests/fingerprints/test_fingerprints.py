"""The data that is shipped."""

import gzip
import re
import string
import time

import pytest
import re2  # noqa: F401  (the self-test checks RE2 syntax only where this is installed: here it must be)

from auditor.identify import identify, load_rules
from auditor.identify.match import Matcher
from auditor.identify.selftest import check, observations_of
from auditor.model import Observation, Strength, Verdict
from auditor.observe import observe  # noqa: F401  (fails here first when the stage cannot be imported)

RULES = load_rules()
SCOPE = "onvif://www.onvif.org/"


def test_the_self_test_finds_nothing():
    assert check() == []


@pytest.mark.parametrize(
    "rule",
    [
        rule
        for rule in RULES.rules
        if rule.says.maker in {"Hikvision", "Dahua"} and rule.strength in {Strength.CONCLUSIVE, Strength.STRONG}
    ],
    ids=lambda rule: rule.id,
)
def test_examples_of_listed_makers_name_them(rule):
    for example in rule.examples:
        found = identify("d", observations_of(rule, example), RULES)
        assert found.maker == rule.says.maker
        assert found.verdict in {Verdict.CONFIRMED, Verdict.PROBABLE}


@pytest.mark.parametrize(
    "rule",
    [rule for rule in RULES.rules if rule.says.maker not in {"Hikvision", "Dahua", None}],
    ids=lambda rule: rule.id,
)
def test_examples_of_other_makers_are_never_a_listed_one(rule):
    for example in rule.examples:
        assert identify("d", observations_of(rule, example), RULES).maker not in {"Hikvision", "Dahua"}


def _expressions(condition):
    if condition.regex is not None:
        yield condition.regex
    for part in (*(condition.all or ()), *(condition.any or ())):
        yield from _expressions(part)


def test_no_rule_is_slow_on_four_kib_of_its_own_alphabet():
    slow = []
    for rule in RULES.rules:
        expressions = list(_expressions(rule.match))
        if not expressions:
            continue
        matcher = Matcher([rule], RULES.prefixes, RULES.grammars, RULES.brands)
        alphabet = "".join(dict.fromkeys(char for char in "".join(expressions) if char in string.printable))
        literal = re.sub(r"[^A-Za-z0-9 =\"/.:-]", "", expressions[0])[:40] or "a"
        texts = [
            alphabet * (4096 // len(alphabet) + 1),
            (literal * 4096)[:4096],
            "a" * 4096,
            " " * 4096,
            "0" * 4096,
            "\n" * 4096,
            "A-" * 2048,
            literal + "a" * 4096,
        ]
        for text in texts:
            observations = [Observation("d", rule.probe or "http", rule.observable, (text[:4096],), 1, None, "GET /")]
            started = time.process_time()
            matcher.hits(observations)
            if (took := time.process_time() - started) > 0.05:
                slow.append((rule.id, took))
    assert slow == []


def test_the_whole_set_is_quick_on_one_long_banner():
    observations = [
        Observation("d", "http", key, ("<a " * 1400,), 1)
        for key in ("http.body", "http.title", "http.server", "http.www_authenticate")
    ]
    matcher = RULES.matcher
    matcher.hits(observations)
    started = time.process_time()
    matcher.hits(observations)
    assert time.process_time() - started < 0.05


def test_no_maker_is_matched_by_the_words_of_a_registrant():
    for rule in RULES.rules:
        if rule.observable == "mac":
            assert rule.match.oui is not None, rule.id


def test_reseller_prefixes_never_say_a_maker():
    roles = {block.family: block.role for block in RULES.prefixes._blocks.values()}
    for rule in RULES.rules:
        families = (rule.match.oui,) if isinstance(rule.match.oui, str) else rule.match.oui or ()
        for family in families:
            assert rule.says.maker is None or roles[family] not in {"brand", "unrelated"}, rule.id


# Texts of other firms' pages, realms and devices that a reviewer found to be taken for a listed maker.
@pytest.mark.parametrize(("key", "value", "request_"), [
    *(("http.www_authenticate", f'Basic realm="Login to {word}"', None) for word in (
        "ADMINISTRATION", "CONTROLPANEL1", "INTRANETPORTAL", "NETWORKDEVICE", "PRODUCTION2024", "192168001001001",
        "MAINTENANCEHQ", "ACCESSCONTROLS", "SURVEILLANCE1")),
    *(("rtsp.www_authenticate", f'Digest realm="{realm}", nonce="a"', None) for realm in (
        "IP Camera(LOBBY)", "IP Camera(HALL1)", "IP Dome(FRONT)", "Login to PRODUCTION2024")),
    *(("onvif.model", model, None) for model in (
        "IPC-C220H-D/W", "IPC-E200", "IPC-HX", "IPC-HFX", "IPC-A100", "IPC-C100", "ASI7", "DS-1000")),
    *(("wsd.scopes", SCOPE + "hardware/" + model, None) for model in ("DS-2000", "DS-CAM01", "DS-J142", "DS-5024", "DH-100")),
    ("http.body", '<html><pre>xmlns="http://www.hikvision.com/ver20/XMLSchema"</pre>', "GET /"),
    ("http.body", '<!doctype html><p><DeviceInfo version="2.0" xmlns="http://www.hikvision.com/ver20/XMLSchema"><model>X</model>', "GET /"),
    ("http.body", "<p>example: <userCheck><statusValue>401</statusValue><statusString>Unauthorized</statusString></userCheck>", "GET /"),
    ("http.body", '<pre>window.location.href = "/doc/page/login.asp?_" + 1;</pre>', "GET /"),
    ("http.body", "<p>Amcrest Technologies</p> docs: fields LDAPUser", "GET /"),
    ("http.body", '{"method":"global.login","params":{}} POST /RPC2_Login', "GET /"),
    ("http.body", '<link rel="icon" href="/portal/ui/static/favicon.ico">', "GET /"),
    ("http.body", "name=world", "GET /cgi-bin/magicBox.cgi?action=getDeviceType"),
    ("http.body", "type=error\r\nversion=1", "GET /cgi-bin/magicBox.cgi?action=getDeviceType"),
    ("http.header.etag", '"1700000000:1f4"', "GET /"),
    ("http.header_names", ("CONTENT-LENGTH", "CONTENT-TYPE", "CONNECTION", "EXT"), "GET /"),
    ("tls.issuer", "CN=Hikvision Monitoring Corp CA", None), ("tls.issuer", "CN=City IT not-Hikvision CA", None),
])  # fmt: skip
def test_what_only_looks_alike_names_no_listed_maker(key, value, request_):
    values = value if isinstance(value, tuple) else (value,)
    found = identify("d", [Observation("d", key.split(".")[0], key, values, 1, 80, request_)], RULES)
    assert found.maker not in {"Hikvision", "Dahua"}
    assert found.verdict is not Verdict.PROBABLE


@pytest.mark.parametrize(("key", "value", "maker"), [
    ("http.server", "dnvrs-webs", "Hikvision"), ("rtsp.server", "Dahua RTSP Server", "Dahua"),
    ("http.www_authenticate", 'DIGEST REALM="IP Camera(AB705)"', "Hikvision"),
    ("http.www_authenticate", 'Digest realm = "login to 4K01FD2PAJ6E3FF"', "Dahua"),
    ("http.www_authenticate", 'Digest realm="Login to K3LJ3400209RH"', "Dahua"),
    ("rtsp.www_authenticate", 'Digest realm="ECDFC9112233", nonce="1"', "Hikvision"),
    ("tls.sha256", "726DAFA7BBC22DF34B7061C220D0280717AA6849718A2E7C3E5F78468BC8CAFD", "Hikvision"),
    ("tls.subject", "/C=CN/ST=ZheJiang/L=HangZhou/O=HIKVISION/OU=DVRNVR/CN=www.hikvision.com", "Hikvision"),
    ("wsd.endpoint", "urn:uuid:EC4914FD-936B-11B5-8467-0CA64C33E0B0", "Hikvision"),
    ("wsd.scopes", SCOPE + "extension/Private_mask/37777", "Dahua"),
    ("wsd.scopes", SCOPE + "hardware/HM-TD1018-1/QR", "Hikvision"),
])  # fmt: skip
def test_other_spellings_name_the_maker_too(key, value, maker):
    found = identify("d", [Observation("d", key.split(".")[0], key, (value,), 1, 80)], RULES)
    assert (found.maker, found.verdict) == (maker, Verdict.PROBABLE)


@pytest.mark.parametrize(("key", "value", "kind"), [
    ("http.title", "HikCentral Professional Web Client", "management-platform"), ("http.title", "DSS Pro", "management-platform"),
    ("dhip.DeviceClass", "DSS", "management-platform"), ("dhip.DeviceClass", "NVS", "encoder"),
    ("sadp.DiskNumber", "2", "recorder"), ("sadp.DeviceSN", "0820160719AARR624053979WCVU", "recorder"),
])  # fmt: skip
def test_kinds_that_one_field_tells(key, value, kind):
    assert identify("d", [Observation("d", key.split(".")[0], key, (value,), 1, 80)], RULES).kind.value == kind


def test_an_address_in_a_city_scope_counts_by_its_block():
    def named(mac):
        scopes = (SCOPE + "MAC/" + mac, SCOPE + "location/city/hangzhou")
        found = identify("d", [Observation("d", "wsd", "wsd.scopes", scopes, 1)], RULES)
        return found.maker, found.verdict

    assert named("58:50:ed:1f:e3:85") == ("Hikvision", Verdict.PROBABLE)  # its own block
    assert named("9c:f6:1a:00:11:22") == ("Hikvision", Verdict.PROBABLE)  # of a firm that only sells devices
    assert named("00:12:31:00:11:22") == ("Hikvision", Verdict.POSSIBLE)  # of nobody that is known
    assert named("48:ea:63:00:11:22")[0] != "Hikvision"  # of another maker of that city


def test_enough_makers_and_rules():
    makers = {rule.says.maker for rule in RULES.rules} - {None}
    wanted = {"Axis", "Bosch", "Hanwha", "Vivotek", "Mobotix", "Sony", "Panasonic", "Avigilon", "Uniview", "Tiandy", "TVT", "Xiongmai", "Reolink",
              "TP-Link", "Ubiquiti", "Milesight", "Teledyne FLIR", "HP", "Synology", "QNAP", "Cisco", "Microsoft"}  # fmt: skip
    assert wanted <= makers


def test_there_is_no_word_of_this_machine_in_the_data():
    from auditor.common.data import data_path

    for path in data_path("fingerprints").rglob("*.*"):
        raw = path.read_bytes()
        text = gzip.decompress(raw) if path.suffix == ".gz" else raw
        assert not re.search(rb"/(?:work|root)/", text), path
