"""Puts evidence together: maker, label, kind and how sure that is. Pure and independent of the order of its input."""

from __future__ import annotations

from dataclasses import dataclass
from dataclasses import field as made_anew
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

from auditor.common.display import visible
from auditor.common.limits import MAX_DISPLAY
from auditor.identify import confidence as number
from auditor.identify.explain import overturn
from auditor.identify.models import ModelFacts
from auditor.identify.schema import FIELDS
from auditor.identify.serials import SerialFacts
from auditor.identify.turning import Outcome, Turning, Witness, decisive
from auditor.identify.unit import label_note, look_for
from auditor.model import Conflict, Evidence, Identity, Kind, Relation, Strength, Verdict

if TYPE_CHECKING:
    from collections.abc import Sequence

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
_RIVALRIES = 64  # sets of rivals remembered for one candidate
_REMEMBERED = 4096  # ways in which rules name a maker; a fleet has some hundreds
_OWN_PROTOCOL, _CONCLUSIVE, _STRONG, _OTHER = range(4)
_MODERATE = _ORDER[Strength.MODERATE]


_KINDS = {str(kind.value): place for place, kind in enumerate(_NARROW_FIRST)}
_FIELD_PLACES = {name: place for place, name in enumerate(FIELDS)}


class _Turns(NamedTuple):
    """What a verdict turns on: the sentences on it, and the witness that each independence group is counted with."""

    sentences: tuple[str, ...]
    counted: dict[str, str]


@dataclass(frozen=True)
class _Candidate:
    """A maker that evidence names.

    Attributes:
        quality: of its best evidence, 0 is best: its own protocol; conclusive; strong, or conclusive but only a label;
            anything else. MAC prefixes do not count.
        groups: strongest evidence of each independent witness.
        rules: number of rules that name it.
        only_labels: nothing but labels names it.
        turns: what its verdict was found to turn on, by verdict and rivals.
    """

    maker: str
    confidence: float
    without_mac: float
    quality: int
    groups: dict[str, Strength]
    rules: int
    only_labels: bool
    turns: dict[Any, _Turns] = made_anew(default_factory=dict, compare=False, repr=False)

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
    claims = _claims(rules.matcher.hits(observations), rules)
    every: _Said = {}
    for claim in claims:
        every.setdefault(claim.field, []).append(claim)
    candidates = _candidates(every, rules.matcher.memory)
    winner = candidates[0] if candidates and candidates[0].confidence >= number.POSSIBLE - 1e-9 else None
    maker = winner.maker if winner else None
    level = min(candidates[0].confidence, number.CEILING) if candidates else 0.0
    rivals = [
        other
        for other in (candidates[1:] if winner else [])
        if other.confidence >= number.POSSIBLE - 1e-9 and not _is_its_label(other, winner, rules)
    ]
    said = _kept(every, maker, rules)
    brand = _label(said.get("brand", ()), maker, rules)
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
    word = Verdict.UNIDENTIFIED
    if winner:
        word = number.verdict(
            level,
            independent=winner.independent,
            own_protocol=winner.own_protocol,
            rival=max((rival.confidence for rival in rivals), default=0.0),
            contested=any(winner.is_contested_by(rival) for rival in rivals),
        )
    turning = _turning(winner, word, every, rivals) if winner else None
    conflicts = _conflicts(maker, rivals, every, rules)
    return Identity(
        device=device, maker=maker, brand=brand, rebrand=rebrand, relation=relation, model=model,
        kind=kind, firmware=_best(said, "firmware"), serial=serial, manufactured=made.manufactured,
        megapixels=known.megapixels, lens=known.lens, functions=known.functions,
        channels=known.channels or (made.channels if kind in _KEEPS_CHANNELS else None),
        confidence=level, verdict=word, evidence=evidence, conflicts=conflicts,
        rests_on=_rests_on(maker, evidence, turning), overturn=turning.sentences if turning else overturn(None),
        look_for=look_for(
            [candidate.maker for candidate in ([winner, *rivals] if winner else [])], verdict=word, kind=kind,
            brand=brand, doubted=any(conflict.about == "maker" for conflict in conflicts), rules=rules,
        ),
        label_note=label_note(brand, maker, rules),
    )  # fmt: skip


def _turning(winner: _Candidate, word: Verdict, every: _Said, rivals: Sequence[_Candidate]) -> _Turns:
    """Return what a verdict turns on: each witness is taken away in turn and the rest is weighed again.

    The answer is remembered with the candidate: it depends on which rules matched on which ports, not on the values.
    """
    mark = (word, *(rival.rank for rival in rivals))
    known = winner.turns.get(mark)
    if known is None:
        hits = [claim.hit for claim in every["maker"] if claim.text == winner.maker]
        denied = any(claim.text == winner.maker for claim in every.get("not_maker", ()))
        counted = number.witnesses((hit.rule.group, hit.key, hit.port) for hit in hits)
        found = _weighed_again(winner.maker, word, hits, counted, rivals, denied=denied)
        if len(winner.turns) >= _RIVALRIES:
            winner.turns.clear()
        known = winner.turns[mark] = _Turns(overturn(found), counted)
    return known


