"""Turns a described answer into bytes, and reads the questions (HTTP, SOAP, WS-Discovery) as far as a device needs."""

from __future__ import annotations

import datetime as dt
import hashlib
import itertools
import re
import uuid
import xml.etree.ElementTree as ET
from email.utils import formatdate
from typing import TYPE_CHECKING
from xml.sax.saxutils import escape

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from .devices import Device, Discovery, Reply

PLACEHOLDER = re.compile(r"@([A-Za-z_]+(?::\d+)?)@")
WSA = "http://schemas.xmlsoap.org/ws/2004/08/addressing"
WSD = "http://schemas.xmlsoap.org/ws/2005/04/discovery"
SOAP12 = "http://www.w3.org/2003/05/soap-envelope"
TDS = "http://www.onvif.org/ver10/device/wsdl"
TT = "http://www.onvif.org/ver10/schema"
_counter = itertools.count(1)

FAULT = (
    '<?xml version="1.0" encoding="UTF-8"?>\n'
    f'<s:Envelope xmlns:s="{SOAP12}" xmlns:ter="http://www.onvif.org/ver10/error"><s:Body><s:Fault>'
    "<s:Code><s:Value>s:Sender</s:Value><s:Subcode><s:Value>ter:NotAuthorized</s:Value></s:Subcode></s:Code>"
    '<s:Reason><s:Text xml:lang="en">Sender not authorised</s:Text></s:Reason>'
    "</s:Fault></s:Body></s:Envelope>"
)
NOT_SUPPORTED = FAULT.replace("ter:NotAuthorized", "ter:ActionNotSupported").replace(
    "Sender not authorised", "Action not supported"
)


def values_of(device: Device, address: str, port: int, map_port: Callable[[int], int]) -> dict[str, str]:
    """Return what the placeholders mean for one device at one address and port."""
    now = dt.datetime.now(dt.UTC)
    mac = device.mac or "02:00:00:00:00:00"
    bare = mac.replace(":", "")
    shown = map_port(port)
    values = {
        "address": address,
        "hostport": address if shown in {80, 443} else f"{address}:{shown}",
        "date": formatdate(now.timestamp(), usegmt=True),
        "rtspdate": now.strftime("%a, %b %d %Y %H:%M:%S GMT"),
        "millis": str(int(now.timestamp() * 1000)),
        "nonce": hashlib.sha256(f"{device.id}{next(_counter)}".encode()).hexdigest()[:32],
        "mac": mac,
        "machex": bare,
        "MACHEX": bare.upper(),
        "mac_dashes": mac.replace(":", "-"),
        "uuid": device.uuid,
        "fault": FAULT,
    }
    return {**device.values, **values}


def fill(text: str, values: Mapping[str, str], map_port: Callable[[int], int]) -> str:
    """Replace the placeholders that are known; anything else between two @ stays as it is (devices use it too)."""

    def put(match: re.Match[str]) -> str:
        name = match[1]
        if name.startswith("port:"):
            return str(map_port(int(name[5:])))
        return values.get(name, match[0])

    # Twice, because a device's own values may hold placeholders of their own.
    return PLACEHOLDER.sub(put, PLACEHOLDER.sub(put, text))


def render(reply: Reply, values: Mapping[str, str], map_port: Callable[[int], int]) -> bytes:
    """Return the answer as bytes; `@length@` in the head becomes the length of the body in bytes."""
    if reply.raw is not None:
        return reply.raw
    body = reply.body_bytes if reply.body_bytes is not None else fill(reply.body, values, map_port).encode()
    if reply.bom:
        body = b"\xef\xbb\xbf" + body
    head = fill(reply.head or "", {**values, "length": str(len(body))}, map_port)
    eol = "\r\n" if reply.eol == "crlf" else "\n"
    return (eol.join(head.split("\n")) + eol + eol).encode() + body


def local_name(tag: str) -> str:
    return tag.rpartition("}")[2]


def soap_operation(body: bytes) -> tuple[str | None, bool]:
    """Return the first child of the SOAP body, and whether the message carries a UsernameToken."""
    try:
        root = ET.fromstring(body)  # written by the auditor under test
    except ET.ParseError:
        return None, b"UsernameToken" in body
    token = any(local_name(element.tag) == "UsernameToken" for element in root.iter())
    for element in root:
        if local_name(element.tag) == "Body" and len(element):
            return local_name(element[0].tag), token
    return None, token


