"""The order of one device's questions, and the most that they can cost."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from auditor.common.limits import CONNECT_DEADLINE, EXCHANGE_DEADLINE, HOST_DEADLINE, LISTEN_ONLY
from auditor.model import GENTLE, Status
from auditor.net.network import EXCHANGE_PACKETS
from auditor.probe.registry import HTTP, HTTPS, LISTEN, MAC, PROBES, RTSP
from auditor.probe.safety import COOL_DOWN
from auditor.probe.visit import NOT_AUTHORISED, Limits, Visit, VisitOver

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Sequence

    from auditor.model import Outcome, Pace, Ports
    from auditor.net.network import Network
    from auditor.probe.base import Probe
    from auditor.site import Permit

_ORDINARY_ANSWER = 64 * 1024  # bytes; pages, icons and XML of cameras stay well below
_SEGMENT = 1400
_TLS_PACKETS = 4  # hello, key exchange, goodbye, and an acknowledgement between
_REPEATED_SYN = 1


@dataclass(frozen=True, slots=True)
class Contact:
    """One device's turn, as it went.

    Attributes:
        outcomes: raw results in the order of asking; questions that were planned and not asked are among them as
            `not_attempted`, with the reason.
        stopped: sentence when the breaker tripped and the device did not go on as before, else None.
        silent_ports: number of ports from which nothing ever came.
        ended: phrase on why it ended before all planned questions were asked, or empty.
        cut: it ended because this machine could not send; what is known of the device is not what there was to learn.
    """

    outcomes: tuple[Outcome, ...]
    stopped: str | None
    silent_ports: int
    ended: str = ""
    cut: bool = False


@dataclass(frozen=True, slots=True)
class Bound:
    """The most that the probes of one device can cost.

    Attributes:
        connections: completed handshakes.
        packets: that this machine sends, for answers of up to 64 KiB.
        seconds: from the first packet to the last.
    """

    connections: int
    packets: int
    seconds: float


async def probe_device(
    network: Network, permit: Permit, ports: Ports, *, mac: str | None = None, earlier: Sequence[Outcome] = (),
    methods: Collection[str] | None = None, on_outcome: Callable[[Outcome], None] | None = None,
    limits: Limits | None = None,
) -> Contact:  # fmt: skip
    """Ask one device everything that is worth asking, and stop where the rules of safety say so.

    Args:
        network: of this audit.
        permit: for the device's address.
        ports: of the site.
        mac: the device's own MAC where discovery saw it on its link, or None.
        earlier: outcomes that discovery brought, of this or other devices; WS-Discovery answers of this one count.
        methods: what the authorisation allows; None allows everything. A question outside it is recorded as
            `not_permitted`.
        on_outcome: called with every outcome as it comes, also when the task is cancelled later.
        limits: times; default: those of `auditor.common.limits`.

    Raises:
        NotPermitted: the permit does not allow what is asked; a defect, never a network event.
        CannotScan: onvif-zeep's WSDL is missing on this machine.
    """
    visit = Visit(network, permit, ports, mac=mac, on_outcome=on_outcome, limits=limits)
    for outcome in earlier:
        if outcome.device == permit.address and outcome.probe == "wsd" and outcome.raw:
            visit.evidence.take_discovery(outcome.raw, permit.address)
    visit.methods = methods
    steps = []
    for probe, port in sequence(ports):
        if visit.allows(probe.method):
            steps.append((probe, port))
        else:
            visit.tell(probe.word, probe.asks[0], Status.NOT_PERMITTED, port=port, detail=NOT_AUTHORISED)
    over: VisitOver | None = None
    await MAC.follow_up(visit)  # costs nothing, so it is there however the visit ends
    try:
        for index, (probe, port) in enumerate(steps):
            await probe.ask(visit, port)
            # The first page alone says too little: whether RTSP is there decides what else is worth a connection.
            if index > 0 or len(steps) == 1:
                await _follow_up(visit)
        if not steps:
            await _follow_up(visit)
    except VisitOver as end:
        over = end
        begun = {(outcome.port, outcome.probe) for outcome in visit.outcomes}
        for probe, port in steps:
            if (port, probe.word) not in begun and port not in visit.asked:
                visit.skip(probe.word, probe.asks[0], port, end)
    return Contact(
        tuple(visit.outcomes),
        over.stopped if over else None,
        len(visit.safety.silent_ports),
        over.why if over else "",
        visit.safety.cut,
    )


def sequence(ports: Ports) -> Iterator[tuple[Probe, int]]:
    """Yield the planned questions, the most telling first: two silent ports end a host."""
    plain = [(HTTP, port) for port in HTTP.ports(ports)]
    yield from plain[:1]
    yield from ((RTSP, port) for port in RTSP.ports(ports))
    yield from plain[1:]
    yield from ((HTTPS, port) for port in HTTPS.ports(ports))
    yield from ((LISTEN, port) for port in LISTEN.ports(ports))


async def _follow_up(visit: Visit) -> None:
    for probe in PROBES:
        if visit.allows(probe.method):
            await probe.follow_up(visit)


def upper_bound(ports: Ports, pace: Pace = GENTLE) -> Bound:
    """Return the most that `probe_device` can cost one device, from the tables of the probes."""
    wanted = sum(probe.per_port * len(probe.ports(ports)) + probe.per_device for probe in PROBES)
    connections = min(wanted, pace.connections)
    encrypted = HTTPS.per_port * len(HTTPS.ports(ports)) + HTTP.per_device
    acknowledgements = -(-_ORDINARY_ANSWER // _SEGMENT)
    packets = connections * (EXCHANGE_PACKETS + _REPEATED_SYN + acknowledgements) + encrypted * _TLS_PACKETS
    # The host's deadline counts contact; the exchange under way may go over it, and pacing and rest come on top.
    contact = min(HOST_DEADLINE, wanted * (CONNECT_DEADLINE + EXCHANGE_DEADLINE)) + CONNECT_DEADLINE + EXCHANGE_DEADLINE
    rest = COOL_DOWN + CONNECT_DEADLINE + LISTEN_ONLY
    return Bound(connections, packets, contact + rest + wanted * 2 / pace.new_connections)
