"""What discovery and probes hand on: sightings, looks and raw outcomes."""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from auditor.model.vocab import LookResult, Status

if TYPE_CHECKING:
    from collections.abc import Mapping

_LAST_PORT = 65535

Facts = dict[str, "str | list[str]"]


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast the audit may go; the safety numbers of design, section 6. All rates are per second.

    Attributes:
        name: `gentle` or `standard`.
        packets: all packets that this machine sends, whole audit.
        arp: ARP and neighbour requests.
        new_connections: SYNs to one device.
        open_connections: completed handshakes to one device at the same time.
        connections: completed handshakes to one device in the whole audit.
    """

    name: str
    packets: float
    arp: float
    new_connections: float
    open_connections: int
    connections: int


GENTLE = Pace("gentle", packets=100, arp=50, new_connections=2, open_connections=1, connections=30)
STANDARD = Pace("standard", packets=500, arp=200, new_connections=4, open_connections=2, connections=30)


@dataclass(frozen=True, slots=True)
class Ports:
    """Which ports are asked what. The order within a list is the order of asking.

    Attributes:
        http: plain HTTP and ONVIF.
        https: the same inside TLS.
        rtsp: RTSP.
        listen: connected to, listened to for two seconds, sent nothing.
        wsd: UDP port of WS-Discovery.
    """

    http: tuple[int, ...] = (80, 8080, 81, 88)
    https: tuple[int, ...] = (443, 8443)
    rtsp: tuple[int, ...] = (554,)
    listen: tuple[int, ...] = (8000, 37777, 34567)
    wsd: int = 3702


@dataclass(frozen=True, slots=True)
class Sighting:
    """An address, and a MAC where it is truly the device's own, that a discovery method saw.

    Attributes:
        address: IPv4 or IPv6 address as text.
        method: discovery method, e.g. `arp`, `sweep.nmap`, `sweep.connect`, `wsd.multicast`.
        at: UTC, ISO 8601 with `Z`.
        mac: lower case with colons, or None: a MAC learned across a router is never the device's.
        interface: local interface the sighting came in on, or None.
        outcome: the raw answer when the method itself asked a question that identifies (WS-Discovery), else None.
    """

    address: str
    method: str
    at: str
    mac: str | None = None
    interface: str | None = None
    outcome: Outcome | None = None


@dataclass(frozen=True, slots=True)
class Look:
    """What one discovery method learned about one address of the scope, silence included.

    Attributes:
        address: address as text.
        method: as in `Sighting`.
        result: what was learned.
        reason: the method's own word for it, e.g. `arp-reply`, `no-response`, `admin-prohibited`, `conn-refused`.
    """

    address: str
    method: str
    result: LookResult
    reason: str


@dataclass(slots=True, unsafe_hash=True)  # nobody changes one; frozen, each would take five times as long to make
class Outcome:
    """One read-only question to one device and its raw result.

    Attributes:
        device: opaque key; in a scan the device's address as text.
        probe: word of the probe vocabulary (design, section 5): `http`, `rtsp`, `onvif`, `wsd`, `tls`, `mac` ...
        status: how it ended.
        raw: the bytes as received, cut at `auditor.common.limits.MAX_RESPONSE`; empty when nothing came.
        facts: facts that were learned without a response of their own (`mac`) or imported, else None.
        port: TCP or UDP port, or None.
        request: what was asked: `GET /path`, `OPTIONS`, an ONVIF operation, a discovery message.
        at: UTC, ISO 8601 with `Z`, or None.
        vantage: where the question was asked from, or None.
        tls: whether the exchange ran inside TLS.
        truncated: a size limit or deadline cut the response.
        detail: one short phrase for a person, e.g. `connection reset after 312 bytes`.
    """

    device: str
    probe: str
    status: Status = Status.ANSWERED
    raw: bytes = b""
    facts: Facts | None = None
    port: int | None = None
    request: str | None = None
    at: str | None = None
    vantage: str | None = None
    tls: bool = False
    truncated: bool = False
    detail: str = ""

    def to_json(self) -> dict[str, Any]:
        """Return the line of `outcomes.jsonl` (format: design, section 5); empty fields are left out."""
        line: dict[str, Any] = {"device": self.device, "probe": self.probe, "status": self.status.value}
        for name in ("port", "request", "at", "vantage"):
            if (value := getattr(self, name)) is not None:
                line[name] = value
        for name in ("tls", "truncated"):
            if getattr(self, name):
                line[name] = True
        if self.detail:
            line["detail"] = self.detail
        if self.raw:
            line["raw_base64"] = base64.b64encode(self.raw).decode("ascii")
        if self.facts is not None:
            line["facts"] = self.facts
        return line

    @classmethod
    def from_json(cls, line: Mapping[str, Any]) -> Outcome:
        """Read one line of `outcomes.jsonl` or `observations.jsonl`.

        Raises:
            ValueError: a required key is missing, or a value has the wrong type; the text names the key.
        """
        get = line.get
        device, probe, facts, port = _device(get("device")), get("probe"), get("facts"), get("port")
        if not isinstance(probe, str) or not probe:
            raise ValueError("`probe` must be a non-empty string")
        raw = b""
        if "raw_base64" in line:
            try:
                raw = base64.b64decode(line["raw_base64"], validate=True)
            except (ValueError, TypeError) as error:
                raise ValueError("`raw_base64` is not base64") from error
        elif "raw" in line:
            if not isinstance(line["raw"], str):
                raise ValueError("`raw` must be a string")
            raw = line["raw"].encode("utf-8", "surrogatepass")
        elif facts is None and "status" not in line:
            raise ValueError("`raw`, `raw_base64`, `facts` or `status` must be there")
        if facts is not None:
            _check_facts(facts, probe)
        if port is not None and (type(port) is not int or not 0 < port <= _LAST_PORT):
            raise ValueError("`port` must be a whole number from 1 to 65535")
        request, at, vantage, detail = get("request"), get("at"), get("vantage"), get("detail")
        for text in (request, at, vantage, detail):
            if text is not None and not isinstance(text, str):
                name = next(name for name in ("request", "at", "vantage", "detail") if get(name) is text)
                raise ValueError(f"`{name}` must be a string")
        word = get("status", "answered")
        status = _STATUS.get(word) if isinstance(word, str) else None
        if status is None:
            raise ValueError(f"`status` must be one of {', '.join(Status)}")
        return cls(
            device, probe, status, raw, facts, port, request, at, vantage, get("tls") is True, get("truncated") is True,
            detail or "",
        )  # fmt: skip


_STATUS = {status.value: status for status in Status}


# Line ends and other controls, and what UTF-8 cannot hold: the key is printed, and other programs read it.
_UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")


def _device(device: object) -> str:
    if not isinstance(device, str) or not device:
        raise ValueError("`device` must be a non-empty string")
    if not device.isprintable() and _UNPRINTABLE.search(device) is not None:
        raise ValueError("`device` holds a control character or half of a surrogate pair")
    return device


# An answer in a maker's own protocol, or to SNMP or ONVIF, is evidence because that question was asked. The protocol
# is the first part of the fact key; behind it the other probes whose answers carry such facts.
_CARRIERS = {
    "sadp": (), "dhip": (), "dvrip": (), "ubnt": (), "snmp": (), "isapi": ("http",), "magicbox": ("http",),
    "onvif": ("http", "wsd"),
}  # fmt: skip
_PROBES = (
    "http", "rtsp", "tls", "onvif", "wsd", "sadp", "dhip", "ssdp", "mdns", "snmp", "dhcp", "mac", "dns", "lldp", "cdp",
    "isapi", "magicbox", "dvrip", "ubnt", "ftp", "telnet", "ssh", "sip",
)  # fmt: skip
_FOREIGN = {
    probe: tuple([f"{word}." for word, others in _CARRIERS.items() if probe != word and probe not in others])
    for probe in _PROBES
}

# Nearly all facts: keys of no maker's protocol, known without a look at the text of each.
_ANYWHERE = frozenset({
    "http.status", "http.header_names", "http.server", "http.title", "http.www_authenticate", "http.body",
    "http.favicon.mmh3", "http.favicon.md5", "rtsp.server", "rtsp.www_authenticate", "rtsp.public", "tls.subject",
    "tls.issuer", "tls.sha256", "wsd.scopes", "wsd.types", "wsd.xaddrs", "wsd.endpoint", "ssdp.server", "ssdp.usn",
    "ssdp.location", "mdns.service", "mdns.txt", "dhcp.vendor_class", "dhcp.hostname", "dns.name", "mac",
    "ftp.banner", "telnet.banner", "ssh.banner", "sip.user_agent",
})  # fmt: skip


def _check_facts(facts: object, probe: str) -> None:
    if isinstance(facts, dict):
        foreign = _FOREIGN.get(probe)  # None: a tool's own word, which may stand for several questions
        if foreign is not None and not _ANYWHERE.issuperset(facts):
            for key in facts:
                if key.startswith(foreign):
                    raise ValueError(f"`facts` of `{key.partition('.')[0]}` cannot come from the probe `{probe}`")
        for value in facts.values():
            if not isinstance(value, str) and not (
                isinstance(value, list) and all([isinstance(item, str) for item in value])  # noqa: C419  (a generator takes twice as long)
            ):
                break
        else:
            return
    raise ValueError("`facts` must map fact keys to a string or a list of strings")
