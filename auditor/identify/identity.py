"""Puts evidence together: maker, label, kind and how sure that is. Pure and independent of the order of its input."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

from auditor.common.display import visible
from auditor.common.limits import MAX_DISPLAY
from auditor.identify import confidence as number
from auditor.identify.explain import (
    EQUAL_MAKERS,
    NONE_DISCARDED,
    OTHER_PORTS,
    SEVERAL_MAKERS,
    SOLD_AS,
    joined,
    overturn,
)  # fmt: skip
from auditor.identify.models import ModelFacts
from auditor.identify.schema import FIELDS
from auditor.identify.serials import SerialFacts
from auditor.identify.turning import Outcome, Turning, Witness, decisive
from auditor.identify.unit import label_note, look_for
from auditor.model import Conflict, Evidence, Identity, Kind, Relation, Strength, Verdict

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from auditor.identify.match import Hit
    from auditor.identify.rules import RuleSet
    from auditor.identify.schema import Rule
    from auditor.model import Observation

# What an owner or a reseller writes. It says whose name a device carries, and less well who made it.
_LABEL_KEYS = frozenset({
    "onvif.manufacturer", "onvif.hostname", "http.title", "dns.name", "dhcp.hostname", "dhip.Vendor", "magicbox.vendor",
})  # fmt: skip
_ORDER = number.PLACE
# Of two kinds with equal evidence the narrower one is shown: a thermal camera also says that it is a camera.
_NARROW_FIRST = (
    Kind.THERMAL, Kind.PTZ, Kind.ACCESS_TERMINAL, Kind.INTERCOM, Kind.SCANNER, Kind.ENCODER, Kind.RECORDER,
    Kind.MANAGEMENT_PLATFORM, Kind.CAMERA, Kind.OTHER, Kind.UNKNOWN,
)  # fmt: skip


class _Field(NamedTuple):
    """One thing that a rule says: its place among others, its name, and the text, or the template to fill."""

    place: int
    name: str
    template: str | None
    text: str
    says: str


class _Plan(NamedTuple):
    """What is the same each time that a rule matches."""

    fingerprint: str
    strength: int
    word: Strength
    group: str
    source: str
    maker: str | None
    fields: tuple[_Field, ...]


class _Claim(NamedTuple):
    """One thing that one match says. Claims sort by their fields, strongest first; `number` tells equals apart."""

    strength: int
    place: int
    text: str
    fingerprint: str
    value: str
    port: int
    key: str
    number: int
    field: str
    says: str
    hit: Hit
    plan: _Plan


_new = tuple.__new__  # a third of the time of calling the class; there are a dozen claims a device
_Said = dict[str, list[_Claim]]  # claims by field, strongest first
# The two digits before the date in a serial number are channels on these; on a door station they are something else.
_KEEPS_CHANNELS = frozenset({Kind.RECORDER, Kind.ENCODER})
# Of two signs of one witness that are equally strong, a name says more to a reader than a page or a check number.
_PLAIN = frozenset({"http.server", "rtsp.server", "ssdp.server", "snmp.sysdescr", "onvif.manufacturer"})
_HARD_TO_READ = frozenset({
    "http.body", "http.header_names", "http.favicon.mmh3", "http.favicon.md5", "rtsp.public", "rtsp.body", "tls.sha256",
})  # fmt: skip
_VIDEO_SERVER = "rtsp"
# What a firm can have put into devices that another builds for it: it says who sells a device, and not that no other
# built it.
_FIRMS_NAMES = frozenset({
    "http.server", "rtsp.server", "ssdp.server", "http.www_authenticate", "rtsp.www_authenticate", "snmp.sysdescr",
})  # fmt: skip
_CERTIFICATE = "tls."
_LAST = "\U0010ffff"  # a name after every other in the alphabet
_REMEMBERED = 4096  # ways in which rules name makers; a fleet has some hundreds
_OWN_PROTOCOL, _CONCLUSIVE, _STRONG, _OTHER = range(4)
_MODERATE = _ORDER[Strength.MODERATE]


_KINDS = {str(kind.value): place for place, kind in enumerate(_NARROW_FIRST)}
_FIELD_PLACES = {name: place for place, name in enumerate(FIELDS)}


class _Sign(NamedTuple):
    """One match that names a maker, or speaks against one, without its text.

    Attributes:
        label: it is a name that an owner or reseller gives.
        named: it is such a name, or one that a firm can put into the devices that another builds for it.
        seen: number of what was observed; signs with the same number rest on one observation.
    """

    maker: str
    against: bool
    rule: str
    strength: Strength
    group: str
    own_protocol: bool
    key: str
    port: int | None
    label: bool
    named: bool
    seen: int


@dataclass(frozen=True)
class _Candidate:
    """A maker that evidence names.

    Attributes:
        quality: of its best evidence, 0 is best: its own protocol; conclusive; strong, or conclusive but only a label;
            anything else. MAC prefixes do not count.
        groups: strongest evidence of each independent witness.
        rules: number of rules that name it.
        only_labels: nothing but labels names it.
        signs_of: what names it.
        counted: for each independence group the witness that it is counted with.
        denied: whether something speaks against it.
    """

    maker: str
    confidence: float
    without_mac: float
    quality: int
    groups: dict[str, Strength]
    rules: int
    only_labels: bool
    signs_of: tuple[_Sign, ...]
    counted: dict[str, str]
    denied: bool

    @property
    def own_protocol(self) -> bool:
        """Whether the device answered in the maker's own protocol."""
        return self.quality == _OWN_PROTOCOL

    @cached_property
    def independent(self) -> int:
        """Number of witnesses that are at least moderate."""
        return sum(_ORDER[strength] <= _MODERATE for strength in self.groups.values())

    @cached_property
    def signs(self) -> int:
        """Number of witnesses without the MAC prefix, which never clears a device."""
        return self.independent - (number.MAC_GROUP in self.groups)

    @cached_property
    def weight(self) -> tuple[int, int, float, float]:
        """Sort key: best evidence, then most witnesses, then surest. Two that are the same are equals."""
        return self.quality, -self.signs, -round(self.without_mac, 9), -round(self.confidence, 9)

    @property
    def rank(self) -> tuple[tuple[int, int, float, float], int, str]:
        """Sort key: how many rules of ours saw it, and then the name, decide between equals only."""
        return self.weight, -self.rules, self.maker

    @property
    def is_possible(self) -> bool:
        """Whether it is sure enough to be named at all."""
        return self.confidence >= number.POSSIBLE - 1e-9

    def is_contested_by(self, rival: _Candidate) -> bool:
        """Say whether the evidence of a rival is as good: both are probable, and only the order tells them apart."""
        if min(self.confidence, rival.confidence) < number.PROBABLE - 1e-9:
            return False
        if self.own_protocol != rival.own_protocol:
            return False
        same = (rival.quality, rival.signs) == (self.quality, self.signs)
        return same or rival.without_mac > self.without_mac + 1e-9

    def without_names(self) -> _Candidate | None:
        """Return the same maker by what is more than a name put into the device, or None where nothing is left."""
        rest = [sign for sign in self.signs_of if not sign.named]
        return (self if len(rest) == len(self.signs_of) else _candidate(self.maker, rest, denied=self.denied)
                if rest else None)  # fmt: skip


