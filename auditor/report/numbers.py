"""The audit in numbers for machines: `status.json`."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from auditor.model import CoverageState
from auditor.report.figures import count
from auditor.report.writing import encodable, moment_text

if TYPE_CHECKING:
    from auditor.model import Audit


def status(audit: Audit) -> dict[str, Any]:
    """Return the document of `status.json`.

    Keys: `exit_code`, `complete`, `interrupted`, `emulated`, `run` (id), `started`, `finished` (UTC, or null),
    `reasons`, and `counts` with `scope` and `states` (addresses), `devices`, `flagged`, `to_check` (devices),
    `flagged_by_maker` (maker to devices; an unknown maker is the empty text) and `by_zone` (zone to `devices`,
    `flagged`, `to_check`).
    """
    counts = count(audit)
    makers = Counter(device.identity.maker or "" for device in audit.devices if device.flagged)
    zones = {zone.name: {"devices": 0, "flagged": 0, "to_check": 0} for zone in audit.site.zones}
    for device in audit.devices:
        numbers = zones.setdefault(device.zone, {"devices": 0, "flagged": 0, "to_check": 0})
        numbers["devices"] += 1
        numbers["flagged"] += device.flagged
        numbers["to_check"] += device.to_check
    run = audit.run
    whole = {
        "exit_code": int(run.exit_code), "complete": run.complete, "interrupted": run.interrupted,
        "emulated": run.emulated, "run": run.id, "started": moment_text(run.started),
        "finished": None if run.finished is None else moment_text(run.finished), "reasons": list(run.reasons),
        "counts": {
            "scope": counts.scope,
            "states": {state.value: audit.coverage.states.get(state, 0) for state in CoverageState},
            "devices": counts.devices, "flagged": counts.flagged, "to_check": counts.to_check,
            "flagged_by_maker": dict(sorted(makers.items())), "by_zone": zones,
        },
    }  # fmt: skip
    return {key: encodable(value) for key, value in whole.items()}
