"""Puts every address of the scope into exactly one coverage state, and says what the audit could not see. Pure."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from auditor.assess import wording
from auditor.model import Coverage, CoverageState, Look, LookResult, Ports, SubnetCoverage

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

# More excluded addresses of one subnet than this count as a wide range and are not listed one by one.
WIDE_EXCLUSION = 64
INCOMPLETE_STATES = (
    CoverageState.UNREACHABLE,
    CoverageState.NOT_ATTEMPTED,
    CoverageState.ERROR,
    CoverageState.STOPPED_FOR_SAFETY,
)
# Asked in this order when several methods looked at an address and none was answered.
_UNANSWERED = (
    (LookResult.FILTERED, CoverageState.FILTERED),
    (LookResult.UNREACHABLE, CoverageState.UNREACHABLE),
    (LookResult.ERROR, CoverageState.ERROR),
    (LookResult.SILENT, CoverageState.SILENT),
)
# The reason of a look at an address that this machine holds itself.
THIS_MACHINE = "this-machine"


@dataclass(frozen=True, slots=True)
class SubnetFacts:
    """One declared IPv4 subnet, as the scope sees it.

    Attributes:
        cidr: as text.
        zone: name of its zone.
        size: number of addresses that belong to it after the longest prefix has won.
        addresses: those addresses, each once; read once.
    """

    cidr: str
    zone: str
    size: int
    addresses: Iterable[str]


@dataclass(frozen=True, slots=True)
class Contacts:
    """What is known of the addresses after discovery, probing and identification.

    Attributes:
        looks: what each discovery method learned, by address.
        identified: addresses whose identity has a maker or a known kind.
        answered: addresses that answered anything at all (a sighting or an outcome), besides what `looks` says.
        stopped: address to one sentence: the breaker ended the contact early.
        not_attempted: address to one phrase: it was never asked, or its turn to be probed never came.
        failed: address to one phrase: a defect of the auditor itself ended the contact, so what is known of it is less
            than there was to learn.
    """

    looks: Mapping[str, Sequence[Look]]
    identified: Collection[str]
    answered: Collection[str]
    stopped: Mapping[str, str]
    not_attempted: Mapping[str, str]
    failed: Mapping[str, str] = field(default_factory=dict)


def cover(
    subnets: Sequence[SubnetFacts],
    contacts: Contacts,
    *,
    excluded: Callable[[str], bool],
    selected: Callable[[str], bool] | None = None,
    canaries: Sequence[str] = (),
    ports: Ports,
    ipv6_prefixes: Sequence[str] = (),
    outside_scope: int = 0,
    dropped: int = 0,
) -> Coverage:
    """Return the coverage of a run.

    Args:
        subnets: every declared IPv4 subnet; together they are the scope.
        contacts: what is known of the addresses. Use sets and dictionaries: each is asked once an address.
        excluded: whether the site file excludes an address (a learned MAC exclusion counts).
        selected: whether `--only` selected it; None when everything was.
        canaries: addresses of the control devices.
        ports: that were tried, for the sentence on other ports.
        ipv6_prefixes: declared, never swept.
        outside_scope: answers from outside the scope.
        dropped: packets lost by the kernel or the capture.

    The first state that holds wins: excluded, not-attempted, stopped-for-safety, error of the auditor itself,
    identified, answered-unidentified, filtered, unreachable, error, silent. An address that no method looked at is
    not-attempted.

    Raises:
        ValueError: a subnet yields another number of addresses than its size, or an address stands in two subnets;
            both are faults of the caller, and a wrong sum must never be printed.
    """
    totals: Counter[CoverageState] = Counter()
    by_subnet: list[SubnetCoverage] = []
    by_address: list[tuple[str, CoverageState, str]] = []
    states: dict[str, CoverageState] = {}
    heard: set[str] = set()
    guarded: set[str] = set()
    own = 0
    for subnet in subnets:
        counts: Counter[CoverageState] = Counter()
        methods: set[str] = set()
        hidden_by_owner: list[tuple[str, CoverageState, str]] = []
        number = 0
        for address in subnet.addresses:
            number += 1
            if address in states:
                raise ValueError(f"{address} stands in two subnets")
            if excluded(address):
                state, reason = CoverageState.EXCLUDED, "excluded by the site file"
                hidden_by_owner.append((address, state, reason))
            elif selected is not None and not selected(address):
                state, reason = CoverageState.NOT_ATTEMPTED, "not selected"
            else:
                looks = contacts.looks.get(address, ())
                methods.update(look.method for look in looks if look.result is not LookResult.NOT_ATTEMPTED)
                state, reason = _state(address, looks, contacts)
                if _heard(address, looks, contacts):
                    heard.update((address, subnet.cidr))
                own += state is CoverageState.ANSWERED_UNIDENTIFIED and reason == THIS_MACHINE
            if address in canaries:
                guarded.add(subnet.cidr)
            states[address] = state
            counts[state] += 1
            if state is not CoverageState.SILENT and state is not CoverageState.EXCLUDED:
                by_address.append((address, state, reason))
        if number != subnet.size:
            raise ValueError(f"{subnet.cidr} has {subnet.size} addresses and yielded {number}")
        if len(hidden_by_owner) <= WIDE_EXCLUSION:
            by_address += hidden_by_owner
        totals += counts
        full = {state: counts.get(state, 0) for state in CoverageState}
        by_subnet.append(SubnetCoverage(subnet.cidr, subnet.zone, subnet.size, full, tuple(sorted(methods))))
    return Coverage(
        scope_size=sum(subnet.size for subnet in subnets),
        states={state: totals.get(state, 0) for state in CoverageState},
        by_subnet=tuple(by_subnet),
        hidden=_hidden(by_subnet, totals, ports, ipv6_prefixes, outside_scope, dropped, own),
        incomplete=_incomplete(by_subnet, canaries, heard, guarded),
        by_address=tuple(by_address),
        ipv6_prefixes=tuple(ipv6_prefixes),
        outside_scope=outside_scope,
    )


def _state(address: str, looks: Sequence[Look], contacts: Contacts) -> tuple[CoverageState, str]:
    for ended, state in (
        (contacts.not_attempted, CoverageState.NOT_ATTEMPTED),
        (contacts.stopped, CoverageState.STOPPED_FOR_SAFETY),
        (contacts.failed, CoverageState.ERROR),
    ):
        if (reason := ended.get(address)) is not None:
            return state, reason
    reasons = {look.result: look.reason for look in reversed(looks)}
    if address in contacts.identified:
        return CoverageState.IDENTIFIED, reasons.get(LookResult.ANSWERED, "")
    if _answered(address, looks, contacts):
        return CoverageState.ANSWERED_UNIDENTIFIED, reasons.get(LookResult.ANSWERED, "")
    for result, state in _UNANSWERED:
        if result in reasons:
            return state, reasons[result]
    return CoverageState.NOT_ATTEMPTED, reasons.get(LookResult.NOT_ATTEMPTED, "no method looked at it")


def _answered(address: str, looks: Sequence[Look], contacts: Contacts) -> bool:
    return address in contacts.answered or any(look.result is LookResult.ANSWERED for look in looks)


def _heard(address: str, looks: Sequence[Look], contacts: Contacts) -> bool:
    """Return whether anything came from this address over the network; this machine's own address shows nothing."""
    return (
        address in contacts.answered
        or address in contacts.identified
        or address in contacts.stopped
        or any(look.result is LookResult.ANSWERED and look.reason != THIS_MACHINE for look in looks)
    )


