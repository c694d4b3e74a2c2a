"""Before the window: is this machine fit to scan, and what would a scan send? Sends nothing."""

from __future__ import annotations

import asyncio
import shutil
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from auditor.assess import load_packs
from auditor.common.clock import now
from auditor.common.data import data_choice, data_warnings
from auditor.common.errors import AuditorError, CannotScan, ExitCode, NotAuthorised, UsageError
from auditor.common.limits import MAX_DATA_AGE
from auditor.discover import DiscoverContext, announce
from auditor.discover.sweep import possible as sweep_possible
from auditor.identify import load_rules, register_problems
from auditor.net.capture_client import Capture, CaptureUnavailable
from auditor.net.interfaces import Route, interfaces, neighbour_table, route_to
from auditor.net.network import Network
from auditor.pipeline.dates import data_dates
from auditor.probe import upper_bound
from auditor.site import load_site

if TYPE_CHECKING:
    from auditor.site import SiteFile

OK, WARN, FAIL = "ok", "warn", "fail"
_LEAST_DISK = 500 * 1024 * 1024  # bytes: 10,000 devices with every answer kept
_BUILT = date(2026, 1, 1)  # a clock before this is wrong: the program did not exist


@dataclass(frozen=True, slots=True)
class Check:
    """One line of `auditor doctor`.

    Attributes:
        name: what was looked at.
        result: `ok`, `warn` (a limit that the report will name) or `fail` (a scan would not start).
        sentence: what was found, and the fix where there is one.
    """

    name: str
    result: str
    sentence: str


def examine(path: Path) -> tuple[list[Check], ExitCode]:
    """Check this machine and a site file; sends nothing.

    Returns:
        The checks in reading order, and the exit code: 0 ready, 2 not authorised now, 5 a check failed.

    Raises:
        UsageError: the site file is wrong.
    """
    site = load_site(path)
    checks = [Check("site file", OK, f"{path}: {site.scope.size} addresses in {len(site.scope.subnets())} subnets")]
    checks += [Check("site file", WARN, warning) for warning in (*site.warnings, *site.limits_raised)]
    code = ExitCode.COMPLETE
    try:
        site.check_authorised(now())
        allowed = site.authorisation
        checks.append(
            Check("authorisation", OK, f"{allowed.reference} by {allowed.by}, until {allowed.valid_until} inclusive")
        )
    except NotAuthorised as refusal:
        checks.append(Check("authorisation", FAIL, str(refusal)))
        code = ExitCode.USAGE
    try:
        site.check_size(False)
    except UsageError as refusal:
        checks.append(Check("scope", WARN, str(refusal)))
    checks.append(_clock())
    checks += _interfaces()
    routes, missing = _routes(site)
    checks += routes
    if missing == len(site.scope.subnets()):
        code = ExitCode.worst(code, ExitCode.CANNOT_SCAN)
    checks.append(asyncio.run(_capture(site)))
    checks.append(_nmap())
    checks.append(_neighbours(site))
    checks.append(_disk())
    checks += _data(site)
    if any(check.result == FAIL for check in checks) and code is ExitCode.COMPLETE:
        code = ExitCode.CANNOT_SCAN
    return checks, code


def _clock() -> Check:
    today = now().date()
    if today < _BUILT:
        return Check("clock", FAIL, f"the clock says {today}, which is before this program was made; set it")
    return Check("clock", OK, f"{now():%Y-%m-%d %H:%M:%S} UTC; compare it with a watch: evidence carries this time")


def _interfaces() -> list[Check]:
    found = []
    for interface in interfaces():
        if interface.name == "lo":
            continue
        state = "up" if interface.up and interface.carrier else "down or no cable"
        result = OK if state == "up" else WARN
        addresses = ", ".join(interface.addresses) or "no address"
        found.append(Check("interface", result, f"{interface.name}: {state}, {addresses}"))
    return found or [Check("interface", WARN, "no interface but loopback")]


def _route(address: str) -> Route | None:
    try:
        return route_to(address)
    except CannotScan:
        return None


def _routes(site: SiteFile) -> tuple[list[Check], int]:
    checks, missing = [], 0
    for subnet in site.scope.subnets():
        first = next(iter(subnet.addresses()), None)
        if first is None:
            checks.append(Check("route", OK, f"{subnet.cidr}: all of it belongs to longer prefixes"))
            continue
        route = _route(first)
        if route is None:
            missing += 1
            checks.append(Check("route", FAIL, f"{subnet.cidr}: no route; add one, or scan from elsewhere"))
        elif route.gateway:
            checks.append(
                Check("route", OK, f"{subnet.cidr}: through {route.gateway} on {route.interface}; no MAC will be seen")
            )
        else:
            checks.append(Check("route", OK, f"{subnet.cidr}: on the local link of {route.interface}"))
    return checks, missing


