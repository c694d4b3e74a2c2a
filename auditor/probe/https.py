"""The web page inside TLS, and the certificate."""

from __future__ import annotations

from typing import TYPE_CHECKING

from auditor.net.http import GET_TEMPLATE
from auditor.probe.base import Probe
from auditor.probe.http import ROOT, ask_root

if TYPE_CHECKING:
    from auditor.model import Ports
    from auditor.probe.visit import Visit


class HttpsProbe(Probe):
    """`GET /` inside TLS; where the handshake fails, one plain hello that reads the certificate of an old server."""

    word = "http"
    method = "https"
    asks = (f"GET {ROOT}", "certificate")
    sends = (GET_TEMPLATE.replace("{path}", ROOT),)  # inside TLS; the hello is `auditor.net.tls.client_hello`
    per_port = 2

    def ports(self, ports: Ports) -> tuple[int, ...]:
        """Return the site's HTTPS ports."""
        return ports.https

    async def ask(self, visit: Visit, port: int) -> None:
        """Ask for `/` inside TLS; the certificate comes with it."""
        if await ask_root(visit, port, inside_tls=True) == "tls-failed":
            await visit.hello(port)
