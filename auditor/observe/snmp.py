"""Facts of SNMP answers saved as text: a bare sysDescr, or lines of OID and value."""

from __future__ import annotations

import re

from auditor.observe.text import MAX_FACTS, FactMap, decode, one, printable

# snmprec (`oid|type|value`), snmpwalk (`oid = TYPE: value`) and plain `oid=value`
_RECORD = re.compile(
    r"\.?((?:iso|1)(?:\.\d{1,10}){3,40})(?:\|[0-9a-z:]{1,4}\||\s*=\s*(?:[A-Za-z][A-Za-z0-9-]{0,20}:\s)?|\s+)(.*)"
)
# How net-snmp writes the same object identifiers when it has its MIB files.
_SPELLED = (
    ("SNMPv2-SMI::enterprises.", "1.3.6.1.4.1."),
    ("SNMPv2-SMI::mib-2.", "1.3.6.1.2.1."),
    ("SNMPv2-MIB::sysDescr.", "1.3.6.1.2.1.1.1."),
    ("SNMPv2-MIB::sysObjectID.", "1.3.6.1.2.1.1.2."),
)
_NAMES = {"1.3.6.1.2.1.1.1.0": "snmp.sysdescr", "1.3.6.1.2.1.1.2.0": "snmp.sysobjectid"}


def parse(raw: bytes, request: str | None) -> FactMap:  # noqa: ARG001
    """Return `snmp.sysdescr`, `snmp.sysobjectid` and `snmp.<oid>`; a text without OIDs is a sysDescr."""
    text = printable(decode(raw[:262144]))
    facts: FactMap = {}
    for line in text.splitlines():
        found = _RECORD.fullmatch(_numbered(line.strip()))
        if found and len(facts) < MAX_FACTS:
            oid = found.group(1).replace("iso", "1", 1)
            value = found.group(2).strip().strip('"')
            if oid in _NAMES:
                value = _numbered(value.lstrip("."))
            facts.setdefault(_NAMES.get(oid, f"snmp.{oid}"), one(value))
    return facts or {"snmp.sysdescr": one(text)}


def _numbered(text: str) -> str:
    """Return a text whose first object identifier is spelled in words with that identifier in numbers."""
    for word, digits in _SPELLED:
        if text.startswith(word):
            return digits + text[len(word) :]
    return text
