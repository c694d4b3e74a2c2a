"""The half of an audit that only thinks: observe, identify, merge, place, judge, cover, plan. No network, no clock."""

from __future__ import annotations

from dataclasses import dataclass, replace
from importlib import metadata
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from auditor import __version__
from auditor.assess import Contacts, Seen, SubnetFacts, cover, judge, mark, place
from auditor.assess.coverage import THIS_MACHINE
from auditor.common.data import data_warnings
from auditor.common.errors import ExitCode, UsageError
from auditor.identify import Answer, identify, merge
from auditor.identify.oui import MODULE, MODULE_SAYS
from auditor.model import (
    Audit,
    CoverageState,
    Device,
    Identity,
    Kind,
    LookResult,
    Run,
    Status,
)
from auditor.observe import observe
from auditor.pipeline.dates import age_warnings, data_dates
from auditor.plan import make_plan

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date, datetime

    from auditor.assess import LoadedPack
    from auditor.identify import RuleSet
    from auditor.model import Coverage, Outcome, Plan
    from auditor.net.network import Counters
    from auditor.pipeline.gather import Gathered
    from auditor.pipeline.watch import Observer
    from auditor.site import SiteFile

_LIBRARIES = ("scapy", "onvif-zeep", "zeep", "python-nmap", "netaddr", "jinja2", "lxml", "cryptography")


@dataclass(frozen=True, slots=True)
class RunFacts:
    """What the run itself knows.

    Attributes:
        id: UUIDv7 as text.
        started, finished: UTC.
        vantage: sentence on where it looked from.
        emulated: the whole site was an emulation.
        counters: what was sent and received.
        cannot_scan: this machine has no way to any part of the scope.
    """

    id: str
    started: datetime
    finished: datetime
    vantage: str
    emulated: bool
    counters: Counters
    cannot_scan: bool


class Judge:
    """The fingerprints, the policies and the site of one run, applied to what was gathered."""

    def __init__(self, site: SiteFile, rules: RuleSet, packs: Sequence[LoadedPack]) -> None:
        self.site = site
        self.rules = rules
        self.packs = packs

    def answer(self, address: str, outcomes: Sequence[Outcome], mac: str | None) -> Answer:
        """Return what one address gave and what it is by that alone; `mac` was seen on its own link."""
        return answer(address, outcomes, mac, self.rules)

    def findings(self, device: Device, today: date) -> Device:
        """Return the device with its findings, flagged and to_check set."""
        return mark(device, judge(device, self.site.site, self.packs, today))

    def preview(self, address: str, gathered: Gathered, observer: Observer, today: date) -> None:
        """Tell the observer when a device that was just asked will be flagged."""
        gave = self.answer(address, gathered.outcomes.get(address, ()), gathered.mac_of(address))
        units = merge([gave], self.rules).units
        for device in place(units, {}, zone_of=self.site.scope.zone_of, locations={}):
            if self.findings(device, today).flagged:
                observer.flagged(address, device.identity.maker or "an unknown maker")


def answer(address: str, outcomes: Sequence[Outcome], mac: str | None, rules: RuleSet) -> Answer:
    """Return what one address gave and what it is by that alone.

    Args:
        address: as text.
        outcomes: raw, in the order of arrival.
        mac: seen on its own link, or None.
        rules: to identify by.
    """
    observations = tuple(fact for number, outcome in enumerate(outcomes) for fact in observe(outcome, number))
    return Answer(address, identify(address, observations, rules), observations, mac)


def conclude(site: SiteFile, gathered: Gathered, judging: Judge, facts: RunFacts) -> Audit:
    """Return the audit: everything that was gathered, identified, judged, covered and planned.

    Args:
        site: the loaded site file.
        gathered: what the network half learned.
        judging: rules and packs.
        facts: of the run.
    """
    today = facts.started.astimezone(ZoneInfo(site.site.timezone)).date()
    kept = [
        address
        for address in dict.fromkeys((*gathered.sightings, *gathered.outcomes))
        if not site.scope.is_excluded(address)
    ]
    answers = [
        judging.answer(address, gathered.outcomes.get(address, ()), gathered.mac_of(address)) for address in kept
    ]
    merged = merge(answers, judging.rules)
    coverage = _cover(site, gathered, {gave.address: gave.identity for gave in answers}, facts)
    states = {address: state for address, state, _reason in coverage.by_address}
    placed = place(
        merged.units,
        {address: _seen(gathered, address, states) for address in kept},
        zone_of=site.scope.zone_of,
        locations=site.locations,
    )
    named, unread = with_registrants(placed, judging.rules)
    devices = tuple(judging.findings(device, today) for device in named)
    plan = make_plan(devices, site.site, today)
    reasons = tuple(coverage.incomplete) + ((gathered.interrupted,) if gathered.interrupted else ())
    if coverage.states[CoverageState.EXCLUDED] == coverage.scope_size:
        reasons += ("Not one IPv4 address was asked: the scope has none, or all of them are excluded.",)
    code = _exit_code(devices, plan, gathered, facts, complete=not reasons)
    run = _run(site, gathered, judging, facts, reasons, code)
    warnings = (*site.warnings, *site.limits_raised, *gathered.warnings, *merged.warnings, *judging.rules.problems)
    warnings = (*warnings, *data_warnings(), *unread, *age_warnings(run.data_dates or {}, today))
    return Audit(site.site, site.authorisation, run, coverage, devices, plan, tuple(dict.fromkeys(warnings)))


