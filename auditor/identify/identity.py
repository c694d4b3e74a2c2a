"""Puts evidence together: maker, label, kind and how sure that is. Pure and independent of the order of its input."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from auditor.common.display import visible
from auditor.common.limits import MAX_DISPLAY
from auditor.identify import confidence as number
from auditor.identify.explain import overturn
from auditor.identify.schema import FIELDS
from auditor.model import Conflict, Evidence, Identity, Kind, Relation, Strength, Verdict

if TYPE_CHECKING:
    from collections.abc import Sequence

    from auditor.identify.match import Hit
    from auditor.identify.rules import RuleSet
    from auditor.model import Observation

# What an owner or a reseller writes. It says whose name a device carries, and less well who made it.
_LABEL_KEYS = frozenset({
    "onvif.manufacturer", "onvif.hostname", "http.title", "dns.name", "dhcp.hostname", "dhip.Vendor", "magicbox.vendor",
})  # fmt: skip
_LABEL_SCOPES = ("/name/", "/manufacturer/")
_ORDER = {strength: place for place, strength in enumerate(Strength)}
# Of two kinds with equal evidence the narrower one is shown: a thermal camera also says that it is a camera.
_NARROW_FIRST = (
    Kind.THERMAL, Kind.PTZ, Kind.ACCESS_TERMINAL, Kind.INTERCOM, Kind.SCANNER, Kind.ENCODER, Kind.RECORDER,
    Kind.MANAGEMENT_PLATFORM, Kind.CAMERA, Kind.OTHER, Kind.UNKNOWN,
)  # fmt: skip


class _Claim(NamedTuple):
    """One thing that one match says. The first six fields are its place among others: strongest first, then by text."""

    strength: int
    text: str
    fingerprint: str
    value: str
    port: int
    field: str
    hit: Hit


_OWN_PROTOCOL, _CONCLUSIVE, _STRONG, _OTHER = range(4)


@dataclass(frozen=True, slots=True)
class _Candidate:
    """A maker that evidence names.

    Attributes:
        quality: of its best evidence, 0 is best: its own protocol; conclusive; strong, or conclusive but only a label;
            anything else. MAC prefixes do not count.
        groups: strongest number of each independent witness.
        rules: number of rules that name it.
        only_labels: nothing but labels names it.
    """

    maker: str
    confidence: float
    without_mac: float
    quality: int
    groups: dict[str, float]
    rules: int
    only_labels: bool

    @property
    def own_protocol(self) -> bool:
        """Whether the device answered in the maker's own protocol."""
        return self.quality == _OWN_PROTOCOL

    @property
    def independent(self) -> int:
        """Number of witnesses that are at least moderate."""
        return sum(value >= number.NUMBERS[Strength.MODERATE] for value in self.groups.values())

    @property
    def signs(self) -> int:
        """Number of witnesses without the MAC prefix, which never clears a device."""
        return self.independent - (number.MAC_GROUP in self.groups)

    @property
    def rank(self) -> tuple[int, int, float, float, int, str]:
        """Sort key: best evidence, then most witnesses, then surest. The name decides between equals only."""
        return (
            self.quality, -self.signs, -round(self.without_mac, 9), -round(self.confidence, 9), -self.rules, self.maker,
        )  # fmt: skip

    def is_contested_by(self, rival: _Candidate) -> bool:
        """Say whether the evidence of a rival is as good: both are probable, and only the order tells them apart."""
        if min(self.confidence, rival.confidence) < number.PROBABLE - 1e-9:
            return False
        if self.own_protocol != rival.own_protocol:
            return False
        same = (rival.quality, rival.signs) == (self.quality, self.signs)
        return same or rival.without_mac > self.without_mac + 1e-9


