"""The half of an audit that touches the network: discover, then probe. It collects and never judges."""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from auditor.common.errors import AuditorError, NotPermitted
from auditor.discover import DiscoverContext, discover_site
from auditor.model import Look, Outcome, Sighting
from auditor.probe import probe_device

if TYPE_CHECKING:
    from collections.abc import Callable

    from auditor.net.network import Network
    from auditor.pipeline.watch import Observer
    from auditor.site import SiteFile

# Devices in contact at the same time. The packet budget decides the speed; this bounds half-open connections
# (reliability row 18) and descriptors (row 65).
_DEVICES_AT_ONCE = 32
# Devices of one subnet that may stop answering before that subnet is left alone (reliability, section 1.5).
_STOPS_PER_SUBNET = 3


@dataclass(slots=True)
class Gathered:
    """Everything a run learned, as it came. Written while the run goes on, read only afterwards.

    Attributes:
        looks: address to what each method learned.
        sightings: address to sightings, in the order of arrival.
        outcomes: address to raw outcomes, in the order of arrival.
        stopped: address to the sentence why contact was stopped.
        untried: addresses that answered discovery and were not probed, with the reason.
        stopped_subnets: CIDR to the sentence why it is left alone.
        failed: address to the defect of the auditor itself that ended its contact.
        ended: address to the phrase why not all planned questions were asked, though nothing was wrong.
        limits: sentences: what this run could not see.
        warnings: sentences.
        interrupted: why the run ended early, or None.
    """

    looks: dict[str, list[Look]] = field(default_factory=lambda: defaultdict(list))
    sightings: dict[str, list[Sighting]] = field(default_factory=lambda: defaultdict(list))
    outcomes: dict[str, list[Outcome]] = field(default_factory=lambda: defaultdict(list))
    stopped: dict[str, str] = field(default_factory=dict)
    untried: dict[str, str] = field(default_factory=dict)
    stopped_subnets: dict[str, str] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)
    ended: dict[str, str] = field(default_factory=dict)
    limits: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    interrupted: str | None = None

    def mac_of(self, address: str) -> str | None:
        """Return the device's own MAC where a method on its own link saw it."""
        return next((seen.mac for seen in self.sightings.get(address, ()) if seen.mac), None)


async def gather(
    site: SiteFile,
    network: Network,
    into: Gathered,
    observer: Observer,
    keep: Callable[[Outcome], None],
    finished: Callable[[str], None],
) -> None:
    """Discover the scope and probe what answered.

    Args:
        site: the loaded site file; the permits come from its scope.
        network: this audit's access to the network.
        into: filled as answers arrive, so that an interrupted run keeps what it has.
        observer: told about progress.
        keep: called with each raw outcome as it arrives, before anything else is done with it.
        finished: called with an address when its device has been asked everything.

    Raises:
        CannotScan, StorageError: as their docstrings say; `into` holds what came before.
    """

    def record(outcome: Outcome) -> None:
        keep(outcome)
        into.outcomes[outcome.device].append(outcome)

    context = DiscoverContext(
        scope=site.scope,
        network=network,
        ports=site.ports,
        methods=site.methods,
        say=observer.say,
        interface=site.interface,
    )
    waiting = {subnet.cidr: sum(1 for _ in site.scope.permits(subnet)) for subnet in site.scope.subnets()}
    asked = {cidr for cidr, number in waiting.items() if number}
    observer.stage("discover", sum(waiting.values()))
    observer.subnets(0, len(asked))
    try:
        async with contextlib.aclosing(discover_site(context)) as found:
            async for item in found:
                _take(item, site, into, observer, record, waiting, asked)
    finally:
        into.limits.extend(context.limits)
        into.warnings.extend(context.warnings)
    await _probe_all(site, network, into, observer, record, finished, context.may_contact)


def _take(
    item: Sighting | Look, site: SiteFile, into: Gathered, observer: Observer, record: Callable[[Outcome], None],
    waiting: dict[str, int], asked: set[str],
) -> None:  # fmt: skip
    """Keep one thing that discovery learned."""
    if isinstance(item, Look):
        if item.address not in into.looks:
            observer.step(item.address)
            _count_down(site, item.address, waiting, asked, observer)
        into.looks[item.address].append(item)
        return
    if item.address not in into.sightings:
        observer.found(item.address)
    into.sightings[item.address].append(item)
    if item.outcome is not None:
        record(item.outcome)


def _count_down(
    site: SiteFile, address: str, waiting: dict[str, int], asked: set[str], observer: Observer
) -> None:  # fmt: skip
    """Tell the observer when the last address of a subnet has been looked at."""
    subnet = site.scope.subnet_of(address)
    if subnet is None:
        return
    waiting[subnet.cidr] -= 1
    if waiting[subnet.cidr] == 0:
        observer.subnets(sum(waiting[cidr] == 0 for cidr in asked), len(asked))


async def _probe_all(
    site: SiteFile,
    network: Network,
    into: Gathered,
    observer: Observer,
    record: Callable[[Outcome], None],
    finished: Callable[[str], None],
    may_contact: Callable[[str], bool],
) -> None:
    live = [address for address in into.sightings if not site.scope.is_excluded(address)]
    observer.stage("probe", len(live))
    gate = asyncio.Semaphore(_DEVICES_AT_ONCE)
    stops: Counter[str] = Counter()
    for address in live:
        into.untried[address] = "the run ended before its turn"

    async def one(address: str) -> None:
        subnet = site.scope.subnet_of(address)
        cidr = subnet.cidr if subnet else ""
        async with gate:
            if cidr in into.stopped_subnets:
                into.untried.pop(address, None)
                into.stopped[address] = into.stopped_subnets[cidr]
                observer.step(address)
                return
            if not may_contact(address):
                into.untried[address] = "its MAC was not seen, and it may be an excluded one"
                observer.step(address)
                return
            try:
                permit = site.scope.permit(address)
            except NotPermitted as refusal:
                into.untried[address] = str(refusal)
                observer.step(address)
                return
            try:
                contact = await probe_device(
                    network,
                    permit,
                    site.ports,
                    mac=into.mac_of(address),
                    earlier=tuple(into.outcomes.get(address, ())),
                    methods=site.methods,
                    on_outcome=record,
                )
            except AuditorError:
                raise
            except Exception as error:  # noqa: BLE001  (one strange device must not end an audit; counted and logged)
                into.untried.pop(address, None)
                into.failed[address] = f"internal error: {error!r}"
                into.warnings.append(f"An internal error ended the contact with {address}: {error!r}")
                observer.failed(address, error)
                observer.step(address)
                return
            into.untried.pop(address, None)
            if contact.cut:
                into.untried[address] = contact.ended
            elif contact.ended:
                into.ended[address] = contact.ended
            if contact.stopped:
                into.stopped[address] = contact.stopped
                observer.say(f"{address}: {contact.stopped}")
                stops[cidr] += 1
                if stops[cidr] >= _STOPS_PER_SUBNET and cidr not in into.stopped_subnets:
                    into.stopped_subnets[cidr] = (
                        f"{stops[cidr]} devices of {cidr} stopped answering during the audit; it was left alone."
                    )
                    into.warnings.append(into.stopped_subnets[cidr])
            finished(address)
            observer.step(address)

    async with asyncio.TaskGroup() as tasks:
        for address in live:
            tasks.create_task(one(address))
