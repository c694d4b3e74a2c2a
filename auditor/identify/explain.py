"""Says in plain words what an identity rests on and what would overturn it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from auditor.common.clues import SEVERAL_VALUES, observed, why
from auditor.common.display import visible
from auditor.identify.confidence import MAC_GROUP, NUMBERS
from auditor.identify.oui import MODULE, MODULE_SAYS
from auditor.model import Verdict

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from auditor.identify.rules import RuleSet
    from auditor.identify.turning import Outcome, Turning, Witness
    from auditor.model import Evidence, Identity

_WORDS = {
    Verdict.CONFIRMED: "confirmed", Verdict.PROBABLE: "probable", Verdict.POSSIBLE: "only possible",
    Verdict.UNIDENTIFIED: "not identified",
}  # fmt: skip
# What each independence group rests on, as a person would call it.
_GROUPS = {
    "web": "its web pages", "realm": "the realm of its login challenge", "favicon": "its web icon",
    "rtsp": "its video (RTSP) answers", "tls": "its TLS certificate", "onvif": "its ONVIF answers",
    "discovery": "the maker's own discovery protocol", "ssdp": "its UPnP announcement", "mdns": "its mDNS announcement",
    "api": "the maker's own web interface (API)", "snmp": "its SNMP answers", "dhcp": "its DHCP request",
    "mac": "the prefix of its MAC address", "banner": "a service banner",
    "sip": "its SIP name", "name": "its host name",
}  # fmt: skip
_QUOTED = 160  # characters of one answer of a device within a sentence

# --- what would overturn it ---
NOTHING_KNOWN = (
    "Any answer that a fingerprint knows would name this device: open its web, RTSP or ONVIF port to the auditor, or "
    "read the label on the unit."
)
ONLY_MAC = (
    "Everything rests on the prefix of its MAC address. A network module or board of {maker} inside another maker's "
    "device would have the same prefix: the label on the unit, or any answer of its web, RTSP or discovery service, "
    "decides."
)
ALL_ON_ONE = (
    "Everything rests on one clue, {clue}: if that answer came from a proxy or from another device behind this "
    "address, nothing else names {maker}."
)
ONE_LESS_SURE = "One clue decides, {clue}: if it is false or comes from another device, {maker} is {verdict}."
ONE_NO_MAKER = "One clue decides, {clue}: if it is false or comes from another device, no maker is named."
ONE_OTHER_MAKER = "One clue decides, {clue}: if it is false or comes from another device, the maker named is {other}."
ALSO = "The verdict would also change without {clues}."
ALL_MUST_FALL = (
    "No single clue decides: all {total} independent clues would have to be false, or come from another device behind "
    "this address, before {maker} is less than {verdict}."
)
SOME_MUST_FALL = (
    "No single clue decides: {least} of {total} independent clues would have to be false, or come from another device "
    "behind this address, before {maker} is less than {verdict}."
)
NOTHING_CHANGES = "No loss of clues changes this verdict: contradictions or weak clues hold it down already."
RIVAL_GONE = "If what names {other} comes from another device behind this address, {maker} is {verdict}."
DENIAL_GONE = "If what speaks against {maker} is false, {maker} is {verdict}."
WOULD_CONFIRM = "A second, independent sign of {maker} would make it surer."
FOREIGN_PROOF = (
    "An answer of this unit in another maker's own protocol, or the certificate of a maker that {maker} is not known "
    "to build for, would overturn it."
)
FOREIGN_DOUBT = (
    "An answer of this unit in another maker's own protocol, or the certificate of a maker that {maker} is not known "
    "to build for, would put it in doubt: {maker} would be at most {verdict}."
)
FOREIGN_SHOWN = (
    "An answer of this unit in another maker's own protocol, or the certificate of a maker that {maker} is not known "
    "to build for, would be shown as a contradiction and would not change this verdict."
)
PROTOCOL_PROOF = "An answer of this unit in another maker's own protocol would overturn it."
PROTOCOL_DOUBT = (
    "An answer of this unit in another maker's own protocol would put it in doubt: {maker} would be at most {verdict}."
)
PROTOCOL_SHOWN = (
    "An answer of this unit in another maker's own protocol would be shown as a contradiction and would not change "
    "this verdict."
)
CERTIFICATE_PROOF = "The certificate of a maker that {maker} is not known to build for would overturn it."
CERTIFICATE_DOUBT = (
    "The certificate of a maker that {maker} is not known to build for would put it in doubt: {maker} would be "
    "at most {verdict}."
)
CERTIFICATE_SHOWN = (
    "The certificate of a maker that {maker} is not known to build for would be shown as a contradiction and would not "
    "change this verdict."
)
_OVERTURNS, _DOUBTS, _SHOWN = range(3)
_FOREIGN = (FOREIGN_PROOF, FOREIGN_DOUBT, FOREIGN_SHOWN)
_PROTOCOL = (PROTOCOL_PROOF, PROTOCOL_DOUBT, PROTOCOL_SHOWN)
_CERTIFICATE = (CERTIFICATE_PROOF, CERTIFICATE_DOUBT, CERTIFICATE_SHOWN)

# --- where evidence names several makers ---
SEVERAL_MAKERS = "Evidence names more than one maker: {shown}."
EQUAL_MAKERS = "Evidence names {makers} equally: {shown}."
NONE_DISCARDED = "None was discarded: look at the unit, or check whether several devices stand behind this address."
OTHER_PORTS = (
    "The signs of {maker} and of {others} came from different ports: several devices may stand behind this address. "
    "None was discarded: look at the unit, or check what stands behind each port."
)
SOLD_AS = (
    "{shown} is taken for the name that the unit is sold under, because sources name {maker} as the builder of units "
    "under that name. It would be a unit of its own if several devices stand behind this address."
)


def joined(names: Sequence[str]) -> str:
    """Return names as a person lists them: A; A and B; A, B and C."""
    return " and ".join(part for part in (", ".join(names[:-1]), names[-1]) if part)


def overturn(turning: Turning | None) -> tuple[str, ...]:
    """Return what would overturn a verdict, one sentence each, the decisive clue first.

    Args:
        turning: what it turns on; None where no maker is named.
    """
    return (NOTHING_KNOWN,) if turning is None else tuple(_overturn(turning))


def _overturn(turning: Turning) -> Iterator[str]:
    maker, verdict = turning.now.maker or "", turning.now.verdict
    only = turning.witnesses[0] if len(turning.witnesses) == 1 else None
    if only is not None and only.group == MAC_GROUP:
        yield ONLY_MAC.format(maker=maker)
        return
    yield from _clues(turning, maker, verdict, only)
    for other, left in turning.rivals:
        if left.verdict is not verdict and left.maker == maker:
            yield RIVAL_GONE.format(other=other, maker=maker, verdict=_WORDS[left.verdict])
    if turning.undenied is not None and turning.undenied.verdict is not verdict:
        yield DENIAL_GONE.format(maker=maker, verdict=_WORDS[turning.undenied.verdict])
    if verdict is not Verdict.CONFIRMED and not turning.rivals and only is not None:
        yield WOULD_CONFIRM.format(maker=maker)
    yield from _proofs(turning, maker)


def _proofs(turning: Turning, maker: str) -> Iterator[str]:
    """Yield what an answer of another maker would do: it was weighed with the rest, not supposed."""
    protocol, certificate = _effect(turning.protocol, turning.now), _effect(turning.certificate, turning.now)
    if protocol == certificate:
        yield _FOREIGN[protocol[0]].format(maker=maker, verdict=protocol[1].value)
        return
    for sentences, (effect, left) in ((_PROTOCOL, protocol), (_CERTIFICATE, certificate)):
        yield sentences[effect].format(maker=maker, verdict=left.value)


def _effect(outcomes: tuple[Outcome, Outcome], now: Outcome) -> tuple[int, Verdict]:
    """Return what further evidence of another maker does, and what is said of this maker then at most."""
    mine = [outcome.verdict for outcome in outcomes if outcome.maker == now.maker]
    if not mine:
        return _OVERTURNS, Verdict.UNIDENTIFIED
    return (_SHOWN if all(outcome == now for outcome in outcomes) else _DOUBTS), mine[0]


def _clues(turning: Turning, maker: str, verdict: Verdict, only: Witness | None) -> Iterator[str]:
    if only is not None and turning.single and turning.single[0][1].maker is None:
        yield ALL_ON_ONE.format(clue=_clue(only), maker=maker)
    elif turning.single:
        yield _decides(maker, *turning.single[0])
        if len(turning.single) > 1:
            yield ALSO.format(clues="; or without ".join(_clue(witness) for witness, _ in turning.single[1:]))
    elif turning.least:
        template = ALL_MUST_FALL if turning.least == len(turning.witnesses) else SOME_MUST_FALL
        total = len(turning.witnesses)
        yield template.format(least=turning.least, total=total, maker=maker, verdict=_WORDS[verdict])
    else:
        yield NOTHING_CHANGES


def _decides(maker: str, witness: Witness, left: Outcome) -> str:
    clue = _clue(witness)
    if left.maker is None:
        return ONE_NO_MAKER.format(clue=clue)
    if left.maker != maker:
        return ONE_OTHER_MAKER.format(clue=clue, other=left.maker)
    return ONE_LESS_SURE.format(clue=clue, maker=maker, verdict=_WORDS[left.verdict])


def _clue(witness: Witness) -> str:
    return joined([_place(_GROUPS[group], ports) for group, ports in witness.seen])


def _place(told: str, ports: Sequence[int]) -> str:
    if not ports:
        return told
    return f"{told} on port{'s' if len(ports) > 1 else ''} {joined([str(port) for port in ports])}"


def seen(item: Evidence) -> str:
    """Return in one sentence what was seen: the device's own text in it is visible, cut and on one line."""
    separator = ", " if item.observation in SEVERAL_VALUES else " "
    value = separator.join(line.strip("\r\t ") for line in item.value.split("\n"))
    shown = {"value": f"`{visible(value, _QUOTED)}`", "observation": item.observation}
    sentence = observed(item.observation) % shown
    return f"{sentence} Port {item.port}." if item.port else sentence


