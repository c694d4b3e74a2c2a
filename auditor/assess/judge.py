"""Applies policy packs to a device in its zone. Pure: no clock, no file, no network."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from enum import Enum, auto
from typing import TYPE_CHECKING

from auditor.assess import wording
from auditor.assess.entities import Business, LinkKind, SourceRead
from auditor.assess.packs import URGENT, KindUnseen, LoadedPack, Rule, Standing
from auditor.common.display import visible
from auditor.model import Decision, Device, Finding, Force, Identity, Kind, Site, Verdict

if TYPE_CHECKING:
    from collections.abc import Sequence

_URGENCY = {decision: place for place, decision in enumerate(Decision)}
_OWNED = frozenset({LinkKind.SUBSIDIARY, LinkKind.AFFILIATE})
_STRENGTH = {force: place for place, force in enumerate(Force)}


class _Fit(Enum):
    """How the maker and kind of a unit stand to a rule, before the question how sure that is."""

    NO = auto()
    YES = auto()
    KIND_UNSEEN_COVERED = auto()
    KIND_UNSEEN_OPEN = auto()
    MAKER_NOT_LISTED = auto()


def judge(device: Device, site: Site, packs: Sequence[LoadedPack], today: date) -> tuple[Finding, ...]:
    """Return what the packs say of a device, most urgent first.

    Args:
        device: with identity and zone; its own findings are ignored.
        site: gives name and sensitivity. Its `policies` are not read: the packs are given.
        packs: from `load_packs`.
        today: day of the judgement, in the site's time zone.

    A rule that asks for more certainty than the identity has never flags: at most one finding a pack then says
    `assess`, with the most urgent such rule. Where evidence also names another maker and a rule covers that one, one
    finding a pack and maker says `assess` for it. A device that no rule speaks of has no findings.
    """
    found = [finding for pack in packs for finding in _judge_by(pack, device, site, today)]
    return tuple(sorted(found, key=_order))


def mark(device: Device, findings: Sequence[Finding]) -> Device:
    """Return the device with its findings and the two marks of design, section 2.

    `flagged`: a finding says remove or disconnect. `to_check`: the identity is only `possible`, or a finding speaks of
    a rival maker: a covered maker is never lost because another one was ranked higher.
    """
    doubted = device.identity.verdict is Verdict.POSSIBLE
    return replace(
        device,
        findings=tuple(sorted(findings, key=_order)),
        flagged=any(finding.decision in URGENT for finding in findings),
        to_check=doubted
        or any(_speaks_of(finding, rival) for finding in findings for rival in rivals(device.identity)),
    )


def rivals(identity: Identity) -> tuple[str, ...]:
    """Return the makers that evidence names besides the one the identity gives, strongest first."""
    names = [name for conflict in identity.conflicts if conflict.about == "maker" for name in conflict.says]
    denied = {f"not {name}" for name in (identity.maker, *names)}
    return tuple(dict.fromkeys(name for name in names if name != identity.maker and name not in denied))


def _speaks_of(finding: Finding, rival: str) -> bool:
    opening = wording.RIVAL_MAKER[finding.force].partition("{rule}")[0]
    return finding.sentence.startswith(opening.format(maker=visible(rival)))


def _order(finding: Finding) -> tuple[int, date, int, str, str]:
    return (
        _URGENCY[finding.decision],
        finding.deadline or date.max,
        _STRENGTH[finding.force],
        finding.policy,
        finding.rule,
    )


def _judge_by(pack: LoadedPack, device: Device, site: Site, today: date) -> list[Finding]:
    identity = device.identity
    found: list[Finding] = []
    doubtful: list[Rule] = []
    for rule in pack.pack.rules:
        when = rule.when
        if not _stands(pack, rule, device, site, today):
            continue
        fit = _fit(pack, rule, identity, today)
        if fit is _Fit.NO:
            continue
        if rule.when.entity.unseen or fit is _Fit.MAKER_NOT_LISTED:
            template = wording.MAKER_NOT_LISTED[rule.force] if fit is _Fit.MAKER_NOT_LISTED else rule.sentence
            found.append(_finding(pack, rule, Decision.CANNOT_SAY, template, device, site, today))
        elif not when.is_sure_enough(identity.verdict, identity.confidence):
            if fit is not _Fit.KIND_UNSEEN_OPEN:
                doubtful.append(rule)
        elif fit is _Fit.KIND_UNSEEN_OPEN:
            template = wording.KIND_NOT_SEEN[rule.force]
            found.append(_finding(pack, rule, Decision.CANNOT_SAY, template, device, site, today))
        else:
            template = _sentence(pack, rule, fit, identity.maker or "", today)
            found.append(_finding(pack, rule, rule.decision, template, device, site, today))
    asking = [rule for rule in doubtful if _URGENCY[rule.decision] <= _URGENCY[Decision.ASSESS]]
    if asking:
        rule = min(asking, key=_first)
        template = wording.NOT_SURE_ENOUGH[rule.force]
        found.append(_finding(pack, rule, Decision.ASSESS, template, device, site, today, deadline=False))
    found += _rival_findings(pack, device, site, today)
    return _one_cannot_say(found)


def _first(rule: Rule) -> tuple[int, int, str]:
    return (_URGENCY[rule.decision], _STRENGTH[rule.force], rule.id)


def _rival_findings(pack: LoadedPack, device: Device, site: Site, today: date) -> list[Finding]:
    """Return one `assess` for each rival maker that a rule of the pack would ask something about."""
    found: list[Finding] = []
    own = pack.entities.find(device.identity.maker or "")
    for rival in rivals(device.identity):
        if own is not None and pack.entities.find(rival) == own:
            continue
        covering = [
            rule
            for rule in pack.pack.rules
            if not rule.when.entity.unseen
            and _URGENCY[rule.decision] <= _URGENCY[Decision.ASSESS]
            and _stands(pack, rule, device, site, today)
            and _made_by(pack, rule, rival, today)
        ]
        # The kind was read with the other maker in mind, so it chooses among the rules and rules none of them out.
        fitting = [rule for rule in covering if _fit_kind(pack, rule, device.identity.kind, rival) is not _Fit.NO]
        if covering:
            rule = min(fitting or covering, key=_first)
            seen_as = replace(device, identity=replace(device.identity, maker=rival))
            template = wording.RIVAL_MAKER[rule.force]
            found.append(_finding(pack, rule, Decision.ASSESS, template, seen_as, site, today, deadline=False))
    return found


def _stands(pack: LoadedPack, rule: Rule, device: Device, site: Site, today: date) -> bool:
    """Return whether a rule is in force and speaks of such a zone and site."""
    when = rule.when
    return (
        today >= (rule.effective or pack.pack.effective)
        and (when.zones is None or device.zone_role in when.zones)
        and (when.sensitivity is None or site.sensitivity in when.sensitivity)
    )


def _one_cannot_say(found: list[Finding]) -> list[Finding]:
    """Keep one `cannot-say` a pack: the same gap in the evidence need not be told once a rule."""
    kept: list[Finding] = []
    for finding in sorted(found, key=_order):
        repeated = finding.decision is Decision.CANNOT_SAY and any(
            other.decision is Decision.CANNOT_SAY for other in kept
        )
        if not repeated:
            kept.append(finding)
    return kept


def _fit(pack: LoadedPack, rule: Rule, identity: Identity, today: date) -> _Fit:
    if rule.when.entity.unseen:
        return _fit_unseen(pack, rule, identity)
    if identity.maker is None or identity.verdict is Verdict.UNIDENTIFIED:
        return _Fit.NO
    if not _made_by(pack, rule, identity.maker, today):
        return _Fit.NO
    return _fit_kind(pack, rule, identity.kind, identity.maker)


def _fit_kind(pack: LoadedPack, rule: Rule, kind: Kind, maker: str) -> _Fit:
    kinds = rule.when.kinds
    if kinds is None or kind in kinds:
        return _Fit.YES
    if kind is not Kind.UNKNOWN:
        return _Fit.NO
    if rule.when.kind_unseen is KindUnseen.COVERED or _business(pack, maker) is Business.SURVEILLANCE:
        return _Fit.KIND_UNSEEN_COVERED
    return _Fit.KIND_UNSEEN_OPEN


def _fit_unseen(pack: LoadedPack, rule: Rule, identity: Identity) -> _Fit:
    """An unknown maker matters only where the unit at least looks like one of the rule's kinds."""
    if rule.when.kinds is not None and identity.kind not in rule.when.kinds:
        return _Fit.NO
    if identity.maker is None or identity.verdict is Verdict.UNIDENTIFIED:
        return _Fit.YES
    return _Fit.NO if pack.entities.knows(identity.maker) else _Fit.MAKER_NOT_LISTED


