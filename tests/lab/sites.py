"""Reads the site definitions (sites/*.yaml): which device stands at which address, and what the site file says."""

from __future__ import annotations

import datetime as dt
import io
import ipaddress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ruamel.yaml import YAML

from .devices import HERE, DescriptionError, Device, _Node, load_devices, load_yaml

if TYPE_CHECKING:
    from pathlib import Path

ROUTER = "router"


@dataclass(frozen=True)
class Zone:
    """A zone of the site. `link` is `direct` (on the scanner's own segment) or `routed`."""

    name: str
    role: str
    subnets: tuple[str, ...]
    link: str


@dataclass(frozen=True)
class SiteDefinition:
    """One emulated site.

    Attributes:
        scanner: address of the machine that scans, with its prefix length (`10.88.0.250/24`); None on loopback.
        gateway: address in the scanner's subnet that everything else is routed to.
        devices: address -> device, excluded ones included.
        empty: what happens to packets for an address of a routed zone where nothing is: `silent`
            or `host-unreachable`.
        silent: addresses without a device that drop everything (loopback only; elsewhere a device says so).
        locations: text of the table of places (CSV) that belongs beside the site file, or None.
        proxy_arp: MAC that answers ARP for every address of the direct zones that has no device, or None.
    """

    name: str
    sensitivity: str
    mode: str
    scanner: str | None
    gateway: str | None
    zones: tuple[Zone, ...]
    devices: dict[str, Device]
    exclude: tuple[object, ...]
    excluded: frozenset[str]
    silent: tuple[str, ...]
    policies: tuple[str, ...]
    empty: str
    proxy_arp: str | None
    file: str
    locations: str | None

    @property
    def routed(self) -> bool:
        return any(zone.link == "routed" for zone in self.zones)

    def subnets(self, link: str) -> list[ipaddress.IPv4Network]:
        return [ipaddress.ip_network(cidr) for zone in self.zones if zone.link == link for cidr in zone.subnets]

    def truth(self) -> list[dict[str, object]]:
        """Return one entry per address where something stands, ascending, with zone and whether it is excluded."""
        lines = [device.truth_line(address) for address, device in self.devices.items()]
        lines += [
            {"address": address, "id": "silent", "family": "silent", "mac": None, "maker": None, "brand": None,
             "rebrand": False, "relation": None, "model": None, "kind": "unknown", "flagged_maker": False,
             "evidence": "none"}
            for address in self.silent
        ]  # fmt: skip
        for line in lines:
            address = ipaddress.ip_address(str(line["address"]))
            zone = next((z for z in self.zones for c in z.subnets if address in ipaddress.ip_network(c)), None)
            line["zone"] = zone.name if zone else None
            line["zone_role"] = zone.role if zone else None
            line["excluded"] = str(address) in self.excluded
        return sorted(lines, key=lambda line: ipaddress.ip_address(str(line["address"])))

    def site_yaml(self, **changes: object) -> str:
        """Return the site file of this site for the auditor; `changes` replace or add top-level keys (None removes)."""
        today = dt.datetime.now(dt.UTC).date()
        data: dict[str, object] = {
            "site": {"name": self.name, "sensitivity": self.sensitivity},
            "authorisation": {
                "by": "Demonstration",
                "reference": "LAB-1",
                "valid_from": today - dt.timedelta(days=1),
                "valid_until": today + dt.timedelta(days=30),
            },
            "zones": [
                {"name": zone.name, "role": zone.role, "subnets": list(zone.subnets)} for zone in self.zones
            ],
            "exclude": list(self.exclude),
            "policies": list(self.policies),
        }  # fmt: skip
        if self.mode == "loopback":
            data["pace"] = "standard"
            data["ports"] = {
                "http": [loopback_port(80)],
                "https": [loopback_port(443)],
                "rtsp": [loopback_port(554)],
                "listen": [loopback_port(port) for port in (8000, 37777, 34567)],
                "wsd": loopback_port(3702),
            }
        for key, value in changes.items():
            if value is None:
                data.pop(key, None)
            else:
                data[key] = value
        out = io.StringIO()
        writer = YAML(typ="safe", pure=True)
        writer.width = 100
        writer.sort_base_mapping_type_on_output = False
        writer.dump(data, out)
        return out.getvalue()


def loopback_port(port: int) -> int:
    """Ports below 1024 need privileges, so on loopback every port is 10,000 higher."""
    return port + 10_000


def site_names() -> tuple[str, ...]:
    """Return the names of the sites that come with the lab."""
    return tuple(sorted(path.stem for path in (HERE / "sites").glob("*.yaml")))


