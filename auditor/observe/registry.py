"""Every probe that has a parser, in one table; a test walks all of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from auditor.observe import dhip, http, isapi, mac, magicbox, onvif, plain, rtsp, sadp, snmp, ssdp, wsd

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from auditor.observe.text import FactMap


def _tls(raw: bytes, request: str | None) -> FactMap:
    """Parse a certificate. Loading the library for it costs more than reading a thousand lines that have none."""
    from auditor.observe import tls  # noqa: PLC0415

    return tls.parse(raw, request)


PARSERS: Mapping[str, Callable[[bytes, str | None], FactMap]] = {
    "http": http.parse,
    "rtsp": rtsp.parse,
    "tls": _tls,
    "onvif": onvif.parse,
    "wsd": wsd.parse,
    "sadp": sadp.parse,
    "dhip": dhip.parse,
    "ssdp": ssdp.parse,
    "isapi": isapi.parse,
    "magicbox": magicbox.parse,
    "mac": mac.parse,
    "snmp": snmp.parse,
    "mdns": plain.mdns,
    "dhcp": plain.banner("dhcp.vendor_class"),
    "dns": plain.banner("dns.name"),
    "ftp": plain.banner("ftp.banner"),
    "telnet": plain.banner("telnet.banner"),
    "ssh": plain.banner("ssh.banner"),
    "sip": plain.sip,
}
