"""All probes, in the order in which their follow-up questions are asked."""

from __future__ import annotations

from auditor.probe.http import HttpProbe
from auditor.probe.https import HttpsProbe
from auditor.probe.listen import ListenProbe
from auditor.probe.mac import MacProbe
from auditor.probe.onvif import OnvifProbe
from auditor.probe.rtsp import RtspProbe

MAC = MacProbe()
ONVIF = OnvifProbe()
HTTP = HttpProbe()
RTSP = RtspProbe()
HTTPS = HttpsProbe()
LISTEN = ListenProbe()

PROBES = (MAC, ONVIF, HTTP, RTSP, HTTPS, LISTEN)
