"""What answers say of the one unit that gave them: its serial number, ONVIF endpoint, MACs and certificate. Pure.

A key tells units apart only if it differs from unit to unit. What is known not to (a serial number of zeros, the nil
UUID, the MAC of an example) is left out here; what turns out not to be, because too many units give it, in `merge`.
"""

from __future__ import annotations

import ipaddress
import itertools
import re
from collections import defaultdict
from dataclasses import dataclass, field
from enum import IntEnum
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlsplit

from auditor.model import Kind, Strength

if TYPE_CHECKING:
    from collections.abc import Iterable

    from auditor.model import Evidence, Observation


class Sort(IntEnum):
    """Sorts of keys, most trusted first: the order of the issue on fingerprints."""

    SERIAL = 0
    ENDPOINT = 1
    MAC = 2
    CERTIFICATE = 3


class Key(NamedTuple):
    """Something that only one unit has.

    Attributes:
        sort: of key.
        form: of a serial number: `hikvision` or `dahua` where it is documented that each unit has its own, else the
            fact key that it stood in, because such a number can only be compared with answers to the same question.
        value: as compared: upper case letters and digits, MACs with colons.
    """

    sort: Sort
    form: str
    value: str

    @property
    def is_documented(self) -> bool:
        """Whether a maker is known to give each unit its own."""
        return self.sort is not Sort.SERIAL or self.form in _DOCUMENTED


_DOCUMENTED = frozenset({"hikvision", "dahua"})

# --- serial numbers ---
# Model, day, letters, and at the end the nine characters that differ from unit to unit; recorders append WCVU.
# The short serial number of ISAPI is these nine (facts H 1.2, 1.8).
_HIKVISION_LONG = re.compile(r".{0,60}20[0-4]\d(?:0[1-9]|1[0-2])(?:[0-2]\d|3[01])[A-Z0-9]{11,22}")
_HIKVISION_TAIL = re.compile(r"\d{9}|[A-Z]\d{8}|[A-Z]{2}\d{7}")
_HIKVISION_TAIL_LENGTH = 9
_HIKVISION_FACTS = ("sadp.", "isapi.")
# Facts D 2.2, 2.10; Lorex numbers start with ND.
_DAHUA = re.compile(r"[0-9A-Z][A-Z][0-9A-F]{5}[A-Z]{3}[0-9A-Z]{5}|ND\d{8,20}")
_DAHUA_OWN = re.compile(r"[0-9A-Z]{13,16}")
_DAHUA_FACTS = ("dhip.", "magicbox.", "http.www_authenticate", "rtsp.www_authenticate", "ssdp.")
_MAC_FORM = re.compile(r"[0-9A-F]{12}")
_SHORTEST_SERIAL = 5
_NOT_ALNUM = re.compile(r"[^0-9A-Z]")
# `0000000`, `A00000000`, `12121212`: fewer different characters than any number of the corpus has.
_FEWEST_DIFFERENT = 4
# Published placeholders are runs: 123456 (edgexfoundry/device-onvif-camera issue 2), 0123456789
# (home-assistant/frontend issue 17345), 1234567890. `SerialNumber` (home-assistant/core 38864) has no digit.
_RUNS = ("0123456789012345678901234567890", "ABCDEFGHIJKLMNOPQRSTUVWXYZ", "0123456789ABCDEF0123456789ABCDEF")
_SHORT_SERIAL = "isapi.subSerialNumber"

