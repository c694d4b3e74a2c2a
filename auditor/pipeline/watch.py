"""Who watches a run. The engine itself prints nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from auditor.net.network import Counters


class Observer:
    """Told what happens while a run goes on; this one ignores it all. The terminal and the log build on it."""

    def attach(self, counters: Counters) -> None:
        """Take the live counters of the run, to show them while it goes on."""

    def stage(self, name: str, total: int | None = None) -> None:
        """Note that a stage begins; `total` is the number of steps it will take where that is known."""

    def step(self, text: str = "") -> None:
        """Note that one step of the stage is done; `text` says which."""

    def subnets(self, done: int, total: int) -> None:
        """Note how many of the declared subnets discovery has looked at completely."""

    def found(self, address: str) -> None:
        """Note that an address answered for the first time."""

    def flagged(self, address: str, maker: str) -> None:
        """Note that a device will be flagged."""

    def failed(self, address: str, error: Exception) -> None:
        """Note that a defect of the auditor itself ended the contact with a device."""

    def say(self, text: str) -> None:
        """Pass on a plain sentence."""
