"""Reads the device descriptions (devices/*.yaml) and refuses what it does not know, so that a typing error shows."""

from __future__ import annotations

import base64
import re
import uuid
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path

from ruamel.yaml import YAML

HERE = Path(__file__).resolve().parent
MAC_SHAPE = re.compile(r"^[0-9a-f]{2}(?::[0-9a-f]{2}){5}$")
KINDS = frozenset(
    {
        "camera",
        "ptz",
        "thermal",
        "recorder",
        "encoder",
        "access-terminal",
        "intercom",
        "scanner",
        "management-platform",
        "other",
        "unknown",
    }
)
EVIDENCE = frozenset({"full", "mac-only", "none"})
LAYERS = frozenset({"normal", "arp-only", "silent", "prohibited"})
PROBE_FORMS = frozenset({"nvt", "device", "empty"})


class DescriptionError(ValueError):
    """A device or site description is wrong; the text names file, device and key."""


@dataclass(frozen=True)
class Truth:
    """What the emulated unit really is.

    Attributes:
        maker: who built it, or None for a thing whose maker no answer shows.
        brand: whose label it carries where that differs from the maker, else None.
        evidence: what an honest auditor can find: `full`, `mac-only` or `none`.
        flagged_maker: built by a maker that the usual policies name (Hikvision, Dahua).
    """

    maker: str | None
    brand: str | None
    rebrand: bool
    relation: str | None
    model: str | None
    kind: str
    flagged_maker: bool
    evidence: str


@dataclass(frozen=True)
class Reply:
    """One exact answer.

    Attributes:
        head: status line and headers in the order sent, one a line, without the empty line; None when `raw` is given.
        body: body with placeholders; sent as UTF-8 unless `body_bytes` is given.
        raw: the whole answer byte for byte, placeholders untouched.
        eol: line ending of the head: `crlf` or `lf`.
        bom: whether the body starts with the UTF-8 byte order mark.
    """

    head: str | None = None
    body: str = ""
    body_bytes: bytes | None = None
    raw: bytes | None = None
    eol: str = "crlf"
    bom: bool = False


@dataclass(frozen=True)
class Certificate:
    """Names of a certificate that is made when the servers start. A name is a list of (short attribute name, value)."""

    subject: tuple[tuple[str, str], ...]
    issuer: tuple[tuple[str, str], ...]
    not_before: str = "2021-01-01"
    not_after: str = "2041-01-01"
    names: tuple[str, ...] = ()


@dataclass(frozen=True)
class Service:
    """One TCP port.

    Attributes:
        kind: `http`, `https`, `rtsp` or `tcp`.
        routes: request target -> answer (http, https).
        default: answer to any other target, or to any other RTSP method.
        banner: what a `tcp` port says at once; empty says nothing.
        onvif: whether SOAP requests are answered on this port.
    """

    kind: str
    port: int
    routes: dict[str, Reply] = field(default_factory=dict)
    default: Reply | None = None
    options: Reply | None = None
    describe: Reply | None = None
    certificate: Certificate | None = None
    banner: bytes = b""
    printer: bool = False
    onvif: bool = False


@dataclass(frozen=True)
class Discovery:
    """WS-Discovery: what is announced, to which forms of the question, and how it may be asked."""

    scopes: tuple[str, ...]
    xaddrs: tuple[str, ...]
    types: str = "dn:NetworkVideoTransmitter tds:Device"
    endpoint: str = "urn:uuid:@uuid@"
    answers: frozenset[str] = PROBE_FORMS
    multicast: bool = True
    unicast: bool = True


@dataclass(frozen=True)
class Onvif:
    """SOAP: operation -> values of the answer; every other operation gets `refusal`."""

    head: str
    refusal: Reply
    paths: tuple[str, ...] = ("/onvif/device_service",)
    answers: dict[str, object] = field(default_factory=dict)


@dataclass(frozen=True)
class Behaviour:
    """How the unit behaves below and beside its answers. See README.md for each word."""

    layer: str = "normal"
    ping: bool = True
    closed: str = "reset"
    max_sessions: int | None = None
    reset_after: int | None = None
    refuse_after: int | None = None
    silent_after: int | None = None
    watchdog: int | None = None
    tarpit: bool = False
    drip: tuple[int, float] | None = None
    lockout: int | None = None


