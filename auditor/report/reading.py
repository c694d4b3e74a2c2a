"""Reads `audit.json` back into the model; every refusal names the place in the document."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any, TypeVar

from auditor.common.errors import UsageError
from auditor.model import (
    Audit,
    Authorisation,
    Conflict,
    Coverage,
    CoverageState,
    Decision,
    Device,
    Evidence,
    Finding,
    Force,
    Identity,
    Kind,
    Location,
    Plan,
    Relation,
    Run,
    Sensitivity,
    Site,
    Strength,
    SubnetCoverage,
    Verdict,
    Wave,
    WorkOrder,
    Zone,
    ZoneRole,
)
from auditor.report.writing import SCHEMA_VERSION, check_adds_up

if TYPE_CHECKING:
    from collections.abc import Callable
    from enum import StrEnum

    _Word = TypeVar("_Word", bound=StrEnum)
_Value = TypeVar("_Value")


def read_document(value: Any) -> Audit:
    """Return the audit that `document` wrote.

    Args:
        value: a parsed `audit.json`.

    Raises:
        UsageError: the document is of a newer schema, lacks a field, holds a value of the wrong type, or its coverage
            states do not add up; the text names the place.
    """
    top = _Part(value, "audit.json")
    version = top.number("schema_version")
    if version > SCHEMA_VERSION:
        raise UsageError(
            f"audit.json: schema_version is {version}, and this version of the auditor reads up to {SCHEMA_VERSION}. "
            "Use a newer auditor to read this run."
        )
    if version < 1:
        raise UsageError(f"audit.json: schema_version is {version}; the first one is 1")
    audit = Audit(
        site=_site(top.part("site")), authorisation=_authorisation(top.part("authorisation")),
        run=_run(top.part("run")), coverage=_coverage(top.part("coverage")),
        devices=top.parts("devices", _device), plan=_plan(top.part("plan")), warnings=top.texts("warnings"),
    )  # fmt: skip
    try:
        check_adds_up(audit.coverage)
    except ValueError as error:
        raise UsageError(f"audit.json: {error}. The file was changed or damaged: report from the original.") from error
    return audit


class _Part:
    """An object of the document that knows where it stands, so that a refusal can say it."""

    def __init__(self, value: Any, place: str) -> None:
        if not isinstance(value, dict):
            raise UsageError(f"{place}: must be an object")
        self._value = value
        self._place = place

    def _get(self, key: str) -> Any:
        try:
            return self._value[key]
        except KeyError:
            raise self._refuse(key, "is missing") from None

    def _refuse(self, key: str, why: str) -> UsageError:
        return UsageError(f"{self._place}: `{key}` {why}")

    def has(self, key: str) -> bool:
        """Return whether a key that may be left out is there."""
        return key in self._value

    def filled(self, key: str) -> bool:
        """Return whether a key that may be left out is there and not null."""
        return self._value.get(key) is not None

    def given(self, key: str) -> bool:
        """Return whether a key that must be there is not null."""
        return self._get(key) is not None

    def text(self, key: str) -> str:
        value = self._get(key)
        if not isinstance(value, str):
            raise self._refuse(key, "must be text")
        return value

    def maybe_text(self, key: str) -> str | None:
        return None if self._get(key) is None else self.text(key)

    def texts(self, key: str) -> tuple[str, ...]:
        value = self._get(key)
        if not (isinstance(value, list) and all(isinstance(item, str) for item in value)):
            raise self._refuse(key, "must be a list of texts")
        return tuple(value)

    def number(self, key: str) -> int:
        value = self._get(key)
        if isinstance(value, bool) or not isinstance(value, int):
            raise self._refuse(key, "must be a whole number")
        return value

    def share(self, key: str) -> float:
        value = self._get(key)
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= 1:
            raise self._refuse(key, "must be a number from 0 to 1")
        return float(value)

    def quantity(self, key: str) -> float:
        value = self._get(key)
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value < float("inf"):
            raise self._refuse(key, "must be a finite number above 0")
        return float(value)

    def places(self, key: str, number: int) -> tuple[int, ...]:
        """Return places in a list of that length."""
        value = self._get(key)
        if not (isinstance(value, list) and all(type(item) is int and 0 <= item < number for item in value)):
            raise self._refuse(key, "must be a list of places in `evidence`")
        return tuple(value)

    def flag(self, key: str) -> bool:
        value = self._get(key)
        if not isinstance(value, bool):
            raise self._refuse(key, "must be true or false")
        return value

    def word(self, key: str, words: type[_Word]) -> _Word:
        value = self._get(key)
        try:
            return words(value)
        except ValueError:
            raise self._refuse(key, f"must be one of {', '.join(words)}") from None

    def day(self, key: str) -> dt.date:
        try:
            return dt.date.fromisoformat(self.text(key))
        except ValueError:
            raise self._refuse(key, "must be a date, YYYY-MM-DD") from None

    def maybe_day(self, key: str) -> dt.date | None:
        return None if self._get(key) is None else self.day(key)

    def moment(self, key: str) -> dt.datetime:
        try:
            moment = dt.datetime.fromisoformat(self.text(key))
        except ValueError:
            raise self._refuse(key, "must be a moment, ISO 8601") from None
        if moment.tzinfo is None:
            raise self._refuse(key, "must say its time zone; this product writes UTC with Z")
        return moment.astimezone(dt.UTC)

    def counts(self, key: str) -> dict[str, int]:
        value = self.part(key)
        return {name: value.number(name) for name in value._value}  # noqa: SLF001  (the same class)

    def named_texts(self, key: str) -> dict[str, str]:
        value = self.part(key)
        return {name: value.text(name) for name in value._value}  # noqa: SLF001  (the same class)

    def part(self, key: str) -> _Part:
        return _Part(self._get(key), f"{self._place}: {key}")

    def parts(self, key: str, read: Callable[[_Part], _Value]) -> tuple[_Value, ...]:
        value = self._get(key)
        if not isinstance(value, list):
            raise self._refuse(key, "must be a list")
        return tuple(read(_Part(item, f"{self._place}: {key}[{index}]")) for index, item in enumerate(value))


def _site(part: _Part) -> Site:
    return Site(
        name=part.text("name"), sensitivity=part.word("sensitivity", Sensitivity), zones=part.parts("zones", _zone),
        policies=part.texts("policies"), language=part.text("language"), timezone=part.text("timezone"),
        contacts=part.parts("contacts", lambda contact: (contact.text("role"), contact.text("who"))),
    )  # fmt: skip


def _zone(part: _Part) -> Zone:
    return Zone(name=part.text("name"), role=part.word("role", ZoneRole), subnets=part.texts("subnets"))


def _authorisation(part: _Part) -> Authorisation:
    return Authorisation(
        by=part.text("by"), reference=part.text("reference"), valid_from=part.day("valid_from"),
        valid_until=part.day("valid_until"), methods=part.texts("methods"),
    )  # fmt: skip


def _run(part: _Part) -> Run:
    return Run(
        id=part.text("id"), started=part.moment("started"),
        finished=part.moment("finished") if part.given("finished") else None,
        vantage=part.text("vantage"), profile=part.text("profile"), pace=part.text("pace"),
        versions=part.named_texts("versions"), complete=part.flag("complete"), reasons=part.texts("reasons"),
        exit_code=part.number("exit_code"), emulated=part.flag("emulated"),
        counters=part.counts("counters") if part.given("counters") else None, limits=part.texts("limits"),
        data_dates=part.named_texts("data_dates") if part.given("data_dates") else None,
        interrupted=part.flag("interrupted"),
    )  # fmt: skip


def _states(part: _Part) -> dict[CoverageState, int]:
    return {state: part.number(state.value) for state in CoverageState}


def _coverage(part: _Part) -> Coverage:
    return Coverage(
        scope_size=part.number("scope_size"), states=_states(part.part("states")),
        by_subnet=part.parts("by_subnet", _subnet), hidden=part.texts("hidden"), incomplete=part.texts("incomplete"),
        by_address=part.parts(
            "by_address", lambda row: (row.text("address"), row.word("state", CoverageState), row.text("reason"))
        ),
        ipv6_prefixes=part.texts("ipv6_prefixes"), outside_scope=part.number("outside_scope"),
    )  # fmt: skip


def _subnet(part: _Part) -> SubnetCoverage:
    return SubnetCoverage(
        subnet=part.text("subnet"), zone=part.text("zone"), size=part.number("size"),
        states=_states(part.part("states")), methods=part.texts("methods"),
    )  # fmt: skip


def _device(part: _Part) -> Device:
    return Device(
        id=part.text("id"), addresses=part.texts("addresses"), mac=part.maybe_text("mac"), zone=part.text("zone"),
        zone_role=part.word("zone_role", ZoneRole),
        location=_location(part.part("location")) if part.given("location") else None,
        identity=_identity(part), findings=part.parts("findings", _finding), flagged=part.flag("flagged"),
        to_check=part.flag("to_check"), methods=part.texts("methods"), first_seen=part.text("first_seen"),
        notes=part.texts("notes"), state=part.word("state", CoverageState),
        same_because=part.texts("same_because") if part.has("same_because") else (),  # not in the first audits
        behind=part.maybe_text("behind") if part.has("behind") else None,
        mac_registrant=part.maybe_text("mac_registrant") if part.has("mac_registrant") else None,
    )  # fmt: skip


def _location(part: _Part) -> Location:
    return Location(
        building=part.text("building"), floor=part.text("floor"), room=part.text("room"),
        mounting=part.text("mounting"), switch=part.text("switch"), port=part.text("port"), vlan=part.text("vlan"),
    )  # fmt: skip


def _identity(part: _Part) -> Identity:
    evidence = part.parts("evidence", _evidence)
    return Identity(
        device=part.text("device"), maker=part.maybe_text("maker"), brand=part.maybe_text("brand"),
        rebrand=part.flag("rebrand"), relation=part.word("relation", Relation) if part.given("relation") else None,
        model=part.maybe_text("model"), kind=part.word("kind", Kind), firmware=part.maybe_text("firmware"),
        serial=part.maybe_text("serial"), confidence=part.share("confidence"), verdict=part.word("verdict", Verdict),
        evidence=evidence, conflicts=part.parts("conflicts", _conflict),
        overturn=part.texts("overturn"), **_unit(part, evidence),
    )  # fmt: skip


def _unit(part: _Part, evidence: tuple[Evidence, ...]) -> dict[str, Any]:
    """Return what the first runs did not have: what names and serial numbers say, and what to compare on the unit."""
    return {
        "manufactured": part.day("manufactured").isoformat() if part.filled("manufactured") else None,
        "megapixels": part.quantity("megapixels") if part.filled("megapixels") else None,
        "lens": part.text("lens") if part.filled("lens") else None,
        "channels": part.number("channels") if part.filled("channels") else None,
        "functions": part.texts("functions") if part.has("functions") else (),
        "look_for": part.texts("look_for") if part.has("look_for") else (),
        "label_note": part.text("label_note") if part.filled("label_note") else None,
        "rests_on": part.places("rests_on", len(evidence)) if part.has("rests_on") else (),
    }


def _evidence(part: _Part) -> Evidence:
    return Evidence(
        fingerprint=part.text("fingerprint"), observation=part.text("observation"), value=part.text("value"),
        says=part.text("says"), strength=part.word("strength", Strength), group=part.text("group"),
        port=part.number("port") if part.has("port") else None,
        source=part.text("source") if part.has("source") else "",
    )  # fmt: skip


def _conflict(part: _Part) -> Conflict:
    return Conflict(
        about=part.text("about"), says=part.texts("says"), fingerprints=part.texts("fingerprints"),
        sentence=part.text("sentence"),
    )  # fmt: skip


def _finding(part: _Part) -> Finding:
    return Finding(
        policy=part.text("policy"), rule=part.text("rule"), decision=part.word("decision", Decision),
        force=part.word("force", Force), sentence=part.text("sentence"), deadline=part.maybe_day("deadline"),
        sources=part.texts("sources"), source_read=part.text("source_read"),
    )  # fmt: skip


def _plan(part: _Part) -> Plan:
    return Plan(
        waves=part.parts("waves", _wave),
        to_check=part.parts("to_check", lambda row: (row.text("device"), row.text("reason"))),
    )


def _wave(part: _Part) -> Wave:
    return Wave(
        number=part.number("number"), name=part.text("name"), goal=part.text("goal"),
        orders=part.parts("orders", _order),
    )  # fmt: skip


def _order(part: _Part) -> WorkOrder:
    return WorkOrder(
        id=part.text("id"), device=part.text("device"), wave=part.number("wave"),
        decision=part.word("decision", Decision), title=part.text("title"), find=part.texts("find"),
        steps=part.texts("steps"), rollback=part.texts("rollback"), deadline=part.maybe_day("deadline"),
        reasons=part.texts("reasons"),
    )  # fmt: skip
