"""The emulated site on network namespaces: nothing it sends can leave them, and they are removed at the end.

with Lab("office") as lab:
    lab.write_site(path)
    result = lab.exec([sys.executable, "-m", "auditor", "scan", str(path)])
    wire = lab.counters()["wire"]
"""

from __future__ import annotations

import atexit
import contextlib
import errno
import ipaddress
import itertools
import json
import os
import re
import select
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from .devices import HERE
from .servers import TARPIT_PORT, WSD_PORT
from .sites import ROUTER, load_site

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from .sites import SiteDefinition

NETNS = Path("/run/netns")
SCANNER_MAC = "02:1a:b0:00:00:01"
SITE_MAC = "02:1a:b0:00:00:02"
ROUTER_MAC = "02:1a:b0:00:00:03"
TRANSIT = ("192.0.2.1", "192.0.2.2")  # router end, site end: TEST-NET-1, seen by no scanner
START_SECONDS = 30.0
_numbers = itertools.count(1)


class LabError(RuntimeError):
    """The lab cannot be built or does not answer; the text says which command failed and what it printed."""


class Lab:
    """An emulated site in its own namespaces; use it as a context manager, as root.

    Attributes:
        site: the definition in use.
        scan: name of the namespace from which to scan.
        scanner: address of the scanning machine.
        interface: its interface towards the site.
    """

    def __init__(self, site: str | Path = "office", prefix: str | None = None) -> None:
        """Read the site (a name such as `office`, or the path of a definition); nothing is built yet."""
        self.site = load_site(site)
        if self.site.mode != "netns":
            raise LabError(f"{self.site.file} is a site for loopback; run `serve.py demo --site` with it")
        self._given = site
        prefix = prefix or f"calab-{os.getpid()}-{next(_numbers)}-"
        self.scan, self.place, self.router = f"{prefix}scan", f"{prefix}site", f"{prefix}router"
        self.scanner = str(ipaddress.ip_interface(str(self.site.scanner)).ip)
        self.interface = "lan0"
        self._made: list[str] = []
        self._children: dict[str, subprocess.Popen[bytes]] = {}

    # --- life ---

    def __enter__(self) -> Self:
        if os.geteuid() != 0:
            raise LabError("network namespaces need root")
        remove_leftovers()
        atexit.register(self.close)
        try:
            self._wire()
            self._filter()
            self._serve()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the servers and remove the namespaces. May be called again."""
        atexit.unregister(self.close)
        for child in self._children.values():
            with contextlib.suppress(OSError):
                child.stdin.close()
        for child in self._children.values():
            try:
                child.wait(timeout=5)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()
            child.stdout.close()
        self._children.clear()
        while self._made:
            remove_namespace(self._made.pop())

    # --- what tests use ---

    def exec(
        self,
        argv: Sequence[str],
        env: Mapping[str, str] | None = None,
        *,
        timeout: float = 600,
        check: bool = False,
        **options: Any,
    ) -> subprocess.CompletedProcess[str]:
        """Run a command in the scanner's namespace; `env` is added to the environment. Output is captured as text."""
        return subprocess.run(
            self.argv(argv), env={**os.environ, **(env or {})}, timeout=timeout, check=check,
            **{"capture_output": True, "text": True, **options},
        )  # fmt: skip

    def popen(self, argv: Sequence[str], env: Mapping[str, str] | None = None, **options: Any) -> subprocess.Popen[Any]:
        """Start a command in the scanner's namespace."""
        return subprocess.Popen(self.argv(argv), env={**os.environ, **(env or {})}, **options)

    def argv(self, argv: Sequence[str]) -> list[str]:
        """Return the command line that runs `argv` in the scanner's namespace (it ends as the same process)."""
        return ["ip", "netns", "exec", self.scan, *map(str, argv)]

    def counters(self) -> dict[str, Any]:
        """Return {"wire": what the scanner sent, "devices": what each device saw}; README.md lists the keys."""
        return {"wire": self._ask("sniff", "counters"), "devices": self._ask("netns", "counters")["devices"]}

    def reset(self) -> None:
        """Set all counters to zero; devices that died stay dead."""
        self._ask("netns", "reset")
        self._ask("sniff", "reset")

    def truth(self) -> list[dict[str, Any]]:
        """Return what stands where; a router, where the site has one, is listed too."""
        lines = self.site.truth()
        if self.site.routed:
            like = dict.fromkeys(lines[0])
            zone = next(z for z in self.site.zones if z.link == "direct")
            lines.append(
                {**like, "address": self.site.gateway, "id": ROUTER, "family": ROUTER, "mac": ROUTER_MAC,
                 "kind": "other", "rebrand": False, "flagged_maker": False, "evidence": "none", "zone": zone.name,
                 "zone_role": zone.role, "excluded": False}
            )  # fmt: skip
        return lines

    def address_of(self, device: str) -> str:
        """Return the address of a device by its id."""
        return next(address for address, placed in self.site.devices.items() if placed.id == device)

    def site_yaml(self, **changes: object) -> str:
        """Return the site file for the auditor; keyword arguments replace top-level keys, None removes one."""
        return self.site.site_yaml(**changes)

    def write_site(self, path: Path, **changes: object) -> Path:
        """Write the site file for the auditor and return its path."""
        path.write_text(self.site_yaml(**changes), encoding="utf-8")
        return path

    # --- faults ---

    def drop(self, *addresses: str) -> None:
        """From now on these addresses drop every packet (ARP is still answered)."""
        self._element("add", "dead", addresses)

    def refuse(self, *addresses: str) -> None:
        """From now on these addresses answer every new connection with RST."""
        self._element("add", "refuse", addresses)

    def prohibit(self, *addresses: str) -> None:
        """From now on these addresses answer with ICMP administratively prohibited."""
        self._element("add", "prohibited", addresses)

    def restore(self, *addresses: str) -> None:
        """Undo `drop`, `refuse` and `prohibit` for these addresses."""
        for name in ("dead", "refuse", "prohibited"):
            for address in addresses:
                self._nft(f"delete element inet lab {name} {{ {address} }}", missing_ok=True)

    def loss(self, percent: int) -> None:
        """Lose this share of the IP packets that reach the site; 0 ends it."""
        self._nft("flush chain inet lab faults")
        if percent:
            share = f"numgen random mod 100 < {percent}" if percent < 100 else ""
            self._nft(f"add rule inet lab faults {share} drop")

    def slow(self, rate: str = "64kbit") -> None:
        """Limit what the site sends to this rate (`tc` notation)."""
        self._run("tc", "-n", self.place, "qdisc", "replace", "dev", self._end(), "root", "tbf", "rate", rate,
                  "burst", "1600", "latency", "50ms")  # fmt: skip

    def link(self, *, up: bool) -> None:
        """Take the scanner's interface down or up."""
        self._run("ip", "-n", self.scan, "link", "set", self.interface, "up" if up else "down")
        if up:
            self._scanner_routes()

    def _element(self, verb: str, name: str, addresses: Sequence[str]) -> None:
        self._nft(f"{verb} element inet lab {name} {{ {', '.join(addresses)} }}")

    # --- building ---

    def _run(self, *argv: str, stdin: str | None = None) -> str:
        done = subprocess.run(argv, input=stdin, capture_output=True, text=True, timeout=60, check=False)
        if done.returncode:
            raise LabError(f"{' '.join(argv)}: {done.stderr.strip() or done.stdout.strip()}")
        return done.stdout

    def _nft(self, text: str, *, missing_ok: bool = False) -> None:
        try:
            self._run("ip", "netns", "exec", self.place, "nft", "-f", "-", stdin=text + "\n")
        except LabError as error:
            if not (missing_ok and "No such file" in str(error)):
                raise

    def _namespace(self, name: str) -> None:
        self._run("ip", "netns", "add", name)
        self._made.append(name)
        self._run("ip", "-n", name, "link", "set", "lo", "up")
        # Neighbour discovery of a kernel would look like a scanner's traffic.
        self._sysctl(name, "net.ipv6.conf.all.disable_ipv6=1", "net.ipv6.conf.default.disable_ipv6=1")

    def _sysctl(self, name: str, *settings: str) -> None:
        self._run("ip", "netns", "exec", name, "sysctl", "-q", "-w", *settings)

    def _end(self) -> str:
        return "lan1"

    def _watched(self) -> str:
        """The interface on which everything from the scanner arrives first."""
        return "port0" if self.site.routed else self._end()

    def _wire(self) -> None:
        site = self.site
        self._namespace(self.scan)
        self._namespace(self.place)
        self._sysctl(
            self.place, "net.ipv4.conf.all.arp_ignore=8",
            "net.ipv4.conf.all.arp_announce=2", "net.ipv4.conf.all.rp_filter=0", "net.ipv4.conf.default.rp_filter=0",
            "net.ipv4.ip_forward=0",
            # One kernel speaks for all devices: its limit on ICMP errors would silence all but the first of them.
            "net.ipv4.icmp_ratelimit=0",
        )  # fmt: skip
        if site.routed:
            # A bridge joins scanner, site and router, as a switch would.
            self._pair(self.scan, self.interface, self.place, "port0")
            self._pair(self.place, self._end(), self.place, "port1")
            self._namespace(self.router)
            self._pair(self.router, "up0", self.place, "port2")
            self._pair(self.router, "down0", self.place, "transit0")
            if Path("/proc/sys/net/bridge").exists():  # else bridged frames pass no packet filter anyway
                self._sysctl(
                    self.place, "net.bridge.bridge-nf-call-iptables=0", "net.bridge.bridge-nf-call-arptables=0"
                )
            self._run("ip", "-n", self.place, "link", "add", "br0", "type", "bridge", "stp_state", "0")
            for port in ("port0", "port1", "port2"):
                self._run("ip", "-n", self.place, "link", "set", port, "master", "br0", "up")
            self._run("ip", "-n", self.place, "link", "set", "br0", "up")
            self._router()
        else:
            self._pair(self.scan, self.interface, self.place, self._end())
        self._run("ip", "-n", self.scan, "link", "set", self.interface, "address", SCANNER_MAC, "up")
        self._run("ip", "-n", self.place, "link", "set", self._end(), "address", SITE_MAC, "up")
        self._run("ip", "-n", self.scan, "address", "add", str(site.scanner), "dev", self.interface)
        self._scanner_routes()
        self._site_routes()
        self._run("ip", "netns", "exec", self.scan, *self._script("offloads", self.interface))
        self._run("ip", "netns", "exec", self.place, *self._script("offloads", self._end()))

    def _pair(self, one: str, name: str, other: str, peer: str) -> None:
        self._run("ip", "link", "add", name, "netns", one, "type", "veth", "peer", "name", peer, "netns", other)

    def _scanner_routes(self) -> None:
        if self.site.gateway:
            self._run("ip", "-n", self.scan, "route", "replace", "default", "via", self.site.gateway)

    def _site_routes(self) -> None:
        """Make every address of the subnets local, but those of the scanner and the router."""
        others = [self.scanner] + ([str(self.site.gateway)] if self.site.routed else [])
        for link in ("direct", "routed"):
            for subnet in self.site.subnets(link):
                for block in without(subnet, others):
                    self._run("ip", "-n", self.place, "route", "add", "local", str(block), "dev", "lo")
        self._run("ip", "-n", self.place, "route", "add", f"{self.scanner}/32", "dev", self._end())
        self._run(
            "ip", "-n", self.place, "neighbour", "replace", self.scanner, "lladdr", SCANNER_MAC, "dev", self._end(),
            "nud", "permanent",
        )  # fmt: skip
        if self.site.routed:
            self._run("ip", "-n", self.place, "link", "set", "transit0", "up")
            self._run("ip", "-n", self.place, "address", "add", f"{TRANSIT[1]}/30", "dev", "transit0")
            self._run("ip", "-n", self.place, "route", "add", "default", "via", TRANSIT[0], "table", "100")
            mac = self._mac(self.router, "down0")
            self._run("ip", "-n", self.place, "neighbour", "replace", TRANSIT[0], "lladdr", mac, "dev", "transit0",
                      "nud", "permanent")  # fmt: skip
            for subnet in self.site.subnets("routed"):
                self._run("ip", "-n", self.place, "rule", "add", "from", str(subnet), "lookup", "100")

    def _router(self) -> None:
        site = self.site
        self._sysctl(self.router, "net.ipv4.ip_forward=1", "net.ipv4.conf.all.send_redirects=0")
        self._run("ip", "-n", self.router, "link", "set", "up0", "address", ROUTER_MAC, "up")
        self._run("ip", "-n", self.router, "link", "set", "down0", "up")
        length = ipaddress.ip_interface(str(site.scanner)).network.prefixlen
        self._run("ip", "-n", self.router, "address", "add", f"{site.gateway}/{length}", "dev", "up0")
        self._run("ip", "-n", self.router, "address", "add", f"{TRANSIT[0]}/30", "dev", "down0")
        mac = self._mac(self.place, "transit0")
        self._run("ip", "-n", self.router, "neighbour", "replace", TRANSIT[1], "lladdr", mac, "dev", "down0",
                  "nud", "permanent")  # fmt: skip
        for subnet in site.subnets("routed"):
            self._run("ip", "-n", self.router, "route", "add", str(subnet), "via", TRANSIT[1])

    def _mac(self, namespace: str, interface: str) -> str:
        return json.loads(self._run("ip", "-n", namespace, "-j", "link", "show", interface))[0]["address"]

    def _filter(self) -> None:
        self._nft(packet_filter(self.site, self._end()))

    def _script(self, *argv: str) -> list[str]:
        return [sys.executable, "-I", str(HERE / "serve.py"), *argv]

    def _serve(self) -> None:
        subnets = [f"--subnet={block}" for link in ("direct", "routed") for block in self.site.subnets(link)]
        self._child("sniff", ["--interface", self._watched(), "--scanner", self.scanner, *subnets])
        self._child("netns", ["--site", str(self._given), "--interface", self._end()])
        for name in ("sniff", "netns"):
            self._line(name)
        self.reset()

    def _child(self, command: str, argv: list[str]) -> None:
        self._children[command] = subprocess.Popen(
            ["ip", "netns", "exec", self.place, *self._script(command, *argv)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        )  # fmt: skip

    def _ask(self, command: str, word: str) -> dict[str, Any]:
        child = self._children[command]
        child.stdin.write(word.encode() + b"\n")
        child.stdin.flush()
        return self._line(command)

    def _line(self, command: str) -> dict[str, Any]:
        child = self._children[command]
        end = time.monotonic() + START_SECONDS
        data = b""
        while not data.endswith(b"\n"):
            ready, _, _ = select.select([child.stdout], [], [], max(0.0, end - time.monotonic()))
            chunk = os.read(child.stdout.fileno(), 1 << 20) if ready else b""
            if not chunk:
                raise LabError(f"the lab's `{command}` process does not answer (exit status {child.poll()})")
            data += chunk
        return json.loads(data)


def without(subnet: ipaddress.IPv4Network, addresses: Sequence[str]) -> list[ipaddress.IPv4Network]:
    """Return the fewest blocks that cover the subnet but these addresses."""
    blocks = [subnet]
    for address in addresses:
        hole = ipaddress.ip_network(address)
        blocks = [
            part
            for block in blocks
            for part in (block.address_exclude(hole) if hole.subnet_of(block) else [block])
        ]  # fmt: skip
    return blocks


def packet_filter(site: SiteDefinition, interface: str) -> str:
    """Return the nftables rules that make one kernel behave as many devices."""

    def elements(items: Sequence[str]) -> str:
        return f"elements = {{ {', '.join(items)} }};" if items else ""

    placed = site.devices
    normal = {a: d for a, d in placed.items() if d.behaviour.layer == "normal"}
    open_tcp = [f"{a} . {service.port}" for a, d in normal.items() for service in d.services]
    tarpits = [a for a, d in normal.items() if d.behaviour.tarpit]
    open_tcp += [f"{a} . {TARPIT_PORT}" for a in tarpits]
    limited = {a: d.behaviour.max_sessions for a, d in normal.items() if d.behaviour.max_sessions is not None}
    routed = ", ".join(str(block) for block in site.subnets("routed"))
    empty = []
    if routed and site.empty == "host-unreachable":
        empty.append(f"ip daddr {{ {routed} }} ip daddr != @placed reject with icmp type host-unreachable")
    nat = ""
    if tarpits:
        rules = "\n".join(f"ip daddr {a} meta l4proto tcp dnat ip to {a}:{TARPIT_PORT}" for a in tarpits)
        nat = f"chain tarpit {{ type nat hook prerouting priority dstnat; policy accept;\n{rules}\n}}"
    sessions = "\n".join(
        f"tcp flags & (syn | ack) == syn ip daddr {a} add @sessions{n} {{ ip daddr ct count over {limit} }} reject with tcp reset"
        for n, (a, limit) in enumerate(limited.items())
    )
    session_sets = "\n".join(
        f"set sessions{n} {{ type ipv4_addr; size 4; flags dynamic; }}" for n in range(len(limited))
    )
    return f"""
table netdev labin {{
  chain in {{ type filter hook ingress device "{interface}" priority 0; policy accept; meta pkttype other meta pkttype set host; }}
}}
table inet lab {{
  set placed {{ type ipv4_addr; {elements(sorted(placed))} }}
  set dead {{ type ipv4_addr; }}
  set refuse {{ type ipv4_addr; }}
  set silent {{ type ipv4_addr; {elements([a for a, d in placed.items() if d.behaviour.layer in {"silent", "arp-only"}])} }}
  set prohibited {{ type ipv4_addr; {elements([a for a, d in placed.items() if d.behaviour.layer == "prohibited"])} }}
  set noping {{ type ipv4_addr; {elements([a for a, d in normal.items() if not d.behaviour.ping])} }}
  set closeddrop {{ type ipv4_addr; {elements([a for a, d in normal.items() if d.behaviour.closed == "drop"])} }}
  set opentcp {{ type ipv4_addr . inet_service; {elements(open_tcp)} }}
  set openudp {{ type ipv4_addr . inet_service; {elements([f"{a} . {WSD_PORT}" for a, d in normal.items() if d.wsd])} }}
  {session_sets}
  {nat}
  chain faults {{ }}
  chain input {{
    type filter hook input priority 0; policy drop;
    iif "lo" accept
    jump faults
    ip daddr 224.0.0.0/4 accept
    ip daddr @dead drop
    ip daddr @silent drop
    ip daddr @prohibited reject with icmpx type admin-prohibited
    {empty[0] if empty else ""}
    ip daddr != @placed drop
    tcp flags & (syn | ack) == syn ip daddr @refuse reject with tcp reset
    {sessions}
    ip daddr . tcp dport @opentcp accept
    ip daddr . udp dport @openudp accept
    ip daddr @noping ip protocol icmp drop
    ip protocol icmp accept
    ip daddr @closeddrop drop
    meta l4proto tcp reject with tcp reset
    reject with icmp type port-unreachable
  }}
}}
"""


def remove_namespace(name: str) -> None:
    """End what still runs in a namespace and remove it."""
    pids = subprocess.run(["ip", "netns", "pids", name], capture_output=True, text=True, check=False).stdout.split()
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(int(pid), signal.SIGKILL)
    subprocess.run(["ip", "netns", "delete", name], capture_output=True, check=False)


def remove_leftovers() -> list[str]:
    """Remove namespaces of labs whose process is gone (killed before it could clean up); return their names."""
    removed = []
    for path in sorted(NETNS.glob("calab-*")) if NETNS.is_dir() else []:
        match = re.match(r"calab-(\d+)-", path.name)
        if match is None:
            continue
        try:
            os.kill(int(match[1]), 0)
        except OSError as error:
            if error.errno == errno.ESRCH:
                remove_namespace(path.name)
                removed.append(path.name)
    return removed