@dataclass(frozen=True)
class Device:
    """One emulated unit."""

    id: str
    family: str
    truth: Truth
    mac: str | None
    built_from: tuple[str, ...]
    values: dict[str, str]
    services: tuple[Service, ...]
    wsd: Discovery | None
    onvif: Onvif | None
    behaviour: Behaviour
    file: str

    def service(self, port: int) -> Service | None:
        return next((service for service in self.services if service.port == port), None)

    @property
    def uuid(self) -> str:
        return str(uuid.uuid5(uuid.NAMESPACE_OID, self.id))

    def copy_number(self, number: int) -> Device:
        """Return the unit again as another one: own id, MAC suffix and serial number, same maker and answers."""
        if number == 0:
            return self
        mac = self.mac
        if mac is not None:
            # The fourth pair stays too: in a 28-bit block it tells one maker from another.
            suffix = (int(mac.replace(":", "")[8:], 16) + 257 * number) % 2**16
            mac = f"{mac[:11]}:{suffix >> 8:02x}:{suffix & 255:02x}"
        values = dict(self.values)
        if serial := values.get("serial"):
            values["serial"] = re.sub(r"\d{4}(?!.*\d{4})", lambda m: f"{(int(m[0]) + number) % 10000:04d}", serial)
        return replace(self, id=f"{self.id}-{number}", mac=mac, values=values)

    def truth_line(self, address: str) -> dict[str, object]:
        """Return the truth as plain data: one entry of `Lab.truth()`."""
        truth = self.truth
        return {
            "address": address, "id": self.id, "family": self.family, "mac": self.mac, "maker": truth.maker,
            "brand": truth.brand, "rebrand": truth.rebrand, "relation": truth.relation, "model": truth.model,
            "kind": truth.kind, "flagged_maker": truth.flagged_maker, "evidence": truth.evidence,
        }  # fmt: skip


class _Node:
    """A mapping of a description that must be used up: a key that nobody asked for is an error."""

    def __init__(self, data: object, where: str) -> None:
        if not isinstance(data, dict):
            raise DescriptionError(f"{where}: a mapping is needed here")
        self.data, self.where = dict(data), where

    def take(self, key: str, default: object = ..., kinds: type | tuple[type, ...] = object) -> object:
        if key not in self.data:
            if default is ...:
                raise DescriptionError(f"{self.where}: `{key}` is missing")
            return default
        value = self.data.pop(key)
        if not isinstance(value, kinds) and value != default:
            raise DescriptionError(f"{self.where}: `{key}` has the wrong type: {value!r}")
        return value

    def done(self) -> None:
        if self.data:
            raise DescriptionError(f"{self.where}: unknown key {', '.join(map(repr, self.data))}")


def load_yaml(path: Path) -> object:
    """Read one YAML file of the lab."""
    return YAML(typ="safe", pure=True).load(path.read_text(encoding="utf-8"))


@cache
def load_devices(folder: Path = HERE / "devices") -> dict[str, Device]:
    """Return every described device by id.

    Raises:
        DescriptionError: a description is wrong, or two of them share an id or a MAC.
    """
    found: dict[str, Device] = {}
    macs: dict[str, str] = {}
    for path in sorted(folder.glob("*.yaml")):
        top = _Node(load_yaml(path), path.name)
        family = str(top.take("family", kinds=str))
        entries = top.take("devices", kinds=list)
        top.take("shared", {}, dict)  # a place for YAML anchors
        top.done()
        for entry in entries:
            device = _device(entry, family, path.name)
            if device.id in found:
                raise DescriptionError(f"{path.name}: two devices are called `{device.id}`")
            if device.mac is not None and device.mac in macs:
                raise DescriptionError(f"{path.name}: {device.id} and {macs[device.mac]} share the MAC {device.mac}")
            if device.mac is not None:
                macs[device.mac] = device.id
            found[device.id] = device
    return found


