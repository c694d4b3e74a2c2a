"""Addresses, prefixes, ranges and MACs as people write them in a site file; netaddr reads them.

Every function raises `Problem`, a ValueError that carries what is wrong and the fix apart, so that the loader can
put file, line and key in front.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from netaddr import EUI, AddrFormatError, IPAddress, IPNetwork, IPRange, IPSet, mac_unix_expanded

from auditor.common.display import visible

_MAC = re.compile(r"(?i)[0-9a-f]{2}([:-])(?:[0-9a-f]{2}\1){4}[0-9a-f]{2}|(?:[0-9a-f]{4}\.){2}[0-9a-f]{4}|[0-9a-f]{12}")
_PREFIX = re.compile(r"([^/\s]+)/(\d{1,3})")
_IPV4_BITS = 32

# Prefixes that no camera can hold an address of, or that reach an IPv4 host by another name, which would lead round
# an exclusion.
_NEVER = (
    ("0.0.0.0/8", "no device has an address that begins with 0"),
    ("224.0.0.0/4", "224.0.0.0 and up are multicast groups, not devices"),
    ("240.0.0.0/4", "240.0.0.0 and up are reserved, and the last is the broadcast to all"),
    ("ff00::/8", "ff00::/8 holds multicast groups, not devices"),
    ("::ffff:0:0/96", "::ffff:0:0/96 writes IPv4 addresses as IPv6; write them as IPv4"),
    ("64:ff9b::/96", "64:ff9b::/96 reaches IPv4 hosts through a translator; write them as IPv4"),
    ("2002::/16", "2002::/16 reaches IPv4 hosts through 6to4; write them as IPv4"),
    ("::/128", ":: is not the address of a device"),
)
_NEVER_SETS = tuple((IPSet([prefix]), reason) for prefix, reason in _NEVER)


class Problem(ValueError):  # noqa: N818  (it is one, and is always reported as one sentence)
    """What is wrong with a value, and the fix.

    Attributes:
        problem: clause without a full stop.
        fix: what to write instead, imperative; empty lets the loader show the example of the key.
    """

    def __init__(self, problem: str, fix: str = "") -> None:
        self.problem = problem
        self.fix = fix
        super().__init__(f"{problem}; {fix}" if fix else problem)


def read_address(text: str) -> IPAddress:
    """Return one IPv4 or IPv6 address; an IPv4 address that is written as IPv6 becomes IPv4.

    Raises:
        Problem: not an address. Names are not looked up: a resolver could lead out of the scope.
    """
    try:
        address = IPAddress(text)
    except (AddrFormatError, ValueError, TypeError) as error:
        raise Problem(
            f"`{visible(text, 60)}` is not an IP address",
            "write all four numbers, such as 10.88.0.9; names are not looked up",
        ) from error
    return address.ipv4() if address.is_ipv4_mapped() else address


def read_prefix(text: str) -> IPNetwork:
    """Return one CIDR prefix.

    Raises:
        Problem: not a prefix, no length, or host bits are set (the fix names the right prefix).
    """
    match = _PREFIX.fullmatch(text)
    if match is None:
        try:
            address = read_address(text)
        except Problem as error:
            raise Problem(f"`{visible(text, 60)}` is not a subnet", "write it like 10.88.0.0/24") from error
        raise Problem(
            f"`{address}` has no prefix length",
            f"write {address}/{_bits(address.version)} for one address, or the subnet, such as 10.88.0.0/24",
        )
    try:
        network = IPNetwork(text)
    except (AddrFormatError, ValueError) as error:
        raise Problem(f"`{visible(text, 60)}` is not a subnet", "write it like 10.88.0.0/24") from error
    if network.ip != network.network:
        raise Problem(
            f"`{text}` has host bits set",
            f"write {network.cidr} for the subnet, or {network.ip}/{_bits(network.version)} for the one address",
        )
    return network.cidr


def read_scope_prefix(text: str) -> IPNetwork:
    """Return a prefix that may stand in a zone.

    Raises:
        Problem: as `read_prefix`, or the prefix holds addresses that can belong to no device.
    """
    network = read_prefix(text)
    members = IPSet([network])
    for never, reason in _NEVER_SETS:
        if not members.isdisjoint(never):
            raise Problem(f"`{network}` cannot be in the scope: {reason}", "write the prefixes that devices live in")
    return network


def read_range(text: str) -> IPRange:
    """Return a range `a-b`, both ends included.

    Raises:
        Problem: not two whole addresses of one family, or the wrong way round.
    """
    first_text, _, last_text = text.partition("-")
    first = read_address(first_text.strip())
    try:
        last = read_address(last_text.strip())
    except Problem as error:
        raise Problem(
            f"`{visible(text, 60)}` is not a range of two addresses",
            "write both in full, such as 10.88.0.10-10.88.0.20",
        ) from error
    if first.version != last.version:
        raise Problem(f"`{visible(text, 60)}` mixes IPv4 and IPv6", "write a range for each")
    if first > last:
        raise Problem(f"`{visible(text, 60)}` runs backwards", f"write {last}-{first}")
    return IPRange(first, last)


def read_mac(text: str) -> str:
    """Return a MAC in lower case with colons.

    Raises:
        Problem: not six bytes in one of the usual forms.
    """
    if not _MAC.fullmatch(text):
        raise Problem(f"`{visible(text, 60)}` is not a MAC", "write six bytes, such as 44:19:b6:00:00:05")
    return str(EUI(text, version=48, dialect=mac_unix_expanded))


def _bits(version: int) -> int:
    return _IPV4_BITS if version == 4 else 128  # noqa: PLR2004


@dataclass(frozen=True)
class Exclusion:
    """What is never sent to: addresses, or a MAC wherever it is seen.

    Attributes:
        text: as shown to people: an address, prefix, range or MAC.
        members: the addresses; None for a MAC.
        mac: lower case with colons; None for addresses.
        reason: of the exclusion, may be empty.
        quiet: no multicast either on the link that holds it (any link, for a MAC).
    """

    text: str
    members: IPSet | None = None
    mac: str | None = None
    reason: str = ""
    quiet: bool = False

    @classmethod
    def parse(cls, text: str, *, reason: str = "", quiet: bool = False) -> Exclusion:
        """Read an address, CIDR, range `a-b` or MAC; the form decides which.

        Raises:
            Problem: none of these.
        """
        kind = kind_of(text)
        return cls.of(kind, text, reason=reason, quiet=quiet)

    @classmethod
    def of(cls, kind: str, text: str, *, reason: str = "", quiet: bool = False) -> Exclusion:
        """Read a text of a known kind: `address`, `subnet`, `range` or `mac`.

        Raises:
            Problem: the text is not of that kind.
        """
        if kind == "mac":
            mac = read_mac(text)
            return cls(mac, mac=mac, reason=reason, quiet=quiet)
        if kind == "subnet":
            network = read_prefix(text)
            return cls(str(network), IPSet([network]), reason=reason, quiet=quiet)
        if kind == "range":
            span = read_range(text)
            return cls(str(span), IPSet(span), reason=reason, quiet=quiet)
        address = read_address(text)
        return cls(str(address), IPSet([address]), reason=reason, quiet=quiet)


def kind_of(text: str) -> str:
    """Return which kind of exclusion a text looks like: `address`, `subnet`, `range` or `mac`."""
    if _MAC.fullmatch(text):
        return "mac"
    if "/" in text:
        return "subnet"
    return "range" if "-" in text else "address"
