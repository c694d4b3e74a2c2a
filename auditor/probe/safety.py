"""When to leave a device alone: silence, the breaker, refusals, and what the device says about itself.

Pure state: no clock, no network. Numbers and reasons: facts/reliability, section 1 and rows 1 to 15.
"""

from __future__ import annotations

from enum import Enum

SILENT_PORTS = 2  # so many silent ports end a host
FAILURES = 2  # so many timeouts or resets in a row after an answer trip the breaker
REFUSED_QUESTIONS = 2  # questions to a port after its first refusal
LOOKS_BACK = 2  # connections of one visit that only see whether a port that answered still does
COOL_DOWN = 20.0  # s of rest before the one connection that checks whether the device came back

# Reasons of DialError and Exchange in which nothing at all came back.
SILENCE = frozenset({"no-response", "no-answer", "deadline", "host-unreachable", "net-unreachable"})
_OURS = frozenset({"no-route", "local-error"})
_BUDGET = "budget-spent"
_REFUSED = "connection-refused"
_RESET = "reset"


class Decision(Enum):
    """What to do after an answer or a failure."""

    GO_ON = "go on"
    CHECK_AGAIN = "check again"  # the breaker tripped: rest, one connection, then stop
    LOOK_BACK = "look back"  # a closed port, or a device that now refuses everything? One connection tells
    END = "end"


class Safety:
    """What one device has shown so far.

    Attributes:
        alive: it has answered something.
        silent_ports: ports from which nothing ever came.
        why: sentence on the latest decision other than to go on.
        last_open: port that answered last, or None.
        fell_silent: a port that had answered before failed in the present row of failures.
        cut: this machine could not send.
    """

    def __init__(self) -> None:
        self.alive = False
        self.silent_ports: set[int] = set()
        self.why = ""
        self.last_open: int | None = None
        self.fell_silent = False
        self._answered: set[int] = set()
        self._failed: list[str] = []
        self.cut = False
        self._unproven = False  # something answered since the last look back
        self._looks_back = 0
        self._after_refusal: dict[int, int] = {}
        self._left_alone: set[int] = set()

    def may_ask(self, port: int, *, refusal_is_evidence: bool) -> bool:
        """Return whether one more question may go to a port, and count it.

        Args:
            port: TCP port.
            refusal_is_evidence: a refusal of this question would itself tell something about the maker.
        """
        if port in self._left_alone:
            return False
        if port not in self._after_refusal:
            return True
        if not refusal_is_evidence or self._after_refusal[port] >= REFUSED_QUESTIONS:
            return False
        self._after_refusal[port] += 1
        return True

    def refused(self, port: int, *, busy: bool = False) -> None:
        """Take note that a port asked for a login; `busy` leaves it alone from now on."""
        self._after_refusal.setdefault(port, 0)
        if busy:
            self._left_alone.add(port)

    def learn(self, port: int, *, answered: bool, reason: str = "") -> Decision:
        """Take note of how one question ended.

        Args:
            port: TCP port.
            answered: bytes or a certificate came, or a port that is only listened to accepted the connection.
            reason: of the failure, as in `Exchange`.
        """
        if answered:
            self.alive, self.last_open, self.fell_silent = True, port, False
            self._answered.add(port)
            self.silent_ports.discard(port)
            self._failed.clear()
            self._unproven = True
            return Decision.GO_ON
        if reason == _BUDGET or reason in _OURS:
            self.cut = reason in _OURS
            spent = "all connections that one device gets in one audit are spent"
            return self._end(spent if reason == _BUDGET else f"this machine could not send ({reason})")
        known = port in self._answered
        if reason in SILENCE and not known:
            self.silent_ports.add(port)
        if self.alive and (reason in SILENCE or reason == _RESET or (reason == _REFUSED and known)):
            self._failed.append(f"{port} ({reason})")
            self.fell_silent = self.fell_silent or known
            if len(self._failed) >= FAILURES:
                self.why = f"ports {' and '.join(self._failed)} failed in a row after it had answered"
                return Decision.CHECK_AGAIN
        if len(self.silent_ports) >= SILENT_PORTS:
            return self._end(self.silence)
        return self._look_back(port) if reason == _REFUSED and not known else Decision.GO_ON

    def _look_back(self, port: int) -> Decision:
        """Decide whether a refusal of a port that never answered is worth a look at one that did."""
        if not (self.alive and self._unproven and self._looks_back < LOOKS_BACK):
            return Decision.GO_ON
        self._unproven = False
        self._looks_back += 1
        self.why = f"port {port} refused the connection"
        return Decision.LOOK_BACK

    def heard(self, port: int) -> None:
        """Take note that a port which is sent nothing accepted a connection; it proves nothing about the others."""
        unproven, last_open = self._unproven, self.last_open
        self.learn(port, answered=True)
        self._unproven = unproven
        self.last_open = last_open if last_open is not None else port

    @property
    def silence(self) -> str:
        """The sentence for a host that is left because of its silent ports."""
        return f"nothing came from ports {' and '.join(str(port) for port in sorted(self.silent_ports))}"

    def _end(self, why: str) -> Decision:
        self.why = why
        return Decision.END