def soap_answer(operation: str, given: object, device: Device, values: Mapping[str, str]) -> str:
    """Return the body of the answer to an ONVIF operation, made from the values that the description gives."""
    if isinstance(given, str) and given.startswith("<"):
        inner = given
    elif operation == "GetSystemDateAndTime":
        now = dt.datetime.now(dt.UTC)
        inner = (
            "<tds:SystemDateAndTime><tt:DateTimeType>NTP</tt:DateTimeType><tt:DaylightSavings>false</tt:DaylightSavings>"
            f"<tt:UTCDateTime><tt:Time><tt:Hour>{now.hour}</tt:Hour><tt:Minute>{now.minute}</tt:Minute>"
            f"<tt:Second>{now.second}</tt:Second></tt:Time><tt:Date><tt:Year>{now.year}</tt:Year>"
            f"<tt:Month>{now.month}</tt:Month><tt:Day>{now.day}</tt:Day></tt:Date></tt:UTCDateTime>"
            "</tds:SystemDateAndTime>"
        )
    elif operation == "GetServices":
        inner = "".join(
            f"<tds:Service><tds:Namespace>{escape(str(name))}</tds:Namespace>"
            f"<tds:XAddr>http://{values['hostport']}/onvif/{tail}</tds:XAddr>"
            "<tds:Version><tt:Major>2</tt:Major><tt:Minor>60</tt:Minor></tds:Version></tds:Service>"
            for name, tail in dict(given).items()
        )
    elif operation == "GetScopes":
        scopes = device.wsd.scopes if device.wsd else ()
        inner = "".join(
            f"<tds:Scopes><tt:ScopeDef>Fixed</tt:ScopeDef><tt:ScopeItem>{escape(scope)}</tt:ScopeItem></tds:Scopes>"
            for scope in scopes
        )
    elif isinstance(given, dict):
        inner = "".join(f"<tds:{key}>{escape(str(value))}</tds:{key}>" for key, value in given.items())
    else:
        raise ValueError(f"{device.id}: no way to answer {operation} from {given!r}")
    return (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<s:Envelope xmlns:s="{SOAP12}" xmlns:tds="{TDS}" xmlns:tt="{TT}">'
        f"<s:Body><tds:{operation}Response>{inner}</tds:{operation}Response></s:Body></s:Envelope>"
    )


def read_probe(datagram: bytes) -> tuple[str, str] | None:
    """Return (message id, form of the question) of a well-formed WS-Discovery Probe, else None."""
    try:
        root = ET.fromstring(datagram)
    except ET.ParseError:
        return None
    message = root.find(f".//{{{WSA}}}MessageID")
    probe = root.find(f".//{{{WSD}}}Probe")
    if message is None or probe is None or not (message.text or "").strip():
        return None
    types = probe.find(f"{{{WSD}}}Types")
    words = {word.rpartition(":")[2] for word in ((types.text or "").split() if types is not None else [])}
    form = "nvt" if "NetworkVideoTransmitter" in words else "device" if "Device" in words else "empty"
    if words and form == "empty":
        return None  # asks for something that no device here is
    return str(message.text).strip(), form


def probe_match(
    wsd: Discovery, device: Device, relates_to: str, values: Mapping[str, str], map_port: Callable[[int], int]
) -> bytes:
    """Return the ProbeMatches datagram of a device."""
    number = next(_counter)
    message = uuid.uuid5(uuid.NAMESPACE_OID, f"{device.id}/{number}")
    text = (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<s:Envelope xmlns:s="{SOAP12}" xmlns:a="{WSA}" xmlns:d="{WSD}" '
        f'xmlns:dn="http://www.onvif.org/ver10/network/wsdl" xmlns:tds="{TDS}"><s:Header>'
        f"<a:MessageID>urn:uuid:{message}</a:MessageID><a:RelatesTo>{escape(relates_to)}</a:RelatesTo>"
        f"<a:To>{WSA}/role/anonymous</a:To><a:Action>{WSD}/ProbeMatches</a:Action>"
        f'<d:AppSequence InstanceId="1" MessageNumber="{number}"/></s:Header><s:Body><d:ProbeMatches><d:ProbeMatch>'
        f"<a:EndpointReference><a:Address>{escape(wsd.endpoint)}</a:Address></a:EndpointReference>"
        f"<d:Types>{escape(wsd.types)}</d:Types><d:Scopes>{escape(' '.join(wsd.scopes))}</d:Scopes>"
        f"<d:XAddrs>{escape(' '.join(wsd.xaddrs))}</d:XAddrs><d:MetadataVersion>10</d:MetadataVersion>"
        "</d:ProbeMatch></d:ProbeMatches></s:Body></s:Envelope>"
    )
    return fill(text, values, map_port).encode()
