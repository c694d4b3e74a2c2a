"""Facts of a SADP answer (UDP 37020): a flat XML `ProbeMatch`, or its fields as other tools save them."""

from __future__ import annotations

from auditor.common.xmlsafe import local_name
from auditor.observe import fields, xmlread
from auditor.observe.text import MAX_FACTS, FactMap, one

# The fields of published answers (facts on fingerprints, section 1.5).
_KNOWN = {
    name.lower(): name
    for name in (
        "DeviceType", "DeviceDescription", "DeviceSN", "CommandPort", "HttpPort", "MAC", "IPv4Address",
        "IPv4SubnetMask", "IPv4Gateway", "IPv6Address", "IPv6Gateway", "IPv6MaskLen", "DHCP", "AnalogChannelNum",
        "DigitalChannelNum", "SoftwareVersion", "DSPVersion", "BootTime", "ResetAbility", "DiskNumber", "Activated",
        "PasswordResetAbility", "PasswordResetModeSecond", "DetailOEMCode", "SupportSecurityQuestion",
        "SupportHCPlatform", "HCPlatformEnable", "IsModifyVerificationCode", "DeviceLock", "SDKOverTLSPort",
        "SDKServerStatus", "SDKOverTLSServerStatus", "SupportMailBox",
    )
}  # fmt: skip


def parse(raw: bytes, request: str | None) -> FactMap:  # noqa: ARG001
    """Return `sadp.<Field>` for every field with a text, spelt as sent; other XML gives nothing.

    Bytes without XML are read as JSON, as cut JSON, or as lines `Field=value` and `Field: value`.
    """
    if b"<" not in raw[:4096]:
        return {f"sadp.{name}": one(value) for name, value in _saved(raw).items()}
    root = xmlread.read(raw)
    if root is None or local_name(root) != "ProbeMatch":
        return {}
    facts: FactMap = {}
    for name, text in xmlread.leaves(root):
        if len(facts) < MAX_FACTS and len(root):
            facts.setdefault(f"sadp.{name}", one(text))
    return facts


def _saved(raw: bytes) -> dict[str, str]:
    document = fields.document(raw)
    if isinstance(document, dict):
        found = {name.rpartition(".")[2].strip(): value for name, value in fields.flat(document)}
    elif b"{" in raw[:16]:
        found = fields.pairs(raw)
    else:
        found = fields.lines(raw)
    return fields.renamed(found.items(), _KNOWN)
