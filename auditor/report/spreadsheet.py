"""The plan as a table that a spreadsheet opens and never executes.

Columns of `plan.csv`, one row a work order and one a device to check by hand:

| column | holds |
| --- | --- |
| `list` | `plan` for a work order, `to check` for a device that a person must look at first |
| `wave`, `wave_name` | number and name of the wave; empty in the list to check |
| `work_order` | id of the work order; empty in the list to check |
| `decision` | `remove`, `disconnect` or `check` |
| `deadline` | ISO date or empty |
| `device` | id of the device in `audit.json` |
| `address`, `other_addresses`, `mac` | where it answered; other addresses separated by a space |
| `maker`, `brand`, `relation`, `model`, `kind`, `serial` | what it is |
| `verdict`, `confidence` | how sure that is, in a word and as a number from 0 to 1 |
| `zone`, `zone_role` | where it stands in the network |
| `building`, `floor`, `room`, `mounting`, `switch`, `port`, `vlan` | where it hangs and where its cable ends |
| `rules` | ids of the rules behind the decision, separated by a space |
| `why` | the reasons in sentences |
| `find`, `steps`, `rollback` | the work order's sentences, numbered |
"""

from __future__ import annotations

import csv
import io
import re
from typing import TYPE_CHECKING

from auditor.common.display import visible
from auditor.model import Decision, Location

if TYPE_CHECKING:
    from collections.abc import Iterable

    from auditor.model import Audit, Device, Wave, WorkOrder

COLUMNS = (
    "list", "wave", "wave_name", "work_order", "decision", "deadline", "device", "address", "other_addresses", "mac",
    "maker", "brand", "relation", "model", "kind", "serial", "verdict", "confidence", "zone", "zone_role", "building",
    "floor", "room", "mounting", "switch", "port", "vlan", "rules", "why", "find", "steps", "rollback",
)  # fmt: skip
_DEMANDS = frozenset({Decision.REMOVE, Decision.DISCONNECT})
_CELL = 8192  # characters; a spreadsheet holds 32,767 in a cell
# What starts a formula in some spreadsheet: ASCII, full-width and small forms (reliability row 28). TAB and CR start
# one too, but never reach this point: what is invisible was already written as an escape.
_TRIGGER = "=+\\-@\t\r\uff1d\uff0b\uff0d\uff20\ufe66\ufe62\ufe63\ufe6b\u2212"
_QUOTES = "\"'`\u2018\u2019\u201c\u201d\u00ab\u00bb\uff02\uff07"
_FORMULA = re.compile(f"[\\s{_QUOTES}]*[{_TRIGGER}]")
# A spreadsheet set to semicolons cuts a cell in two at a semicolon, inside quotation marks too when the first cell of
# the line did not end where it expects: the second half must not start a formula either.
_HALF_FORMULA = re.compile(f";([\\s{_QUOTES}]*[{_TRIGGER}])")


def plan_csv(audit: Audit) -> str:
    """Return `plan.csv` (RFC 4180, every cell quoted, CRLF between rows); the columns stand at the top of this module.

    A cell that a spreadsheet could take for a formula begins with an apostrophe; `audit.json` holds the text as it is.
    """
    table = io.StringIO()
    writer = csv.DictWriter(table, COLUMNS, quoting=csv.QUOTE_ALL, restval="", lineterminator="\r\n")
    writer.writeheader()
    devices = {device.id: device for device in audit.devices}
    for wave in audit.plan.waves:
        for order in wave.orders:
            writer.writerow(_guarded(_order_row(wave, order, devices.get(order.device))))
    for device_id, reason in audit.plan.to_check:
        row = {"list": "to check", "decision": "check", "device": device_id, "why": reason}
        device = devices.get(device_id)
        writer.writerow(_guarded(row if device is None else row | _device_cells(device)))
    return table.getvalue()


def guard(text: str) -> str:
    """Return text as a cell that no spreadsheet takes for a formula: visible on one line, apostrophe where needed."""
    text = _HALF_FORMULA.sub(r";'\1", visible(text, _CELL))
    return f"'{text}" if _FORMULA.match(text) else text


def _guarded(row: dict[str, str]) -> dict[str, str]:
    return {name: guard(text) for name, text in row.items()}


def _order_row(wave: Wave, order: WorkOrder, device: Device | None) -> dict[str, str]:
    row = {
        "list": "plan", "wave": str(wave.number), "wave_name": wave.name, "work_order": order.id,
        "decision": order.decision.value, "deadline": order.deadline.isoformat() if order.deadline else "",
        "device": order.device, "rules": " ".join(order.reasons), "find": _numbered(order.find),
        "steps": _numbered(order.steps), "rollback": _numbered(order.rollback),
    }  # fmt: skip
    if device is None:
        return row
    why = [
        finding.sentence
        for finding in device.findings
        if finding.rule in order.reasons and finding.decision in _DEMANDS
    ]
    return row | _device_cells(device) | {"why": " ".join(why)}


def _device_cells(device: Device) -> dict[str, str]:
    identity = device.identity
    place = device.location or Location()
    return {
        "address": device.addresses[0] if device.addresses else "", "other_addresses": " ".join(device.addresses[1:]),
        "mac": device.mac or "", "maker": identity.maker or "", "brand": identity.brand or "",
        "relation": identity.relation.value if identity.relation else "", "model": identity.model or "",
        "kind": identity.kind.value, "serial": identity.serial or "", "verdict": identity.verdict.value,
        "confidence": f"{identity.confidence:.3f}", "zone": device.zone, "zone_role": device.zone_role.value,
        "building": place.building, "floor": place.floor, "room": place.room, "mounting": place.mounting,
        "switch": place.switch, "port": place.port, "vlan": place.vlan,
    }  # fmt: skip


def _numbered(sentences: Iterable[str]) -> str:
    return " ".join(f"({number}) {sentence}" for number, sentence in enumerate(sentences, start=1))
