"""Facts of an answer to an ONVIF request: SOAP over HTTP, or the SOAP body alone."""

from __future__ import annotations

from auditor.common.limits import MAX_SCOPES
from auditor.common.xmlsafe import local_name
from auditor.observe import http, wsd, xmlread
from auditor.observe.message import split
from auditor.observe.text import FactMap, many, one

_DEVICE_INFORMATION = {
    "Manufacturer": "onvif.manufacturer", "Model": "onvif.model", "FirmwareVersion": "onvif.firmware",
    "SerialNumber": "onvif.serial",
}  # fmt: skip


def parse(raw: bytes, request: str | None) -> FactMap:  # noqa: ARG001  (the body says which operation was answered)
    """Return `onvif.*` facts of the operations that identify; a refusal gives the HTTP facts of its challenge.

    The HTTP facts stand beside the ONVIF ones whenever the framing is there: the realm of a 401 is evidence.
    """
    message = split(raw)
    facts: FactMap = {}
    if message.headers or message.status:
        framing = http.facts_of(message, None)
        facts |= {key: value for key, value in framing.items() if key not in {"http.body", "http.title"}}
    root = xmlread.read(message.body or raw)
    if root is None:
        listed = () if message.status else wsd.listed(raw)  # a bare list, as saved by other tools
        return {"onvif.scopes": listed} if any(scope.startswith("onvif:") for scope in listed) else facts
    information = xmlread.find(root, "GetDeviceInformationResponse")
    if information is not None:
        for name, text in xmlread.leaves(information):
            if name in _DEVICE_INFORMATION:
                facts.setdefault(_DEVICE_INFORMATION[name], one(text))
    scopes = xmlread.find(root, "GetScopesResponse")
    if scopes is not None:
        items = [text for name, text in xmlread.leaves(scopes) if name == "ScopeItem"]
        facts["onvif.scopes"] = many(items[:MAX_SCOPES])
    hostname = xmlread.find(root, "GetHostnameResponse")
    if hostname is not None:
        facts["onvif.hostname"] = one(next((text for name, text in xmlread.leaves(hostname) if name == "Name"), ""))
    if any(local_name(element) == "ProbeMatches" for element in root.iter()):
        facts |= wsd.facts_of(root)
    return facts