# --- MACs ---
_MAC_FACTS = frozenset({"sadp.MAC", "dhip.mac", "isapi.macAddress", "snmp.1.3.6.1.4.1.39165.1.4.0"})
_SCOPE_MAC = re.compile(r"/MAC/((?:[0-9A-Fa-f]{2}[:-]?){5}[0-9A-Fa-f]{2})$")
_TXT_MAC = re.compile(r"^macaddress=((?:[0-9A-Fa-f]{2}[:-]?){5}[0-9A-Fa-f]{2})$", re.IGNORECASE)
# A virtual router answers with these for whatever stands behind it: RFC 5798 section 7.3 (VRRP for IPv4 and IPv6), RFC
# 2281 section 5.1 (HSRP), 0000.0c9f.f000 to 0000.0c9f.ffff (HSRP version 2).
_VIRTUAL_ROUTERS = ("00:00:5e:00:01:", "00:00:5e:00:02:", "00:00:0c:07:ac:", "00:00:0c:9f:f")
# Hikvision and Axis write their MAC as the realm (facts H-RTSP-2).
_REALM_MAC = re.compile(r'realm\s?=\s?"([0-9A-Fa-f]{12})"')
# Hikvision's other realm: five characters that differ from unit to unit. `LOBBY` is what an owner wrote.
_REALM_NAME = re.compile(
    r'(?i)realm\s?=\s?"IP (?:Camera|Dome)\(((?=[^)]*\d)(?:[0-9A-F]{5}|[A-Z]\d{4}|[A-Z]{2}\d{3}))\)"'
)
_SUBJECT_MAC = re.compile(r"(?<![0-9A-Fa-f])([0-9A-Fa-f]{12}|(?:[0-9A-Fa-f]{2}[:-]){5}[0-9A-Fa-f]{2})(?![0-9A-Fa-f])")
_REALMS = frozenset({"http.www_authenticate", "rtsp.www_authenticate"})
_GROUP_BIT, _LOCAL_BIT = 1, 2
# 00:12:34:56:78:9a (home-assistant/core issue 59218) counts up for ten digits.
_COUNTING = tuple("0123456789abcdef"[start : start + 8] for start in range(9))

# --- endpoints ---
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-([0-9a-f])[0-9a-f]{3}-[0-9a-f]{4}-([0-9a-f]{12})")
_FROM_MAC = "1"  # version 1 of RFC 4122 ends in the MAC of its maker; Hikvision's do (facts H-ONVIF-2)
_FEWEST_UUID = 6

# --- answers to one question, which one unit gives alike wherever it is asked ---
_QUESTIONS = {
    "onvif.model": "model", "sadp.DeviceDescription": "model", "dhip.DeviceType": "model", "isapi.model": "model",
    "magicbox.deviceType": "model", "onvif.firmware": "firmware", "sadp.SoftwareVersion": "firmware",
    "dhip.Version": "firmware", "isapi.firmwareVersion": "firmware",
}  # fmt: skip

# --- makers ---
# What an owner or reseller writes, or who sold the part: it does not say that the answering unit is another one.
_OWNERS_WORDS = frozenset({
    "onvif.manufacturer", "onvif.hostname", "http.title", "dns.name", "dhcp.hostname", "dhip.Vendor", "magicbox.vendor",
})  # fmt: skip
_NOT_THE_UNIT = frozenset({"tls", "mac", "name", "dhcp"})

# --- where a unit says it is, and what says that a proxy answered ---
_ADDRESS_FACTS = frozenset({"sadp.IPv4Address", "dhip.IPv4Address.IPAddress"})
# What a unit has before anybody sets it, and goes on to give where a setting is old: 192.0.0.64 (RECOG,
# xml/telnet_banners.xml), 192.168.1.108 (in the factory certificate of Dahua, IDX 33416491197), 192.168.1.64
# (Hikvision, and Uniarch, IDX 60593482790).
_FACTORY = frozenset({"192.0.0.64", "192.168.1.64", "192.168.1.108"})
_SDP_CONNECTION = re.compile(r"^c=IN IP4 ([0-9.]{7,15})", re.MULTILINE)
# RFC 9110 section 7.6.3 (Via); the others are what caches and proxies add to the answers that they pass on.
_PROXY_HEADERS = ("http.header.via", "http.header.x-cache", "http.header.x-varnish", "http.header.x-proxy-cache")
_PROXY_SERVERS = re.compile(r"(?i)^(?:haproxy|traefik|caddy|envoy|squid|varnish|ats|apachetrafficserver)\b")
# Dahua's own web server gives no Server header (facts D-HTTP-1, D-HTTP-3), so this one is somebody else's.
_PLAIN_SERVERS = re.compile(r"(?i)^(?:nginx|openresty)\b")
_DAHUA_REALM = re.compile(r'(?i)realm\s?=\s?"login to [0-9a-z]{13,16}"')


