"""Which addresses are one unit, and which address has several units behind it. Pure and independent of order.

The rules and the reasons are in docs/adr/0013. Two units taken for one hide one of them; one taken for two costs a
second look. So a doubt keeps apart, and says so.
"""

from __future__ import annotations

import ipaddress
import re
from collections import defaultdict
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import combinations
from operator import itemgetter
from typing import TYPE_CHECKING

from auditor.common.display import visible
from auditor.identify import wording
from auditor.identify.confidence import MAC_GROUP
from auditor.identify.identity import identify
from auditor.identify.keys import Key, Marks, Sort, is_virtual_router, marks, subject_macs
from auditor.model import Identity, Kind, Unit, Verdict

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from auditor.identify.rules import RuleSet
    from auditor.model import Observation

# Ports of one address that one unit answers, with what they say of it.
_Cluster = tuple[Marks, list[int]]
# A recorder with two network cards and a second address on each has four; beyond that a router answers for others.
MAX_ADDRESSES = 4
# Two network cards on one board have MACs that follow each other; sixteen is the smallest block that is handed out
# inside a firm. Two units of one delivery can be as near, so this only supports a number that both gave.
_NEAR = 16
# A report of a thousand like sentences is read by nobody; the units that they are about say it as well.
MOST_ALIKE = 20
# What shows two units behind one MAC.
_BEHIND_MAC = frozenset({"mac", "login", "endpoint", "certificate"})
_NOT_WORD = re.compile(r"[\W_]+")
_SENTENCES = {
    Sort.SERIAL: wording.SAME_SERIAL, Sort.ENDPOINT: wording.SAME_ENDPOINT, Sort.MAC: wording.SAME_MAC,
    Sort.CERTIFICATE: wording.SAME_CERTIFICATE,
}  # fmt: skip
_NAMES = {
    Sort.SERIAL: "the serial number {value}", Sort.ENDPOINT: "the ONVIF endpoint {value}",
    Sort.MAC: "the hardware address {value}", Sort.CERTIFICATE: "the certificate {value}",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Answer:
    """What one address gave.

    Attributes:
        address: IPv4 or IPv6, as text.
        identity: made from these observations alone.
        observations: in any order.
        mac: seen on its own link; None when it was not, never one that was learned across a router.
    """

    address: str
    identity: Identity
    observations: tuple[Observation, ...] = ()
    mac: str | None = None


@dataclass(frozen=True, slots=True)
class Merged:
    """Units in the order of their lowest address, and sentences on what could not be told apart."""

    units: tuple[Unit, ...]
    warnings: tuple[str, ...]


class _Warnings:
    """Sentences by kind, in the order in which they came."""

    def __init__(self) -> None:
        self._said: dict[str, dict[str, None]] = {}

    def add(self, template: str, sentence: str) -> str:
        """Keep a sentence made from a template once, and return it."""
        self._said.setdefault(template, {})[sentence] = None
        return sentence

    def told(self) -> tuple[str, ...]:
        """Return all, but of each kind no more than `MOST_ALIKE` and the number of the others."""
        shown = []
        for sentences in self._said.values():
            first, *others = sentences
            shown += [first, *others[: MOST_ALIKE - 1]]
            if (count := len(sentences) - MOST_ALIKE) > 0:
                shown.append(wording.MORE.format(count=count, sentence=first))
        return tuple(shown)


@dataclass(eq=False)
class _Part:
    """A whole address, or the ports of it that one of several units answers.

    Attributes:
        port: lowest of its ports where other units answer at the same address, else None.
        own: MAC seen on its own link, if it is this unit's.
        blurred: its MAC is that of other units as well.
        whole: its identity, when nothing was taken away from the address.
        front: it stands at the address itself, though others answer there too.
        split: sentence on the other units at the address, or empty.
        notes: sentences.
    """

    answer: Answer
    marks: Marks
    observations: tuple[Observation, ...]
    makers: frozenset[str]
    port: int | None = None
    own: str | None = None
    blurred: bool = False
    whole: bool = True
    front: bool = True
    split: str = ""
    notes: list[str] = field(default_factory=list)

    @property
    def address(self) -> str:
        return self.answer.address

    @cached_property
    def place(self) -> tuple[int, int, int]:
        """Sort key that no other part has."""
        parsed = ipaddress.ip_address(self.address)
        return parsed.version, int(parsed), self.port or 0

    @cached_property
    def certified(self) -> frozenset[str]:
        """What its certificates were made for: MACs, its documented serial numbers, its address; empty if for none."""
        words = {key.value for key in self.marks.keys if key.sort is Sort.SERIAL and key.is_documented}
        return frozenset(
            word
            for subject in self.marks.certificates.values()
            for word in (
                *subject_macs(subject), *(word for word in (*words, self.address) if _names(subject, word))
            )
        )  # fmt: skip

    @cached_property
    def builders(self) -> frozenset[str]:
        """Makers of the hardware, the one that only a MAC prefix names as well; a platform runs on any computer."""
        if not self.whole:
            return self.makers
        identity = self.answer.identity
        if identity.maker is None or identity.kind is Kind.MANAGEMENT_PLATFORM:
            return frozenset()
        return frozenset({identity.maker})

    def tells(self) -> Iterator[Key]:
        """Yield what it shares with nobody but itself, certificates left aside."""
        yield from self.marks.keys
        if self.own is not None and Key(Sort.MAC, "", self.own) not in self.marks.keys:
            yield Key(Sort.MAC, "", self.own)


def merge(answers: Iterable[Answer], rules: RuleSet) -> Merged:
    """Return the units behind the addresses that answered.

    Args:
        answers: one for each address, in any order.
        rules: from `load_rules`; a unit that is not just one whole address is identified again, from all its answers.

    Addresses are one unit when they give the same serial number, ONVIF endpoint, MAC or certificate key, in this order
    of trust, nothing they say contradicts it, and no more than `MAX_ADDRESSES` give it. An address is several units
    when its ports give different serial numbers, login realms or makers, by what only one unit can say.
    """
    warnings = _Warnings()
    parts = sorted(
        (part for answer in answers for part in _parts(answer, rules)), key=lambda part: part.place
    )  # fmt: skip
    groups, reasons = _join(parts, rules, warnings)
    drafts = [_unit(group, reasons.get(group[0].place, ()), rules) for group in groups]
    taken = _taken(drafts)
    units = [unit if not unit.id or unit.id not in taken else replace(unit, id="") for unit in drafts]
    named = [
        replace(unit, id=unit.id or _address_id(group[0])) for unit, group in zip(units, groups, strict=True)
    ]  # fmt: skip
    return Merged(tuple(named), warnings.told())


def _taken(units: Sequence[Unit]) -> set[str]:
    """Return ids that more than one unit would have."""
    seen: set[str] = set()
    return {unit.id for unit in units if unit.id in seen or seen.add(unit.id)}  # type: ignore[func-returns-value]


# --- one address, several units ---


def _parts(answer: Answer, rules: RuleSet) -> list[_Part]:
    """Return the units of one address: one, unless two ports contradict each other in what only one unit can say."""
    seen = answer.mac.lower() if answer.mac else None
    own = None if seen is None or is_virtual_router(seen) else seen
    parts = _units_at(answer, own, rules)
    if seen is not None and own is None:
        for part in parts:
            part.notes.append(wording.ROUTER_MAC_NOTE.format(value=seen))
    return parts


def _units_at(answer: Answer, own: str | None, rules: RuleSet) -> list[_Part]:
    together, *others = marks(answer.observations, answer.identity.evidence).values() or (Marks(),)
    for told in others:
        together.add(told)
    whole = _Part(answer, together, answer.observations, _makers(answer.identity), own=own)
    if not _may_be_several(together):
        return [whole]
    by_port = marks(answer.observations, answer.identity.evidence)
    clusters = _clusters(by_port, rules)
    if len(clusters) < 2:  # noqa: PLR2004
        return [whole]
    front = _front(clusters, own, answer.identity)
    shown = [sorted(ports) for _, ports in clusters]
    unsure = _hand_out(clusters, by_port, front or 0)
    if None in by_port and front is not None:
        clusters[front][0].add(by_port[None])
    return [
        _one_of_several(answer, clusters, shown, number, rules, front=front, unsure=unsure)
        for number in range(len(clusters))
    ]


def _may_be_several(found: Marks) -> bool:
    """Say whether anything that only one unit can say was said in two ways; for nearly all addresses it was not."""
    said = [values for question, values in found.told.items() if question.startswith("serial ")]
    return any(len(values) > 1 for values in (found.makers, *said, *found.realms.values()))


def _hand_out(clusters: Sequence[_Cluster], by_port: Mapping[int | None, Marks], home: int) -> list[int]:
    """Give the ports that name no unit to the one of their maker, else to `home`; return those that nothing decided."""
    given = {port for _, ports in clusters for port in ports}
    unsure = []
    for port in sorted(port for port in by_port if port is not None and port not in given):
        fits = [cluster for cluster in clusters if cluster[0].makers & by_port[port].hints]
        owner, ports = fits[0] if len(fits) == 1 else clusters[home]
        owner.add(by_port[port])
        ports.append(port)
        if len(fits) != 1:
            unsure.append(port)
    return unsure


def _one_of_several(
    answer: Answer,
    clusters: Sequence[_Cluster],
    shown: Sequence[list[int]],
    number: int,
    rules: RuleSet,
    *,
    front: int | None,
    unsure: Sequence[int],
) -> _Part:
    """Return one of the units of an address, with the sentence on the others."""
    found, ports = clusters[number]
    at = number == front
    others = [place for place in range(len(clusters)) if place != number]
    why = "; ".join(dict.fromkeys(reason for place in others if (reason := _why(found, clusters[place][0], rules))))
    template = wording.SEVERAL_ONE_AT_IT if front is None else wording.FRONT if at else wording.SEVERAL_AT_ONE
    part = _Part(
        answer,
        found,
        tuple(item for item in answer.observations if (at if item.port is None else item.port in ports)),
        frozenset(found.makers),
        port=shown[number][0],
        own=(answer.mac or "").lower() if at else None,
        whole=False,
        front=at,
        split=template.format(
            address=answer.address,
            ports=_ports(shown[number]),
            others=_ports([port for place in others for port in shown[place]]),
            why=why,
        ),
    )
    if unsure and number == (front or 0):
        part.notes.append(wording.UNSURE_PORTS.format(address=answer.address, ports=_ports(unsure)))
    return part


def _clusters(by_port: Mapping[int | None, Marks], rules: RuleSet) -> list[_Cluster]:
    """Return the ports that speak of a unit, grouped by unit. Serial numbers decide before makers, low ports first."""
    telling = [(port, found) for port, found in by_port.items() if port is not None and (found.makers or found.keys)]
    telling.sort(key=lambda item: (not _serials(item[1]), not item[1].realms, item[0]))
    clusters: list[_Cluster] = []
    for port, found in telling:
        fits = [cluster for cluster in clusters if not _why(cluster[0], found, rules)]
        same = [cluster for cluster in fits if cluster[0].keys & found.keys]
        same = same or [cluster for cluster in fits if cluster[0].makers & found.makers] or fits
        if same:
            same[0][0].add(found)
            same[0][1].append(port)
        else:
            fresh = Marks()
            fresh.add(found)
            clusters.append((fresh, [port]))
    return sorted(clusters, key=lambda cluster: min(cluster[1]))


def _serials(found: Marks) -> set[str]:
    return {value for question, values in found.told.items() if question.startswith("serial ") for value in values}


def _why(one: Marks, other: Marks, rules: RuleSet) -> str:
    """Return why two ports of one address cannot be one unit, or nothing. Models and firmware do not count here."""
    for question in sorted(one.told.keys() & other.told.keys()):
        if question.startswith("serial ") and one.told[question].isdisjoint(other.told[question]):
            return wording.WHY["serial"].format(told=_told(one.told[question] | other.told[question]))
    if one.keys & other.keys:
        return ""
    for fact in sorted(one.realms.keys() & other.realms.keys()):
        if not _any_near(one.realms[fact], other.realms[fact]):
            return wording.WHY["realm"].format(told=_told(one.realms[fact] | other.realms[fact]))
    if _are_strangers(one.makers, other.makers, rules):
        return wording.WHY["maker"].format(told=_told(one.makers | other.makers))
    return ""


def _front(clusters: Sequence[_Cluster], own: str | None, identity: Identity) -> int | None:
    """Return which of the units has the MAC that was seen on the link, by its own word or by the prefix; else None."""
    if own is None:
        return None
    by_word = [number for number, (found, _) in enumerate(clusters) if own in found.macs]
    if by_word:
        return by_word[0] if len(by_word) == 1 else None
    prefix = {item.says.removeprefix("maker ") for item in identity.evidence if item.group == MAC_GROUP}
    by_prefix = [number for number, (found, _) in enumerate(clusters) if found.makers & prefix and not found.macs]
    return by_prefix[0] if len(by_prefix) == 1 else None


# --- several addresses, one unit ---


def _join(
    parts: Sequence[_Part], rules: RuleSet, warnings: _Warnings
) -> tuple[list[list[_Part]], dict[tuple[int, int, int], list[str]]]:
    """Return the parts grouped into units, and by the place of a unit's first part why they are one."""
    _disown_routers(parts, warnings)
    holders: defaultdict[Key, list[_Part]] = defaultdict(list)
    for part in parts:
        for key in part.tells():
            holders[key].append(part)
    for key, having in _certificates(parts):
        holders[key] = having
    groups = {part.place: [part] for part in parts}
    owner = {part.place: part.place for part in parts}
    reasons: defaultdict[tuple[int, int, int], list[str]] = defaultdict(list)
    for key in sorted(key for key, having in holders.items() if len(having) > 1):
        having = holders[key]
        if not _can_tell(key, having, owner, rules, warnings):
            continue
        for one, other in combinations(having, 2):
            first, second = sorted((owner[one.place], owner[other.place]))
            if first == second or one.address == other.address:
                continue
            if _tells_too_little(key, one, other, rules, warnings):
                continue
            mine, theirs = groups[first], groups[second]
            if (clash := _first_clash(mine, theirs, rules, key)) is not None:
                _keep_apart(key, *clash, rules, warnings)
                continue
            if len({part.address for part in (*mine, *theirs)}) > MAX_ADDRESSES:
                together = _listed(_addresses((*mine, *theirs)))
                sentence = wording.TOO_MANY.format(addresses=together, most=MAX_ADDRESSES)
                _note((one, other), warnings.add(wording.TOO_MANY, sentence))
                continue
            reasons[first] += [_sentence(key, one, other), *reasons.pop(second, [])]
            groups[first] = sorted((*mine, *theirs), key=lambda part: part.place)
            del groups[second]
            for part in theirs:
                owner[part.place] = first
    joined = [groups[place] for place in sorted(groups)]
    for group in joined:
        _doubt(group, warnings)
    return joined, dict(reasons)


def _tells_too_little(key: Key, one: _Part, other: _Part, rules: RuleSet, warnings: _Warnings) -> bool:
    """Say whether a shared key is not enough for two parts, and tell the reader."""
    if _is_in_front(key, one, other, rules):
        sentence = wording.FOREIGN_MAC.format(addresses=_listed(_addresses((one, other))), value=key.value)
        _note((one, other), warnings.add(wording.FOREIGN_MAC, sentence))
        one.blurred = other.blurred = True
        return True
    if not _is_enough(key, one, other):
        sentence = _apart(wording.NOT_ENOUGH, key, (one, other), names=False)
        _note((one, other), warnings.add(wording.NOT_ENOUGH, sentence))
        return True
    return False


def _note(parts: Iterable[_Part], sentence: str) -> None:
    for part in parts:
        part.notes.append(sentence)


def _doubt(group: Sequence[_Part], warnings: _Warnings) -> None:
    """Say of a unit that only a serial number holds together that the number may have been copied."""
    if len(group) == 1:
        return
    sets: list[list[_Part]] = []
    for part in group:
        mine = [others for others in sets if any(_share_more(part, other) for other in others)]
        sets = [*(others for others in sets if others not in mine), [part, *(other for some in mine for other in some)]]
    apart = [part for some in sets if any(_macs(part) for part in some) for part in some]
    if sum(any(_macs(part) for part in some) for some in sets) < 2:  # noqa: PLR2004
        return
    apart.sort(key=lambda part: part.place)
    serials = {key.value for part in apart for key in part.marks.keys if key.sort is Sort.SERIAL}
    macs = {mac for part in apart for mac in part.marks.macs or _macs(part)}
    sentence = wording.CLONED.format(addresses=_listed(_addresses(apart)), value=_told(serials), macs=_told(macs))
    group[0].notes.append(warnings.add(wording.CLONED, sentence))


def _share_more(one: _Part, other: _Part) -> bool:
    """Say whether two parts have something in common that no copied serial number brings along."""
    mine, theirs = one.marks.macs, other.marks.macs
    common = _other_keys(one) & _other_keys(other)
    if not (mine and theirs):
        mine, theirs = _macs(one), _macs(other)
    elif one.own == other.own and not _any_near(mine, theirs):  # it answers for both
        common = {key for key in common if key.value != one.own}
    return (
        bool(common)
        or not one.marks.certificates.keys().isdisjoint(other.marks.certificates)
        or _any_near(mine, theirs)
    )


def _disown_routers(parts: Sequence[_Part], warnings: _Warnings) -> None:
    """Take away the MACs that too many addresses have: those of routers, not of the units."""
    by_mac: defaultdict[str, list[_Part]] = defaultdict(list)
    for part in parts:
        if part.own is not None:
            by_mac[part.own].append(part)
    for mac, having in sorted(by_mac.items()):
        if len(having) > MAX_ADDRESSES:
            warnings.add(wording.SHARED_MAC, wording.SHARED_MAC.format(value=mac, count=len(having)))
            for part in having:
                part.own = None
                part.notes.append(wording.SHARED_MAC_NOTE.format(value=mac))


def _certificates(parts: Sequence[_Part]) -> Iterator[tuple[Key, list[_Part]]]:
    """Yield the certificates that were made for one unit: they name its MAC, its serial number or its address."""
    holders: defaultdict[str, list[_Part]] = defaultdict(list)
    for part in parts:
        for value in part.marks.certificates:
            holders[value].append(part)
    for value, having in holders.items():
        if len(having) < 2:  # noqa: PLR2004
            continue
        words = {
            key.value for part in having for key in part.marks.keys if key.sort is Sort.SERIAL and key.is_documented
        }
        words |= {part.address for part in having}
        subjects = {part.marks.certificates[value] for part in having}
        if any(subject_macs(subject) or any(_names(subject, word) for word in words) for subject in subjects):
            yield Key(Sort.CERTIFICATE, "", value), having


def _names(subject: str, word: str) -> bool:
    """Say whether a name stands in a certificate by itself: 10.0.0.5 does not stand in 10.0.0.50."""
    folded, wanted = subject.upper(), word.upper()
    start = folded.find(wanted)
    while start >= 0:
        around = folded[start - 1 : start] + folded[start + len(wanted) : start + len(wanted) + 1]
        if not any(character.isalnum() or character == "." for character in around):
            return True
        start = folded.find(wanted, start + 1)
    return False


def _can_tell(
    key: Key,
    having: Sequence[_Part],
    owner: Mapping[tuple[int, int, int], tuple[int, int, int]],
    rules: RuleSet,
    warnings: _Warnings,
) -> bool:
    """Say whether a key tells units apart: few give it, and none of them contradicts another."""
    addresses = {part.address for part in having}
    if len(addresses) < 2:  # noqa: PLR2004
        return False
    if len(addresses) > MAX_ADDRESSES:
        template = {Sort.SERIAL: wording.SHARED_SERIAL, Sort.ENDPOINT: wording.SHARED_ENDPOINT}.get(key.sort)
        if template is not None:  # a certificate or MAC that firmware brings along is nothing to look at
            warnings.add(template, template.format(value=visible(key.value), count=len(addresses)))
        return False
    clear = True
    for one, other in combinations(having, 2):
        # What a stronger key has made one unit does not come apart again.
        strangers = one.address != other.address and owner[one.place] != owner[other.place]
        if strangers and _clash(one, other, rules, key) is not None:
            if key.sort is not Sort.CERTIFICATE:  # the certificate of a firmware or of a whole site
                _keep_apart(key, one, other, rules, warnings, having)
            clear = False
            break
    return clear


def _keep_apart(
    key: Key, one: _Part, other: _Part, rules: RuleSet, warnings: _Warnings, having: Sequence[_Part] = ()
) -> None:
    """Say of two parts that they share a key and contradict each other."""
    word, told = _clash(one, other, rules, key) or ("", set())
    sentence = ""
    having = having or (one, other)
    if key.sort is Sort.MAC and word == "maker":
        makers = {maker for part in having for maker in part.makers}
        template = wording.CONTRADICTING[word]
        warnings.add(template, template.format(value=key.value, told=_told(makers)))
    else:
        template = wording.CONTRADICTING_MAKERS if word == "maker" else wording.CONTRADICTING[word]
        sentence = warnings.add(template, _apart(template, key, having, told=_told(told)))
    for part in having:
        others = _listed([address for address in _addresses(having) if address != part.address])
        if key.sort is Sort.MAC and part.own == key.value:
            part.blurred = True
        plain = key.sort is Sort.MAC and word == "maker"
        name = _NAMES[key.sort].format(value=visible(key.value))
        if word in _BEHIND_MAC:  # neither is less what it says for that
            part.notes.append(sentence)
            continue
        part.notes.append(
            wording.CONTRADICTING_NOTE if plain else wording.CONTRADICTING_UNIT_NOTE.format(value=name, others=others)
        )


def _first_clash(
    mine: Sequence[_Part], theirs: Sequence[_Part], rules: RuleSet, key: Key
) -> tuple[_Part, _Part] | None:
    """Return the first two parts of two groups that cannot be one unit."""
    for one in mine:
        for other in theirs:
            if _clash(one, other, rules, key) is not None:
                return one, other
    return None


def _clash(one: _Part, other: _Part, rules: RuleSet, key: Key) -> tuple[str, set[str]] | None:
    """Return in what two parts that share a key contradict each other, with what they say; None if in nothing."""
    for question in sorted(one.marks.told.keys() & other.marks.told.keys(), reverse=True):  # serial, model, firmware
        mine, theirs = one.marks.told[question], other.marks.told[question]
        sort = question.partition(" ")[0]
        if not any(_is_alike(sort, first, second) for first in mine for second in theirs):
            return sort, mine | theirs
    if _are_strangers(one.makers, other.makers, rules):
        return "maker", set(one.makers | other.makers)
    if one.address == other.address:  # two ports that were told apart
        return "serial", _serials(one.marks) | _serials(other.marks)
    return _clash_behind_mac(one, other) if key.sort is Sort.MAC else None


def _clash_behind_mac(one: _Part, other: _Part) -> tuple[str, set[str]] | None:
    """Return what shows two units behind one MAC: a router or bridge gives its own for all that it answers for."""
    mine, theirs = one.marks, other.marks
    if mine.macs and theirs.macs and not _any_near(mine.macs, theirs.macs):
        return "mac", mine.macs | theirs.macs
    for fact in sorted(mine.logins.keys() & theirs.logins.keys()):
        if mine.logins[fact].isdisjoint(theirs.logins[fact]):
            return "login", mine.logins[fact] | theirs.logins[fact]
    endpoints = [{key.value for key in found.keys if key.sort is Sort.ENDPOINT} for found in (mine, theirs)]
    if all(endpoints) and endpoints[0].isdisjoint(endpoints[1]):
        return "endpoint", endpoints[0] | endpoints[1]
    named = one.certified, other.certified
    if all(named) and named[0].isdisjoint(named[1]) and mine.certificates.keys().isdisjoint(theirs.certificates):
        return "certificate", set(named[0] | named[1])
    return None


def _is_alike(sort: str, one: str, other: str) -> bool:
    """Say whether two answers to one question are the same but for their spelling.

    Models are compared by letters and digits. Some answers give the day of the firmware after its version, others not.
    """
    if sort == "model":
        return (_NOT_WORD.sub("", one) or one) == (_NOT_WORD.sub("", other) or other)
    if sort != "firmware":
        return one == other
    short, long = sorted((one, other), key=len)
    # V5.6.30 is not V5.6.3 with something after it.
    return long.startswith(short) and not (short[-1:].isdigit() and long[len(short) : len(short) + 1].isdigit())


def _is_in_front(key: Key, one: _Part, other: _Part, rules: RuleSet) -> bool:
    """Say whether all that two parts share is a MAC on the link that may be that of a router or bridge before them.

    So it is when neither gives it as its own, it is not of the maker of either, and one of them says what it is. A host
    that says nothing has nothing that its MAC could be compared with.
    """
    own = one.own
    if own is None or own != other.own or key != Key(Sort.MAC, "", own):
        return False
    if set(one.tells()) & set(other.tells()) != {key}:
        return False
    if (one.certified or other.certified) and not one.marks.certificates.keys().isdisjoint(other.marks.certificates):
        return False
    stated = one.marks.macs | other.marks.macs
    if any(_is_near(own, mac) for mac in stated):
        return False
    makers = one.builders | other.builders
    return bool(stated or one.makers & makers or other.makers & makers) and not _is_of(own, makers, rules)


def _is_of(mac: str, makers: Iterable[str], rules: RuleSet) -> bool:
    """Say whether a MAC is of one of some makers, of a firm that builds for it, or of a module that anybody buys."""
    makers = set(makers)
    block = rules.prefixes.block(mac)
    if block is not None and (block.role == "module" or (makers and not _are_strangers(makers, {block.family}, rules))):
        return True
    words = set(_NOT_WORD.split((rules.prefixes.registrant(mac) or "").casefold())) - {""}
    return any(_NOT_WORD.split(maker.casefold())[0] in words for maker in makers)


def _is_enough(key: Key, one: _Part, other: _Part) -> bool:
    """Say whether a shared key is enough for these two.

    A documented serial number and a MAC seen on the link are. A number of unknown form is only together with something
    else. Anything weaker does not join two units whose own MACs are strangers: firmware that brings its endpoint, its
    serial number or a MAC along gives all units the same (home-assistant/core issue 162687).
    """
    if key.sort is Sort.SERIAL and key.is_documented:
        return True
    if one.own is not None and one.own == other.own:  # a MAC that stands in front of both is no support
        return _clash_behind_mac(one, other) is None
    mine, theirs = _macs(one), _macs(other)
    if mine and theirs:
        if one.own is not None and other.own is not None and not (one.own in theirs or other.own in mine):
            mine, theirs = {one.own}, {other.own}  # a MAC that both only name may stand in the firmware
        return _any_near(mine, theirs)
    return key.sort is not Sort.SERIAL or bool(_other_keys(one) & _other_keys(other))


def _macs(part: _Part) -> set[str]:
    return part.marks.macs | ({part.own} if part.own is not None else set())


def _other_keys(part: _Part) -> set[Key]:
    return {key for key in part.tells() if key.sort is not Sort.SERIAL}


def _are_strangers(mine: Iterable[str], theirs: Iterable[str], rules: RuleSet) -> bool:
    """Say whether makers contradict each other: none is the other, nor builds devices for it."""
    pairs = [(one, other) for one in mine for other in theirs]
    return bool(pairs) and not any(
        one == other or rules.brands.sells(one, other) or rules.brands.sells(other, one) for one, other in pairs
    )


def _makers(identity: Identity) -> frozenset[str]:
    """Return the maker of a whole address, unless only the MAC prefix names it: that may be a network module's."""
    named = [item for item in identity.evidence if item.says == f"maker {identity.maker}"]
    if identity.maker is None or (
        identity.verdict is Verdict.POSSIBLE and named and all(item.group == MAC_GROUP for item in named)
    ):
        return frozenset()
    return frozenset({identity.maker})


# --- what is said of a unit ---


def _unit(group: Sequence[_Part], because: Sequence[str], rules: RuleSet) -> Unit:
    addresses = _addresses(group)
    behind, notes = {}, []
    for part in group:
        reason, remark = _behind(part, set(addresses))
        notes += [*part.notes, *([part.split] if part.front and part.split else []), *remark]
        if reason:
            behind[part.place] = reason
    here = [part for part in group if part.place not in behind]
    if here:
        notes += [
            wording.ALSO_BEHIND.format(address=part.address, why=behind[part.place])
            for part in group
            if part.place in behind
        ]
    # A MAC that others answer with as well is not its own where it gives another.
    owning = [part for part in here if part.own is not None and not (part.blurred and _gives_another(part))]
    owns = sorted({part.own for part in owning if part.own is not None})
    blurred = any(part.blurred for part in owning)
    mac = owns[0] if owns else _declared(group)
    if len(owns) > 1:
        notes.append(wording.OTHER_MACS.format(macs=", ".join(owns[1:])))
    return Unit(
        id=_fact_id(group, None if blurred else mac),
        addresses=tuple(addresses),
        identity=_identity(group, rules),
        mac=mac,
        places=tuple(dict.fromkeys((*([] if blurred or mac is None else [*owns, mac]), *_addresses(here)))),
        same_because=tuple(dict.fromkeys(because)),
        behind=None if here else " ".join(dict.fromkeys(behind.values())),
        notes=tuple(dict.fromkeys(notes)),
    )  # fmt: skip


def _gives_another(part: _Part) -> bool:
    return part.own is not None and bool(part.marks.macs) and not _any_near({part.own}, part.marks.macs)


def _behind(part: _Part, unit: set[str]) -> tuple[str, list[str]]:
    """Return why a part stands behind its address, or nothing, and remarks."""
    if part.split and not part.front:
        return part.split, []
    if part.marks.proxy and part.marks.hints:
        return wording.PROXY.format(address=part.address, header=visible(part.marks.proxy)), []
    homes, settings = part.marks.homes, part.marks.settings
    if not (homes or settings) or (homes | settings) & unit or ":" in part.address:
        return "", []
    told = _told(homes or settings)
    if not homes:
        return "", [wording.OTHER_ADDRESS_NOTE.format(told=told)]
    if part.own is not None and (not part.marks.macs or any(_is_near(part.own, mac) for mac in part.marks.macs)):
        # On its own link, and no other MAC speaks for a unit behind it: a second network card, or an old setting.
        return "", [wording.OTHER_ADDRESS_NOTE.format(told=told)]
    return wording.OTHER_ADDRESS.format(address=part.address, told=told), []


def _is_near(one: str, other: str) -> bool:
    return abs(_mac_number(one) - _mac_number(other)) < _NEAR


def _any_near(mine: Iterable[str], theirs: Iterable[str]) -> bool:
    theirs = tuple(theirs)
    return any(_is_near(one, other) for one in mine for other in theirs)


def _declared(group: Sequence[_Part]) -> str | None:
    """Return the one MAC that a unit gives as its own where its link was not seen, or None."""
    macs = {mac for part in group for mac in part.marks.macs}
    return next(iter(macs)) if len(macs) == 1 else None


def _identity(group: Sequence[_Part], rules: RuleSet) -> Identity:
    """Return what the unit is: as before for one whole address, else from the answers of all its parts."""
    first = group[0]
    if len(group) == 1 and first.whole:
        return first.answer.identity
    observations: list[Observation] = []
    for part in group:
        # Answers are numbered for each address: the numbers of the next one go on after those of the last.
        start = max((item.response for item in observations), default=-1) + 1
        observations += (
            part.observations
            if not start
            else [replace(item, response=start + item.response) for item in part.observations]
        )
    return identify(first.address, observations, rules)


def _fact_id(group: Sequence[_Part], mac: str | None) -> str:
    """Return an id from the strongest stable fact: the MAC, then the serial number; empty when there is neither."""
    if mac is not None:
        return f"mac-{mac.replace(':', '')}"
    if any(part.blurred and not _gives_another(part) for part in group):
        return ""
    serials = sorted(
        {key for part in group for key in part.marks.keys if key.sort is Sort.SERIAL and key.is_documented}
    )
    return f"serial-{serials[0].form}-{serials[0].value.lower()}" if len({key.form for key in serials}) == 1 else ""


def _address_id(part: _Part) -> str:
    """Return an id that no other part has: IPv6 is written out in full."""
    name = "addr-" + ipaddress.ip_address(part.address).exploded.replace(".", "-").replace(":", "-")
    return name if part.port is None else f"{name}-port-{part.port}"


def _sentence(key: Key, one: _Part, other: _Part) -> str:
    first, second = sorted((one, other), key=lambda part: part.place)
    value = visible(key.value if key.sort is not Sort.CERTIFICATE else key.value[:16])
    return _SENTENCES[key.sort].format(one=first.address, other=second.address, value=value)


def _apart(template: str, key: Key, parts: Sequence[_Part], *, told: str = "", names: bool = True) -> str:
    value = _NAMES[key.sort].format(value=visible(key.value))
    value = value if names else value.removeprefix("the ")
    return template.format(addresses=_listed(_addresses(parts)), value=value, told=told)


def _addresses(parts: Iterable[_Part]) -> list[str]:
    return [address for address, _ in sorted({part.address: part.place for part in parts}.items(), key=itemgetter(1))]


def _listed(words: Sequence[str]) -> str:
    return " and ".join((", ".join(words[:-1]), words[-1])) if len(words) > 1 else "".join(words)


def _told(values: Iterable[str]) -> str:
    return ", ".join(visible(value) for value in sorted(values))


def _ports(ports: Sequence[int]) -> str:
    ordered = sorted(set(ports))
    if len(ordered) == 1:
        return wording.PORT.format(port=ordered[0])
    return wording.PORTS.format(ports=_listed([str(port) for port in ordered]))


def _mac_number(mac: str) -> int:
    return int(mac.replace(":", ""), 16)