class _Standing(NamedTuple):
    """What signs say together.

    Attributes:
        level: confidence of the likeliest maker, whether or not it is sure enough to be named.
        winner: the maker that is named, or None.
        rivals: the others that are sure enough to be named.
        sold: makers whose names were taken for the label on what the winner builds.
        word: how sure.
    """

    level: float
    winner: _Candidate | None
    rivals: tuple[_Candidate, ...]
    sold: tuple[str, ...]
    word: Verdict

    @property
    def outcome(self) -> Outcome:
        """What is said."""
        return Outcome(self.winner.maker if self.winner else None, self.word)


class _Decision(NamedTuple):
    """What signs say together, and the sentences on what would overturn it."""

    standing: _Standing
    overturn: tuple[str, ...]


def identify(device: str, observations: Sequence[Observation], rules: RuleSet) -> Identity:
    """Return what a device is.

    Args:
        device: its key.
        observations: everything known of it, in any order.
        rules: from `load_rules`.

    The result does not depend on the order of the observations. A label alone never names a maker; a MAC prefix of
    another firm never clears a device.
    """
    claims = _claims(rules.matcher.hits(observations), rules)
    every: _Said = {}
    for claim in claims:
        every.setdefault(claim.field, []).append(claim)
    decision = _decision(every, rules)
    level, winner, rivals, sold, word = decision.standing
    maker = winner.maker if winner else None
    said = _kept(every, maker, sold, rules)
    brand = _label(said.get("brand", ()), maker, rules)
    if maker and sold and (brand is None or rules.brands.is_own_name(maker, brand)):
        brand = rules.brands.sold_name(maker, sold[0])
    model = _best(said, "model")
    rebrand = bool(maker and brand and not rules.brands.is_own_name(maker, brand))
    relation = (
        ((rules.brands.relation(maker, brand) or Relation.RESELLER) if maker and brand else None) if rebrand else None
    )
    serial = _best(said, "serial")
    kind = _kind(said, maker, rules)
    known = rules.traits.read(maker, model) if maker and model else ModelFacts()
    made = rules.serials.read(maker, serial, model) if maker and serial else SerialFacts()
    evidence = _evidence(claims)
    conflicts = _conflicts(decision.standing, every, rules)
    return Identity(
        device=device, maker=maker, brand=brand, rebrand=rebrand, relation=relation, model=model,
        kind=kind, firmware=_best(said, "firmware"), serial=serial, manufactured=made.manufactured,
        megapixels=known.megapixels, lens=known.lens, functions=known.functions,
        channels=known.channels or (made.channels if kind in _KEEPS_CHANNELS else None),
        confidence=level, verdict=word, evidence=evidence, conflicts=conflicts,
        rests_on=_rests_on(winner, evidence), overturn=decision.overturn,
        look_for=look_for(
            [candidate.maker for candidate in ([winner, *rivals] if winner else [])], verdict=word, kind=kind,
            brand=brand, doubted=any(conflict.about == "maker" for conflict in conflicts), rules=rules,
        ),
        label_note=label_note(brand, maker, rules),
    )  # fmt: skip


