"""Says in plain words what an identity rests on and what would overturn it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from auditor.identify.confidence import MAC_GROUP, NUMBERS, witnesses
from auditor.model import Strength, Verdict

if TYPE_CHECKING:
    from collections.abc import Sequence

    from auditor.identify.rules import RuleSet
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


def overturn(maker: str | None, verdict: Verdict, evidence: Sequence[Evidence]) -> tuple[str, ...]:
    """Return what would overturn a verdict, one sentence each.

    Args:
        maker: the maker named, or None.
        verdict: how sure that is.
        evidence: what names that maker, strongest first.
    """
    if maker is None or verdict is Verdict.UNIDENTIFIED:
        return (("Any answer that a fingerprint knows would name this device: open its web, RTSP or ONVIF port to the "
                "auditor, or read the label on the unit."),)  # fmt: skip
    counted = witnesses((item.group, item.observation, item.port) for item in evidence)
    groups = list(
        dict.fromkeys(counted[item.group] for item in evidence if NUMBERS[item.strength] >= NUMBERS[Strength.MODERATE])
    )
    if groups == [MAC_GROUP]:
        return ((f"A network module or board of {maker} inside another maker's device would have the same prefix: the "
                "label on the unit, or any answer of its web, RTSP or discovery service, decides."),)  # fmt: skip
    if len(groups) == 1 and evidence:
        first = evidence[0]
        sentences = [(f"Everything rests on {_GROUPS[groups[0]]} (`{first.observation}`): if that answer came from a "
                     f"proxy or from another device behind this address, nothing else names {maker}.")]  # fmt: skip
        if verdict is not Verdict.CONFIRMED:
            sentences.append(f"A second, independent sign of {maker} would confirm it; another maker's name on the "
                             "unit's board or in its certificate would overturn it.")  # fmt: skip
        return tuple(sentences)
    return ((f"{len(groups)} independent signs agree; all of them would have to come from another device behind this "
            f"address, or be imitated, for the maker not to be {maker}."),)  # fmt: skip


def explain(identity: Identity, rules: RuleSet) -> list[str]:
    """Return the lines of `auditor explain`: verdict, weighed evidence with sources, conflicts, what overturns it."""
    lines = [_headline(identity)]
    if identity.brand:
        lines.append(_label(identity, rules))
    facts = [(name, getattr(identity, name)) for name in ("model", "firmware", "serial")]
    lines.extend(f"{name.capitalize()}: {value}" for name, value in facts if value)
    lines.append(f"Kind: {identity.kind.value}")
    lines.append("It rests on:" if identity.evidence else "No fingerprint matched any answer.")
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
    if identity.verdict is Verdict.POSSIBLE:
        lines.append("Look on the unit for its label, model number, serial number and approval number (FCC ID).")
    lines.append(f"Fingerprint data {rules.version} of {rules.dated}.")
    return lines


def _headline(identity: Identity) -> str:
    if identity.maker is None:
        return f"{identity.device}: the maker is not identified."
    sure = f"{_WORDS[identity.verdict]} (confidence {identity.confidence:.3f})"
    return f"{identity.device}: made by {identity.maker}, {sure}."


def _label(identity: Identity, rules: RuleSet) -> str:
    brand = identity.brand or ""
    makers = rules.brands.makers_of(brand)
    if identity.maker is None:
        if makers:
            return f"Label: {brand}. Sources name {' and '.join(makers)} as makers for it; a label alone proves none."
        return f"Label: {brand}. A label alone names no maker."
    if not identity.rebrand:
        return f"Label: {brand}, the maker's own name."
    relation = identity.relation.value if identity.relation else "label"
    others = [name for name in makers if name != identity.maker]
    mixed = (
        f" This label is also put on devices of {' and '.join(others)}: only technical evidence counts."
        if others
        else ""
    )
    return f"Label: {brand}, {relation} of {identity.maker}: the label is not the maker's own name.{mixed}"


def _prefix_note(item: Evidence, identity: Identity, rules: RuleSet) -> str:
    if item.observation != "mac":
        return ""
    block = rules.prefixes.block(item.value)
    if block is None:
        return ""
    if block.role == "brand":
        return (f"The prefix is registered to {block.registrant}, which sells devices that others build: it "
                "says nothing against any maker.")  # fmt: skip
    if identity.maker and f"maker {identity.maker}" != item.says and item.says.startswith("maker "):
        return f"The prefix is registered to {block.registrant}; a MAC prefix never clears a device."
    return f"The prefix is registered to {block.registrant}."