@dataclass(slots=True)
class Marks:
    """What the answers of one port, or of several, say of the unit that gave them.

    Attributes:
        keys: that only one unit has; certificates are apart.
        certificates: hash of the public key or, without it, of the certificate -> its subject.
        macs: that the unit says are its own.
        makers: named by conclusive evidence on what the firmware does.
        hints: makers named by anything but the MAC prefix.
        told: question (`serial ...`, `model ...`, `firmware ...`) -> answers; a unit gives the same wherever asked.
        realms: fact key -> MACs in login realms: one server has one.
        logins: fact key -> names in login realms that are not MACs, and differ from unit to unit.
        homes: IPv4 addresses that the unit gives as its own.
        settings: IPv4 addresses that it gives as its own and that may be old settings: they show no other place.
        proxy: header of a proxy, as text, or empty.
    """

    keys: set[Key] = field(default_factory=set)
    certificates: dict[str, str] = field(default_factory=dict)
    macs: set[str] = field(default_factory=set)
    makers: set[str] = field(default_factory=set)
    hints: set[str] = field(default_factory=set)
    told: defaultdict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    realms: defaultdict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    logins: defaultdict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    homes: set[str] = field(default_factory=set)
    settings: set[str] = field(default_factory=set)
    proxy: str = ""

    def add(self, other: Marks) -> None:
        """Take over what other answers of the same unit say."""
        self.keys |= other.keys
        self.certificates |= other.certificates
        self.macs |= other.macs
        self.makers |= other.makers
        self.hints |= other.hints
        self.homes |= other.homes
        self.settings |= other.settings
        for question, answers in other.told.items():
            self.told[question] |= answers
        for fact, macs in other.realms.items():
            self.realms[fact] |= macs
        for fact, names in other.logins.items():
            self.logins[fact] |= names
        self.proxy = self.proxy or other.proxy

    def mac(self, text: str) -> str | None:
        """Note a MAC that the unit gives as its own, unless it is a placeholder."""
        if (mac := mac_of(text)) is not None:
            self.macs.add(mac)
            self.keys.add(Key(Sort.MAC, "", mac))
        return mac

    def serial(self, fact: str, text: str) -> None:
        """Note a serial number, unless it is a placeholder."""
        if (key := serial_key(fact, text)) is None:
            return
        self.keys.add(key)
        if key.sort is Sort.MAC:
            self.macs.add(key.value)
        self.told[f"serial {key.form or 'mac'}"].add(key.value)


def marks(observations: Iterable[Observation], evidence: Iterable[Evidence]) -> dict[int | None, Marks]:
    """Return what the answers of each port say of the unit behind it; None stands for answers without a port.

    Args:
        observations: of one address, in any order.
        evidence: of the identity made from them: what a fingerprint calls a serial number is one.
    """
    found: defaultdict[int | None, Marks] = defaultdict(Marks)
    web: dict[tuple[int | None, int], tuple[str, str]] = {}
    certificates: dict[tuple[int | None, int], dict[str, str]] = {}
    for item in observations:
        here = found[item.port]
        key = item.key
        if key in _QUESTIONS:
            here.told[f"{_QUESTIONS[key]} {key}"].add(item.value.strip().casefold())
        if key in _MAC_FACTS:
            here.mac(item.value)
        elif key in _ADDRESS_FACTS:
            _home(here, item.value)
        elif key.startswith("http.header.") and key in _PROXY_HEADERS:
            here.proxy = here.proxy or f"{key.removeprefix('http.header.').title()}: {item.value[:80]}"
        elif reader := _READERS.get(key):
            reader(here, item)
        if key in {"http.server", "http.www_authenticate"}:
            server, realm = web.get((item.port, item.response), ("", ""))
            web[item.port, item.response] = (item.value, realm) if key == "http.server" else (server, item.value)
        elif key.startswith("tls."):
            certificates.setdefault((item.port, item.response), {})[key] = item.value
    for (port, _response), (server, realm) in web.items():
        if _PROXY_SERVERS.search(server) or (_PLAIN_SERVERS.search(server) and _DAHUA_REALM.search(realm)):
            found[port].proxy = found[port].proxy or f"Server: {server[:80]}"
    _weigh(found, evidence)
    published = {item.value.casefold() for item in evidence if item.observation == "tls.sha256"}
    for (port, _response), facts in certificates.items():
        value = facts.get("tls.spki") or facts.get("tls.sha256")
        if value and "tls.subject" in facts and facts.get("tls.sha256", "").casefold() not in published:
            found[port].certificates[value] = facts["tls.subject"]
    return dict(found)


