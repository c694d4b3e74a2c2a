"""What an RTSP server says before anyone logs in."""

from __future__ import annotations

from typing import TYPE_CHECKING

from auditor.net.rtsp import DESCRIBE_TEMPLATE, OPTIONS_TEMPLATE
from auditor.probe.base import Probe

if TYPE_CHECKING:
    from auditor.model import Ports
    from auditor.probe.visit import Visit


class RtspProbe(Probe):
    """`OPTIONS` and `DESCRIBE` without credentials; a stream is never set up."""

    word = "rtsp"
    method = "rtsp"
    asks = ("OPTIONS", "DESCRIBE")
    sends = (OPTIONS_TEMPLATE, DESCRIBE_TEMPLATE)
    per_port = 2

    def ports(self, ports: Ports) -> tuple[int, ...]:
        """Return the site's RTSP ports."""
        return ports.rtsp

    async def ask(self, visit: Visit, port: int) -> None:
        """Ask both."""
        options = await visit.rtsp(port)
        if options is not None and options.raw.lstrip(b"\r\n")[:5].upper() == b"RTSP/":
            visit.evidence.rtsp = True