def with_registrants(devices: Sequence[Device], rules: RuleSet) -> tuple[tuple[Device, ...], tuple[str, ...]]:
    """Return the devices with the holder of their MAC's prefix, and why that is missing where the register is damaged.

    It is text for the person who looks for the unit; nothing is judged by it.
    """
    done: list[Device] = []
    for device in devices:
        if device.mac is None:
            done.append(device)
            continue
        try:
            holder = rules.prefixes.registrant(device.mac)
        except UsageError as error:
            return tuple(devices), (f"Who holds the MAC prefixes is not shown: {error}",)
        block = rules.prefixes.block(device.mac)
        module = block is not None and block.role == MODULE
        notes = (f"Its MAC prefix is registered to {holder}, {MODULE_SAYS}.",) if module else ()
        done.append(replace(device, mac_registrant=holder, notes=device.notes + notes))
    return tuple(done), ()


def _cover(site: SiteFile, gathered: Gathered, identities: dict[str, Identity], facts: RunFacts) -> Coverage:
    scope = site.scope
    contacts = Contacts(
        looks=gathered.looks,
        identified={address for address, identity in identities.items() if _is_identified(identity)},
        answered=set(identities),
        stopped=gathered.stopped,
        not_attempted=gathered.untried,
        failed=gathered.failed,
    )
    return cover(
        [SubnetFacts(subnet.cidr, subnet.zone.name, subnet.size, subnet.addresses()) for subnet in scope.subnets()],
        contacts,
        excluded=scope.is_excluded,
        selected=scope.is_selected,
        canaries=site.canaries,
        ports=site.ports,
        ipv6_prefixes=tuple(prefix for zone in site.site.zones for prefix in zone.subnets if ":" in prefix),
        outside_scope=facts.counters.outside_scope,
        dropped=facts.counters.capture_drops,
    )


def _is_identified(identity: Identity) -> bool:
    return identity.maker is not None or identity.kind is not Kind.UNKNOWN


def _seen(gathered: Gathered, address: str, states: dict[str, CoverageState]) -> Seen:
    sightings = gathered.sightings.get(address, ())
    notes = [gathered.stopped[address]] if address in gathered.stopped else []
    notes += [f"Not asked everything: {gathered.untried[address]}."] if address in gathered.untried else []
    notes += [f"Not every question was asked: {gathered.ended[address]}."] if address in gathered.ended else []
    if any(outcome.truncated for outcome in gathered.outcomes.get(address, ())):
        notes.append("An answer of this device was cut off at a size or time limit.")
    return Seen(
        methods=tuple(dict.fromkeys(seen.method for seen in sightings)),
        first_seen=min((seen.at for seen in sightings), default=""),
        state=states.get(address, CoverageState.ANSWERED_UNIDENTIFIED),
        notes=tuple(notes),
    )


def _exit_code(
    devices: Sequence[Device], plan: Plan, gathered: Gathered, facts: RunFacts, *, complete: bool
) -> ExitCode:
    codes = [ExitCode.COMPLETE]
    if plan.to_check or any(device.flagged or device.to_check for device in devices):
        codes.append(ExitCode.FLAGGED)
    if not complete:
        codes.append(ExitCode.INCOMPLETE)
    if facts.cannot_scan or _no_way(gathered):
        codes.append(ExitCode.CANNOT_SCAN)
    if gathered.stopped_subnets:
        codes.append(ExitCode.STOPPED)
    return ExitCode.worst(*codes)


def _no_way(gathered: Gathered) -> bool:
    """Return whether no address of the scope could be reached from this machine, its own addresses left aside."""
    results = {look.result for looks in gathered.looks.values() for look in looks if look.reason != THIS_MACHINE}
    return bool(gathered.looks) and not gathered.sightings and results <= {LookResult.UNREACHABLE} and bool(results)


def _run(
    site: SiteFile, gathered: Gathered, judging: Judge, facts: RunFacts, reasons: tuple[str, ...], code: ExitCode
) -> Run:
    heard_layer_2 = any(look.method == "arp" for looks in gathered.looks.values() for look in looks)
    versions = {"camera-auditor": __version__, "fingerprints": judging.rules.version}
    versions |= {f"policy {pack.pack.id}": pack.pack.checked_on.isoformat() for pack in judging.packs}
    versions |= {name: metadata.version(name) for name in _LIBRARIES}
    return Run(
        id=facts.id,
        started=facts.started,
        finished=facts.finished,
        vantage=facts.vantage,
        profile="layer-2" if heard_layer_2 else "connect-only",
        pace=site.pace.name,
        versions=versions,
        complete=not reasons,
        reasons=reasons,
        exit_code=int(code),
        emulated=facts.emulated,
        counters=_numbers(facts.counters, gathered),
        limits=tuple(dict.fromkeys(gathered.limits)),
        data_dates=data_dates(judging.rules, judging.packs),
        interrupted=gathered.interrupted is not None,
    )


def _numbers(counters: Counters, gathered: Gathered) -> dict[str, int]:
    plain = {name: getattr(counters, name) for name in counters.__dataclass_fields__ if name != "per_device"}
    per_device = counters.per_device.values()
    probed: dict[str, Any] = {
        "most_connections_to_one_device": max((count.opened for count in per_device), default=0),
        "most_open_at_once_to_one_device": max((count.peak for count in per_device), default=0),
        "questions_answered": sum(
            outcome.status is Status.ANSWERED for outcomes in gathered.outcomes.values() for outcome in outcomes
        ),
        "addresses_looked_at": sum(
            any(look.result is not LookResult.NOT_ATTEMPTED for look in looks) for looks in gathered.looks.values()
        ),
    }
    return plain | probed
