"""Four ONVIF questions without credentials, one try each, where ONVIF may be."""

from __future__ import annotations

from typing import TYPE_CHECKING

from auditor.net.http import SOAP_TEMPLATE
from auditor.net.soap import DEVICE_SERVICE
from auditor.probe import answers
from auditor.probe.base import Probe

if TYPE_CHECKING:
    from auditor.model import Ports
    from auditor.probe.visit import Visit

# The port that some makers put ONVIF on, and others their own protocol: only asked when the device itself names it.
_NAMED_ONLY = 8000
# A refusal of this one shows the maker's realm; a refusal of the others adds nothing to it.
_REFUSAL_TELLS = "GetDeviceInformation"


class OnvifProbe(Probe):
    """Asks the device service at its customary path; paths that devices name are not followed.

    The first question must be open to anyone; when it shows no ONVIF, the others are left out.
    """

    word = "onvif"
    method = "onvif"
    asks = ("GetSystemDateAndTime", "GetServices", "GetScopes", _REFUSAL_TELLS)
    sends = (SOAP_TEMPLATE.replace("{path}", DEVICE_SERVICE),)
    per_device = 4

    def ports(self, ports: Ports) -> tuple[int, ...]:  # noqa: ARG002
        """Return no port: it asks where other probes or discovery found something."""
        return ()

    async def follow_up(self, visit: Visit) -> None:
        """Ask the four questions, once."""
        ports = visit.ports
        allowed = frozenset({*ports.http, *ports.https, *({_NAMED_ONLY} & set(ports.listen))})
        target = visit.evidence.onvif(allowed)
        if target is None or not visit.once(self.word):
            return
        for operation in self.asks:
            exchange = await visit.soap(
                target.port, operation, inside_tls=target.tls, refusal_is_evidence=operation == _REFUSAL_TELLS
            )
            if exchange is not None and not (answers.is_envelope(exchange.raw) or answers.is_refusal(exchange.raw)):
                return
