"""One device's turn: every question passes here, so that every rule of safety is applied to every question."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

from auditor.common.clock import stamp
from auditor.common.limits import CONNECT_DEADLINE, EXCHANGE_DEADLINE, HOST_DEADLINE, LISTEN_ONLY, MAX_RESPONSE
from auditor.model import Outcome, Ports, Status
from auditor.net import http, rtsp, tls
from auditor.net.network import DialError
from auditor.net.soap import DEVICE_SERVICE, onvif_messages
from auditor.probe import answers
from auditor.probe.evidence import Evidence
from auditor.probe.safety import COOL_DOWN, Decision, Safety

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from auditor.model import Facts
    from auditor.net.http import Exchange
    from auditor.net.network import Network
    from auditor.site import Permit

LOGIN_OR_LIMIT = "refused: login or connection limit"  # a device with all sessions in use answers 401 too (row 14)
NOT_AUTHORISED = "the authorisation does not allow this method"
_CHUNK = 4096


@dataclass(frozen=True, slots=True)
class Limits:
    """The times of a visit, in seconds; tests shorten them.

    Attributes:
        exchange: one exchange, whole.
        host: of contact with the device; the exchange under way may go over it.
        cool_down: rest before the one check after the breaker tripped.
        listen: how long a port of the listen list is listened to.
    """

    exchange: float = EXCHANGE_DEADLINE
    host: float = HOST_DEADLINE
    cool_down: float = COOL_DOWN
    listen: float = LISTEN_ONLY


class VisitOver(Exception):  # noqa: N818  (not a failure: the visit ends here)
    """The device is left alone from now on.

    Attributes:
        why: phrase for the outcomes of the questions that are not asked any more.
        stopped: sentence when the breaker tripped and the device did not go on as before, else None.
        status: for the questions that are not asked any more.
    """

    def __init__(self, why: str, *, stopped: str | None = None, status: Status = Status.NOT_ATTEMPTED) -> None:
        super().__init__(why)
        self.why = why
        self.stopped = stopped
        self.status = status


class Visit:
    """One device's turn.

    Attributes:
        ports: of the site.
        mac: the device's own, or None.
        evidence: what it has shown so far.
        safety: its standing.
        outcomes: raw results so far, in the order of asking.
        asked: ports that got a connection.
        methods: what the authorisation allows; None allows everything.
    """

    def __init__(
        self, network: Network, permit: Permit, ports: Ports, *, mac: str | None = None,
        on_outcome: Callable[[Outcome], None] | None = None, limits: Limits | None = None,
    ) -> None:  # fmt: skip
        self.ports = ports
        self.mac = mac
        self.evidence = Evidence()
        self.safety = Safety()
        self.outcomes: list[Outcome] = []
        self.asked: set[int] = set()
        self.methods: Collection[str] | None = None
        self._network = network
        self._permit = permit
        self._on_outcome = on_outcome
        self._limits = limits or Limits()
        self._spent = 0.0
        self._begun: set[str] = set()

    @property
    def address(self) -> str:
        """Address of the device, which is its key in outcomes."""
        return self._permit.address

    def allows(self, method: str) -> bool:
        """Return whether the authorisation allows a method; what sends nothing needs no leave."""
        return not method or self.methods is None or method in self.methods

    def once(self, name: str) -> bool:
        """Return True the first time it is called with a name."""
        first = name not in self._begun
        self._begun.add(name)
        return first

    def tell(
        self, probe: str, request: str | None, status: Status, *, port: int | None = None, raw: bytes = b"",
        facts: Facts | None = None, inside_tls: bool = False, truncated: bool = False, detail: str = "",
    ) -> None:  # fmt: skip
        """Record an outcome and hand it on at once."""
        outcome = Outcome(
            device=self.address, probe=probe, status=status, raw=raw, facts=facts, port=port, request=request,
            at=stamp(), vantage=self._network.vantage or None, tls=inside_tls, truncated=truncated, detail=detail,
        )  # fmt: skip
        self.outcomes.append(outcome)
        if self._on_outcome is not None:
            self._on_outcome(outcome)

    async def get(
        self, port: int, path: str, *, inside_tls: bool = False, refusal_is_evidence: bool = False
    ) -> Exchange | None:
        """Ask for a page; None when the rules forbid it.

        Raises:
            VisitOver: the device is left alone from now on.
        """
        if not self._may_ask(port, refusal_is_evidence=refusal_is_evidence):
            return None
        exchange = await http.get(
            self._network, self._permit, port, path, tls=inside_tls, deadline=self._limits.exchange
        )
        self._record("http", f"GET {path}", port, exchange, inside_tls=inside_tls)
        if inside_tls and exchange.peer_der is not None:
            self.tell("tls", "certificate", Status.ANSWERED, port=port, raw=exchange.peer_der, inside_tls=True)
        await self._learn(port, exchange)
        return exchange

    async def soap(self, port: int, operation: str, *, inside_tls: bool, refusal_is_evidence: bool) -> Exchange | None:
        """Ask an ONVIF question of the device service; None when the rules forbid it.

        Raises:
            VisitOver: the device is left alone from now on.
        """
        messages = await asyncio.to_thread(onvif_messages)
        body, action = messages.body_for(operation)
        if not self._may_ask(port, refusal_is_evidence=refusal_is_evidence):
            return None
        exchange = await http.soap(
            self._network,
            self._permit,
            port,
            DEVICE_SERVICE,
            body,
            action,
            tls=inside_tls,
            deadline=self._limits.exchange,
        )
        self._record("onvif", operation, port, exchange, inside_tls=inside_tls)
        await self._learn(port, exchange)
        return exchange

    async def rtsp(self, port: int) -> Exchange | None:
        """Ask OPTIONS and DESCRIBE; return the answer to OPTIONS, or None when the rules forbid it.

        Raises:
            VisitOver: the device is left alone from now on.
        """
        if not self._may_ask(port, refusal_is_evidence=True):
            return None
        options, describe = await rtsp.ask(
            self._network, self._permit, port, go_on=_may_describe, deadline=self._limits.exchange
        )
        self._record("rtsp", "OPTIONS", port, options)
        if describe is not None:
            self._record("rtsp", "DESCRIBE", port, describe)
        await self._learn(port, options)
        if describe is not None:
            await self._learn(port, describe)
        return options

    async def hello(self, port: int) -> None:
        """Read the certificate of a server that the system's TLS library does not speak to.

        Raises:
            VisitOver: the device is left alone from now on.
        """
        if not self._may_ask(port, refusal_is_evidence=False):
            return
        exchange = await tls.leaf(self._network, self._permit, port, deadline=self._limits.exchange)
        raw = exchange.peer_der if exchange.peer_der is not None else exchange.raw
        self.tell("tls", "certificate", exchange.status, port=port, raw=raw, inside_tls=exchange.peer_der is not None,
                  detail=exchange.detail)  # fmt: skip
        await self._learn(port, exchange)

    async def listen(self, port: int) -> bool:
        """Connect, send nothing, and keep what comes; return whether the port accepted.

        Raises:
            VisitOver: the device is left alone from now on.
        """
        if not self._may_ask(port, refusal_is_evidence=False):
            return False
        accepted, raw, detail, error = await self._overhear(port)
        if error is not None and not accepted:
            self.tell("tcp", "listen", error.status, port=port, detail=error.reason)
        else:
            self.tell("tcp", "listen", Status.ANSWERED, port=port, raw=raw, detail=detail)
        if accepted and error is None:
            self.safety.heard(port)
        else:
            await self._decide(port, answered=accepted, reason=error.reason if error is not None else "")
        return accepted

    def skip(self, probe: str, request: str, port: int, over: VisitOver) -> None:
        """Record a question that is not asked any more, so that its silence is not taken for an answer."""
        self.tell(probe, request, over.status, port=port, detail=over.why)

    def _may_ask(self, port: int, *, refusal_is_evidence: bool) -> bool:
        if self._permit.withdrawn:
            raise VisitOver("this turned out to be an excluded device", status=Status.NOT_PERMITTED)
        if self._spent >= self._limits.host:
            raise VisitOver(f"the {self._limits.host:g} s of contact that one device gets are spent")
        if not self.safety.may_ask(port, refusal_is_evidence=refusal_is_evidence):
            return False
        self.asked.add(port)
        return True

    def _record(self, probe: str, request: str, port: int, exchange: Exchange, *, inside_tls: bool = False) -> None:
        detail = exchange.detail
        if answers.is_refusal(exchange.raw):
            detail = LOGIN_OR_LIMIT
            if (left := answers.attempts_left(exchange.raw)) is not None:
                detail += f"; the device counts {left} attempt(s) left"
        self.tell(
            probe, request, exchange.status, port=port, raw=exchange.raw, inside_tls=inside_tls,
            truncated=exchange.truncated, detail=detail,
        )  # fmt: skip

    async def _learn(self, port: int, exchange: Exchange) -> None:
        self._spent += exchange.seconds or _guess(exchange.reason, self._limits)
        if answers.is_refusal(exchange.raw):
            self.safety.refused(port, busy=answers.is_busy(exchange.raw))
        if (left := answers.attempts_left(exchange.raw)) is not None:
            raise VisitOver(f"the device counts login attempts ({left} left), so it is asked nothing more")
        answered = bool(exchange.raw) or exchange.peer_der is not None
        await self._decide(port, answered=answered, reason=exchange.reason)

    async def _decide(self, port: int, *, answered: bool, reason: str) -> None:
        decision = self.safety.learn(port, answered=answered, reason=reason)
        if decision is Decision.END:
            raise VisitOver(self.safety.why)
        if decision is Decision.LOOK_BACK:
            await self._look_back()
        if decision is Decision.CHECK_AGAIN:
            await self._check_again()

    async def _look_back(self) -> None:
        """Connect once, sending nothing, to a port that answered: after a refusal elsewhere, does it still accept?

        A unit whose service died under the questions refuses every port, which looks like ports that were never open
        (reliability row 4). Without this look the audit would go on knocking, and would not know what it did.
        """
        port = self.safety.last_open
        if port is None or self._permit.withdrawn:
            return
        try:
            async with self._network.connect(self._permit, port, deadline=CONNECT_DEADLINE):
                self.tell("tcp", "check", Status.ANSWERED, port=port, detail="still accepts connections")
        except DialError as error:
            self.tell("tcp", "check", error.status, port=port, detail=error.reason)
            if error.reason == "budget-spent":
                raise VisitOver("all connections that one device gets in one audit are spent") from error
            why = f"{self.safety.why}, and so did port {port}, which had answered ({error.reason})"
            raise VisitOver(why, stopped=f"It stopped answering during the audit: {why}.") from error

    async def _check_again(self) -> None:
        """Let the device rest, try one connection to the port that answered last, and end the visit."""
        safety = self.safety
        port = safety.last_open
        await asyncio.sleep(self._limits.cool_down)
        if port is None or self._permit.withdrawn:
            raise VisitOver(safety.why, stopped=f"It was left alone: {safety.why}.")
        accepted, raw, _, error = await self._overhear(port)
        back = accepted and error is None
        status = Status.ANSWERED if error is None else error.status
        detail = "accepts connections again" if error is None else f"still not answering: {error.reason}"
        self.tell("tcp", "check", status, port=port, raw=raw, detail=detail)
        later = f"{self._limits.cool_down:g} s later"
        if not back:
            stopped = f"It stopped answering during the audit: {safety.why}, and it did not answer {later}."
        elif safety.fell_silent:
            stopped = (
                f"It stopped answering for a while during the audit: {safety.why}; {later} it accepted a connection, "
                "and it was asked nothing more."
            )
        else:
            stopped = None  # the port that worked still works: the others are filtered, and the device is well
        raise VisitOver(safety.why, stopped=stopped)

    async def _overhear(self, port: int) -> tuple[bool, bytes, str, DialError | None]:
        """Connect, send nothing, listen; return `(accepted, bytes, detail, what went wrong)`."""
        heard = bytearray()
        accepted = False
        try:
            deadline = CONNECT_DEADLINE + self._limits.listen
            async with self._network.connect(self._permit, port, deadline=deadline) as connection:
                accepted = True
                until = connection.elapsed + self._limits.listen
                while (left := until - connection.elapsed) > 0 and len(heard) < MAX_RESPONSE:
                    chunk = await http.receive(self._network, connection, _CHUNK, left)
                    if not chunk:
                        self._spent += self._limits.listen - left
                        return True, bytes(heard), f"open; closed by the device after {len(heard)} bytes", None
                    heard += chunk
        except TimeoutError:
            pass  # the time for listening is over, which is how it should end
        except DialError as error:
            self._spent += _guess(error.reason, self._limits)
            if not accepted or error.reason != "deadline":
                return accepted, bytes(heard), f"open; {error.reason} after {len(heard)} bytes", error
        self._spent += self._limits.listen
        said = f"{len(heard)} bytes came unasked" if heard else "silent"
        return True, bytes(heard), f"open; {said} for {self._limits.listen:g} s", None


def _guess(reason: str, limits: Limits) -> float:
    """Return the seconds of contact that a failed connection cost; those of a handshake are not measured."""
    if reason == "deadline":
        return limits.exchange
    return CONNECT_DEADLINE if reason in ("no-response", "host-unreachable", "net-unreachable") else 0.0


def _may_describe(options: Exchange) -> bool:
    return answers.attempts_left(options.raw) is None and not answers.is_busy(options.raw)