def _device(entry: object, family: str, file: str) -> Device:
    node = _Node(entry, file)
    name = str(node.take("id", kinds=str))
    node.where = f"{file}: {name}"
    mac = node.take("mac", None, str)
    if mac is None:
        node.take("mac_note", kinds=str)
    elif not MAC_SHAPE.match(str(mac)):
        raise DescriptionError(f"{node.where}: `mac` must be lower case with colons")
    built_from = node.take("built_from", kinds=list)
    if not built_from or not all(isinstance(item, str) and item for item in built_from):
        raise DescriptionError(f"{node.where}: `built_from` must name at least one source")
    truth = _truth(node)
    values = {str(k): str(v) for k, v in node.take("values", {}, dict).items()}
    services = _services(node)
    onvif = _onvif(node)
    device = Device(
        id=name, family=str(node.take("family", family, str)), truth=truth, mac=mac, built_from=tuple(built_from),
        values=values, services=services, wsd=_wsd(node), onvif=onvif, behaviour=_behaviour(node), file=file,
    )  # fmt: skip
    node.done()
    ports = [service.port for service in services]
    if len(set(ports)) != len(ports):
        raise DescriptionError(f"{node.where}: a port is described twice")
    if onvif is None and any(service.onvif for service in services):
        raise DescriptionError(f"{node.where}: a service says `onvif: true`, but `onvif` is missing")
    if device.behaviour.layer != "normal" and (services or device.wsd):
        raise DescriptionError(f"{node.where}: a unit that is `{device.behaviour.layer}` cannot have services")
    return device


def _truth(node: _Node) -> Truth:
    inner = _Node(node.take("truth", kinds=dict), f"{node.where}: truth")
    truth = Truth(
        maker=inner.take("maker", kinds=(str, type(None))),
        brand=inner.take("brand", None, str),
        rebrand=inner.take("rebrand", False, bool),
        relation=inner.take("relation", None, str),
        model=inner.take("model", None, str),
        kind=inner.take("kind", kinds=str),
        flagged_maker=inner.take("flagged_maker", kinds=bool),
        evidence=inner.take("evidence", "full", str),
    )
    inner.done()
    if truth.kind not in KINDS or truth.evidence not in EVIDENCE:
        raise DescriptionError(f"{inner.where}: unknown `kind` or `evidence`")
    if truth.rebrand != (truth.relation is not None) or (truth.rebrand and truth.brand is None):
        raise DescriptionError(f"{inner.where}: a rebrand has a brand and a relation, others have no relation")
    if truth.relation not in {None, "sub-brand", "reseller"}:
        raise DescriptionError(f"{inner.where}: `relation` is `sub-brand` or `reseller`")
    return truth


def _reply(data: object, where: str) -> Reply:
    node = _Node(data, where)
    raw, raw64 = node.take("raw", None, str), node.take("raw_base64", None, str)
    body64 = node.take("body_base64", None, str)
    head = node.take("head", None, str)
    reply = Reply(
        head=None if head is None else head.rstrip("\n"),
        body=node.take("body", "", str),
        body_bytes=None if body64 is None else base64.b64decode(body64, validate=True),
        raw=raw.encode() if raw is not None else base64.b64decode(raw64, validate=True) if raw64 is not None else None,
        eol=node.take("eol", "crlf", str),
        bom=node.take("bom", False, bool),
    )
    node.done()
    if (reply.head is None) == (reply.raw is None) or reply.eol not in {"crlf", "lf"}:
        raise DescriptionError(f"{where}: give either `head` or `raw`; `eol` is `crlf` or `lf`")
    return reply


def _optional_reply(node: _Node, key: str) -> Reply | None:
    data = node.take(key, None, dict)
    return None if data is None else _reply(data, f"{node.where}: {key}")