def identify(device: str, observations: Sequence[Observation], rules: RuleSet) -> Identity:
    """Return what a device is.

    Args:
        device: its key.
        observations: everything known of it, in any order.
        rules: from `load_rules`.

    The result does not depend on the order of the observations. A label alone never names a maker; a MAC prefix of
    another firm never clears a device.
    """
    claims = _claims(rules.matcher.hits(observations))
    candidates = _candidates(claims)
    winner = candidates[0] if candidates and candidates[0].confidence >= number.POSSIBLE - 1e-9 else None
    maker = winner.maker if winner else None
    level = candidates[0].confidence if candidates else 0.0
    rivals = [
        other
        for other in (candidates[1:] if winner else [])
        if other.confidence >= number.POSSIBLE - 1e-9 and not _is_its_label(other, winner, rules)
    ]
    kept = [
        claim
        for claim in claims
        if claim.hit.rule.says.maker in {None, maker}
        or (claim.field == "brand" and maker and _is_label(claim.hit) and rules.brands.relation(maker, claim.text))
    ]
    brand = _label(kept, maker, rules)
    model = _best(kept, "model")
    rebrand = bool(maker and brand and not rules.brands.is_own_name(maker, brand))
    relation = (
        ((rules.brands.relation(maker, brand) or Relation.RESELLER) if maker and brand else None) if rebrand else None
    )
    evidence = _evidence(claims, rules)
    word = Verdict.UNIDENTIFIED
    if winner:
        word = number.verdict(
            level,
            independent=winner.independent,
            own_protocol=winner.own_protocol,
            rival=max((rival.confidence for rival in rivals), default=0.0),
            contested=any(winner.is_contested_by(rival) for rival in rivals),
        )
    return Identity(
        device=device, maker=maker, brand=brand, rebrand=rebrand, relation=relation, model=model,
        kind=_kind(kept, maker, model, rules), firmware=_best(kept, "firmware"), serial=_best(kept, "serial"),
        confidence=level, verdict=word, evidence=evidence, conflicts=_conflicts(maker, rivals, claims, rules),
        overturn=overturn(maker, word, [item for item in evidence if item.says == f"maker {maker}"]),
    )  # fmt: skip


def _claims(hits: Sequence[Hit]) -> list[_Claim]:
    found: dict[tuple[str, str, str, str, str, int], _Claim] = {}
    for hit in hits:
        rule = hit.rule
        port = hit.port or 0
        for field, template in rule.says.claims:
            text = hit.text(template)
            if text is not None:
                key = (field, text, rule.id, hit.key, hit.value, port)
                found.setdefault(key, _Claim(_ORDER[rule.strength], _shown(text), rule.id, hit.value, port, field, hit))
    return sorted(found.values(), key=_place)


def _place(claim: _Claim) -> tuple[int, str, str, str, int, str, str]:
    return (*claim[:6], claim.hit.key)


def _shown(text: str) -> str:
    """Return device text fit to be shown; most of it is, and needs no look at every character."""
    return text if len(text) <= MAX_DISPLAY and text.isascii() and text.isprintable() else visible(text)


def _candidates(claims: Sequence[_Claim]) -> list[_Candidate]:
    against: dict[str, float] = {}
    named: dict[str, list[Hit]] = {}
    for claim in claims:
        if claim.field == "not_maker":
            value = number.NUMBERS[claim.hit.rule.strength]
            against[claim.text] = max(against.get(claim.text, 0.0), value)
        elif claim.field == "maker":
            named.setdefault(claim.text, []).append(claim.hit)
    found = [_candidate(maker, hits, against.get(maker, 0.0)) for maker, hits in named.items()]
    return sorted(found, key=lambda candidate: candidate.rank)


def _candidate(maker: str, hits: Sequence[Hit], denied: float) -> _Candidate:
    counted = number.witnesses((hit.rule.group, hit.key, hit.port) for hit in hits)
    groups: dict[str, float] = {}
    for hit in hits:
        name = counted[hit.rule.group]
        groups[name] = max(groups.get(name, 0.0), number.NUMBERS[hit.rule.strength])
    confidence = number.combine(groups, denied)
    rest = {name: value for name, value in groups.items() if name != number.MAC_GROUP}
    without_mac = confidence if len(rest) == len(groups) else number.combine(rest, denied)
    return _Candidate(
        maker, confidence, without_mac, min(_quality(hit, denied=denied > 0) for hit in hits), groups,
        len({hit.rule.id for hit in hits}), all(_is_label(hit) for hit in hits),
    )  # fmt: skip


def _quality(hit: Hit, *, denied: bool) -> int:
    """Return how good one piece of evidence is; what is denied counts only where it is conclusive."""
    rule = hit.rule
    if rule.strength is Strength.CONCLUSIVE:
        return _OWN_PROTOCOL if rule.own_protocol else _STRONG if _is_label(hit) else _CONCLUSIVE
    if rule.strength is Strength.STRONG and not denied and not _is_label(hit) and rule.group != number.MAC_GROUP:
        return _STRONG
    return _OTHER


def _is_label(hit: Hit) -> bool:
    """Say whether a match rests on a name that an owner or reseller gives, not on what the firmware does."""
    if hit.key.endswith(".scopes"):
        return any(part in hit.value for part in _LABEL_SCOPES)
    return hit.key in _LABEL_KEYS


