"""WS-Discovery: three forms of the Probe message, by multicast on each link and then to each live address.

An answer belongs to the address that sent it. The addresses inside it (XAddrs) are recorded as text and never used.
Namespaces: WS-Addressing 2004/08, WS-Discovery 2005/04, as ONVIF's core specification demands.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
import uuid
from dataclasses import dataclass
from ipaddress import IPv4Interface, IPv4Network
from typing import TYPE_CHECKING

from auditor.common.clock import stamp
from auditor.common.errors import NotPermitted
from auditor.discover.base import DiscoverContext, Found, chunks
from auditor.model import LookResult, Outcome, Status
from auditor.net.network import DialError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

METHOD = "wsd"
MULTICAST, UNICAST = "wsd.multicast", "wsd.unicast"
GROUP = "239.255.255.250"
ROUNDS = 2  # answers get lost; devices answer each message once
LISTEN = 3.0  # s after the last multicast; a device may wait up to half a second before it answers
UNICAST_WAIT = 1.0  # s for each form
_AT_ONCE = 16
_SOAP = "http://www.w3.org/2003/05/soap-envelope"
_ADDRESSING = "http://schemas.xmlsoap.org/ws/2004/08/addressing"
_DISCOVERY = "http://schemas.xmlsoap.org/ws/2005/04/discovery"
# name in `Outcome.request`, namespace declaration, Types
FORMS = (
    ("NetworkVideoTransmitter", ' xmlns:dn="http://www.onvif.org/ver10/network/wsdl"', "dn:NetworkVideoTransmitter"),
    ("Device", ' xmlns:tds="http://www.onvif.org/ver10/device/wsdl"', "tds:Device"),
    ("any type", "", ""),
)  # fmt: skip
# What differs between two copies of one answer: message ids and the application sequence.
_CHANGING = re.compile(
    rb"<[^<>]{0,200}(?:MessageID|RelatesTo)[^<>]{0,400}>[^<]{0,400}|<[^<>]{0,80}AppSequence[^<>]{0,600}>"
)


@dataclass(frozen=True, slots=True)
class Probe:
    """One Probe message.

    Attributes:
        request: as it is written into outcomes.
        message_id: UUID as text; a proper answer repeats it.
        payload: one line without a line break: some units ignore any other (Hikvision).
    """

    request: str
    message_id: str
    payload: bytes


def probe_message(form: int) -> Probe:
    """Return a new Probe message of one of the `FORMS`."""
    name, namespace, types = FORMS[form]
    message_id = str(uuid.uuid4())
    asked = f"<d:Types>{types}</d:Types>" if types else ""
    payload = (
        f'<?xml version="1.0" encoding="UTF-8"?><s:Envelope xmlns:s="{_SOAP}" xmlns:a="{_ADDRESSING}" '
        f'xmlns:d="{_DISCOVERY}"{namespace}><s:Header><a:MessageID>urn:uuid:{message_id}</a:MessageID>'
        "<a:To>urn:schemas-xmlsoap-org:ws:2005:04:discovery</a:To>"
        f"<a:Action>{_DISCOVERY}/Probe</a:Action></s:Header><s:Body><d:Probe>{asked}</d:Probe></s:Body></s:Envelope>"
    )
    return Probe(f"Probe {name}", message_id, payload.encode("ascii"))


class _Answers:
    """Turns answers into sightings, each different answer of a device once."""

    def __init__(self, ctx: DiscoverContext, probes: list[Probe]) -> None:
        self._ctx = ctx
        self._probes = probes
        self._seen: set[tuple[str, str, bytes]] = set()

    def sighting(self, method: str, address: str, answer: bytes, *, interface: str | None = None) -> Found | None:
        request = next(
            (probe.request for probe in self._probes if probe.message_id.encode() in answer), self._probes[0].request
        )
        key = (address, request, hashlib.sha256(_CHANGING.sub(b"", answer)).digest())
        if key in self._seen:
            return None
        self._seen.add(key)
        ctx = self._ctx
        outcome = Outcome(
            device=address, probe="wsd", status=Status.ANSWERED, raw=answer, port=ctx.ports.wsd, request=request,
            at=stamp(), vantage=ctx.network.vantage or None,
        )  # fmt: skip
        return ctx.sighted(address, method, interface=interface, outcome=outcome)


async def run(ctx: DiscoverContext) -> AsyncGenerator[Found, None]:
    """Probe every link by multicast, then every live address that has not answered."""
    if METHOD not in ctx.methods:
        ctx.limit(
            "WS-Discovery is not among the authorised methods: what cameras say of themselves there is not heard."
        )
        return
    answered: set[str] = set()
    for interface, (source, prefixes) in multicast_links(ctx).items():
        try:
            permit = ctx.scope.multicast_permit(interface, source, prefixes)
        except NotPermitted as error:
            ctx.limit(str(error))
            continue
        probes = [probe_message(form) for form in range(len(FORMS))]
        answers = _Answers(ctx, probes)
        ctx.say(f"WS-Discovery by multicast on {interface}")
        try:
            async for address, answer in ctx.network.udp_multicast(
                permit, GROUP, ctx.ports.wsd, [probe.payload for probe in probes], wait=LISTEN, tries=ROUNDS,
                keep=lambda sender: _permitted(ctx, sender),
            ):  # fmt: skip
                found = answers.sighting(MULTICAST, address, answer, interface=interface)
                if found is not None:
                    yield found
                if address not in answered:
                    answered.add(address)
                    yield ctx.done(address, MULTICAST, LookResult.ANSWERED, "probe-match")
        except DialError as error:
            ctx.limit(f"WS-Discovery by multicast on {interface} was not sent ({error.reason}).")
    left = [address for address in ctx.live if address not in answered and ctx.may_contact(address)]
    if left:
        ctx.say(f"WS-Discovery to {len(left)} live addresses")
    for chunk in chunks(left, _AT_ONCE):
        for found in await _ask_each(ctx, chunk):
            yield found


def multicast_links(ctx: DiscoverContext) -> dict[str, tuple[str, list[str]]]:
    """Return the links of the scope that can carry multicast: interface to own address and prefixes of the link."""
    scope = [IPv4Network(subnet.cidr) for subnet in ctx.scope.subnets()]
    links: dict[str, tuple[str, list[str]]] = {}
    for link in ctx.links.values():
        if ctx.interface is not None and link.name != ctx.interface:
            continue
        prefixes = [address for address in link.addresses if ":" not in address]
        on_link = [IPv4Interface(prefix).network for prefix in prefixes]
        if link.up and link.carrier and any(net.overlaps(ours) for net in on_link for ours in scope):
            # A subnet can lie on the link by a route alone; a quiet device in it would hear the multicast too.
            links[link.name] = (prefixes[0].partition("/")[0], [*prefixes, *sorted(ctx.reached.get(link.name, ()))])
    return links


def _permitted(ctx: DiscoverContext, address: str) -> bool:
    try:
        ctx.scope.permit(address)
    except NotPermitted:
        return False
    return ctx.may_contact(address)


async def _ask_each(ctx: DiscoverContext, addresses: list[str]) -> list[Found]:
    found: list[Found] = []

    async def one(address: str) -> None:
        try:
            permit = ctx.scope.permit(address)
            for form in range(len(FORMS)):
                probe = probe_message(form)
                answers = _Answers(ctx, [probe])
                texts = await ctx.network.udp_exchange(permit, ctx.ports.wsd, probe.payload, wait=UNICAST_WAIT)
                found.extend(item for text in texts if (item := answers.sighting(UNICAST, address, text)) is not None)
                if texts:
                    found.append(ctx.done(address, UNICAST, LookResult.ANSWERED, "probe-match"))
                    return
        except NotPermitted:
            return  # an excluded MAC was seen there since
        except DialError as error:
            found.append(ctx.done(address, UNICAST, LookResult.ERROR, error.reason))
            return
        found.append(ctx.done(address, UNICAST, LookResult.SILENT, "no-response"))

    async with asyncio.TaskGroup() as group:
        for address in addresses:
            group.create_task(one(address))
    return found