def _decision(every: _Said, rules: RuleSet) -> _Decision:
    """Return what the matches say of the maker.

    The answer is remembered: it depends on which rules matched on which ports, and on which of them rest on the same
    observation, not on the values.
    """
    named, denials = every.get("maker", ()), every.get("not_maker", ())
    numbers: dict[tuple[str, int, str], int] = {}
    mark = (*[
        (claim.text, claim.fingerprint, claim.key, claim.port, _is_label(claim.hit),
         numbers.setdefault((claim.key, claim.port, claim.value), len(numbers)))
        for claims in (named, denials) for claim in claims
    ], len(denials))  # fmt: skip
    memory = rules.matcher.memory
    known: _Decision | None = memory.get(mark)
    if known is None:
        if len(memory) >= _REMEMBERED:
            memory.clear()
        signs = [
            _sign(claim, numbers[claim.key, claim.port, claim.value], against=against)
            for against, claims in ((False, named), (True, denials)) for claim in claims
        ]  # fmt: skip
        standing = _standing(signs, rules)
        turning = _turning(standing, signs, rules) if standing.winner else None
        known = memory[mark] = _Decision(standing, overturn(turning))
    return known


def _sign(claim: _Claim, seen: int, *, against: bool) -> _Sign:
    rule, label = claim.hit.rule, _is_label(claim.hit)
    named = label or claim.key in _FIRMS_NAMES or claim.key.startswith(_CERTIFICATE)
    return _Sign(
        claim.text, against, rule.id, rule.strength, rule.group, rule.own_protocol, claim.key, claim.hit.port, label,
        named, seen,
    )  # fmt: skip