def _is_its_label(rival: _Candidate, winner: _Candidate | None, rules: RuleSet) -> bool:
    """Say whether a rival is named by labels only, of devices that the winner is known to build."""
    return winner is not None and rival.only_labels and rules.brands.sells(winner.maker, rival.maker)


def _best(claims: Sequence[_Claim], field: str) -> str | None:
    """Return the text of the strongest claim of a field; between equals the first of the alphabet."""
    found = [claim for claim in claims if claim.field == field]
    return min(found, key=_place).text if found else None


def _label(claims: Sequence[_Claim], maker: str | None, rules: RuleSet) -> str | None:
    """Return the label: another name than the maker's where anything but a weak clue shows one.

    The maker's own name survives under a reseller's label, in certificates for one; the reverse does not happen.
    """
    found = [claim for claim in claims if claim.field == "brand"]
    if maker is not None:
        others = [claim for claim in found if not rules.brands.is_own_name(maker, claim.text)]
        shown = [claim for claim in others if claim.hit.rule.strength is not Strength.WEAK]
        found = shown or [claim for claim in found if claim not in others] or others
        found = [claim for claim in found if not rules.brands.belongs_to_another(maker, claim.text)]
    return _best(found, "brand")


def _kind(claims: Sequence[_Claim], maker: str | None, model: str | None, rules: RuleSet) -> Kind:
    """Return the kind: what the model name says, else what the strongest evidence says."""
    if maker and model and (known := rules.grammars.kind(maker, model)) is not None:
        return known
    said = [(claim.strength, _NARROW_FIRST.index(Kind(claim.text))) for claim in claims if claim.field == "kind"]
    return _NARROW_FIRST[min(said)[1]] if said else Kind.UNKNOWN


def _evidence(claims: Sequence[_Claim], rules: RuleSet) -> tuple[Evidence, ...]:
    ordered = sorted(
        claims, key=lambda claim: (claim.strength, FIELDS.index(claim.field))
    )  # claims come in their order
    # One rule that says the same of several answers of one port is one piece of evidence to a reader: a login
    # challenge differs only by its nonce each time it is seen.
    first: dict[tuple[str, str, int | None, str], Evidence] = {}
    for claim in ordered:
        says = f"not {claim.text}" if claim.field == "not_maker" else f"{claim.field} {claim.text}"
        first.setdefault(
            (claim.fingerprint, claim.hit.key, claim.hit.port, says),
            Evidence(
                claim.fingerprint, claim.hit.key, _shown(claim.value), says, claim.hit.rule.strength,
                claim.hit.rule.group, claim.hit.port, rules.source_text(claim.hit.rule),
            ),
        )  # fmt: skip
    return tuple(first.values())


def _conflicts(
    maker: str | None, rivals: Sequence[_Candidate], claims: Sequence[_Claim], rules: RuleSet
) -> tuple[Conflict, ...]:
    if maker is None:
        return ()
    strongest: dict[str, _Claim] = {}
    for claim in claims:
        if claim.field == "maker" and (claim.text not in strongest or _place(claim) < _place(strongest[claim.text])):
            strongest[claim.text] = claim
    found: list[Conflict] = []
    if rivals:
        names = (maker, *(rival.maker for rival in rivals))
        shown = ", ".join(f"{name} ({strongest[name].hit.key})" for name in names)
        found.append(Conflict(
            "maker", names, tuple(strongest[name].hit.rule.id for name in names),
            f"Evidence names more than one maker: {shown}. None was discarded: look at the unit, or check whether "
            "several devices stand behind this address.",
        ))  # fmt: skip
    denied = [claim for claim in claims if claim.field == "not_maker" and claim.text == maker]
    if denied:
        found.append(Conflict(
            "maker", (maker, f"not {maker}"), (strongest[maker].hit.rule.id, denied[0].hit.rule.id),
            f"Some evidence names {maker} as the maker and some speaks against it.",
        ))  # fmt: skip
    foreign = [
        claim for claim in claims if claim.field == "brand" and rules.brands.belongs_to_another(maker, claim.text)
    ]
    if foreign and not any(rival.maker in rules.brands.makers_of(foreign[0].text) for rival in rivals):
        owner = rules.brands.makers_of(foreign[0].text)[0]
        found.append(Conflict(
            "maker", (maker, owner), (strongest[maker].hit.rule.id, foreign[0].hit.rule.id),
            f"Evidence names {maker} as the maker, and the label {foreign[0].text} belongs to {owner}.",
        ))  # fmt: skip
    return tuple(found)
