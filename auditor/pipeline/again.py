"""What can be done with a finished run without touching the network: explain, report and plan again."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from auditor import report
from auditor.common.data import data_path
from auditor.common.errors import UnreadableError, UsageError
from auditor.identify import explain, identify, load_rules
from auditor.observe import observe
from auditor.pipeline.show import plan_text
from auditor.site import site_schema
from auditor.store import RunFolder
from auditor.store.folder import AUDIT, PLAN, REPORT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from auditor.model import Audit, Device

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
        extra: folder of site-local fingerprints, or None.

    Raises:
        UsageError: the run has no such device; the text lists what it has.
    """
    folder, audit = read_audit(path)
    device = _find(audit, wanted)
    rules = load_rules(extra=extra)
    observations = [
        observation
        for number, outcome in enumerate(item for item in folder.outcomes() if item.device in device.addresses)
        for observation in observe(outcome, number)
    ]
    identity = identify(device.addresses[0], observations, rules)
    lines = [f"{device.id}: {', '.join(device.addresses)}, zone {device.zone} ({device.zone_role})"]
    if device.mac:
        lines.append(f"MAC address {device.mac}")
    lines.extend(explain(identity, rules))
    if (identity.maker, identity.verdict) != (device.identity.maker, device.identity.verdict):
        lines.append(
            f"The report of the run says {device.identity.maker or 'no maker'} ({device.identity.verdict}); "
            "the fingerprints installed now are not the ones of that run."
        )
    lines.extend(f"Rule {finding.rule} ({finding.force}): {finding.sentence}" for finding in device.findings)
    lines.extend(f"Note: {note}" for note in device.notes)
    return lines


def _find(audit: Audit, wanted: str) -> Device:
    asked = wanted.strip().lower().replace("-", ":") if wanted.count("-") == 5 else wanted.strip().lower()  # noqa: PLR2004
    for device in audit.devices:
        if asked in {device.id.lower(), (device.mac or "").lower(), *(address.lower() for address in device.addresses)}:
            return device
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