def _standing(signs: Sequence[_Sign], rules: RuleSet) -> _Standing:
    """Return what signs say together."""
    candidates = _candidates(signs)
    if not candidates:
        return _Standing(0.0, None, (), (), Verdict.UNIDENTIFIED)
    sold: list[str] = []
    if len(candidates) > 1:
        candidates, sold = _without_resold(candidates, rules)
        equals = [candidate for candidate in candidates if candidate.weight == candidates[0].weight]
        builder = next(
            (one for one in equals if any(rules.brands.sells(one.maker, other.maker) for other in equals)), equals[0]
        )
        candidates = [builder, *(candidate for candidate in candidates if candidate is not builder)]
    first = candidates[0]
    level = min(first.confidence, number.CEILING)
    if not first.is_possible:
        return _Standing(level, None, (), (), Verdict.UNIDENTIFIED)
    rivals = tuple(
        other
        for other in candidates[1:]
        if other.is_possible and not (other.only_labels and rules.brands.sells(first.maker, other.maker))
    )
    word = number.verdict(
        level,
        independent=first.independent,
        own_protocol=first.own_protocol,
        rival=max((rival.confidence for rival in rivals), default=0.0),
        contested=any(first.is_contested_by(rival) for rival in rivals),
    )
    return _Standing(level, first, rivals, tuple(name for name in sold if rules.brands.sells(first.maker, name)), word)


def _without_resold(candidates: Sequence[_Candidate], rules: RuleSet) -> tuple[list[_Candidate], list[str]]:
    """Return the makers without the names that a reseller puts into devices, and the resellers.

    Where a conclusive sign names the builder, the name of a firm that it is known to build for says who sells the
    device. What is more than a name (its own protocol, picture, page or address) still speaks for that firm.
    """
    builders = [candidate.maker for candidate in candidates if candidate.quality <= _CONCLUSIVE]
    kept: list[_Candidate] = []
    sold: list[str] = []
    for candidate in candidates:
        rest: _Candidate | None = candidate
        if any(rules.brands.sells(builder, candidate.maker) for builder in builders if builder != candidate.maker):
            rest = candidate.without_names()
        if rest is not candidate and candidate.is_possible and not candidate.only_labels:
            sold.append(candidate.maker)
        if rest is not None:
            kept.append(rest)
    return sorted(kept, key=lambda candidate: candidate.rank), sold


def _turning(standing: _Standing, signs: Sequence[_Sign], rules: RuleSet) -> Turning:
    """Return what a verdict turns on: observations are taken away, or added, and the rest is weighed again."""
    winner, now = standing.winner, standing.outcome
    if winner is None:
        msg = "nothing is named"
        raise ValueError(msg)
    mine, counted = winner.signs_of, winner.counted

    def left(gone: Iterable[_Sign]) -> Outcome:
        numbers = {sign.seen for sign in gone}
        return _standing([sign for sign in signs if sign.seen not in numbers], rules).outcome

    best: dict[str, _Sign] = {}
    for sign in sorted(mine, key=lambda sign: (
        _ORDER[sign.strength], sign.group == number.MAC_GROUP, _plain(counted[sign.group], sign.key),
    )):  # fmt: skip
        best.setdefault(counted[sign.group], sign)
    witnesses = [
        _witness(sign.group, [other for other in mine if counted[other.group] == name]) for name, sign in best.items()
    ]

    def without(fallen: frozenset[str]) -> Outcome:
        gone = {counted[group] for group in fallen}
        return left(sign for sign in mine if counted[sign.group] in gone)

    def also(group: str, *, own_protocol: bool) -> tuple[Outcome, Outcome]:
        first, last = (
            _standing([*signs, _Sign(
                name, False, "", Strength.CONCLUSIVE, group, own_protocol, "", None, False, False, -1,
            )], rules).outcome
            for name in ("", _LAST)
        )  # fmt: skip
        return first, last

    single, least = decisive(witnesses, now, without)
    denials = [sign for sign in signs if sign.against and sign.maker == winner.maker]
    return Turning(
        now, tuple(witnesses), single, least,
        tuple((gone.maker, left(sign for sign in signs if sign.maker == gone.maker and not sign.against))
              for gone in standing.rivals),
        left(denials) if denials else None,
        also("discovery", own_protocol=True), also("tls", own_protocol=False),
    )  # fmt: skip