def _made_by(pack: LoadedPack, rule: Rule, maker: str, today: date) -> bool:
    test = rule.when.entity
    if test.named is not None:
        name = pack.entities.find(maker)
        own = name in test.named and not (test.affiliates and test.affiliates.only)
        return own or (
            test.affiliates is not None
            and any(
                parent in test.named and link.relation in test.affiliates.relations and link.stands(today)
                for parent, link in pack.entities.links(maker)
            )
        )
    name = _entry_of(pack, maker, today)
    if name is None:
        return False
    entry = pack.entities.makers[name]
    if test.country is not None:
        return entry.country in test.country
    if test.law is None:
        return False
    applied = any(law.law == test.law.id and law.since <= today for law in entry.applied_laws)
    if test.law.standing is Standing.APPLIED:
        return applied
    law = pack.entities.laws[test.law.id]
    return entry.country == law.country and law.in_force <= today and not applied


def _entry_of(pack: LoadedPack, maker: str, today: date) -> str | None:
    """Return the key of a maker; an owned company stands as its owner does."""
    owners = (parent for parent, link in pack.entities.links(maker) if link.relation in _OWNED and link.stands(today))
    return pack.entities.find(maker) or next(owners, None)


def _country_unchecked(pack: LoadedPack, rule: Rule, maker: str, today: date) -> bool:
    """Return whether the rule goes by the maker's country and nobody has checked that for this maker."""
    test = rule.when.entity
    if test.country is None and not (test.law and test.law.standing is Standing.BY_COUNTRY):
        return False
    name = _entry_of(pack, maker, today)
    return name is not None and pack.entities.makers[name].country_read is SourceRead.UNSOURCED


