"""An audit in which every text that a device or a careless site could choose is one hostile payload."""

from __future__ import annotations

import dataclasses

from report.build import CORE, UK_SOURCE, audit, device, identity, order
from report.payloads import PAYLOADS

from auditor.model import (
    Conflict,
    CoverageState,
    Decision,
    Evidence,
    Finding,
    Force,
    Kind,
    Location,
    Plan,
    Strength,
    Wave,
)


def hostile_audit(payloads=PAYLOADS):
    """One device a payload; all its texts are that payload. Half are flagged, a quarter are to check."""
    units = [_unit(index, text) for index, text in enumerate(payloads)]
    base = audit(units=())
    orders = []
    for number, unit in enumerate((unit for unit in units if unit.flagged), 1):
        text = unit.identity.model
        orders.append(
            dataclasses.replace(
                order(number, unit, 1), title=text, find=(text,), steps=(text, text), rollback=(text,), reasons=(text,)
            )
        )
    every = tuple(payloads)
    states = {state: len(units) if state is CoverageState.NOT_ATTEMPTED else 0 for state in CoverageState}
    coverage = dataclasses.replace(
        base.coverage, scope_size=len(units), states=states, hidden=every, incomplete=every, ipv6_prefixes=every,
        by_subnet=(dataclasses.replace(base.coverage.by_subnet[0], size=len(units), states=states, zone=payloads[0], methods=every),),
        by_address=tuple((unit.addresses[0], CoverageState.NOT_ATTEMPTED, text) for unit, text in zip(units, payloads, strict=True)),
    )  # fmt: skip
    return dataclasses.replace(
        base, devices=tuple(units), coverage=coverage, warnings=every,
        site=dataclasses.replace(base.site, name=payloads[0], contacts=tuple((text, text) for text in payloads)),
        authorisation=dataclasses.replace(base.authorisation, by=payloads[0], reference=payloads[1], methods=every),
        run=dataclasses.replace(base.run, vantage=payloads[2], reasons=every, limits=every, complete=False,
                                versions={text: text for text in payloads}, counters=dict.fromkeys(payloads, 1), data_dates={text: text for text in payloads}),
        plan=Plan((Wave(1, payloads[0], payloads[1], tuple(orders)),), tuple((unit.id, unit.identity.model) for unit in units if unit.to_check)),
    )  # fmt: skip


def _unit(index: int, text: str):
    address = f"10.88.{index // 256}.{index % 256}"
    seen = [
        Evidence(text, key, text, text, Strength.STRONG, text, 80, text)
        for key in ("http.server", "onvif.model", "mdns.txt", text)
    ]
    what = dataclasses.replace(
        identity(address, text, text, Kind.CAMERA, *seen), brand=text, rebrand=True, firmware=text, serial=text,
        conflicts=(Conflict(text, (text, text), (text,), text),), overturn=(text,),
    )  # fmt: skip
    finding = Finding(text, text, Decision.REMOVE, Force.LAW, text, None, (text, UK_SOURCE), text)
    return dataclasses.replace(
        device(address, None, CORE, what, 0, location=Location(*([text] * 7)), others=(text,)),
        id=text or "empty", mac=text, zone=text, methods=(text,), first_seen=text, notes=(text,),
        flagged=index % 2 == 0, to_check=index % 4 == 1, findings=(finding,) if index % 2 == 0 else (),
    )  # fmt: skip