def explain(identity: Identity, rules: RuleSet) -> list[str]:
    """Return the lines of `auditor explain`.

    Verdict; label; what it rests on, one sentence for each independent clue; all evidence with weights and sources;
    conflicts; what overturns it; what to compare on the unit.
    """
    lines = [_headline(identity)]
    if identity.brand and (identity.maker or not identity.label_note):
        lines.append(_label(identity, rules))
    if identity.label_note:
        lines.append(identity.label_note)
    lines.extend(_facts(identity))
    lines.extend(_rests_on(identity, rules))
    lines.append("All evidence:" if identity.evidence else "No fingerprint matched any answer.")
    for item in identity.evidence:
        port = f" on port {item.port}" if item.port else ""
        weight = f"{item.strength.value} ({NUMBERS[item.strength]:.2f})"
        lines.append(f"  {item.says}: {weight}, {_GROUPS[item.group]}{port}: {item.observation} = {item.value}")
        known = "" if item.fingerprint in rules.rule_ids else ", no longer among the fingerprints"
        lines.append(f"    fingerprint {item.fingerprint}{known}; source {item.source or 'not recorded'}")
        if note := _prefix_note(item, identity, rules):
            lines.append(f"    {note}")
    lines.extend(f"Conflict: {conflict.sentence}" for conflict in identity.conflicts)
    lines.extend(f"What would overturn it: {sentence}" for sentence in identity.overturn)
    if identity.look_for:
        lines.append("What to look for on the unit:")
        lines.extend(f"  {sentence}" for sentence in identity.look_for)
    lines.append(f"Fingerprint data {rules.version} of {rules.dated}.")
    return lines