def _sentence(pack: LoadedPack, rule: Rule, fit: _Fit, maker: str, today: date) -> str:
    unseen = fit is _Fit.KIND_UNSEEN_COVERED
    if _country_unchecked(pack, rule, maker, today):
        both = rule.sentence_when_kind_unseen_and_country_unchecked
        return (both if unseen else None) or rule.sentence_when_country_unchecked or rule.sentence
    return (rule.sentence_when_kind_unseen if unseen else None) or rule.sentence


def _business(pack: LoadedPack, maker: str) -> Business:
    """Return a maker's business; an affiliate has that of the company it belongs to."""
    name = pack.entities.find(maker)
    if name is None:
        name = next((parent for parent, _ in pack.entities.links(maker)), None)
    return Business.MIXED if name is None else pack.entities.makers[name].business


def _finding(
    pack: LoadedPack,
    rule: Rule,
    decision: Decision,
    template: str,
    device: Device,
    site: Site,
    today: date,
    *,
    deadline: bool = True,
) -> Finding:
    unchecked = _country_unchecked(pack, rule, device.identity.maker or "", today)
    sentence = template.format(
        maker=visible(device.identity.maker or ""), site=visible(site.name), zone=visible(device.zone), rule=rule.title
    )
    return Finding(
        policy=pack.pack.id,
        rule=rule.id,
        decision=decision,
        force=rule.force,
        sentence=sentence,
        # A deadline belongs to the rule's own decision, not to the question whether the rule applies.
        deadline=rule.deadline if deadline and decision is rule.decision else None,
        sources=tuple(source.address for source in rule.sources or pack.pack.sources),
        # A finding rests on the weakest thing that was read for it.
        source_read=(SourceRead.UNSOURCED if unchecked else rule.source_read or pack.pack.source_read).value,
    )
