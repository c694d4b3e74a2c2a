"""What every probe is."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from auditor.model import Ports
    from auditor.probe.visit import Visit


class Probe(ABC):
    """A read-only question, or a few that belong together.

    Attributes:
        word: of the probe vocabulary, as in `Outcome.probe`.
        method: word of the authorisation's `methods` that must allow it, or empty: it sends nothing.
        asks: what it may ask, as in `Outcome.request`; the first is what it asks of each of its ports.
        sends: the bytes that may leave, as templates with `{host}`, `{url}` and the like; empty: nothing is sent.
        per_port: most connections to each of its ports.
        per_device: most further connections to a device.
    """

    word: ClassVar[str]
    method: ClassVar[str] = ""
    asks: ClassVar[tuple[str, ...]]
    sends: ClassVar[tuple[str, ...]]
    per_port: ClassVar[int] = 0
    per_device: ClassVar[int] = 0

    @abstractmethod
    def ports(self, ports: Ports) -> tuple[int, ...]:
        """Return the ports that it asks on its own account, in order."""

    async def ask(self, visit: Visit, port: int) -> None:  # noqa: B027  (a probe may have only one of the two)
        """Ask one of its ports.

        Raises:
            VisitOver: the device is left alone from now on.
        """

    async def follow_up(self, visit: Visit) -> None:  # noqa: B027
        """Ask what the evidence so far makes worth asking, once per device; called again as evidence grows.

        Raises:
            VisitOver: the device is left alone from now on.
        """
