"""The descriptions load, cite their sources, and stay apart from the product."""

from __future__ import annotations

import ast
import re
import sys
from pathlib import Path

import pytest
from lab import load_devices, load_site, site_names
from lab.devices import DescriptionError
from lab.replies import fill, probe_match, read_probe, render, soap_operation, values_of
from lab.servers import busiest
from lab.sites import expand_exclusion, loopback_port

LAB = Path(sys.modules["lab"].__file__).parent
DEVICES = load_devices()
# The prefixes of the maker that stand in the descriptions; source: facts, section 6.
HIKVISION = {
    "00bc99",
    "040312",
    "240f9b",
    "4419b6",
    "4cbd8f",
    "54c415",
    "989de5",
    "a41437",
    "bcad28",
    "c056e3",
    "e0ca3c",
}
SOURCE = re.compile(
    r"^(?:[HDX]-[A-Z]+-?\d|[HDX]-\d|section |facts |limit|hole|reliability row|https://|IDX:|HA core|ordinary |a machine"
    r"|(?:recog|retina|ztag|fav\w*|gh|idx|vicmaeg|tothi|sharprtsp|camio)-)"
)


def identity(x):
    return x


@pytest.mark.parametrize("device", DEVICES.values(), ids=DEVICES)
def test_a_device_cites_its_source_and_has_a_mac(device):
    assert device.built_from
    for source in device.built_from:
        assert SOURCE.match(source), source
    if device.mac is None:
        assert device.behaviour.layer == "silent"
    else:
        assert int(device.mac[:2], 16) & 3 == 0, "a factory MAC is neither local nor a group"


@pytest.mark.parametrize("device", DEVICES.values(), ids=DEVICES)
def test_every_answer_renders_without_a_placeholder_left(device):
    values = {**values_of(device, "10.1.2.3", 80, identity), "cseq": "7"}
    replies = [
        reply
        for service in device.services
        for reply in [*service.routes.values(), service.default, service.options, service.describe]
        if reply is not None
    ]
    if device.onvif:
        replies.append(device.onvif.refusal)
    for reply in replies:
        text = render(reply, values, identity)
        assert not re.search(rb"@[A-Za-z_]+(?::\d+)?@", text), text
        if reply.raw is None:
            head, _, body = text.partition(b"\n\n" if reply.eol == "lf" else b"\r\n\r\n")
            if found := re.search(rb"(?i)^content-length: (\d+)", head, re.MULTILINE):
                assert int(found[1]) == len(body)
            assert (b"\r" in head) == (reply.eol == "crlf")
    if device.wsd:
        probe = read_probe(PROBE.replace(b"TYPES", b"<d:Types>dn:NetworkVideoTransmitter</d:Types>"))
        answer = probe_match(device.wsd, device, probe[0], values, identity).decode()
        assert "urn:uuid:question" in answer
        assert not re.search(r"@[A-Za-z_]+(?::\d+)?@", answer)


def test_there_are_enough_devices_and_families():
    assert len(DEVICES) >= 34
    assert len({device.family for device in DEVICES.values()}) >= 14
    # Enough of both kinds, or a test of what is flagged would prove little.
    flagged = [device for device in DEVICES.values() if device.truth.flagged_maker and device.family != "fault"]
    assert len(flagged) >= 16
    assert {d.truth.maker for d in flagged} == {"Hikvision", "Dahua"}
    assert sum(1 for d in flagged if d.truth.rebrand) >= 10


def test_a_rebrand_with_a_foreign_prefix_is_among_them():
    foreign = [
        d for d in DEVICES.values()
        if d.truth.maker == "Hikvision" and d.truth.rebrand and d.mac.replace(":", "")[:6] not in HIKVISION
    ]  # fmt: skip
    assert {"annke-camera", "luma-recorder", "truvision-recorder", "trendnet-camera"} <= {d.id for d in foreign}


def test_no_lab_file_knows_the_product():
    allowed = {"ruamel", "cryptography", "pytest"} | set(sys.stdlib_module_names)
    for path in LAB.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and node.level == 0:
                names = [node.module]
            for name in names:
                top = name.partition(".")[0]
                assert top in allowed or (top == "lab" and path.name == "serve.py"), f"{path.name} imports {name}"
                assert top != "pytest" or path.name == "fixtures.py"
    for path in LAB.rglob("*"):
        if path.is_file() and path.suffix in {".py", ".yaml"}:
            assert not re.search(r"fingerprints\s*/|auditor\.", path.read_text(encoding="utf-8")), path.name


@pytest.mark.parametrize("name", site_names())
def test_a_site_is_whole(name):
    site = load_site(name)
    truth = site.truth()
    assert len(truth) == len(site.devices) + len(site.silent)
    assert all(line["zone"] for line in truth)
    assert site.excluded <= {line["address"] for line in truth}
    text = site.site_yaml(pace="gentle")
    assert "authorisation" in text
    assert "pace: gentle" in text


