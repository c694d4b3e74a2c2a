"""The web page of a device, its icon, and one question of the ISAPI tree, all without credentials."""

from __future__ import annotations

from typing import TYPE_CHECKING

from auditor.net.http import GET_TEMPLATE
from auditor.probe import answers
from auditor.probe.base import Probe
from auditor.probe.evidence import Page

if TYPE_CHECKING:
    from auditor.model import Ports
    from auditor.probe.visit import Visit

ROOT, ICON, ISAPI = "/", "/favicon.ico", "/ISAPI/System/deviceInfo"


class HttpProbe(Probe):
    """`GET /` on every HTTP port; once per device the icon, and ISAPI where something hints at it.

    ISAPI answers 401 with a body of its own under every label (facts/fingerprints, H-HTTP-12), so there the refusal is
    the evidence. It comes after ONVIF, because the questions after a port's first refusal are few.
    """

    word = "http"
    method = "http"
    asks = (f"GET {ROOT}", f"GET {ICON}", f"GET {ISAPI}")
    sends = tuple(GET_TEMPLATE.replace("{path}", path) for path in (ROOT, ICON, ISAPI))
    per_port = 1
    per_device = 2

    def ports(self, ports: Ports) -> tuple[int, ...]:
        """Return the site's HTTP ports."""
        return ports.http

    async def ask(self, visit: Visit, port: int) -> None:
        """Ask for `/` and, on the first port that has a page, for the icon."""
        await ask_root(visit, port, inside_tls=False)

    async def follow_up(self, visit: Visit) -> None:
        """Ask ISAPI, once."""
        page = visit.evidence.isapi()
        if page is not None and visit.once(ISAPI):
            await visit.get(page.port, ISAPI, inside_tls=page.tls, refusal_is_evidence=True)


async def ask_root(visit: Visit, port: int, *, inside_tls: bool) -> str:
    """Ask for `/`, keep the page as evidence, ask for its icon if it is the first, and return the reason of a failure.

    Raises:
        VisitOver: the device is left alone from now on.
    """
    exchange = await visit.get(port, ROOT, inside_tls=inside_tls)
    if exchange is None:
        return ""
    if answers.speaks_http(exchange.raw):
        page = Page(port, inside_tls, exchange.raw)
        visit.evidence.pages.append(page)
        if visit.evidence.web() is page and visit.once(ICON):
            await visit.get(port, ICON, inside_tls=inside_tls)
    return exchange.reason
