"""How old the data is that a run judges by: fingerprints, MAC registers and each policy, told apart."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

from auditor.common.limits import MAX_DATA_AGE

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from auditor.assess import LoadedPack
    from auditor.identify import RuleSet

FINGERPRINTS, REGISTERS = "fingerprints", "MAC registers"


def data_dates(rules: RuleSet, packs: Sequence[LoadedPack] = ()) -> dict[str, str]:
    """Return the day of each part of the data, ISO 8601, by the name that a person reads."""
    policies = {f"policy {pack.pack.id}": pack.pack.checked_on.isoformat() for pack in packs}
    return {FINGERPRINTS: rules.dated, REGISTERS: rules.registers_dated} | policies


def age_warnings(dates: Mapping[str, str], today: date) -> tuple[str, ...]:
    """Return one sentence for each part of the data that was older than `MAX_DATA_AGE` days on the day of the run.

    Args:
        dates: as `data_dates` returns them.
        today: the day of the run's start.
    """
    ages = {name: (today - date.fromisoformat(day)).days for name, day in dates.items()}
    return tuple(
        f"The data `{name}` is of {dates[name]} and was {age} days old when this audit began: ask for newer data."
        for name, age in ages.items()
        if age > MAX_DATA_AGE
    )