def test_the_office_has_what_the_issue_asks_for():
    truth = load_site("office").truth()
    assert len(truth) == 40
    named = [t for t in truth if t["flagged_maker"] and not t["excluded"] and t["evidence"] == "full"]
    assert len(named) == 10
    assert {t["zone_role"] for t in named} == {"core", "isolated"}
    assert sum(1 for t in named if t["rebrand"]) >= 4
    assert sum(1 for t in truth if t["excluded"]) == 3


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ("maker: X, colour: red", "unknown key 'colour'"),
        ("maker: X, kind: toaster", "unknown `kind`"),
        ("maker: X, rebrand: true", "a rebrand has a brand"),
    ],
)
def test_a_wrong_description_is_refused_with_its_place(tmp_path, change, complaint):
    kind = "" if "kind:" in change else ", kind: camera"
    (tmp_path / "x.yaml").write_text(
        f"family: x\ndevices:\n  - {{id: a, mac: '00:11:22:33:44:55', built_from: [x], truth: {{{change}{kind}, flagged_maker: false}}}}\n"
    )
    with pytest.raises(DescriptionError, match=f"x.yaml: a.*{complaint}"):
        load_devices(tmp_path)


def test_two_devices_cannot_share_a_mac(tmp_path):
    one = "{id: %s, mac: '00:11:22:33:44:55', built_from: [x], truth: {maker: X, kind: camera, flagged_maker: false}}"
    (tmp_path / "x.yaml").write_text(f"family: x\ndevices:\n  - {one % 'a'}\n  - {one % 'b'}\n")
    with pytest.raises(DescriptionError, match="share the MAC"):
        load_devices(tmp_path)


def test_copies_are_other_units_of_the_same_maker():
    original = DEVICES["hik-camera"]
    copies = [original.copy_number(number) for number in range(1, 1025)]
    assert len({copy.mac for copy in copies} | {original.mac}) == 1025
    assert {copy.mac[:8] for copy in copies} == {original.mac[:8]}
    assert copies[0].values["serial"] != original.values["serial"]
    assert len(copies[0].values["serial"]) == len(original.values["serial"])


def test_exclusions_expand():
    assert expand_exclusion("10.0.0.6-10.0.0.8") == {"10.0.0.6", "10.0.0.7", "10.0.0.8"}
    assert expand_exclusion("10.0.0.0/31") == {"10.0.0.0", "10.0.0.1"}
    assert expand_exclusion("44:19:b6:00:00:05") == set()


PROBE = b"""<e:Envelope xmlns:e="http://www.w3.org/2003/05/soap-envelope"
 xmlns:w="http://schemas.xmlsoap.org/ws/2004/08/addressing" xmlns:d="http://schemas.xmlsoap.org/ws/2005/04/discovery"
 xmlns:dn="http://www.onvif.org/ver10/network/wsdl"><e:Header><w:MessageID>urn:uuid:question</w:MessageID></e:Header>
 <e:Body><d:Probe>TYPES</d:Probe></e:Body></e:Envelope>"""


@pytest.mark.parametrize(
    ("types", "form"),
    [
        (b"<d:Types>dn:NetworkVideoTransmitter</d:Types>", "nvt"),
        (b"<d:Types>tds:Device</d:Types>", "device"),
        (b"<d:Types/>", "empty"),
        (b"", "empty"),
    ],
)
def test_a_probe_is_read_by_its_form(types, form):
    assert read_probe(PROBE.replace(b"TYPES", types)) == ("urn:uuid:question", form)


@pytest.mark.parametrize("datagram", [b"", b"hello", PROBE.replace(b"MessageID", b"Other"), PROBE[:-5]])
def test_what_is_no_probe_gets_no_answer(datagram):
    assert read_probe(datagram) is None


def test_a_probe_for_something_else_gets_no_answer():
    assert read_probe(PROBE.replace(b"TYPES", b"<d:Types>wsdp:Printer</d:Types>")) is None


def test_soap_credentials_are_noticed():
    body = b"<s:Envelope xmlns:s='x'><s:Header><UsernameToken/></s:Header><s:Body><t:GetScopes xmlns:t='y'/></s:Body></s:Envelope>"
    assert soap_operation(body) == ("GetScopes", True)
    assert soap_operation(body.replace(b"<UsernameToken/>", b"")) == ("GetScopes", False)
    assert soap_operation(b"not xml") == (None, False)


def test_unknown_placeholders_stay():
    assert fill("@WebVersion@ @address@ @port:80@", {"address": "x"}, loopback_port) == "@WebVersion@ x 10080"


def test_busiest_window_is_half_open():
    assert busiest([]) == 0
    assert busiest([0.0, 0.5, 0.99]) == 3
    assert busiest([0.0, 0.5, 1.0]) == 2
    assert busiest([3.0, 1.0, 2.0, 1.5]) == 2