def _facts(identity: Identity) -> Iterator[str]:
    facts = [(name, getattr(identity, name)) for name in ("model", "firmware", "serial", "manufactured")]
    yield from (f"{name.capitalize()}: {value}" for name, value in facts if value)
    yield f"Kind: {identity.kind.value}"
    if identity.megapixels is not None:
        yield f"Resolution: {identity.megapixels:g} megapixels"
    if identity.lens:
        yield f"Lens: {identity.lens}"
    if identity.channels is not None:
        yield f"Channels: {identity.channels}"
    if identity.functions:
        yield f"Functions: {', '.join(identity.functions)}"


def _rests_on(identity: Identity, rules: RuleSet) -> Iterator[str]:
    """Yield a sentence for each independent clue, in order of weight, with the note of its rule."""
    if identity.maker is None or not identity.rests_on:
        return
    notes = {rule.id: rule.note for rule in rules.rules if rule.note}
    yield "It rests on:"
    for number, place in enumerate(identity.rests_on, 1):
        item = identity.evidence[place]
        reason = why(item) % {"maker": identity.maker}
        yield f"  {number}. {seen(item)} {reason}"
        if note := notes.get(item.fingerprint):
            yield f"     Note of the rule: {note}"


def _headline(identity: Identity) -> str:
    if identity.maker is None:
        return f"{identity.device}: the maker is not identified."
    sure = f"{_WORDS[identity.verdict]} (confidence {identity.confidence:.3f})"
    if equal := _equal(identity):
        return f"{identity.device}: evidence names {equal} equally; each is {sure}."
    return f"{identity.device}: made by {identity.maker}, {sure}."


def _equal(identity: Identity) -> str:
    """Return the makers that the evidence names equally, or an empty text: the conflict says how many tie."""
    start, end = EQUAL_MAKERS.partition("{makers}")[0], EQUAL_MAKERS.partition("{makers}")[2].partition("{shown}")[0]
    for conflict in identity.conflicts:
        for number in range(2, len(conflict.says) + 1):
            names = joined(conflict.says[:number])
            if conflict.about == "maker" and conflict.sentence.startswith(f"{start}{names}{end}"):
                return names
    return ""


def _label(identity: Identity, rules: RuleSet) -> str:
    brand = identity.brand or ""
    if identity.maker is None:
        return f"Label: {brand}. A label alone names no maker."
    if not identity.rebrand:
        return f"Label: {brand}, the maker's own name."
    relation = identity.relation.value if identity.relation else "label"
    others = [name for name in rules.brands.makers_of(brand) if name != identity.maker]
    known = f" Sources also know it on units of {' and '.join(others)}." if others else ""
    return f"Label: {brand}, {relation} of {identity.maker}: made by {identity.maker}, sold as {brand}.{known}"


def _prefix_note(item: Evidence, identity: Identity, rules: RuleSet) -> str:
    if item.observation != "mac":
        return ""
    block = rules.prefixes.block(item.value)
    if block is None:
        return ""
    if block.role == MODULE:
        return f"The prefix is registered to {block.registrant}, {MODULE_SAYS}."
    if block.role == "brand":
        return (f"The prefix is registered to {block.registrant}, which sells devices that others build: it "
                "says nothing against any maker.")  # fmt: skip
    if identity.maker and f"maker {identity.maker}" != item.says and item.says.startswith("maker "):
        return f"The prefix is registered to {block.registrant}; a MAC prefix never clears a device."
    return f"The prefix is registered to {block.registrant}."