def serial_key(fact: str, text: str) -> Key | None:
    """Return the key that a serial number is, or None for a placeholder.

    Args:
        fact: fact key that it stood in.
        text: as the unit gave it.
    """
    value = _NOT_ALNUM.sub("", text.upper())
    if _MAC_FORM.fullmatch(value) and (mac := mac_of(value)) is not None:
        return Key(Sort.MAC, "", mac)  # Axis: the serial number is the MAC
    plain = value.removesuffix("WCVU")
    tail = plain[-_HIKVISION_TAIL_LENGTH:]
    form = fact
    if _HIKVISION_TAIL.fullmatch(tail) and (
        _HIKVISION_LONG.fullmatch(plain) or (plain == tail and fact.startswith(_HIKVISION_FACTS))
    ):
        form, value = "hikvision", tail
    elif _DAHUA.fullmatch(value) or (_DAHUA_OWN.fullmatch(value) and fact.startswith(_DAHUA_FACTS)):
        form = "dahua"
    if (
        len(value) < _SHORTEST_SERIAL
        or len(set(value)) < _FEWEST_DIFFERENT
        or not any(character.isdigit() for character in value)
        or any(value in run or value in run[::-1] for run in _RUNS)
    ):
        return None
    return Key(Sort.SERIAL, form, value)


def mac_of(text: str) -> str | None:
    """Return a MAC in lower case with colons; None for placeholders, groups, made-up ones and virtual routers."""
    digits = _NOT_ALNUM.sub("", text.upper()).lower()
    if not _MAC_FORM.fullmatch(digits.upper()):
        return None
    pairs = bytes.fromhex(digits)
    if pairs[0] & (_GROUP_BIT | _LOCAL_BIT) or len(set(digits)) < _FEWEST_DIFFERENT:
        return None
    if len({(after - before) % 256 for before, after in itertools.pairwise(pairs)}) == 1:
        return None  # 00:11:22:33:44:55
    if _counts_up(digits):
        return None
    mac = ":".join(digits[start : start + 2] for start in range(0, 12, 2))
    return None if is_virtual_router(mac) else mac


def is_virtual_router(mac: str) -> bool:
    """Say whether a MAC, in lower case with colons, is one that routers share and answer with for others."""
    return mac.startswith(_VIRTUAL_ROUTERS)


def endpoint_of(text: str) -> tuple[str, str | None] | None:
    """Return a UUID and the MAC that it ends in, if any; None for what is no UUID or the same for many units."""
    found = _UUID.search(text.lower())
    if found is None:
        return None
    digits = found[0].replace("-", "")
    # 01234567-dead-beef-baad-abcdeffedcba is in a published answer; nil and all-f have one digit.
    if len(set(digits)) < _FEWEST_UUID or _counts_up(digits) or len(set(found[2])) == 1:
        return None
    return found[0], mac_of(found[2]) if found[1] == _FROM_MAC else None


def _counts_up(digits: str) -> bool:
    """Say whether hexadecimal digits hold a run such as 01234567."""
    return any(run in digits for run in _COUNTING)


