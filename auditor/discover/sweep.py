"""The sweep of routed subnets by nmap: an echo request, then one SYN each to two ports for whoever kept silent.

nmap is started once for each kind of packet, with one port at a time. Measured with nmap 7.93 in a lab of three
routed namespaces (256 addresses, every state): with only `--max-rate` it sends bursts (80/s asked, 125 in one second,
50 in a tenth of one); with `--min-rate` of the same value it keeps the rate (60/s asked, 66 at most), but then
overrides `--scan-delay`, so that several ports in one run gave 4 SYNs to one device within a second. One port a run
cannot send more than the SYN and its one repetition.
"""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from lxml import etree

from auditor.common.display import visible
from auditor.common.limits import NEVER_PORTS
from auditor.discover.base import DiscoverContext, Found, Target, chunks
from auditor.discover.connect import AUTHORISED_AS, knocked_ports, warn_of_macs
from auditor.model import LookResult, Pace
from auditor.net.interfaces import raw_packets_allowed

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterator, Sequence

METHOD = "sweep.nmap"
CHUNK = 256  # addresses a run: what a killed nmap can take with it, and how stale a permit can get
TRIES = 2
ECHO_SHARE = 0.85  # of the packet rate: measured 89 packets in the worst second for 85/s
# Half of the rate: for every open port the kernel adds a RST (measured 82 in the worst second for 45/s).
SYN_SHARE = 0.45
RUN_OVERHEAD = 2.5  # s of a run that do not depend on the number of addresses: start, last time-out
_OLDEST = (7, 0)
_READ = 64 * 1024
_PATIENCE = 4.0  # a run may take that many times what its packets need, and a minute more, before it is killed
_COMPLAINT = 300
_STATES = {
    "admin-prohibited": LookResult.FILTERED, "host-prohibited": LookResult.FILTERED,
    "net-prohibited": LookResult.FILTERED, "port-unreach": LookResult.FILTERED, "proto-unreach": LookResult.FILTERED,
    "net-unreach": LookResult.UNREACHABLE, "host-unreach": LookResult.SILENT, "no-response": LookResult.SILENT,
}  # fmt: skip


class NmapUnusable(Exception):  # noqa: N818  (reads as a sentence where it is raised)
    """nmap is not there, too old, or not able to send; the text says which."""


@dataclass(frozen=True, slots=True)
class HostLine:
    """What nmap's XML says of one address.

    Attributes:
        address: as in the XML.
        answered: it did, by the XML's own state.
        reason: nmap's word, e.g. `echo-reply`, `syn-ack`, `reset`, `no-response`, `admin-prohibited`.
        timed_out: nmap gave up on it, whatever its state says (fact M6).
    """

    address: str
    answered: bool
    reason: str
    timed_out: bool


@dataclass(slots=True)
class SweepRun:
    """One run of nmap.

    Attributes:
        hosts: by address, as far as the XML goes.
        complete: the XML ends as nmap ends it, with a `finished` element that says success.
        failure: sentence when it is not complete.
    """

    hosts: dict[str, HostLine] = field(default_factory=dict)
    complete: bool = False
    failure: str = ""


class XmlReader:
    """Reads nmap's XML as it comes. Its states are believed; its end only when it says so itself."""

    def __init__(self) -> None:
        # nmap's own DOCTYPE is bare; nothing is loaded or expanded.
        self._parser = etree.XMLPullParser(
            events=("end",), tag=("host", "finished"), resolve_entities=False, no_network=True, load_dtd=False,
            huge_tree=False,
        )  # fmt: skip
        self.finished = False

    def feed(self, data: bytes) -> Iterator[HostLine]:
        """Yield the hosts that are complete so far.

        Raises:
            etree.XMLSyntaxError: the output is damaged.
        """
        self._parser.feed(data)
        for _, element in self._parser.read_events():
            if not isinstance(element, etree._Element):  # noqa: SLF001  (the stubs allow for namespace events)
                continue
            if element.tag == "finished":
                self.finished = element.get("exit") == "success"
            else:
                yield from _host_line(element)
                element.clear()


def _host_line(host: etree._Element) -> Iterator[HostLine]:
    status = host.find("status")
    addresses = [item.get("addr", "") for item in host.findall("address") if item.get("addrtype") == "ipv4"]
    if status is None or len(addresses) != 1:
        return
    timed_out = host.get("timedout") == "true"
    if status.get("reason") != "user-set":
        yield HostLine(addresses[0], status.get("state") == "up", status.get("reason", ""), timed_out)
        return
    # `-Pn` calls every address up (fact M9): only the ports know.
    ports = host.find("ports")
    reasons = [] if ports is None else [
        *((state.get("state", ""), state.get("reason", "")) for state in ports.iterfind("port/state")),
        *((extra.get("state", ""), item.get("reason", ""))
          for extra in ports.iterfind("extraports") for item in extra.iterfind("extrareasons")),
    ]  # fmt: skip
    if not reasons:
        yield HostLine(addresses[0], answered=False, reason="", timed_out=True)
        return
    for port_state, reason in reasons:
        if port_state in ("open", "closed"):
            yield HostLine(addresses[0], answered=True, reason=reason, timed_out=timed_out)
            return
    yield HostLine(addresses[0], answered=False, reason=reasons[0][1].removesuffix("s"), timed_out=timed_out)


