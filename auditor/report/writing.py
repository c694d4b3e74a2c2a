"""The audit as `audit.json`: one value in, one plain JSON document out, the same bytes for the same audit."""

from __future__ import annotations

import dataclasses
import datetime as dt
import ipaddress
import json
import re
from typing import TYPE_CHECKING, Any

from auditor.model import CoverageState

if TYPE_CHECKING:
    from collections.abc import Mapping

    from auditor.model import Audit, Coverage, Device, Finding, Location, Plan, Run, Site, WorkOrder

SCHEMA_VERSION = 1
_SURROGATE = re.compile("[\ud800-\udfff]")


def document(audit: Audit) -> dict[str, Any]:
    r"""Return the document of `audit.json` (design, section 5; schema in `reports/schema/audit.schema.json`).

    Text that came from a device stands there as it was read. The one exception is a surrogate code point, which no
    UTF-8 file can hold and several JSON readers refuse: it becomes its escape, `\udc80`, six characters of text.

    Raises:
        ValueError: the coverage states do not add up to the scope, or a number is not finite: a fault of ours that
            must not be printed as a result.
    """
    check_adds_up(audit.coverage)
    whole = {
        "schema_version": SCHEMA_VERSION,
        "site": _site(audit.site),
        "authorisation": {
            "by": audit.authorisation.by, "reference": audit.authorisation.reference,
            "valid_from": audit.authorisation.valid_from.isoformat(),
            "valid_until": audit.authorisation.valid_until.isoformat(),
            "methods": list(audit.authorisation.methods),
        },
        "run": _run(audit.run),
        "coverage": _coverage(audit.coverage),
        "devices": [_device(device) for device in audit.devices],
        "plan": _plan(audit.plan),
        "warnings": list(audit.warnings),
    }  # fmt: skip
    return {key: encodable(value) for key, value in whole.items()}


def dump(audit: Audit) -> bytes:
    """Return the bytes of `audit.json`: UTF-8, two spaces of indent, a newline at the end.

    Devices and single addresses are sorted by address, names and methods by name, so that the order in which answers
    happened to arrive leaves no trace. Lists whose order means something (evidence, findings, waves, steps, the site's
    own zones) keep it.

    Raises:
        ValueError: as `document`.
    """
    coverage = dataclasses.replace(
        audit.coverage,
        by_address=tuple(
            sorted(audit.coverage.by_address, key=lambda row: (_address_key(row[0]), row[1], encodable(row[2])))
        ),
        ipv6_prefixes=tuple(sorted(audit.coverage.ipv6_prefixes, key=_address_key)),
    )
    devices = tuple(
        dataclasses.replace(device, methods=tuple(sorted(device.methods, key=encodable)))
        for device in sorted(audit.devices, key=device_order)
    )
    ordered = dataclasses.replace(audit, coverage=coverage, devices=devices)
    return dump_json(document(ordered))


def dump_json(value: Mapping[str, Any]) -> bytes:
    """Return JSON as this product writes it: UTF-8, two spaces of indent, a newline at the end."""
    return (json.dumps(value, ensure_ascii=False, allow_nan=False, indent=2) + "\n").encode("utf-8")


def check_adds_up(coverage: Coverage) -> None:
    """Make sure that every address of the scope is counted exactly once.

    Raises:
        ValueError: the states of the scope or of a subnet do not add up to its size.
    """
    counted = sum(coverage.states.values())
    if counted != coverage.scope_size:
        raise ValueError(f"coverage: the states add up to {counted}, the scope holds {coverage.scope_size} addresses")
    for subnet in coverage.by_subnet:
        counted = sum(subnet.states.values())
        if counted != subnet.size:
            raise ValueError(f"coverage of {subnet.subnet}: the states add up to {counted}, its size is {subnet.size}")


def device_order(device: Device) -> tuple[Any, ...]:
    """Return a sort key: by first address as a number, then by id."""
    return (_address_key(device.addresses[0]) if device.addresses else (99, 0, ""), encodable(device.id))


def encodable(value: Any) -> Any:
    """Return a JSON value in which no text holds a surrogate code point (see `document`)."""
    if isinstance(value, str):
        if value.isascii():
            return value
        return _SURROGATE.sub(lambda found: f"\\u{ord(found[0]):04x}", value)
    if isinstance(value, list):
        return [encodable(item) for item in value]
    if isinstance(value, dict):
        return {encodable(key): encodable(item) for key, item in value.items()}
    return value


def moment_text(moment: dt.datetime) -> str:
    """Return a moment as ISO 8601 in UTC with `Z`: milliseconds, or microseconds where it has them."""
    moment = moment.astimezone(dt.UTC)
    precision = "microseconds" if moment.microsecond % 1000 else "milliseconds"
    return moment.isoformat(timespec=precision).replace("+00:00", "Z")


