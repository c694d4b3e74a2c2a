"""Runs the emulated site. Needs no installation: `python -I serve.py demo --write-site site.yaml`.

Commands: `demo` serves a site on loopback without privileges, `list` prints what is described; `netns`, `sniff` and
`offloads` are the parts that `Lab` starts inside its namespaces.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import selectors
import signal
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent


def _package() -> None:
    """Load the folder of this file as the package `lab`, wherever it lies and whatever else is called so."""
    spec = importlib.util.spec_from_file_location("lab", HERE / "__init__.py", submodule_search_locations=[str(HERE)])
    module = importlib.util.module_from_spec(spec)
    sys.modules["lab"] = module
    spec.loader.exec_module(module)


def _catch_signals() -> int:
    """Turn SIGTERM and SIGINT into a byte to read; return the descriptor."""
    wake, woken = os.pipe()
    os.set_blocking(woken, False)
    signal.set_wakeup_fd(woken)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: None)
    return wake


def _answer(emulation: object, wake: int) -> None:
    """Answer the lines `counters` and `reset` until standard input ends or a signal comes."""
    selector = selectors.DefaultSelector()
    selector.register(wake, selectors.EVENT_READ)
    selector.register(0, selectors.EVENT_READ)
    pending = b""
    while True:
        for key, _ in selector.select():
            if key.fd == wake:
                return
            chunk = os.read(0, 4096)
            if not chunk:
                return
            pending += chunk
            *lines, pending = pending.split(b"\n")
            for line in lines:
                word = line.strip()
                if word == b"reset":
                    emulation.reset()
                    print(json.dumps({"reset": True}), flush=True)
                elif word == b"counters":
                    print(json.dumps({"devices": emulation.counters()}), flush=True)
                elif word:
                    print(json.dumps({"error": "the words are: counters, reset"}), flush=True)


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="serve.py", description=__doc__.partition("\n")[0])
    commands = parser.add_subparsers(dest="command", required=True)
    demo = commands.add_parser("demo", help="serve a site on 127.x addresses")
    demo.add_argument("--site", default="demo", help="name or path of a loopback site (default: demo)")
    demo.add_argument("--write-site", type=Path, metavar="PATH", help="write the site file for the auditor here")
    commands.add_parser("list", help="print the described devices")
    netns = commands.add_parser("netns", help="serve a site inside its namespace")
    netns.add_argument("--site", required=True)
    netns.add_argument("--interface", required=True)
    sniff = commands.add_parser("sniff", help="count what arrives")
    sniff.add_argument("--interface", required=True)
    sniff.add_argument("--scanner", required=True)
    sniff.add_argument("--subnet", action="append", default=[])
    offloads = commands.add_parser("offloads", help="switch segmentation and checksum offload off")
    offloads.add_argument("interface", nargs="+")
    args = parser.parse_args(argv)
    _package()
    if args.command == "sniff":
        from lab import sniffer

        sniffer.run(args.interface, args.scanner, args.subnet)
        return 0
    if args.command == "offloads":
        from lab import sniffer

        for interface in args.interface:
            sniffer.offloads_off(interface)
        return 0
    import lab

    if args.command == "list":
        for device in lab.load_devices().values():
            print(json.dumps(device.truth_line("-")))
        return 0
    from lab import servers

    site = lab.load_site(args.site)
    interface = args.interface if args.command == "netns" else None
    if (site.mode == "netns") != (interface is not None):
        parser.error(f"the site `{args.site}` is for {site.mode}")
    wake = _catch_signals()
    emulation = servers.Emulation(site, interface)
    try:
        emulation.start()
        ready = {"ready": True, "devices": len(site.devices), "excluded": sorted(site.excluded), "silent": site.silent}
        if interface is None and args.write_site:
            places = {}
            if site.locations is not None:
                beside = args.write_site.with_name(f"{args.write_site.stem}-locations.csv")
                beside.write_text(site.locations, encoding="utf-8")
                places["locations"] = beside.name
            args.write_site.write_text(site.site_yaml(**places), encoding="utf-8")
            ready["site"] = str(args.write_site)
        print(json.dumps(ready), flush=True)
        _answer(emulation, wake)
    except OSError as error:
        print(f"serve.py: {error.strerror or error}", file=sys.stderr)
        return 1
    finally:
        emulation.close()
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
