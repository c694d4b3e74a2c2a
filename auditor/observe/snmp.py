"""Facts of SNMP answers saved as text: a bare sysDescr, or lines of OID and value."""

from __future__ import annotations

import re

from auditor.observe.text import MAX_FACTS, FactMap, decode, one, printable

# snmprec (`oid|type|value`), snmpwalk (`oid = TYPE: value`) and plain `oid=value`
_RECORD = re.compile(
    r"\.?((?:iso|1)(?:\.\d{1,10}){3,40})(?:\|[0-9a-z:]{1,4}\||\s*=\s*(?:[A-Za-z][A-Za-z0-9-]{0,20}:\s)?|\s+)(.*)"
)
_NAMES = {"1.3.6.1.2.1.1.1.0": "snmp.sysdescr", "1.3.6.1.2.1.1.2.0": "snmp.sysobjectid"}


def parse(raw: bytes, request: str | None) -> FactMap:  # noqa: ARG001
    """Return `snmp.sysdescr`, `snmp.sysobjectid` and `snmp.<oid>`; a text without OIDs is a sysDescr."""
    text = printable(decode(raw[:262144]))
    facts: FactMap = {}
    for line in text.splitlines():
        found = _RECORD.fullmatch(line.strip())
        if found and len(facts) < MAX_FACTS:
            oid = found.group(1).replace("iso", "1", 1)
            value = found.group(2).strip().strip('"')
            facts.setdefault(_NAMES.get(oid, f"snmp.{oid}"), one(value.lstrip(".") if oid in _NAMES else value))
    return facts or {"snmp.sysdescr": one(text)}