def _witness(group: str, signs: Sequence[_Sign]) -> Witness:
    if group == number.MAC_GROUP:  # an address belongs to the unit, on whichever port it was told
        return Witness(group, ((group, ()),))
    ports: dict[str, set[int]] = {group: set()}
    for sign in signs:
        ports.setdefault(sign.group, set()).update([sign.port] if sign.port else [])
    seen = [(group, tuple(sorted(ports.pop(group))))]
    told = set(seen[0][1])
    for name in sorted(ports):
        if more := ports[name] - told:
            seen.append((name, tuple(sorted(more))))
            told |= more
    return Witness(group, tuple(seen))


def _rests_on(winner: _Candidate | None, evidence: Sequence[Evidence]) -> tuple[int, ...]:
    """Return the place of the best evidence of each independent witness for the maker, strongest first."""
    if winner is None:
        return ()
    says = f"maker {winner.maker}"
    best: dict[str, int] = {}
    for place, item in enumerate(evidence):  # strongest first
        if item.says != says:
            continue
        witness = winner.counted[item.group]
        other = evidence[best[witness]] if witness in best else None
        if other is None or (
            other.strength is item.strength and _plain(witness, item.observation) < _plain(witness, other.observation)
        ):
            best[witness] = place
    prefix = best.pop(number.MAC_GROUP, None)
    places = list(best.values())
    if prefix is not None:
        weight = _ORDER[evidence[prefix].strength]
        places.insert(sum(_ORDER[evidence[place].strength] <= weight for place in places), prefix)
    return tuple(places)


def _plain(witness: str, key: str) -> int:
    """Return how little a sign says to a reader: 0 is a name, 2 a page or a check number.

    A login message that both servers sent speaks for the video server, so what that one sent is shown.
    """
    if witness == _VIDEO_SERVER and not key.startswith("rtsp."):
        return 3
    return 0 if key in _PLAIN else 2 if key in _HARD_TO_READ else 1


def _claims(hits: Sequence[Hit], rules: RuleSet) -> list[_Claim]:
    """Return everything that the matches say, strongest first."""
    plans: dict[str, _Plan] = rules.plans
    seen: set[tuple[str | int | None, ...]] = set()
    found: list[_Claim] = []
    for hit in hits:
        plan = plans.get(hit.rule.id) or _plan(hit.rule, rules)
        key, value, port = hit.key, hit.value, hit.port
        mark = (plan.fingerprint, key, value, port, *hit.captured.values())
        if mark in seen:
            continue
        seen.add(mark)
        for place, name, template, text, says in plan.fields:
            if template is not None:
                filled = hit.text(template)
                if filled is None:
                    continue
                text = _shown(filled)  # noqa: PLW2901
                says = _says(name, text)  # noqa: PLW2901
            found.append(_new(_Claim, (
                plan.strength, place, text, plan.fingerprint, value, port or 0, key, len(found), name, says, hit, plan,
            )))  # fmt: skip
    found.sort()
    return found


def _plan(rule: Rule, rules: RuleSet) -> _Plan:
    fields = tuple(
        _Field(_FIELD_PLACES[name], name, text if "{" in text else None, text, _says(name, text))
        for name, text in rule.says.claims
    )
    plan = rules.plans[rule.id] = _Plan(
        rule.id, _ORDER[rule.strength], rule.strength, rule.group, rules.source_text(rule), rule.says.maker, fields
    )
    return plan


def _says(name: str, text: str) -> str:
    return f"not {text}" if name == "not_maker" else f"{name} {text}"


def _shown(text: str) -> str:
    """Return device text fit to be shown; most of it is, and needs no look at every character."""
    return text if len(text) <= MAX_DISPLAY and text.isascii() and text.isprintable() else visible(text)


def _candidates(signs: Sequence[_Sign]) -> list[_Candidate]:
    """Return the makers that signs name, the likeliest first."""
    denied = {sign.maker for sign in signs if sign.against}
    named: dict[str, list[_Sign]] = {}
    for sign in signs:
        if not sign.against:
            named.setdefault(sign.maker, []).append(sign)
    found = [_candidate(maker, mine, denied=maker in denied) for maker, mine in named.items()]
    return sorted(found, key=lambda candidate: candidate.rank)