def _weighed_again(
    maker: str, word: Verdict, hits: Sequence[Hit], counted: dict[str, str], rivals: Sequence[_Candidate], *,
    denied: bool,
) -> Turning:  # fmt: skip
    now = Outcome(maker, word)
    best: dict[str, Hit] = {}
    for hit in sorted(hits, key=lambda hit: (
        _ORDER[hit.rule.strength], hit.rule.group == number.MAC_GROUP, _plain(counted[hit.rule.group], hit.key),
    )):  # fmt: skip
        best.setdefault(counted[hit.rule.group], hit)
    witnesses = [Witness(hit.rule.group, hit.port) for hit in best.values()]

    def without(fallen: frozenset[str]) -> Outcome:
        gone = {counted[group] for group in fallen}
        return _said([hit for hit in hits if counted[hit.rule.group] not in gone], maker, rivals, denied=denied)

    single, least = decisive(witnesses, now, without)
    return Turning(
        now, tuple(witnesses), single, least,
        tuple(
            (gone.maker, _said(hits, maker, [rival for rival in rivals if rival is not gone], denied=denied))
            for gone in rivals
        ),
        _said(hits, maker, rivals, denied=False) if denied else None,
    )  # fmt: skip


def _said(hits: Sequence[Hit], maker: str, rivals: Sequence[_Candidate], *, denied: bool) -> Outcome:
    """Return what is said of a device when these hits name a maker and these rivals stand against it."""
    mine = [_candidate(maker, hits, denied=denied)] if hits else []
    ranked = sorted((*mine, *rivals), key=lambda candidate: candidate.rank)
    if not ranked or ranked[0].confidence < number.POSSIBLE - 1e-9:
        return Outcome(None, Verdict.UNIDENTIFIED)
    first, *others = ranked
    others = [other for other in others if other.confidence >= number.POSSIBLE - 1e-9]
    word = number.verdict(
        min(first.confidence, number.CEILING),
        independent=first.independent,
        own_protocol=first.own_protocol,
        rival=max((other.confidence for other in others), default=0.0),
        contested=any(first.is_contested_by(other) for other in others),
    )
    return Outcome(first.maker, word)


def _rests_on(maker: str | None, evidence: Sequence[Evidence], turning: _Turns | None) -> tuple[int, ...]:
    """Return the place of the best evidence of each independent witness for the maker, strongest first."""
    if turning is None:
        return ()
    says = f"maker {maker}"
    best: dict[str, int] = {}
    for place, item in enumerate(evidence):  # strongest first
        if item.says != says:
            continue
        witness = turning.counted[item.group]
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


def _candidates(every: _Said, memory: dict[Any, Any]) -> list[_Candidate]:
    """Return the makers that evidence names, the likeliest first.

    Args:
        every: what the matches say, by field.
        memory: what was found for the same rules on the same ports; the values that matched play no part.
    """
    denied = {claim.text for claim in every.get("not_maker", ())}
    named: dict[str, list[Hit]] = {}
    for claim in every.get("maker", ()):
        named.setdefault(claim.text, []).append(claim.hit)
    found: list[_Candidate] = []
    for maker, hits in named.items():
        signs = frozenset([(hit.rule.id, hit.key, hit.port, _is_label(hit)) for hit in hits])
        mark = (maker, maker in denied, signs)
        candidate = memory.get(mark)
        if candidate is None:
            if len(memory) >= _REMEMBERED:
                memory.clear()
            candidate = memory[mark] = _candidate(maker, hits, denied=maker in denied)
        found.append(candidate)
    return sorted(found, key=lambda candidate: candidate.rank)


def _candidate(maker: str, hits: Sequence[Hit], *, denied: bool) -> _Candidate:
    counted = number.witnesses((hit.rule.group, hit.key, hit.port) for hit in hits)
    groups: dict[str, Strength] = {}
    for hit in hits:
        name, strength = counted[hit.rule.group], hit.rule.strength
        if name not in groups or _ORDER[strength] < _ORDER[groups[name]]:
            groups[name] = strength
    confidence = number.combine(groups, denied=denied)
    rest = {name: strength for name, strength in groups.items() if name != number.MAC_GROUP}
    without_mac = confidence if len(rest) == len(groups) else number.combine(rest, denied=denied)
    return _Candidate(
        maker, confidence, without_mac, min(_quality(hit, denied=denied) for hit in hits), groups,
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
        return "/name/" in hit.value or "/manufacturer/" in hit.value
    return hit.key in _LABEL_KEYS


def _is_its_label(rival: _Candidate, winner: _Candidate | None, rules: RuleSet) -> bool:
    """Say whether a rival is named by labels only, of devices that the winner is known to build."""
    return winner is not None and rival.only_labels and rules.brands.sells(winner.maker, rival.maker)


def _kept(every: _Said, maker: str | None, rules: RuleSet) -> _Said:
    """Return what is said by rules of this maker and of none; a label also by rules of others, where it is known."""
    found: _Said = {}
    for field, claims in every.items():
        if field not in {"maker", "not_maker"}:
            kept = [
                claim
                for claim in claims
                if claim.plan.maker is None
                or claim.plan.maker == maker
                or (field == "brand" and maker and _is_label(claim.hit) and rules.brands.relation(maker, claim.text))
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


def _conflicts(maker: str | None, rivals: Sequence[_Candidate], every: _Said, rules: RuleSet) -> tuple[Conflict, ...]:
    if maker is None:
        return ()
    strongest: dict[str, _Claim] = {}
    for claim in every["maker"]:
        strongest.setdefault(claim.text, claim)
    found: list[Conflict] = []
    if rivals:
        names = (maker, *(rival.maker for rival in rivals))
        shown = ", ".join(f"{name} ({strongest[name].hit.key})" for name in names)
        found.append(Conflict(
            "maker", names, tuple(strongest[name].hit.rule.id for name in names),
            f"Evidence names more than one maker: {shown}. None was discarded: look at the unit, or check whether "
            "several devices stand behind this address.",
        ))  # fmt: skip
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
