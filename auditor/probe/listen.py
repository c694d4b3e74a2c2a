"""Ports of binary protocols: connected to, listened to, and sent nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from auditor.probe.base import Probe
from auditor.probe.safety import LOOKS_BACK

if TYPE_CHECKING:
    from auditor.model import Ports
    from auditor.probe.visit import Visit


class ListenProbe(Probe):
    """Whether a port is open, and what it says unasked.

    On some of these a malformed header takes a camera down for minutes, and a well-formed one starts a login
    (facts/reliability, section 1.2).
    """

    word = "tcp"
    method = "listen"
    asks = ("listen",)
    sends = ()
    per_port = 1
    # the connection that checks whether a device came back, and those that see whether it is still there
    per_device = 1 + LOOKS_BACK

    def ports(self, ports: Ports) -> tuple[int, ...]:
        """Return the site's ports to listen to."""
        return ports.listen

    async def ask(self, visit: Visit, port: int) -> None:
        """Listen, unless ONVIF was asked on this very port because the device named it."""
        if port not in visit.asked and await visit.listen(port):
            visit.evidence.listening.add(port)
