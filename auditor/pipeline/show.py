"""Plain lines about the data and the plan, for the terminal."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

from ruamel.yaml import YAML

from auditor.assess import available, load_packs
from auditor.common.errors import UsageError
from auditor.identify import load_rules

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydantic import BaseModel

    from auditor.model import Audit


def rule_lines() -> Iterator[str]:
    """Yield one line a fingerprint: id, observable, strength and what it says."""
    for rule in load_rules().rules:
        says = " ".join(f"{key}={value}" for key, value in _plain(rule.says).items())
        yield f"{rule.id}  {rule.observable}  {rule.strength.value}  {says}"


def one_rule(wanted: str) -> Iterator[str]:
    """Yield a fingerprint as YAML.

    Raises:
        UsageError: no rule has that id.
    """
    for rule in load_rules().rules:
        if rule.id == wanted:
            return _yaml(_plain(rule))
    raise UsageError(f"no fingerprint is called `{wanted}`; `auditor fingerprints list` shows them all")


def pack_lines() -> Iterator[str]:
    """Yield one line a policy pack: id, title, number of rules and the date of its data."""
    for loaded in load_packs(available()):
        yield f"{loaded.id}  {loaded.pack.title}  {len(loaded.pack.rules)} rules  checked {loaded.checked_on}"


def one_pack(wanted: str) -> Iterator[str]:
    """Yield a policy pack as YAML.

    Raises:
        UsageError: no pack has that id; the text lists those there are.
    """
    return _yaml(_plain(load_packs([wanted])[0].pack))


def plan_text(audit: Audit) -> Iterator[str]:
    """Yield the removal plan as plain lines."""
    devices = {device.id: device for device in audit.devices}
    if audit.run.emulated:
        yield "EMULATED: this plan belongs to an emulated site."
    if not audit.plan.waves:
        yield "No unit is flagged, so there is no wave."
    for wave in audit.plan.waves:
        yield ""
        yield f"Wave {wave.number}: {wave.name} ({len(wave.orders)} units)"
        yield f"  {wave.goal}"
        for order in wave.orders:
            device = devices[order.device]
            deadline = f", by {order.deadline}" if order.deadline else ""
            yield f"  {order.id}  {order.title}{deadline}"
            yield f"      {', '.join(device.addresses)}  {device.mac or 'MAC not known'}  zone {device.zone}"
            yield from (f"      {number}. {step}" for number, step in enumerate((*order.find, *order.steps), 1))
    if audit.plan.to_check:
        yield ""
        yield f"To check by hand ({len(audit.plan.to_check)})"
        for device_id, reason in audit.plan.to_check:
            yield f"  {', '.join(devices[device_id].addresses)}: {reason}"


def _plain(model: BaseModel) -> dict[str, Any]:
    return model.model_dump(mode="json", exclude_none=True, exclude_defaults=True)


def _yaml(value: dict[str, Any]) -> Iterator[str]:
    writer = YAML(typ="safe", pure=True)
    writer.default_flow_style = False
    writer.sort_base_mapping_type_on_output = False  # type: ignore[assignment]
    writer.width = 100
    out = io.StringIO()
    writer.dump(value, out)
    return iter(out.getvalue().splitlines())
