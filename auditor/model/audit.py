"""What the judging stages hand on: zones, devices, findings, coverage, plan, and the run as a whole."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime  # noqa: TC003  (dataclass fields, read by users of the type)

from auditor.model.identity import Identity  # noqa: TC001
from auditor.model.vocab import CoverageState, Decision, Force, Sensitivity, ZoneRole


@dataclass(frozen=True, slots=True)
class Zone:
    """A named set of subnets with a role.

    Attributes:
        name: as in the site file.
        role: declared role.
        subnets: CIDR prefixes as text, IPv4 or IPv6.
    """

    name: str
    role: ZoneRole
    subnets: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Site:
    """The facts of a site that judging and reporting need; no paths, no credentials.

    Attributes:
        name: of the site.
        sensitivity: as declared.
        zones: in the order of the site file.
        policies: ids of the policy packs to judge by, e.g. `uk-2022`.
        language: of the report, e.g. `en`.
        timezone: IANA name.
        contacts: `(role, who)` pairs: who is told before and after.
    """

    name: str
    sensitivity: Sensitivity
    zones: tuple[Zone, ...]
    policies: tuple[str, ...]
    language: str = "en"
    timezone: str = "UTC"
    contacts: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Authorisation:
    """Who allowed the audit, on what paper, and for which days (inclusive, in the site's time zone)."""

    by: str
    reference: str
    valid_from: date
    valid_until: date
    methods: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Location:
    """Where a unit hangs, from the site's locations CSV; every field may be empty.

    Attributes:
        building, floor, room, mounting: as the site writes them.
        switch, port, vlan: where the cable ends.
    """

    building: str = ""
    floor: str = ""
    room: str = ""
    mounting: str = ""
    switch: str = ""
    port: str = ""
    vlan: str = ""


@dataclass(frozen=True, slots=True)
class Finding:
    """A policy rule applied to a device in its zone.

    Attributes:
        policy: id of the pack, e.g. `uk-2022`.
        rule: id of the rule within the pack, e.g. `uk-2022.core-network`.
        decision: what the rule asks for.
        force: with what authority.
        deadline: last day, or None.
        sentence: why it applies, one plain sentence a manager can read out.
        sources: addresses of the rule's text.
        source_read: `primary`, `secondary` or `unsourced`: whether the text itself was read, and what it rests on.
    """

    policy: str
    rule: str
    decision: Decision
    force: Force
    sentence: str
    deadline: date | None = None
    sources: tuple[str, ...] = ()
    source_read: str = "secondary"


@dataclass(frozen=True, slots=True)
class Unit:
    """One physical unit, told apart from the others by what its addresses answered; not yet placed in a zone.

    Attributes:
        id: stable within a site: of its MAC, of a serial number that only it has, else of its lowest address, with a
            port where other units answer at that address.
        addresses: every address it was seen at, ascending.
        identity: what it is, from the answers of all its addresses.
        mac: its own, lower case with colons, or None.
        places: MACs and addresses by which a list of places knows it, surest first. Where it stands behind an address,
            that address is not among them.
        same_because: why its addresses are one unit, one sentence each.
        behind: sentence on why it stands behind its address (a router, a proxy, another unit) and not at it, or None.
        notes: sentences a reader must know.
    """

    id: str
    addresses: tuple[str, ...]
    identity: Identity
    mac: str | None = None
    places: tuple[str, ...] = ()
    same_because: tuple[str, ...] = ()
    behind: str | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Device:
    """One unit of the site: identity, place and findings.

    Attributes:
        id: stable within a site, derived from the strongest stable fact (`mac-4419b6000005`, `serial-dahua-...`,
            `addr-10-0-0-5`, `addr-10-0-0-5-port-8080`).
        addresses: every address it was seen at, first the one it was probed at.
        mac: its own, lower case with colons, or None.
        zone, zone_role: longest prefix of its first address.
        location: from the locations CSV, or None.
        identity: what it is.
        findings: most urgent first.
        flagged: a finding says remove or disconnect.
        to_check: its identity is only `possible`, or evidence also names a maker that a policy covers.
        methods: discovery methods that saw it.
        first_seen: UTC, ISO 8601 with `Z`.
        notes: sentences a reader must know, e.g. `stopped answering during the audit`.
        state: coverage state of its first address.
        same_because: why its addresses are one unit, one sentence each.
        behind: sentence on why it stands behind its address (a router, a proxy, another unit) and not at it, or None.
        mac_registrant: who holds the prefix of its MAC in the IEEE registers, or why nobody does; no evidence. None
            when there is no MAC or no such block.
    """

    id: str
    addresses: tuple[str, ...]
    mac: str | None
    zone: str
    zone_role: ZoneRole
    location: Location | None
    identity: Identity
    findings: tuple[Finding, ...] = ()
    flagged: bool = False
    to_check: bool = False
    methods: tuple[str, ...] = ()
    first_seen: str = ""
    notes: tuple[str, ...] = ()
    state: CoverageState = CoverageState.ANSWERED_UNIDENTIFIED
    same_because: tuple[str, ...] = ()
    behind: str | None = None
    mac_registrant: str | None = None


@dataclass(frozen=True, slots=True)
class SubnetCoverage:
    """Coverage of one declared subnet.

    Attributes:
        subnet: CIDR as text.
        zone: name of the zone.
        size: addresses that belong to it (longest prefix).
        states: count of addresses per state; every state is present, and they add up to `size`.
        methods: discovery methods that looked here.
    """

    subnet: str
    zone: str
    size: int
    states: dict[CoverageState, int]
    methods: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Coverage:
    """What was seen and what was not.

    Attributes:
        scope_size: number of addresses in scope.
        states: count per state; they add up to `scope_size`.
        by_subnet: the same per declared subnet.
        hidden: plain sentences: what could hide a camera from this audit.
        incomplete: plain sentences: why the audit is incomplete; empty when it is complete.
        by_address: state and reason of every address that is neither silent nor excluded by a wide range.
        ipv6_prefixes: declared IPv6 prefixes, never swept.
        outside_scope: number of answers from outside the scope that were counted and not kept.
    """

    scope_size: int
    states: dict[CoverageState, int]
    by_subnet: tuple[SubnetCoverage, ...]
    hidden: tuple[str, ...] = ()
    incomplete: tuple[str, ...] = ()
    by_address: tuple[tuple[str, CoverageState, str], ...] = ()
    ipv6_prefixes: tuple[str, ...] = ()
    outside_scope: int = 0


@dataclass(frozen=True, slots=True)
class WorkOrder:
    """One job on one unit, in one wave.

    Attributes:
        id: stable within a run: `WO-` and a number of four digits.
        device: id of the device.
        wave: number of its wave.
        decision: `remove` or `disconnect`.
        title: one line.
        find: sentences: how to find the unit and what to compare on its label.
        steps: in order; each one plain sentence.
        rollback: sentences.
        deadline: last day, or None.
        reasons: ids of the rules behind it.
    """

    id: str
    device: str
    wave: int
    decision: Decision
    title: str
    find: tuple[str, ...]
    steps: tuple[str, ...]
    rollback: tuple[str, ...]
    deadline: date | None = None
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Wave:
    """A group of work orders that are done together.

    Attributes:
        number: from 0.
        name: short, e.g. `Remove from the core network`.
        goal: one sentence.
        orders: in the order in which to do them.
    """

    number: int
    name: str
    goal: str
    orders: tuple[WorkOrder, ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """Waves of work orders, and the devices that a person must look at first.

    Attributes:
        waves: every flagged device stands in exactly one.
        to_check: ids of devices whose identity is only possible, each with the reason in one sentence.
    """

    waves: tuple[Wave, ...]
    to_check: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Run:
    """One audit: when, from where, with what.

    Attributes:
        id: UUIDv7 as text.
        started, finished: UTC; `finished` is None while the run goes on.
        vantage: sentence: host, interfaces and addresses it looked from.
        profile: `layer-2` or `connect-only`.
        pace: `gentle` or `standard`.
        versions: name to version or data date: the auditor, fingerprints, policies, libraries.
        complete: coverage is complete.
        reasons: why not, plain sentences.
        exit_code: as in design, section 5.
        emulated: the whole site was an emulation (`auditor demo`).
        counters: packets, connections, authentication attempts and the like, by name.
        limits: sentences: what this profile cannot see; missing privileges.
        data_dates: name to ISO date of the fingerprint, OUI and policy data.
        interrupted: the run was stopped before its end.
    """

    id: str
    started: datetime
    finished: datetime | None
    vantage: str
    profile: str
    pace: str
    versions: dict[str, str]
    complete: bool
    reasons: tuple[str, ...]
    exit_code: int
    emulated: bool = False
    counters: dict[str, int] | None = None
    limits: tuple[str, ...] = ()
    data_dates: dict[str, str] | None = None
    interrupted: bool = False


@dataclass(frozen=True, slots=True)
class Audit:
    """Everything a report is made from."""

    site: Site
    authorisation: Authorisation
    run: Run
    coverage: Coverage
    devices: tuple[Device, ...]
    plan: Plan
    warnings: tuple[str, ...] = ()