def find_nmap() -> str:
    """Return the path of an nmap that is new enough. Blocks while nmap says its version.

    Raises:
        NmapUnusable: python-nmap or nmap is missing, or too old.
    """
    try:
        import nmap  # noqa: PLC0415, TID251  (this is its module; without it the connect sweep serves)
    except ImportError as error:
        raise NmapUnusable("python-nmap is not installed") from error
    try:
        scanner = nmap.PortScanner()
    except nmap.PortScannerError as error:
        raise NmapUnusable("nmap is not installed") from error
    version = scanner.nmap_version()
    if version < _OLDEST:
        raise NmapUnusable(f"nmap {'.'.join(map(str, version))} is older than {'.'.join(map(str, _OLDEST))}")
    return str(scanner._nmap_path)  # noqa: SLF001  (python-nmap tells it nowhere else)


def eligible(target: Target) -> bool:
    """Whether a target lies behind a router."""
    return not target.route.on_link and not target.route.local


def possible() -> str:
    """Return "" when nmap can sweep here, else a sentence on why not; sends nothing."""
    if not raw_packets_allowed():
        return "nmap needs raw sockets (root or CAP_NET_RAW)"
    try:
        find_nmap()
    except NmapUnusable as error:
        return str(error)
    return ""


async def run(ctx: DiscoverContext) -> AsyncGenerator[Found, None]:
    """Sweep every waiting address behind a router; what nmap cannot do stays waiting for the connect sweep."""
    targets = ctx.take(eligible)
    if AUTHORISED_AS not in ctx.methods or not targets:
        return
    if why := await asyncio.to_thread(possible):
        ctx.limit(
            f"{why}, so routed subnets are swept by connections to two ports: devices that refuse both are not seen."
        )
        return
    warn_of_macs(ctx)
    path = await asyncio.to_thread(find_nmap)
    ctx.say(f"Sweep by nmap: {len(targets)} addresses behind routers")
    for chunk in chunks(targets, CHUNK):
        try:
            async with contextlib.aclosing(_sweep(ctx, path, chunk)) as finds:
                async for found in finds:
                    yield found
        except NmapUnusable as error:
            ctx.limit(f"nmap cannot be used here ({error}); the connect sweep serves.")
            return


async def _sweep(ctx: DiscoverContext, path: str, chunk: list[Target]) -> AsyncGenerator[Found, None]:
    """Sweep some addresses.

    Raises:
        NmapUnusable: the first run ended without a word on any address, so nmap cannot work here at all.
    """
    for target in chunk:
        if target.permit.withdrawn:
            yield ctx.done(target.address, METHOD, LookResult.NOT_ATTEMPTED, "excluded-mac")
    silent = {target.address: target for target in chunk if not target.permit.withdrawn}
    why: dict[str, tuple[LookResult, str]] = {}
    for step in _steps(ctx):
        asked = {address: target for address, target in silent.items() if step.port or not target.edge}
        if not asked:
            continue
        swept = await _run_nmap(ctx, path, step, list(asked))
        if not swept.hosts and not swept.complete and not why:
            raise NmapUnusable(swept.failure)
        if not swept.complete:
            ctx.limit(f"nmap did not finish ({swept.failure}): addresses it had not reported are unknown.")
        for address in asked:
            line = swept.hosts.get(address)
            if line is not None and line.answered and not line.timed_out:
                del silent[address]
                yield ctx.sighted(address, METHOD)
                yield ctx.done(address, METHOD, LookResult.ANSWERED, _word(line.reason))
            else:
                why[address] = _worse(why.get(address), _judge(line, complete=swept.complete))
    for address in silent:
        result, reason = why.get(address, (LookResult.NOT_ATTEMPTED, "not-asked"))
        yield ctx.done(address, METHOD, result, reason)


_WORDS = {"reset": "conn-refused"}
_ORDER = (LookResult.ERROR, LookResult.NOT_ATTEMPTED, LookResult.FILTERED, LookResult.UNREACHABLE, LookResult.SILENT)


def _word(reason: str) -> str:
    return _WORDS.get(reason, reason)


def _judge(line: HostLine | None, *, complete: bool) -> tuple[LookResult, str]:
    """Translate a line that holds no answer."""
    if line is None:
        return LookResult.ERROR, "not-reported" if complete else "sweep-incomplete"
    if line.timed_out:
        return LookResult.NOT_ATTEMPTED, "timed-out"
    return _STATES.get(line.reason, LookResult.SILENT), line.reason


