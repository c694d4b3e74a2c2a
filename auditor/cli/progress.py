"""What a person sees while a run goes on: a live display on a terminal, plain lines elsewhere, nothing when quiet."""

from __future__ import annotations

import contextlib
import sys
import threading
import time
from typing import TYPE_CHECKING

from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from auditor.common.display import visible
from auditor.pipeline.watch import Observer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from auditor.net.network import Counters

_REFRESH = 4  # times a second
_PLAIN_EVERY = 10.0  # s between two plain lines of one stage
_SHOWN_NOTES = 3


class _Counting(Observer):
    """Keeps the numbers that both displays show."""

    def __init__(self) -> None:
        self.counters: Counters | None = None
        self.stage_name = "start"
        self.total: int | None = None
        self.done = 0
        self.subnets_done = (0, 0)
        self.devices = 0
        self.flagged_count = 0
        self.notes: list[str] = []
        self.stage_began = time.monotonic()
        self._packets_before = 0

    def attach(self, counters: Counters) -> None:
        self.counters = counters

    def stage(self, name: str, total: int | None = None) -> None:
        self.stage_name, self.total, self.done = name, total, 0
        self._packets_before = self.counters.packets_sent if self.counters else 0
        self.stage_began = time.monotonic()

    def step(self, text: str = "") -> None:  # noqa: ARG002  (the plain display shows counts only)
        self.done += 1

    def subnets(self, done: int, total: int) -> None:
        self.subnets_done = (done, total)

    def found(self, address: str) -> None:  # noqa: ARG002
        self.devices += 1

    def flagged(self, address: str, maker: str) -> None:
        self.flagged_count += 1
        self.say(f"{address} made by {maker}: flagged")

    def failed(self, address: str, error: Exception) -> None:
        self.say(f"{address}: internal error {error!r}")

    def say(self, text: str) -> None:
        self.notes.append(visible(text))

    def packets_per_second(self) -> float:
        """Return the mean rate of this stage."""
        if self.counters is None:
            return 0.0
        return (self.counters.packets_sent - self._packets_before) / max(time.monotonic() - self.stage_began, 0.1)

    def seconds_left(self) -> float | None:
        """Return the expected seconds to the end of this stage, or None where that is unknown."""
        if not self.total or not self.done:
            return None
        return (time.monotonic() - self.stage_began) / self.done * max(self.total - self.done, 0)


class _Plain(_Counting):
    """Prints a line when a stage begins, when something is flagged, and every ten seconds."""

    def __init__(self) -> None:
        super().__init__()
        self._last = time.monotonic()

    def stage(self, name: str, total: int | None = None) -> None:
        super().stage(name, total)
        self._last = time.monotonic()
        self._print(f"{name}: {total} to do" if total is not None else name)

    def step(self, text: str = "") -> None:
        super().step(text)
        if time.monotonic() - self._last >= _PLAIN_EVERY:
            self._last = time.monotonic()
            of = f" of {self.total}" if self.total is not None else ""
            self._print(
                f"{self.stage_name}: {self.done}{of} done, {self.devices} devices found, {self.flagged_count} flagged, "
                f"{self.packets_per_second():.0f} packets/s"
            )

    def say(self, text: str) -> None:
        self._print(visible(text))

    @staticmethod
    def _print(text: str) -> None:
        # Whoever reads the progress may go away; the audit goes on, and the log has it all.
        with contextlib.suppress(OSError, ValueError, AttributeError):
            sys.stderr.write(text + "\n")
            sys.stderr.flush()


class _Screen(_Counting):
    """The same numbers, redrawn in place."""

    def __init__(self) -> None:
        super().__init__()
        self._lock = threading.Lock()

    def __rich__(self) -> Group:
        with self._lock:
            left = self.seconds_left()
            facts = Table.grid(padding=(0, 2))
            facts.add_row("Stage", Text(self.stage_name))
            of = f" of {self.total}" if self.total is not None else ""
            facts.add_row("Done", f"{self.done}{of}")
            facts.add_row("Subnets", "{} of {}".format(*self.subnets_done))
            facts.add_row("Devices found", str(self.devices))
            facts.add_row("Flagged", str(self.flagged_count))
            facts.add_row("Packets/s", f"{self.packets_per_second():.0f}")
            facts.add_row("Time left", "not known yet" if left is None else f"about {_duration(left)}")
            bar = ProgressBar(total=self.total or 1, completed=min(self.done, self.total or 1), width=60)
            return Group(facts, bar, *(Text(note) for note in self.notes[-_SHOWN_NOTES:]))


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


@contextlib.contextmanager
def progress(*, quiet: bool) -> Iterator[Observer]:
    """Yield the observer that fits where standard error goes."""
    if quiet or sys.stderr is None:
        yield Observer()
        return
    console = Console(stderr=True)
    if not console.is_terminal:
        yield _Plain()
        return
    screen = _Screen()
    with Live(screen, console=console, refresh_per_second=_REFRESH, transient=True):
        yield screen
