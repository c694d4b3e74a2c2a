"""What can be done with a finished run without touching the network: explain, report and plan again."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from auditor import report
from auditor.common.data import data_path
from auditor.common.errors import UnreadableError, UsageError
from auditor.identify import explain, load_rules, merge
from auditor.pipeline.conclude import answer
from auditor.pipeline.show import plan_text
from auditor.site import site_schema
from auditor.store import RunFolder
from auditor.store.folder import AUDIT, PLAN, REPORT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from auditor.identify import RuleSet
    from auditor.model import Audit, Device, Identity, Outcome

_SCHEMAS = {
    "audit": ("reports", "schema/audit.schema.json"),
    "observation": ("reports", "schema/observation.schema.json"),
    "policy": ("policies", "schema/policy.schema.json"),
    "fingerprint": ("fingerprints", "schema/fingerprint.schema.json"),
}


def read_audit(path: Path) -> tuple[RunFolder, Audit]:
    """Open a finished run.

    Raises:
        UsageError: not a run's folder, or written by a newer version.
        UnreadableError: `audit.json` is damaged.
    """
    folder = RunFolder.finished(path)
    try:
        document = json.loads(folder.read(AUDIT))
    except (ValueError, RecursionError) as error:
        raise UnreadableError(f"{path / AUDIT} is damaged: {error}") from error
    return folder, report.read_document(document)


def rewrite(path: Path, formats: tuple[str, ...]) -> Iterator[Path]:
    """Write reports of a finished run again and yield their paths.

    Raises:
        UsageError: unknown format, or not a run's folder.
    """
    makers: dict[str, tuple[str, Callable[[Audit], str | bytes]]] = {
        "html": (REPORT, report.render_html),
        "csv": (PLAN, report.plan_csv),
        "json": (AUDIT, report.dump),
    }
    unknown = [name for name in formats if name not in makers]
    if unknown or not formats:
        raise UsageError(f"unknown format `{', '.join(unknown)}`; this version writes {', '.join(makers)}")
    folder, audit = read_audit(path)
    for name in formats:
        file, make = makers[name]
        yield folder.write(file, make(audit))


def explain_device(path: Path, wanted: str, extra: Path | None = None) -> list[str]:
    """Return plain lines that say why a device was named, judged again by the fingerprints of this version.

    Args:
        path: a run's folder.
        wanted: id, address or MAC of the device.
        extra: folder of site-local fingerprints; None takes those that the run itself used.

    Raises:
        UsageError: the run has no such device; the text lists what it has.
    """
    folder, audit = read_audit(path)
    device = _find(audit, wanted)
    rules = load_rules(extra=extra or folder.rules)
    identity = _judged_again(folder, device, rules)
    lines = [f"{device.id}: {', '.join(device.addresses)}, zone {device.zone} ({device.zone_role})"]
    if device.mac:
        holder = rules.prefixes.registrant(device.mac)
        lines.append(f"MAC address {device.mac}" + (f", prefix registered to {holder}" if holder else ""))
    lines.extend(f"One unit: {sentence}" for sentence in device.same_because)
    lines += [f"Behind its address: {device.behind}"] if device.behind else []
    lines.extend(explain(identity, rules))
    if (identity.maker, identity.verdict) != (device.identity.maker, device.identity.verdict):
        lines.append(
            f"The report of the run says {device.identity.maker or 'no maker'} ({device.identity.verdict}); "
            "the fingerprints installed now are not the ones of that run."
        )
    lines.extend(f"Site-local fingerprints: {problem}" for problem in rules.problems)
    lines.extend(f"Rule {finding.rule} ({finding.force}): {finding.sentence}" for finding in device.findings)
    lines.extend(f"Note: {note}" for note in device.notes)
    return lines


def _judged_again(folder: RunFolder, device: Device, rules: RuleSet) -> Identity:
    """Return the identity of a device, merged again from the answers of its addresses."""
    outcomes: dict[str, list[Outcome]] = {address: [] for address in device.addresses}
    for outcome in folder.outcomes():
        if outcome.device in outcomes:
            outcomes[outcome.device].append(outcome)
    answers = []
    for address, given in outcomes.items():
        gave = answer(address, given, None, rules)
        # Where the MAC was seen on the link it stands among the answers; one of many addresses was the router's.
        macs = [item.value for item in gave.observations if item.key == "mac"] if device.mac else []
        answers.append(replace(gave, mac=macs[0] if macs else None))
    units = merge(answers, rules).units
    same = [unit for unit in units if unit.id == device.id] or [
        unit for unit in units if set(unit.addresses) == set(device.addresses)
    ]
    return (same or units)[0].identity


def _find(audit: Audit, wanted: str) -> Device:
    asked = wanted.strip().lower().replace("-", ":") if wanted.count("-") == 5 else wanted.strip().lower()  # noqa: PLR2004
    found = [device for device in audit.devices if asked == device.id.lower()] or [
        device
        for device in audit.devices
        if asked in {(device.mac or "").lower(), *(address.lower() for address in device.addresses)}
    ]
    if len(found) == 1:
        return found[0]
    if found:
        raise UsageError(f"several devices answer at `{wanted}`; ask for one: {', '.join(item.id for item in found)}")
    known = ", ".join(device.addresses[0] for device in audit.devices[:20])
    raise UsageError(f"this run has no device `{wanted}`; it has {known or 'none'}")


def plan_lines(path: Path) -> Iterator[str]:
    """Write plan.csv again and yield the plan as plain lines."""
    folder, audit = read_audit(path)
    folder.write(PLAN, report.plan_csv(audit))
    yield from plan_text(audit)
    yield f"Written: {folder.path / PLAN}"


def schema_of(name: str) -> dict[str, Any]:
    """Return the JSON Schema called `audit`, `observation`, `site`, `policy` or `fingerprint`."""
    if name == "site":
        return site_schema()
    folder, file = _SCHEMAS[name]
    loaded: dict[str, Any] = json.loads((data_path(folder) / file).read_text("utf-8"))
    return loaded
