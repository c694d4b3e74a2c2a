"""What a person can compare on a unit while the network does not settle who made it."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any, Final

from auditor.model import Kind, Verdict

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from auditor.identify.rules import RuleSet
    from auditor.identify.schema import Brand, UnitSigns

_VIEWS = frozenset({Kind.CAMERA, Kind.PTZ, Kind.THERMAL})
_VIDEO = _VIEWS | {Kind.RECORDER, Kind.ENCODER, Kind.INTERCOM, Kind.ACCESS_TERMINAL}
_REMEMBERED: Final = 4096  # combinations of makers, kind and label
_MOST_MAKERS: Final = 3  # one list is for one person: more candidates are no help

# --- where ---
WHERE_CAMERA = "Find the label: look under the base, on the back, and through or inside the dome cover."
WHERE_BOX = "Find the label: look at the underside and the back of the unit."
WHERE_DOOR = "Find the label: look at the lower edge and the back of the unit."
WHERE = "Find the label: look at the underside, the back, and inside the cover of batteries or disks."
SAFE = (
    "If you cannot read it from a safe place, do not climb and do not open the unit: ask the people who look after it."
)

# --- what a label is worth ---
MIXED = "The label {brand} is also put on units of other makers; only technical evidence was used."
PROVES_NOTHING = "The label {brand} proves nothing: look at the unit. Known makers of units with this label: {makers}."
PARTS = {"all": "all units", "most": "most units", "part": "some units", "one-product": "one product", "unknown": ""}
BETWEEN = "from {since} until {until}"
SINCE = "from {since}"
UNTIL = "until {until}"
CONTESTED = "contested"
MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
    "December",
)  # fmt: skip

# --- what to compare ---
FIRM = "The label of a unit made by {maker} may name {firms}."
FIRM_UNKNOWN = "The label of a unit made by {maker} may name {maker} as the manufacturer."
OWN_BRANDS = "{maker} also sells units under names of its own: {brands}."
OTHER_NAMES = "Another name on the label does not clear the unit: {maker} also builds units for other firms."
MODEL = "Compare the model number (Model). {form} Example of {maker}: {example}."
MODEL_ONLY = "Compare the model number (Model). Example of {maker}: {example}."
SERIAL = "Compare the serial number (S/N). {form} Example of {maker}: {example}."
FCC = "Compare the approval number (FCC ID), if there is one: those of {firm} begin with {code}."
ANY_NUMBER = "Copy every name and number: Model, serial number (S/N), FCC ID, and the names of firms."
PHOTOGRAPH = "Take a photograph of the label and send it with this report."


def label_note(brand: str | None, maker: str | None, rules: RuleSet) -> str | None:
    """Return what a label is worth where it does not stand for one maker; None where it does or none is known."""
    if brand is None:
        return None
    if maker is not None:
        return MIXED.format(brand=brand) if rules.brands.is_mixed(brand) else None
    lines = rules.brands.lines(brand)
    return (
        PROVES_NOTHING.format(
            brand=brand, makers="; ".join(map(builder, sorted(lines, key=lambda line: list(PARTS).index(line.part))))
        )
        if lines
        else None
    )


def builder(line: Brand) -> str:
    """Return who builds under a label, and what of it and when, e.g. `Dahua (most units, until November 2022)`."""
    since, until = (_day(text) if text else None for text in (line.since, line.until))
    when = (
        BETWEEN.format(since=since, until=until) if since and until
        else SINCE.format(since=since) if since else UNTIL.format(until=until) if until else ""
    )  # fmt: skip
    how_much = PARTS[line.part] if line.part != "part" or not line.range else ""
    said = [how_much, line.range, when, CONTESTED if line.state == "contested" else ""]
    details = ", ".join(text for text in said if text)
    return f"{line.maker} ({details})" if details else line.maker


def _day(text: str) -> str:
    year, *rest = text.split("-")
    if not rest:
        return year
    month = MONTHS[int(rest[0]) - 1]
    return f"{month} {year}" if len(rest) == 1 else f"{dt.date.fromisoformat(text).day} {month} {year}"


def look_for(
    makers: Sequence[str], *, verdict: Verdict, kind: Kind, brand: str | None, doubted: bool, rules: RuleSet
) -> tuple[str, ...]:
    """Return what to compare on the unit, one short sentence each; empty where there is no need to look.

    Args:
        makers: that evidence names, the likeliest first; empty when none.
        verdict: how sure the first of them is.
        kind: sort of device.
        brand: label, or None.
        doubted: evidence on the maker contradicts itself.
        rules: for what is known of labels and units.

    The sentences do not depend on the single device, so that a report can print a list once for many.
    """
    needed = doubted or verdict is Verdict.POSSIBLE
    if not needed and verdict is not Verdict.UNIDENTIFIED:
        return ()
    known = tuple(line.maker for line in rules.brands.lines(brand)) if brand else ()
    if not needed and not known and kind not in _VIDEO:
        return ()
    candidates = tuple(dict.fromkeys(makers or known))[:_MOST_MAKERS]
    mark = ("look for", candidates, _where(kind), kind)
    memory: dict[Any, Any] = rules.matcher.memory
    found: tuple[str, ...] | None = memory.get(mark)
    if found is None:
        if len(memory) >= _REMEMBERED:
            memory.clear()
        found = memory[mark] = tuple(_sentences(candidates, kind, rules))
    return found


def _where(kind: Kind) -> str:
    if kind in _VIEWS:
        return WHERE_CAMERA
    if kind in {Kind.RECORDER, Kind.ENCODER}:
        return WHERE_BOX
    return WHERE_DOOR if kind in {Kind.INTERCOM, Kind.ACCESS_TERMINAL} else WHERE


def _sentences(makers: Sequence[str], kind: Kind, rules: RuleSet) -> Iterator[str]:
    yield _where(kind)
    yield SAFE
    for maker in makers:
        yield from _of_maker(maker, kind, rules)
    yield ANY_NUMBER
    yield PHOTOGRAPH


def _of_maker(maker: str, kind: Kind, rules: RuleSet) -> Iterator[str]:
    signs: UnitSigns | None = rules.unit_signs.get(maker)
    if signs and signs.firms:
        yield FIRM.format(maker=maker, firms=" or ".join(firm.name for firm in signs.firms))
    else:
        yield FIRM_UNKNOWN.format(maker=maker)
    own, others = rules.brands.sold_as(maker)
    if own:
        yield OWN_BRANDS.format(maker=maker, brands=", ".join(own))
    if others:
        yield OTHER_NAMES.format(maker=maker)
    yield from _model(maker, kind, signs, rules)
    for form in signs.serials if signs else ():
        yield SERIAL.format(maker=maker, form=form.form, example=form.example)
    for grantee in signs.fcc if signs else ():
        yield FCC.format(firm=grantee.firm, code=grantee.code)


def _model(maker: str, kind: Kind, signs: UnitSigns | None, rules: RuleSet) -> Iterator[str]:
    """Yield the forms that are on record; else a published name of that maker, of this kind where there is one."""
    if signs and signs.models:
        for form in signs.models:
            yield MODEL.format(maker=maker, form=form.form, example=_published(maker, kind, rules) or form.example)
    elif example := _published(maker, kind, rules) or _published(maker, Kind.CAMERA, rules):
        yield MODEL_ONLY.format(maker=maker, example=example)


def _published(maker: str, kind: Kind, rules: RuleSet) -> str | None:
    lines = [line for line in rules.grammar_lines if line.maker == maker and line.kind is kind]
    lines.sort(key=lambda line: not line.distinct)
    return lines[0].examples[0] if lines else None
