"""The device's own MAC, where discovery truly saw it; nothing is sent."""

from __future__ import annotations

from typing import TYPE_CHECKING

from auditor.model import Status
from auditor.probe.base import Probe

if TYPE_CHECKING:
    from auditor.model import Ports
    from auditor.probe.visit import Visit


class MacProbe(Probe):
    """Hands on the MAC that discovery saw on the device's own link."""

    word = "mac"
    asks = ()
    sends = ()

    def ports(self, ports: Ports) -> tuple[int, ...]:  # noqa: ARG002
        """Return no port."""
        return ()

    async def follow_up(self, visit: Visit) -> None:
        """Record the MAC, once."""
        if visit.mac is not None and visit.once(self.word):
            visit.tell(self.word, None, Status.ANSWERED, facts={"mac": visit.mac})