def _incomplete(
    by_subnet: Sequence[SubnetCoverage], canaries: Sequence[str], heard: set[str], guarded: set[str]
) -> tuple[str, ...]:
    """Return why the audit is incomplete.

    Args:
        by_subnet: coverage.
        canaries: addresses of the control devices.
        heard: addresses and subnets from which anything came, whatever state they ended in.
        guarded: subnets that hold a control device.
    """
    sentences = [
        wording.count(
            subnet.states[state],
            wording.INCOMPLETE_ONE[state.value],
            wording.INCOMPLETE_MANY[state.value],
            subnet=subnet.subnet,
        )
        for state in INCOMPLETE_STATES
        for subnet in by_subnet
        if subnet.states[state]
    ]
    sentences += [wording.CANARY_NOT_SEEN.format(address=address) for address in canaries if address not in heard]
    sentences += [
        wording.SUBNET_UNANSWERED.format(subnet=subnet.subnet)
        for subnet in by_subnet
        if _was_asked(subnet) and subnet.subnet not in heard and subnet.subnet not in guarded
    ]
    return tuple(sentences)


def _was_asked(subnet: SubnetCoverage) -> bool:
    left_out = subnet.states[CoverageState.EXCLUDED] + subnet.states[CoverageState.NOT_ATTEMPTED]
    return subnet.size > left_out