def _worse(before: tuple[LookResult, str] | None, now: tuple[LookResult, str]) -> tuple[LookResult, str]:
    """Keep what says most against calling an address silent; among equals a router's own word."""
    if before is None:
        return now
    if before[0] is now[0]:
        return now if before[1] == "no-response" else before
    return min(before, now, key=lambda item: _ORDER.index(item[0]))


@dataclass(frozen=True, slots=True)
class _Step:
    """One kind of packet: an echo request (port 0) or a SYN to one port."""

    port: int
    rate: float

    def arguments(self, pace: Pace) -> list[str]:
        # Two SYNs of one run are at least this far apart, so that the limit of one device holds.
        apart = max(0.5, 1.02 / pace.new_connections)
        kind = ["-sS", "-Pn", f"-p{self.port}"] if self.port else ["-sn", "-PE"]
        return [
            "--privileged", "-n", "-v", *kind, "--send-ip", "--disable-arp-ping", "--max-retries", str(TRIES - 1),
            "--min-rate", f"{self.rate:.2f}", "--max-rate", f"{self.rate:.2f}", "--min-rtt-timeout", f"{apart:.3f}s",
            "--initial-rtt-timeout", f"{max(1.0, apart):.3f}s", "--max-rtt-timeout", f"{max(2.0, 2 * apart):.3f}s",
            "-oX", "-", "-iL", "-",
        ]  # fmt: skip


def _steps(ctx: DiscoverContext) -> tuple[_Step, ...]:
    pace = ctx.network.pace
    syns = [_Step(port, pace.packets * SYN_SHARE) for port in knocked_ports(ctx) if port not in NEVER_PORTS]
    return (_Step(0, pace.packets * ECHO_SHARE), *syns)


async def _run_nmap(ctx: DiscoverContext, path: str, step: _Step, addresses: Sequence[str]) -> SweepRun:
    """Run nmap once. Its exit status is not looked at (facts M6 to M8); its XML is, as far as it goes."""
    swept = SweepRun()
    # Addresses come from permits; parsing them again keeps any text that is not an address out of nmap's input.
    hosts = "\n".join(str(ipaddress.IPv4Address(address)) for address in addresses)
    allowed = 60.0 + _PATIENCE * (len(addresses) * TRIES / step.rate + RUN_OVERHEAD)
    with ctx.network.lend(ctx.network.pace.packets):
        process = await asyncio.create_subprocess_exec(
            path, *step.arguments(ctx.network.pace), stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE, env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/nonexistent"},
            cwd="/", start_new_session=True,
        )  # fmt: skip
        complaint = asyncio.create_task(_read_some(process.stderr))
        try:
            async with asyncio.timeout(allowed):
                if process.stdin is not None:
                    process.stdin.write(hosts.encode("ascii") + b"\n")
                    process.stdin.close()
                await _read_xml(process, swept)
                await process.wait()
        except TimeoutError:
            swept.failure = f"it was still running after {allowed:.0f} s"
        finally:
            await _end(process)
            words = await complaint
    if not swept.complete and not swept.failure:
        swept.failure = visible(words.strip().splitlines()[-1]) if words.strip() else "its output ends early"
    _count(ctx, step, addresses, swept)
    return swept


async def _read_xml(process: asyncio.subprocess.Process, swept: SweepRun) -> None:
    reader = XmlReader()
    try:
        while process.stdout is not None and (data := await process.stdout.read(_READ)):
            for line in reader.feed(data):
                swept.hosts[line.address] = line  # what was not asked for is never looked up
    except etree.XMLSyntaxError as error:
        swept.failure = f"its output is damaged: {visible(str(error), 80)}"
        return
    swept.complete = reader.finished


async def _read_some(stream: asyncio.StreamReader | None) -> str:
    """Read a stream to its end and return its last words."""
    kept = b""
    while stream is not None and (data := await stream.read(_READ)):
        kept = (kept + data)[-_COMPLAINT:]
    return kept.decode("utf-8", "replace")


async def _end(process: asyncio.subprocess.Process) -> None:
    """Make sure that nmap sends nothing more."""
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
    if process.stdout is not None:
        await process.stdout.read()  # what a killed nmap left in the pipe
    await process.wait()


def _count(ctx: DiscoverContext, step: _Step, addresses: Sequence[str], swept: SweepRun) -> None:
    """Add what a run sent: one packet for an answer, two for silence, and a RST of the kernel for an open port."""
    answered = [address for address in addresses if (line := swept.hosts.get(address)) is not None and line.answered]
    resets = sum(swept.hosts[address].reason == "syn-ack" for address in answered)
    packets = len(addresses) * TRIES - len(answered) * (TRIES - 1) + resets
    syns = {address: 1 if address in answered else TRIES for address in addresses} if step.port else {}
    ctx.network.count_child(packets, syns)