def _candidate(maker: str, signs: Sequence[_Sign], *, denied: bool) -> _Candidate:
    counted = number.witnesses((sign.group, sign.key, sign.port) for sign in signs)
    groups: dict[str, Strength] = {}
    for sign in signs:
        name, strength = counted[sign.group], sign.strength
        if name not in groups or _ORDER[strength] < _ORDER[groups[name]]:
            groups[name] = strength
    confidence = number.combine(groups, denied=denied)
    rest = {name: strength for name, strength in groups.items() if name != number.MAC_GROUP}
    without_mac = confidence if len(rest) == len(groups) else number.combine(rest, denied=denied)
    return _Candidate(
        maker, confidence, without_mac, min(_quality(sign, denied=denied) for sign in signs), groups,
        len({sign.rule for sign in signs}), all(sign.label for sign in signs), tuple(signs), counted, denied,
    )  # fmt: skip


def _quality(sign: _Sign, *, denied: bool) -> int:
    """Return how good one piece of evidence is; what is denied counts only where it is conclusive."""
    if sign.strength is Strength.CONCLUSIVE:
        return _OWN_PROTOCOL if sign.own_protocol else _STRONG if sign.label else _CONCLUSIVE
    if sign.strength is Strength.STRONG and not denied and not sign.label and sign.group != number.MAC_GROUP:
        return _STRONG
    return _OTHER


def _is_label(hit: Hit) -> bool:
    """Say whether a match rests on a name that an owner or reseller gives, not on what the firmware does."""
    if hit.key.endswith(".scopes"):
        return "/name/" in hit.value or "/manufacturer/" in hit.value
    return hit.key in _LABEL_KEYS


def _kept(every: _Said, maker: str | None, sold: Sequence[str], rules: RuleSet) -> _Said:
    """Return what is said by rules of this maker and of none; a label also by rules of others, where it is known."""
    found: _Said = {}
    for field, claims in every.items():
        if field not in {"maker", "not_maker"}:
            kept = [
                claim
                for claim in claims
                if claim.plan.maker is None
                or claim.plan.maker == maker
                or (
                    field == "brand"
                    and maker
                    and (_is_label(claim.hit) or claim.plan.maker in sold)
                    and rules.brands.relation(maker, claim.text)
                )
            ]
            if kept:
                found[field] = kept
    return found


def _best(said: _Said, field: str) -> str | None:
    """Return the text of the strongest claim of a field; between equals, the first in the alphabet: they are sorted."""
    found = said.get(field)
    return found[0].text if found else None


def _label(found: Sequence[_Claim], maker: str | None, rules: RuleSet) -> str | None:
    """Return the label: another name than the maker's where anything but a weak clue shows one.

    The maker's own name survives under a reseller's label, in certificates for one; the reverse does not happen.

    Args:
        found: what is said of the label, strongest first.
        maker: who made the device, or None.
        rules: for what the labels are to the makers.
    """
    if maker is not None and found:
        own = {claim.text: rules.brands.is_own_name(maker, claim.text) for claim in found}
        others = [claim for claim in found if not own[claim.text]]
        shown = [claim for claim in others if claim.hit.rule.strength is not Strength.WEAK]
        found = shown or [claim for claim in found if own[claim.text]] or others
        found = [claim for claim in found if not rules.brands.belongs_to_another(maker, claim.text)]
    return found[0].text if found else None


def _kind(claims: _Said, maker: str | None, rules: RuleSet) -> Kind:
    """Return the kind: what a model name says by its maker's grammar, else what the strongest evidence says.

    A name that only one maker gives stands before weak evidence even where the maker is not known.
    """
    models = [claim.text for claim in claims.get("model", ())]  # claims come strongest first
    if maker:
        for model in models:
            if (known := rules.grammars.kind(maker, model)) is not None:
                return known
    said = [(claim.strength, _KINDS[claim.text]) for claim in claims.get("kind", ())]
    best = min(said, default=None)
    if best is None or best[0] > _MODERATE:
        for model in models:
            if (known := rules.grammars.kind_of_anybody(model)) is not None:
                return known
    return _NARROW_FIRST[best[1]] if best else Kind.UNKNOWN