def _services(node: _Node) -> tuple[Service, ...]:
    made = []
    for number, data in enumerate(node.take("services", [], list)):
        inner = _Node(data, f"{node.where}: services[{number}]")
        kind, port = inner.take("kind", kinds=str), inner.take("port", kinds=int)
        if kind not in {"http", "https", "rtsp", "tcp"} or not 0 < port < 55536:
            raise DescriptionError(f"{inner.where}: unknown `kind`, or `port` outside 1-55535")
        routes = {
            str(target): _reply(reply, f"{inner.where}: routes {target}")
            for target, reply in inner.take("routes", {}, dict).items()
        }
        certificate = inner.take("certificate", None, dict)
        service = Service(
            kind=kind, port=port, routes=routes, default=_optional_reply(inner, "default"),
            options=_optional_reply(inner, "options"), describe=_optional_reply(inner, "describe"),
            certificate=None if certificate is None else _certificate(certificate, inner.where),
            banner=inner.take("banner", "", str).encode(), printer=inner.take("printer", False, bool),
            onvif=inner.take("onvif", False, bool),
        )  # fmt: skip
        inner.done()
        if kind in {"http", "https", "rtsp"} and service.default is None:
            raise DescriptionError(f"{inner.where}: `default` is missing: what does it say to any other request?")
        if kind == "rtsp" and None in (service.options, service.describe):
            raise DescriptionError(f"{inner.where}: rtsp needs `options` and `describe`")
        if (kind == "https") != (certificate is not None):
            raise DescriptionError(f"{inner.where}: `certificate` belongs to https, and https needs one")
        made.append(service)
    return tuple(made)


def _certificate(data: dict, where: str) -> Certificate:
    node = _Node(data, f"{where}: certificate")

    def name(key: str, default: object) -> tuple[tuple[str, str], ...]:
        parts = node.take(key, default, (dict, list))
        return tuple((str(k), str(v)) for part in parts for k, v in part.items()) if isinstance(parts, list) else tuple(
            (str(k), str(v)) for k, v in parts.items()
        )  # fmt: skip

    subject = name("subject", ...)
    issuer = name("issuer", {}) or subject
    made = Certificate(
        subject=subject,
        issuer=issuer,
        not_before=str(node.take("not_before", "2021-01-01")),
        not_after=str(node.take("not_after", "2041-01-01")),
        names=tuple(node.take("names", [], list)),
    )
    node.done()
    return made


def _wsd(node: _Node) -> Discovery | None:
    data = node.take("wsd", None, dict)
    if data is None:
        return None
    inner = _Node(data, f"{node.where}: wsd")
    made = Discovery(
        scopes=tuple(inner.take("scopes", kinds=list)),
        xaddrs=tuple(inner.take("xaddrs", kinds=list)),
        types=inner.take("types", Discovery.types, str),
        endpoint=inner.take("endpoint", Discovery.endpoint, str),
        answers=frozenset(inner.take("answers", sorted(PROBE_FORMS), list)),
        multicast=inner.take("multicast", True, bool),
        unicast=inner.take("unicast", True, bool),
    )
    inner.done()
    if not made.answers <= PROBE_FORMS or not made.answers:
        raise DescriptionError(f"{inner.where}: `answers` knows {', '.join(sorted(PROBE_FORMS))}")
    return made


def _onvif(node: _Node) -> Onvif | None:
    data = node.take("onvif", None, dict)
    if data is None:
        return None
    inner = _Node(data, f"{node.where}: onvif")
    made = Onvif(
        head=inner.take("head", kinds=str).rstrip("\n"),
        refusal=_reply(inner.take("refusal", kinds=dict), f"{inner.where}: refusal"),
        paths=tuple(inner.take("paths", list(Onvif.paths), list)),
        answers=dict(inner.take("answers", {}, dict)),
    )
    inner.done()
    return made


def _behaviour(node: _Node) -> Behaviour:
    inner = _Node(node.take("behaviour", {}, dict), f"{node.where}: behaviour")
    drip = inner.take("drip", None, dict)
    made = Behaviour(
        layer=inner.take("layer", "normal", str),
        ping=inner.take("ping", True, bool),
        closed=inner.take("closed", "reset", str),
        max_sessions=inner.take("max_sessions", None, int),
        reset_after=inner.take("reset_after", None, int),
        refuse_after=inner.take("refuse_after", None, int),
        silent_after=inner.take("silent_after", None, int),
        watchdog=inner.take("watchdog", None, int),
        tarpit=inner.take("tarpit", False, bool),
        drip=None if drip is None else (int(drip["bytes"]), float(drip["every"])),
        lockout=inner.take("lockout", None, int),
    )
    inner.done()
    if made.layer not in LAYERS or made.closed not in {"reset", "drop"}:
        raise DescriptionError(f"{inner.where}: `layer` or `closed` has an unknown value")
    return made