def expand_exclusion(entry: object) -> set[str]:
    """Return the addresses of an exclusion: an address, a CIDR or a range `a-b`; a MAC or mapping gives none."""
    if not isinstance(entry, str) or ":" in entry:
        return set()
    if "-" in entry:
        first, _, last = entry.partition("-")
        low, high = (int(ipaddress.ip_address(part.strip())) for part in (first, last))
        return {str(ipaddress.ip_address(number)) for number in range(low, high + 1)}
    return {str(address) for address in ipaddress.ip_network(entry)}


def load_site(name: str | Path) -> SiteDefinition:
    """Read a site by name (`office`) or path.

    Raises:
        DescriptionError: the definition is wrong; the text names the file and the key.
    """
    path = HERE / "sites" / f"{name}.yaml" if isinstance(name, str) and "/" not in name else name
    path = type(HERE)(path)
    node = _Node(load_yaml(path), path.name)
    mode = node.take("mode", "netns", str)
    known = load_devices()
    devices: dict[str, Device] = {}
    for address, device in dict(node.take("devices", {}, dict)).items():
        if device not in known:
            raise DescriptionError(f"{path.name}: {address}: there is no device `{device}`")
        devices[str(ipaddress.ip_address(address))] = known[device]
    for repeat in node.take("repeat", [], list):
        inner = _Node(repeat, f"{path.name}: repeat")
        original, count = known[str(inner.take("device", kinds=str))], inner.take("count", kinds=int)
        first = ipaddress.ip_address(inner.take("first", kinds=str))
        inner.done()
        for number in range(count):
            devices[str(first + number)] = original.copy_number(number + 1)
    silent = tuple(str(ipaddress.ip_address(item)) for item in node.take("silent", [], list))
    zones = []
    for data in node.take("zones", kinds=list):
        inner = _Node(data, f"{path.name}: zones")
        subnets = inner.take("subnets", [], list)
        if members := inner.take("addresses", None, list):
            # Exactly these addresses: on loopback every other address would answer "refused".
            hosts = [ipaddress.ip_network(host) for member in members for host in expand_exclusion(member)]
            subnets = [str(block) for block in ipaddress.collapse_addresses(hosts)]
        zones.append(
            Zone(inner.take("name"), inner.take("role"), tuple(map(str, subnets)), inner.take("link", "direct", str))
        )
        inner.done()
    exclude = tuple(node.take("exclude", [], list))
    definition = SiteDefinition(
        name=node.take("name", kinds=str), sensitivity=node.take("sensitivity", "standard", str), mode=mode,
        scanner=node.take("scanner", None, str), gateway=node.take("gateway", None, str), zones=tuple(zones),
        devices=devices, exclude=exclude,
        excluded=frozenset(address for entry in exclude for address in expand_exclusion(entry)),
        silent=silent, policies=tuple(node.take("policies", ["uk-2022", "us-889"], list)),
        empty=node.take("empty", "silent", str), proxy_arp=node.take("proxy_arp", None, str), file=path.name,
        locations=_locations(node, path),
    )  # fmt: skip
    node.done()
    _check(definition)
    return definition


def _locations(node: _Node, path: Path) -> str | None:
    name = node.take("locations", None, str)
    return None if name is None else (path.parent / name).read_text(encoding="utf-8")


def _check(site: SiteDefinition) -> None:
    where = site.file
    inside = [ipaddress.ip_network(cidr) for zone in site.zones for cidr in zone.subnets]
    for address in [*site.devices, *site.silent]:
        if not any(ipaddress.ip_address(address) in block for block in inside):
            raise DescriptionError(f"{where}: {address} lies in no zone")
    macs = [device.mac for device in site.devices.values() if device.mac]
    if len(set(macs)) != len(macs) or len({d.id for d in site.devices.values()}) != len(site.devices):
        raise DescriptionError(f"{where}: a device or MAC stands at two addresses")
    if site.mode == "netns":
        if site.scanner is None or site.silent:
            raise DescriptionError(f"{where}: `scanner` is needed, and `silent` belongs to loopback sites")
        if str(ipaddress.ip_interface(site.scanner).ip) in site.devices:
            raise DescriptionError(f"{where}: the scanner stands where a device is")
        for address, device in site.devices.items():
            routed = any(ipaddress.ip_address(address) in block for block in site.subnets("routed"))
            if device.mac is None and not routed and device.behaviour.layer != "silent":
                raise DescriptionError(f"{where}: {device.id} has no MAC and cannot stand on a direct link")
    else:
        for device in site.devices.values():
            behaviour = device.behaviour
            if behaviour.layer != "normal" or behaviour.silent_after or behaviour.closed == "drop":
                raise DescriptionError(f"{where}: {device.id} needs a layer 2 that loopback does not have")