def _hidden(
    by_subnet: Sequence[SubnetCoverage],
    totals: Mapping[CoverageState, int],
    ports: Ports,
    ipv6_prefixes: Sequence[str],
    outside_scope: int,
    dropped: int,
    own: int,
) -> tuple[str, ...]:
    """Return what could hide a camera; `own` is the number of addresses of this machine that show nothing else."""
    sentences = [wording.OTHER_NETWORKS, wording.SWITCHED_OFF, wording.BEHIND_ANOTHER]
    tried = sorted({*ports.http, *ports.https, *ports.rtsp, *ports.listen})
    sentences.append(wording.ONLY_THESE_PORTS.format(ports=", ".join(map(str, tried))))
    asked = [subnet for subnet in by_subnet if _was_asked(subnet)]
    routed = [subnet.subnet for subnet in asked if not _used(subnet.methods, "arp")]
    if routed:
        sentences.append(_about(routed, wording.NO_LAYER_2_ONE, wording.NO_LAYER_2_MANY))
    if any(_used(subnet.methods, "wsd") for subnet in asked):
        sentences.append(wording.ONVIF_OFF)
        if quiet := [subnet.subnet for subnet in asked if "wsd.multicast" not in subnet.methods]:
            sentences.append(_about(quiet, wording.NO_MULTICAST_ONE, wording.NO_MULTICAST_MANY))
    elif asked:
        sentences.append(wording.NO_DISCOVERY_MESSAGE)
    for number, one, many in (
        (totals.get(CoverageState.SILENT, 0), wording.SILENT_ONE, wording.SILENT_MANY),
        (totals.get(CoverageState.FILTERED, 0), wording.FILTERED_ONE, wording.FILTERED_MANY),
        (
            totals.get(CoverageState.ANSWERED_UNIDENTIFIED, 0) - own,
            wording.UNIDENTIFIED_ONE,
            wording.UNIDENTIFIED_MANY,
        ),
        (own, wording.THIS_MACHINE_ONE, wording.THIS_MACHINE_MANY),
        (totals.get(CoverageState.EXCLUDED, 0), wording.EXCLUDED_ONE, wording.EXCLUDED_MANY),
        (outside_scope, wording.OUTSIDE_ONE, wording.OUTSIDE_MANY),
        (dropped, wording.DROPPED_ONE, wording.DROPPED_MANY),
    ):
        if number:
            sentences.append(wording.count(number, one, many))
    if ipv6_prefixes:
        sentences.append(wording.IPV6_NOT_SWEPT.format(prefixes=", ".join(ipv6_prefixes)))
    else:
        sentences.append(wording.IPV6_NOT_DECLARED)
    return tuple(sentences)


def _used(methods: Sequence[str], family: str) -> bool:
    return any(method == family or method.startswith(f"{family}.") for method in methods)


def _about(subnets: Sequence[str], one: str, many: str) -> str:
    return wording.count(len(subnets), one, many, subnets=", ".join(subnets))
