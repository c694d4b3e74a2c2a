"""Which further questions are worth a connection, judged by what came back so far.

These hints only choose questions; what a device is gets decided elsewhere, from all of its answers. A wrong hint costs
one polite connection or misses one answer. Sources of the strings: facts/fingerprints, sections 1.1, 1.3 and 4.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from auditor.common.errors import UnreadableError
from auditor.common.limits import MAX_XADDRS
from auditor.common.xmlsafe import parse
from auditor.probe import answers

if TYPE_CHECKING:
    from lxml import etree

_LOOKED_AT = 64 * 1024  # bytes of a page

# Web servers under which the ISAPI tree lives, whatever the label on the unit.
_ISAPI_SERVER = re.compile(r"(?:[a-z]+-)?webs?(?:[ -]?server)?/?|mws\b.*", re.IGNORECASE)
_ISAPI_PAGE = re.compile(rb"/doc/page/login|/isapi/|g_szcachetime|hikvision", re.IGNORECASE)
_ISAPI_REALM = re.compile(
    r"realm=\"(?:IP Camera\(|[0-9a-f]{12}\"|[0-9a-f]{24}\"|DS-|hikvision)|domain=\"::\"", re.IGNORECASE
)
_LOGIN_PAGE = re.compile(
    rb"type=[\"']?password|rpc2_login|\bonvif\b|activex|live ?view"
    rb"|<title>[^<]{0,80}(?:login|camera|network video|ipc|nvr|dvr|recorder|web service|surveillance)",
    re.IGNORECASE,
)
# Servers and pages of office machines, network gear and ordinary web sites: no ONVIF there.
_ORDINARY = re.compile(
    r"\b(?:cups|ipp|printer|laserjet|officejet|hp[ -]http|virata-embweb|epson|canon|brother|debut|lexmark|ricoh|xerox|"
    r"kyocera|km-mfp|konica|sharp|oki|zebra|microsoft|apache|nginx|openresty|caddy|tomcat|jetty|express|gunicorn|"
    r"werkzeug|python|node|cloudflare|envoy|traefik|haproxy|squid|cisco|aruba|juniper|fortinet|mikrotik|synology|qnap|"
    r"vmware|esxi|idrac|ilo|supermicro|asterisk|snom|yealink|polycom)\b",
    re.IGNORECASE,
)
_TITLE = re.compile(rb"<title[^>]{0,80}>([^<]{0,200})", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Page:
    """The answer to `GET /` of one port.

    Attributes:
        port: TCP port.
        tls: asked inside TLS.
        raw: the answer.
    """

    port: int
    tls: bool
    raw: bytes

    @property
    def server(self) -> str:
        """The `Server` header, or empty."""
        return answers.header(self.raw, "server").strip()

    @property
    def may_have_isapi(self) -> bool:
        """Whether the answer looks as if the ISAPI tree were behind it, or as any unknown device's login page."""
        page = self.raw[:_LOOKED_AT]
        if _ISAPI_SERVER.fullmatch(self.server) or _ISAPI_PAGE.search(page):
            return True
        if _ISAPI_REALM.search(answers.header(page, "www-authenticate")):
            return True
        if answers.is_refusal(page) and not self.server:
            return True
        return not self.ordinary and _LOGIN_PAGE.search(page) is not None

    @property
    def ordinary(self) -> bool:
        """Whether the answer looks like an office machine, network gear or an ordinary web site."""
        title = _TITLE.search(self.raw[:_LOOKED_AT])
        shown = title.group(1).decode("latin-1") if title else ""
        realm = answers.header(self.raw, "www-authenticate")
        return any(_ORDINARY.search(text) for text in (self.server, shown, realm))


@dataclass(frozen=True, slots=True)
class Target:
    """Where a question may go.

    Attributes:
        port: TCP port.
        tls: ask inside TLS.
    """

    port: int
    tls: bool


@dataclass(slots=True)
class Evidence:
    """What one device has shown so far.

    Attributes:
        pages: answers to `GET /` that speak HTTP, in the order of asking.
        rtsp: an RTSP answer came.
        listening: ports of the listen list that accepted a connection.
        discovered: it answered WS-Discovery.
        named: where its own discovery answer says that ONVIF is, on its own address.
    """

    pages: list[Page] = field(default_factory=list)
    rtsp: bool = False
    listening: set[int] = field(default_factory=set)
    discovered: bool = False
    named: list[Target] = field(default_factory=list)

    def take_discovery(self, raw: bytes, address: str) -> None:
        """Take note of a WS-Discovery answer; addresses other than the sender's own are left out (row 42)."""
        self.discovered = True
        try:
            root = _read(raw)
        except UnreadableError:
            return  # it answered, and what it said is kept raw in its outcome
        # By hand: in a damaged document a prefix may stand in the name itself.
        named = [
            word
            for element in root.iter()
            if isinstance(element.tag, str) and re.split("[:}]", element.tag)[-1] == "XAddrs"
            for word in (element.text or "").split()
        ][:MAX_XADDRS]
        for word in named:
            target = _target(word, address)
            if target is not None and target not in self.named:
                self.named.append(target)

    def web(self) -> Page | None:
        """Return the page behind which further questions go: plain before TLS, and never one that only redirects."""
        usable = [page for page in self.pages if page.tls or not answers.moves_to_tls(page.raw)]
        plain = [page for page in usable if not page.tls]
        return next(iter(plain or usable), None)

    def isapi(self) -> Page | None:
        """Return the page behind which the ISAPI question is worth a connection, or None."""
        if (web := self.web()) is None:
            return None
        usable = [page for page in self.pages if page.tls == web.tls and not answers.moves_to_tls(page.raw)]
        hinted = next((page for page in usable if page.may_have_isapi), None)
        if hinted is None and (self.rtsp or self.discovered or 8000 in self.listening):  # noqa: PLR2004
            return web
        return hinted

    def onvif(self, allowed: frozenset[int]) -> Target | None:
        """Return where ONVIF is worth asking for, or None.

        Args:
            allowed: ports that the site lets ONVIF be asked on when the device names them.
        """
        for target in self.named:
            if target.port in allowed:
                return target
        if (web := self.web()) is None:
            return None
        usable = [page for page in self.pages if page.tls == web.tls and not answers.moves_to_tls(page.raw)]
        unusual = next((page for page in usable if not page.ordinary), None)
        if unusual is None and not (self.rtsp or self.discovered):
            return None
        chosen = unusual or web
        return Target(chosen.port, chosen.tls)


def _read(raw: bytes) -> etree._Element:
    try:
        return parse(raw)
    except UnreadableError:
        return parse(raw, recover=True)  # undeclared prefixes are common; a DOCTYPE stays refused


def _target(xaddr: str, address: str) -> Target | None:
    try:
        parts = urlsplit(xaddr)
        port = parts.port
    except ValueError:
        return None
    if parts.hostname != address or parts.scheme not in ("http", "https"):
        return None
    tls = parts.scheme == "https"
    return Target(port or (443 if tls else 80), tls)