def _weigh(found: defaultdict[int | None, Marks], evidence: Iterable[Evidence]) -> None:
    """Note serial numbers and makers that fingerprints read out of the answers."""
    makers: defaultdict[int | None, set[str]] = defaultdict(set)
    software: set[int | None] = set()
    models: list[str] = []
    serials: list[tuple[Evidence, str]] = []
    for item in evidence:
        field_, _, text = item.says.partition(" ")
        if field_ == "serial":
            serials.append((item, text))
        elif field_ in {"model", "brand"}:
            models.append(text)
        elif field_ == "kind" and text == Kind.MANAGEMENT_PLATFORM:
            software.add(item.port)
        elif field_ == "maker" and item.group != "mac":
            found[item.port].hints.add(text)
            if (
                item.strength is Strength.CONCLUSIVE
                and item.group not in _NOT_THE_UNIT
                and item.observation not in _OWNERS_WORDS
                and not item.observation.endswith(".scopes")
            ):
                makers[item.port].add(text)
    named = {_NOT_ALNUM.sub("", text.upper()) for text in models} if serials else set()
    for item, text in serials:
        if _NOT_ALNUM.sub("", text.upper()) not in named:
            found[item.port].serial(item.observation, text)
    for port, names in makers.items():
        if port not in software:  # a program for many makers' cameras runs on a computer of yet another one
            found[port].makers |= names


def _home(here: Marks, text: str, *, copied: bool = False) -> None:
    try:
        address = ipaddress.IPv4Address(text.strip())
    except ValueError:
        return  # a host name or an IPv6 address: says nothing on where the unit is
    if not (
        address.is_unspecified or address.is_loopback or address.is_link_local or address.is_multicast
        or address == ipaddress.IPv4Address("255.255.255.255")
    ):  # fmt: skip
        (here.settings if copied or str(address) in _FACTORY else here.homes).add(str(address))


def _urls(here: Marks, item: Observation) -> None:
    for url in item.values:
        try:
            host = urlsplit(url).hostname
        except ValueError:
            continue  # not a URL: says nothing on where the unit is
        _home(here, host or "")


def _endpoint(here: Marks, item: Observation) -> None:
    if (known := endpoint_of(item.value)) is not None:
        here.keys.add(Key(Sort.ENDPOINT, "", known[0]))
        if known[1] is not None:
            here.mac(known[1])


def _scopes(here: Marks, item: Observation) -> None:
    for scope in item.values:
        if (found := _SCOPE_MAC.search(scope)) is not None:
            here.mac(found[1])


def _realm(here: Marks, item: Observation) -> None:
    for challenge in item.values:
        if (found := _REALM_MAC.search(challenge)) is not None and (mac := here.mac(found[1])) is not None:
            here.realms[item.key].add(mac)
        if (name := _REALM_NAME.search(challenge)) is not None:
            here.logins[item.key].add(name[1].upper())


def _txt(here: Marks, item: Observation) -> None:
    for line in item.values:
        if (found := _TXT_MAC.search(line)) is not None:
            here.mac(found[1])


def _short_serial(here: Marks, item: Observation) -> None:
    here.serial(item.key, item.value)


def _description(here: Marks, item: Observation) -> None:
    for found in _SDP_CONNECTION.finditer(item.value):
        _home(here, found[1], copied=True)


def subject_macs(subject: str) -> tuple[str, ...]:
    """Return the MACs in the names of a certificate: what makes it a certificate of one unit."""
    return tuple(mac for found in _SUBJECT_MAC.finditer(subject) if (mac := mac_of(found[1])) is not None)


_READERS = {
    "wsd.endpoint": _endpoint, "wsd.scopes": _scopes, "onvif.scopes": _scopes, "wsd.xaddrs": _urls,
    "ssdp.location": _urls, "http.www_authenticate": _realm, "rtsp.www_authenticate": _realm, "mdns.txt": _txt,
    _SHORT_SERIAL: _short_serial, "rtsp.body": _description,
}  # fmt: skip