def _address_key(text: str) -> tuple[int, int, str]:
    try:
        network = ipaddress.ip_network(text, strict=False)
    except ValueError:
        return (98, 0, encodable(text))
    return (network.version, int(network.network_address), text)


def _site(site: Site) -> dict[str, Any]:
    return {
        "name": site.name, "sensitivity": site.sensitivity.value,
        "zones": [{"name": zone.name, "role": zone.role.value, "subnets": list(zone.subnets)} for zone in site.zones],
        "policies": list(site.policies), "language": site.language, "timezone": site.timezone,
        "contacts": [{"role": role, "who": who} for role, who in site.contacts],
    }  # fmt: skip


def _run(run: Run) -> dict[str, Any]:
    return {
        "id": run.id, "started": moment_text(run.started),
        "finished": None if run.finished is None else moment_text(run.finished),
        "vantage": run.vantage, "profile": run.profile, "pace": run.pace,
        "versions": _by_name(run.versions),
        "data_dates": None if run.data_dates is None else _by_name(run.data_dates),
        "complete": run.complete, "interrupted": run.interrupted, "reasons": list(run.reasons),
        "exit_code": int(run.exit_code), "emulated": run.emulated,
        "counters": None if run.counters is None else _by_name(run.counters),
        "limits": list(run.limits),
    }  # fmt: skip


def _by_name(values: Mapping[str, Any]) -> dict[str, Any]:
    return dict(sorted((encodable(name), value) for name, value in values.items()))


def _states(states: Mapping[CoverageState, int]) -> dict[str, int]:
    return {state.value: states.get(state, 0) for state in CoverageState}


def _coverage(coverage: Coverage) -> dict[str, Any]:
    return {
        "scope_size": coverage.scope_size,
        "states": _states(coverage.states),
        "by_subnet": [
            {"subnet": row.subnet, "zone": row.zone, "size": row.size, "states": _states(row.states),
             "methods": list(row.methods)}
            for row in coverage.by_subnet
        ],
        "hidden": list(coverage.hidden),
        "incomplete": list(coverage.incomplete),
        "by_address": [
            {"address": address, "state": state.value, "reason": reason}
            for address, state, reason in coverage.by_address
        ],
        "ipv6_prefixes": list(coverage.ipv6_prefixes),
        "outside_scope": coverage.outside_scope,
    }  # fmt: skip


def _device(device: Device) -> dict[str, Any]:
    identity = device.identity
    # The line of `identify` rounds its confidence; this file keeps it whole, so that reading it back loses nothing.
    fields = identity.to_json() | {
        "confidence": identity.confidence,
        "overturn": list(identity.overturn),
        "look_for": list(identity.look_for),
        "label_note": identity.label_note,
        "rests_on": list(identity.rests_on),
    }
    return {
        "id": device.id, "addresses": list(device.addresses), "mac": device.mac,
        "mac_registrant": device.mac_registrant,
        "zone": device.zone, "zone_role": device.zone_role.value,
        "location": None if device.location is None else _location(device.location),
        "state": device.state.value, "flagged": device.flagged, "to_check": device.to_check,
        **fields,
        "findings": [_finding(finding) for finding in device.findings],
        "methods": list(device.methods), "first_seen": device.first_seen, "notes": list(device.notes),
        "same_because": list(device.same_because), "behind": device.behind,
    }  # fmt: skip


def _location(location: Location) -> dict[str, str]:
    return {field.name: getattr(location, field.name) for field in dataclasses.fields(location)}


def _finding(finding: Finding) -> dict[str, Any]:
    return {
        "policy": finding.policy, "rule": finding.rule, "decision": finding.decision.value,
        "force": finding.force.value, "sentence": finding.sentence, "deadline": _day(finding.deadline),
        "sources": list(finding.sources), "source_read": finding.source_read,
    }  # fmt: skip


def _plan(plan: Plan) -> dict[str, Any]:
    return {
        "waves": [
            {"number": wave.number, "name": wave.name, "goal": wave.goal,
             "orders": [_order(order) for order in wave.orders]}
            for wave in plan.waves
        ],
        "to_check": [{"device": device, "reason": reason} for device, reason in plan.to_check],
    }  # fmt: skip


def _order(order: WorkOrder) -> dict[str, Any]:
    return {
        "id": order.id, "device": order.device, "wave": order.wave, "decision": order.decision.value,
        "title": order.title, "find": list(order.find), "steps": list(order.steps),
        "rollback": list(order.rollback), "deadline": _day(order.deadline), "reasons": list(order.reasons),
    }  # fmt: skip


def _day(day: dt.date | None) -> str | None:
    return None if day is None else day.isoformat()