def _evidence(claims: Sequence[_Claim]) -> tuple[Evidence, ...]:
    # One rule that says the same of several answers of one port is one piece of evidence to a reader: a login
    # challenge differs only by its nonce each time it is seen.
    first: dict[tuple[str, str, int, str], Evidence] = {}
    for _, _, _, fingerprint, value, number_of_port, key, _, _, says, hit, plan in claims:  # they come in their order
        mark = (fingerprint, key, number_of_port, says)
        if mark not in first:
            first[mark] = Evidence(
                fingerprint, key, _shown(value), says, plan.word, plan.group, hit.port, plan.source
            )  # fmt: skip
    return tuple(first.values())


def _conflicts(standing: _Standing, every: _Said, rules: RuleSet) -> tuple[Conflict, ...]:
    winner, rivals = standing.winner, standing.rivals
    if winner is None:
        return ()
    maker = winner.maker
    strongest: dict[str, _Claim] = {}
    for claim in every["maker"]:
        strongest.setdefault(claim.text, claim)
    found: list[Conflict] = []
    if rivals:
        names = (maker, *(rival.maker for rival in rivals))
        found.append(Conflict(
            "maker", names, tuple(strongest[name].hit.rule.id for name in names),
            _several_makers(winner, rivals, {name: strongest[name].hit for name in names}),
        ))  # fmt: skip
    found.extend(
        Conflict(
            "brand", (maker, name), (strongest[maker].hit.rule.id, strongest[name].hit.rule.id),
            SOLD_AS.format(shown=f"{name} ({strongest[name].hit.key})", maker=maker),
        )
        for name in standing.sold
        if name not in {rival.maker for rival in rivals}
    )  # fmt: skip
    denied = [claim for claim in every.get("not_maker", ()) if claim.text == maker]
    if denied:
        found.append(Conflict(
            "maker", (maker, f"not {maker}"), (strongest[maker].hit.rule.id, denied[0].hit.rule.id),
            f"Some evidence names {maker} as the maker and some speaks against it.",
        ))  # fmt: skip
    foreign = [claim for claim in every.get("brand", ()) if rules.brands.belongs_to_another(maker, claim.text)]
    if foreign and not any(rival.maker in rules.brands.makers_of(foreign[0].text) for rival in rivals):
        owner = rules.brands.makers_of(foreign[0].text)[0]
        found.append(Conflict(
            "maker", (maker, owner), (strongest[maker].hit.rule.id, foreign[0].hit.rule.id),
            f"Evidence names {maker} as the maker, and the label {foreign[0].text} belongs to {owner}.",
        ))  # fmt: skip
    return tuple(found)


def _several_makers(winner: _Candidate, rivals: Sequence[_Candidate], best: dict[str, Hit]) -> str:
    """Return the sentence on makers that evidence names besides the one that is given."""
    ports = {
        candidate.maker: {sign.port for sign in candidate.signs_of if sign.port and sign.group != number.MAC_GROUP}
        for candidate in (winner, *rivals)
    }
    elsewhere = [
        rival.maker
        for rival in rivals
        if ports[winner.maker] and ports[rival.maker] and not ports[rival.maker] & ports[winner.maker]
    ]
    shown = ", ".join(
        f"{name} ({hit.key} on port {hit.port})"
        if elsewhere and hit.port and hit.key != "mac"
        else f"{name} ({hit.key})"
        for name, hit in best.items()
    )
    equals = [winner.maker, *(rival.maker for rival in rivals if rival.weight == winner.weight)]
    first = (
        EQUAL_MAKERS.format(makers=joined(equals), shown=shown)
        if len(equals) > 1
        else SEVERAL_MAKERS.format(shown=shown)
    )
    if not elsewhere:
        return f"{first} {NONE_DISCARDED}"
    return f"{first} {OTHER_PORTS.format(maker=winner.maker, others=joined(elsewhere))}"
