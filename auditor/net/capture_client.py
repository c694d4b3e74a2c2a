"""Client of the capture program: paces it, believes only whole answers, and never takes its death for silence."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import sys
from ipaddress import IPv4Address
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from auditor.common.display import visible
from auditor.common.errors import AuditorError, CannotScan, NotPermitted
from auditor.site import Permit

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable

    from auditor.net.network import Network

_PROGRAM = Path(__file__).resolve().parents[1] / "capture" / "__main__.py"
_START_DEADLINE = 15.0  # s; it takes less than one on an idle machine
_ANSWER_DEADLINE = 10.0
_LINE = 64 * 1024
_COMPLAINT = 2048  # bytes kept of what the program wrote to standard error
_MAC = re.compile(r"[0-9a-f]{2}(:[0-9a-f]{2}){5}")
_DEFAULT_SETTLE = 1.5  # s after the last request of a round; a busy camera answers ARP within one


class CaptureUnavailable(AuditorError):  # noqa: N818
    """Nothing can be asked by ARP here; the text is a sentence for the report."""


class CaptureFailed(CannotScan):
    """The capture program died, or said something that cannot be believed: what it had not said yet is unknown."""


class Capture:
    """The running capture program on one interface. Use as an async context manager after `start`.

    Attributes:
        interface: it listens on.
        drops: frames that the kernel lost; each may have been a reply.
        outside: replies from addresses that are not permitted; counted here, kept nowhere.
        unreadable: frames that were no proper ARP.
        uid: the user it runs as.
        disagreeing: addresses whose reply named one MAC in ARP and came from another: neither is sure to be theirs.
    """

    def __init__(self, process: asyncio.subprocess.Process, interface: str) -> None:
        """Use `Capture.start`."""
        self.interface = interface
        self.drops = 0
        self.outside = 0
        self.unreadable = 0
        self.uid = -1
        self.disagreeing: set[str] = set()
        self._process = process
        self._asked = 0
        self._lines: asyncio.Queue[dict[str, Any] | None] = asyncio.Queue()
        self._failure: str | None = None
        self._reader = asyncio.create_task(self._read())

    @classmethod
    async def start(cls, interface: str, source: str, source_mac: str, permits: Iterable[Permit]) -> Capture:
        """Start the program and wait until it holds its socket and has given up everything else.

        Args:
            interface: name of a local Ethernet interface.
            source: own IPv4 address on it.
            source_mac: its own MAC; the program compares.
            permits: every address that will be asked; the program refuses all others by itself.

        Raises:
            NotPermitted: something in `permits` is not a permit.
            CaptureUnavailable: no raw socket can be opened, or scapy is missing.
            CaptureFailed: the program did not start properly.
        """
        order = {"interface": interface, "source": source, "source_mac": source_mac, "allow": _ranges(permits)}
        try:
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-I", str(_PROGRAM), stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE, limit=_LINE, env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/"},
                cwd="/", start_new_session=True,
            )  # fmt: skip
        except OSError as error:
            raise CaptureUnavailable(f"the capture program cannot be started: {error.strerror}.") from error
        capture = cls(process, interface)
        try:
            capture._write(order)
            await capture._wait_until_ready()
        except BaseException:
            await capture.close()
            raise
        return capture

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """End the program; kill it when it does not end by itself within a second. May be called twice."""
        self._reader.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._reader
        try:
            # Closes its input, which ends it, and reads what is left of its output, which frees the pipes.
            async with asyncio.timeout(1.0):
                await self._process.communicate()
        except TimeoutError:
            pass
        finally:
            if self._process.returncode is None:
                with contextlib.suppress(ProcessLookupError):
                    self._process.kill()
                await self._process.communicate()

    async def arp(
        self, network: Network, permits: Iterable[Permit], *, tries: int = 2, settle: float = _DEFAULT_SETTLE
    ) -> AsyncIterator[tuple[str, str]]:
        """Ask for each address at the agreed pace, and yield `(address, mac)` as replies come.

        Args:
            network: pays for every request.
            permits: addresses to ask; one that is withdrawn meanwhile is not asked (again).
            tries: rounds; from the second on only silent addresses are asked.
            settle: s to listen after each round.

        An address that answers with two MACs is yielded twice; one pair is yielded once.

        Raises:
            NotPermitted: something in `permits` is not a permit.
            CaptureFailed: the program died or lost count; addresses without an answer are then unknown, not silent.
        """
        waiting: dict[str, Permit] = {}
        for permit in permits:
            _check(permit)
            waiting[permit.address] = permit
        seen: set[tuple[str, str]] = set()
        for _ in range(tries):
            for permit in list(waiting.values()):
                if permit.address not in waiting or permit.withdrawn:
                    continue
                await network.pay_arp()
                if permit.address in waiting and not permit.withdrawn:
                    self._write({"ask": permit.address})
                    self._asked += 1
                for pair in self._replies(seen, waiting):
                    yield pair
            until = asyncio.get_running_loop().time() + settle
            while (left := until - asyncio.get_running_loop().time()) > 0:
                await asyncio.sleep(min(left, 0.05))
                for pair in self._replies(seen, waiting):
                    yield pair
        for pair in await self._count(network, seen, waiting):
            yield pair

    def _replies(self, seen: set[tuple[str, str]], waiting: dict[str, Permit]) -> list[tuple[str, str]]:
        """Return the replies that have arrived and not been returned yet."""
        fresh: list[tuple[str, str]] = []
        while not self._lines.empty():
            line = self._lines.get_nowait()
            if line is None:
                raise CaptureFailed(self._sentence("ended before its work was done"))
            fresh += self._reply(line, seen, waiting)
        return fresh

    def _reply(
        self, line: dict[str, Any], seen: set[tuple[str, str]], waiting: dict[str, Permit]
    ) -> list[tuple[str, str]]:
        if "reply" not in line:
            raise CaptureFailed(self._sentence(f"said something unexpected: {visible(json.dumps(line), 120)}"))
        try:
            pair = (str(IPv4Address(line["reply"]["address"])), _mac(line["reply"]["mac"]))
        except (KeyError, TypeError, ValueError) as error:
            raise CaptureFailed(self._sentence("sent a reply that cannot be read")) from error
        waiting.pop(pair[0], None)
        if line["reply"].get("same") is not True:
            self.disagreeing.add(pair[0])
        if pair in seen:
            return []
        seen.add(pair)
        return [pair]

    async def _count(
        self, network: Network, seen: set[tuple[str, str]], waiting: dict[str, Permit]
    ) -> list[tuple[str, str]]:
        """Compare what the program says it sent with what it was asked for; return the last replies."""
        self._write({"count": 1})
        fresh: list[tuple[str, str]] = []
        while True:
            line = await self._next(_ANSWER_DEADLINE)
            if line is None:
                raise await self._died("ended before its work was done")
            if "count" in line:
                break
            fresh += self._reply(line, seen, waiting)
        try:
            count = {name: int(number) for name, number in line["count"].items()}
            sent, drops, outside, unreadable = (count[name] for name in ("sent", "drops", "outside", "unreadable"))
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise CaptureFailed(self._sentence("sent counters that cannot be read")) from error
        network.counters.capture_drops += drops - self.drops
        network.counters.outside_scope += outside - self.outside
        self.drops, self.outside, self.unreadable = drops, outside, unreadable
        if sent != self._asked:
            raise CaptureFailed(self._sentence(f"sent {sent} of {self._asked} requests"))
        return fresh

    def _write(self, order: dict[str, Any]) -> None:
        if self._process.stdin is None or self._process.returncode is not None:
            raise CaptureFailed(self._sentence("is not running"))
        # Orders are paced and small; the pipe never fills up. A dead reader shows as the end of its output.
        self._process.stdin.write(json.dumps(order).encode() + b"\n")

    async def _next(self, deadline: float) -> dict[str, Any] | None:
        try:
            async with asyncio.timeout(deadline):
                return await self._lines.get()
        except TimeoutError:
            raise CaptureFailed(self._sentence(f"said nothing for {deadline:.0f} s")) from None

    async def _wait_until_ready(self) -> None:
        line = await self._next(_START_DEADLINE)
        if line is not None and "unavailable" in line:
            raise CaptureUnavailable(visible(str(line["unavailable"])))
        if line is None or "ready" not in line:
            raise await self._died("did not start")
        self.uid = int(line["ready"]["uid"])

    async def _died(self, how: str) -> CaptureFailed:
        """Make the error for a program that ended, with its own last words."""
        complaint = b""
        if self._process.stderr is not None:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(1.0):
                    complaint = await self._process.stderr.read(_COMPLAINT)
        words = visible(complaint.decode("utf-8", "replace").strip()[-200:])
        return CaptureFailed(self._sentence(how + (f": {words}" if words else "")))

    def _sentence(self, how: str) -> str:
        why = f" ({self._failure})" if self._failure else ""
        return f"The ARP capture on {self.interface} {how}{why}; addresses it had not reported are unknown."

    async def _read(self) -> None:
        """Turn output into lines; the end, or anything unreadable, ends the queue with None."""
        stream = self._process.stdout
        try:
            while stream is not None and (raw := await stream.readline()):
                line = json.loads(raw) if raw.endswith(b"\n") else None
                if not isinstance(line, dict):
                    self._failure = "its output is damaged"
                    break
                if "failed" in line or "refused" in line:
                    self._failure = visible(str(line.get("failed") or f"it refused to ask for {line['refused']}"))
                    break
                self._lines.put_nowait(line)
        except ValueError as error:  # a line over the limit, or not JSON
            self._failure = f"its output is damaged: {visible(str(error), 80)}"
        finally:
            self._lines.put_nowait(None)


def _mac(text: object) -> str:
    if not isinstance(text, str) or not _MAC.fullmatch(text):
        raise ValueError("not a MAC")
    return text


def _check(permit: Permit) -> None:
    if not isinstance(permit, Permit):
        raise NotPermitted("an ARP request was asked for without a permit of the scope; nothing was sent")


def _ranges(permits: Iterable[Permit]) -> list[list[int]]:
    """Return the permitted addresses as ranges of numbers, in the order of `permits`."""
    ranges: list[list[int]] = []
    for permit in permits:
        _check(permit)
        number = int(IPv4Address(permit.address))
        if ranges and ranges[-1][1] == number - 1:
            ranges[-1][1] = number
        else:
            ranges.append([number, number])
    return ranges