async def _capture(site: SiteFile) -> Check:
    for subnet in site.scope.subnets():
        permit = next(site.scope.permits(subnet), None)
        route = _route(permit.address) if permit else None
        if permit is None or route is None or not route.on_link or not route.interface_mac:
            continue
        try:
            async with await Capture.start(route.interface, route.source, route.interface_mac, [permit]):
                pass  # it opened its socket; nothing was asked
        except CaptureUnavailable as reason:
            return Check("layer 2", WARN, f"{reason}; devices that answer only ARP will not be seen")
        return Check("layer 2", OK, f"raw sockets open on {route.interface}; ARP and MAC addresses will be seen")
    return Check("layer 2", WARN, "no subnet of the scope is on a local link, so no MAC address will be seen")


def _nmap() -> Check:
    why_not = sweep_possible()
    if why_not:
        return Check("nmap", WARN, f"{why_not}; routed subnets are swept by paced connections instead")
    return Check("nmap", OK, "routed subnets will be swept by nmap")


def _neighbours(site: SiteFile) -> Check:
    limit = neighbour_table().limit
    below = "more than the scope has addresses" if limit >= site.scope.size else "and the scan paces itself below that"
    return Check("neighbours", OK, f"the kernel keeps {limit} neighbours, {below}")


def _disk() -> Check:
    free = shutil.disk_usage(Path.cwd()).free
    if free < _LEAST_DISK:
        return Check("disk", FAIL, f"{free // 2**20} MiB free here; a run may need {_LEAST_DISK // 2**20} MiB")
    return Check("disk", OK, f"{free // 2**20} MiB free here")


def _data(site: SiteFile) -> list[Check]:
    checks = []
    try:
        rules = load_rules(extra=site.rules_folder)
        packs = load_packs(site.site.policies)
    except AuditorError as error:
        return [Check("data", FAIL, str(error))]
    dated = [(name, date.fromisoformat(day)) for name, day in data_dates(rules, packs).items()]
    installed = data_choice().manifest
    whose = f" (installed data pack {installed.sequence})" if installed else ""
    for name, day in dated:
        age = (now().date() - day).days
        old = ": ask for newer data" if age > MAX_DATA_AGE else ""
        when = f"{age} days ago" if age >= 0 else f"{-age} days ahead of this machine's clock"
        checks.append(Check("data", WARN if old else OK, f"{name} of {day}{whose}, {when}{old}"))
    problems = (*register_problems(rules), *data_warnings(), *rules.problems)
    checks += [Check("data", WARN, problem) for problem in problems]
    return checks


def dry_run_text(site: SiteFile) -> str:
    """Return what a scan would do: zones, addresses, packets, time. Sends nothing.

    Discovery packets are what the scan then sends, within 10 %; probes are an upper bound.
    """
    context = DiscoverContext(
        scope=site.scope, network=Network(site.pace), ports=site.ports, methods=site.methods, interface=site.interface
    )
    planned = asyncio.run(announce(context))
    bound = upper_bound(site.ports, site.pace)
    permitted = sum(1 for _ in site.scope.permits())
    lines = [f"Site {site.site.name}: nothing is sent by this dry run.", "", "Zones"]
    lines += [f"  {zone.name:<16} {zone.role:<11} {', '.join(zone.subnets)}" for zone in site.site.zones]
    excluded = site.scope.excluded_size
    left_out = site.scope.size - excluded - permitted
    counts = f"{site.scope.size} in scope, {excluded} excluded, {left_out} left out by --only, {permitted} asked"
    lines += ["", f"Addresses: {counts}", "", "Discovery"]
    lines += [
        f"  {part.method:<16} {part.subnet:<20} {part.packets:>8} packets  {_time(part.seconds)}"
        for part in planned.lines
    ]
    lines.append(f"  {'together':<37} {planned.packets:>8} packets  {_time(planned.seconds)}")
    seconds = max(bound.packets * permitted / site.pace.packets, bound.seconds if permitted else 0)
    lines += [
        "",
        "Probes, at most",
        f"  {bound.connections} connections and {bound.packets} packets to one device, {_time(bound.seconds)}",
        f"  {bound.packets * permitted} packets if all {permitted} addresses answered everything, {_time(seconds)}",
        "  (most addresses of most sites do not answer; a device that does takes a tenth of this)",
        "",
        (
            f"Pace {site.pace.name}: {site.pace.packets:g} packets/s in all, {site.pace.arp:g} ARP requests/s, "
            f"{site.pace.new_connections:g} new connections/s and {site.pace.open_connections} open to one device, "
            f"{site.pace.connections} connections to one device in all. Authentication attempts: 0."
        ),
    ]
    lines += [f"Limit: {limit}" for limit in planned.limits]
    return "\n".join(lines)


def _time(seconds: float) -> str:
    if seconds < 90:  # noqa: PLR2004
        return f"{seconds:.0f} s"
    minutes = seconds / 60
    return f"{minutes:.0f} min" if minutes < 120 else f"{minutes / 60:.1f} h"  # noqa: PLR2004
