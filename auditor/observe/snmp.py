"""Facts of SNMP answers saved as text: a bare sysDescr, or lines of OID and value."""

from __future__ import annotations

import re

from auditor.observe.text import MAX_FACTS, FactMap, decode, many, one, printable

# snmprec (`oid|type|value`), snmpwalk (`oid = TYPE: value`) and plain `oid=value`
_RECORD = re.compile(r"(1(?:\.\d{1,10}){3,40})(?:\|[0-9a-z:]{1,4}\||\s*=\s*(?:[A-Za-z][A-Za-z0-9-]{0,20}:\s)?|\s+)(.*)")
_DESCRIPTION, _OBJECT = "1.3.6.1.2.1.1.1.", "1.3.6.1.2.1.1.2."
# How net-snmp writes the same object identifiers: with its MIB files, without them, and with the names of all arcs.
_SPELLED = (
    *[(f"{start}enterprises.", "1.3.6.1.4.1.")
      for start in ("SNMPv2-SMI::", "RFC1155-SMI::", "iso.org.dod.internet.private.", "")],
    *[(f"{start}{name}.", digits)
      for start in ("SNMPv2-MIB::", "RFC1213-MIB::", "iso.org.dod.internet.mgmt.mib-2.system.", "system.", "")
      for name, digits in (("sysDescr", _DESCRIPTION), ("sysObjectID", _OBJECT))],
    *[(f"{start}mib-2.", "1.3.6.1.2.1.") for start in ("SNMPv2-SMI::", "iso.org.dod.internet.mgmt.", "")],
    ("iso.", "1."),
)  # fmt: skip
_NAMES = {f"{_DESCRIPTION}0": "snmp.sysdescr", f"{_OBJECT}0": "snmp.sysobjectid"}


def parse(raw: bytes, request: str | None) -> FactMap:  # noqa: ARG001
    """Return `snmp.sysdescr`, `snmp.sysobjectid` and `snmp.<oid>`; a text without OIDs is a sysDescr."""
    text = printable(decode(raw[:262144]))
    facts: FactMap = {}
    for line in text.splitlines():
        found = _RECORD.fullmatch(numbered(line))
        if found and len(facts) < MAX_FACTS:
            key = _NAMES.get(found.group(1), f"snmp.{found.group(1)}")
            value = found.group(2).strip().strip('"')
            facts.setdefault(key, one(numbered(value) if key == "snmp.sysobjectid" else value))
    return facts or {"snmp.sysdescr": one(text)}


def objects(values: tuple[str, ...]) -> tuple[str, ...]:
    """Return object identifiers given as facts in numbers and dots, without `OID:` in front."""
    return many([numbered(value.rpartition("OID:")[2].strip().strip('"')) for value in values])


def key(name: str) -> str:
    """Return a fact key `snmp.<oid>` in the spelling that the parser gives it."""
    oid = numbered(name.removeprefix("snmp."))
    return _NAMES.get(oid, f"snmp.{oid}")


def numbered(text: str) -> str:
    """Return a text, without outer white space, with the object identifier at its start in numbers and dots."""
    text = text.strip().lstrip(".")
    for word, digits in _SPELLED:
        if text.startswith(word):
            return digits + text[len(word) :]
    return text
