"""Measures how fast the commands are, on this machine; `make bench` runs it.

    python tests/bench/measure_speed.py [DEVICES]

DEVICES (default 50000) is how many invented devices `auditor identify` is given in one run, at exactly five lines of
`facts` each. It is given them in two forms. `a fleet`: every device has its own addresses, serial, nonce and model as
real ones do, and the banners of its firmware. `all unique`: no value of any fact comes twice, so that nothing can be
remembered: the worst case. Memory is measured for three sizes, in order and `--unsorted`. Prints one line for each
measurement: seconds of wall time with start-up, seconds of the processor, largest resident memory of the child, and a
rate by processor time where one makes sense. Everything runs on one core. Leaves nothing behind.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

Facts = dict[str, "str | list[str]"]
Line = tuple[str, int | None, str | None, Facts]  # probe, port, request, facts

HIKVISION = ("DS-2CD2{}{}G{}-{}", ("0", "1", "3", "4", "5", "6", "8"), ("2", "4", "5", "6", "7", "8", "T4", "T8"), "0123",
             ("I", "IU", "ISU/SL", "I2U", "LIU", "IZS"))  # fmt: skip
DAHUA = ("IPC-HF{}{}{}1{}", "WD", ("2", "3", "4", "5", "7"), ("2", "4", "5", "8"), ("E", "T-ZS", "EM-AS", "H-Z", "S"))
AXIS = ("{}{}{}-{}", "MPQ", ("10", "11", "13", "32", "35", "56"), ("25", "45", "65", "75"), ("L", "LE", "LVE", "E"))
PREFIXES = {
    "Hikvision": ("44:19:b6", "c0:56:e3", "bc:ad:28", "28:57:be"), "Dahua": ("3c:ef:8c", "90:02:a9", "14:a7:8b"),
    "Axis": ("ac:cc:8e", "00:40:8c", "b8:a4:4f"), "label": ("9c:8e:cd", "00:65:1e"),
    "other": ("00:11:32", "f4:39:09", "70:b3:d5", "d8:9e:f3", "48:ea:63"),
}  # fmt: skip
PUBLIC = "OPTIONS, DESCRIBE, PLAY, PAUSE, SETUP, TEARDOWN, SET_PARAMETER, GET_PARAMETER"
HEADERS = ["Date", "Server", "X-Frame-Options", "ETag", "Content-Length", "Content-Type", "Connection", "Last-Modified"]
LABELS = ("LTS", "ANNKE", "Safire", "HiLook", "Amcrest", "Lorex", "IC Realtime", "Northern", "Alibi", "QSee")
WEB_SERVERS = (
    "lighttpd/1.4.{}", "nginx/1.{}.0", "Apache/2.4.{} (Debian)", "GoAhead-Webs/2.{}", "Boa/0.94.{}rc21",
    "Microsoft-IIS/{}.0", "mini_httpd/1.{} 19dec2003", "uc-httpd 1.0.{}", "thttpd/2.{}b", "Virata-EmWeb/R6_{}_1",
)  # fmt: skip
PAGE = (
    '<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Strict//EN"><html><head><title>{title}</title><meta http-equiv='
    '"Content-Type" content="text/html; charset=utf-8"><link rel="stylesheet" href="/css/style.css?version={version}">'
    '<script type="text/javascript" src="/script/jquery.js"></script>{script}</head><body class="main" onload="init()">'
    '<div id="login"><form action="{action}" method="post"><input name="user"><input name="password" type="password">'
    "</form></div><noscript>This page needs JavaScript.</noscript></body></html>"
)  # about 600 characters, as the first pages of cameras have


class Maker:
    """Invents devices, the same ones each time; `unique` gives every value of every fact a tail of its own."""

    def __init__(self, *, unique: bool) -> None:
        self._random = random.Random(3)
        self._unique = unique
        self._count = 0

    def devices(self, count: int) -> Iterator[list[Line]]:
        """Yield the five lines of each of `count` devices."""
        kinds = (
            [self._hikvision] * 5 + [self._hikvision_recorder] * 2 + [self._dahua] * 5 + [self._dahua_recorder] * 2
            + [self._rebrand] * 3 + [self._axis] * 2 + [self._printer] * 2 + [self._unknown] * 4
        )  # fmt: skip
        for _ in range(count):
            lines = self._random.choice(kinds)()
            yield [
                (probe, port, request, {key: self._own(value) for key, value in facts.items()})
                for probe, port, request, facts in lines
            ]

    def _own(self, value: str | list[str]) -> str | list[str]:
        if not self._unique:
            return value
        self._count += 1
        if isinstance(value, list):
            return [*value, f"X-Trace-{self._count}"]
        return f"{value} {self._count}"

    def _hex(self, digits: int) -> str:
        return f"{self._random.getrandbits(4 * digits):0{digits}x}"

    def _digits(self, count: int) -> str:
        return f"{self._random.randrange(10**count):0{count}d}"

    def _mac(self, family: str) -> str:
        own = self._hex(6)
        return f"{self._random.choice(PREFIXES[family])}:{own[:2]}:{own[2:4]}:{own[4:]}"

    def _model(self, form: tuple[Any, ...]) -> str:
        return form[0].format(*(self._random.choice(part) for part in form[1:]))

    def _page(self, title: str, action: str, script: str = "") -> str:
        return PAGE.format(title=title, version=f"4.0.{self._random.randrange(60)}", action=action, script=script)

    def _challenge(self, realm: str) -> str:
        return f'Digest realm="{realm}", qop="auth", nonce="{self._hex(32)}", opaque="{self._hex(16)}"'

    def _address(self) -> str:
        return f"10.{self._random.randrange(256)}.{self._random.randrange(256)}.{self._random.randrange(1, 255)}"

    def _scopes(self, name: str, model: str) -> list[str]:
        start = "onvif://www.onvif.org/"
        return [f"{start}type/video_encoder", f"{start}type/audio_encoder", f"{start}Profile/Streaming", f"{start}hardware/{model}",
                f"{start}name/{name}", f"{start}location/city/{self._digits(4)}"]  # fmt: skip

    def _hikvision(self) -> list[Line]:
        model = self._model(HIKVISION)
        serial = f"{model}20{self._digits(6)}AAWR{self._letter()}{self._digits(8)}"
        page = self._page("", "/doc/page/login.asp", '<script>window.location.href="/doc/page/login.asp"</script>')
        return [
            ("http", 80, "GET /", {"http.status": "200", "http.server": "App-webs/", "http.title": "index",
                                   "http.header_names": HEADERS, "http.body": page}),
            ("http", 80, "GET /ISAPI/System/deviceInfo", {"http.status": "401", "http.www_authenticate": self._challenge(f"IP Camera({serial[-9:]})")}),
            ("rtsp", 554, "DESCRIBE", {"rtsp.public": PUBLIC, "rtsp.www_authenticate": self._challenge(f"IP Camera({serial[-9:]})")}),
            ("wsd", 3702, "Probe", {"wsd.scopes": self._scopes(f"HIKVISION%20{model}", model), "wsd.xaddrs": f"http://{self._address()}/onvif/device_service"}),
            ("mac", None, None, {"mac": self._mac("Hikvision")}),
        ]  # fmt: skip

    def _hikvision_recorder(self) -> list[Line]:
        model = f"DS-7{self._random.choice('6789')}{self._random.choice(('04', '08', '16', '32'))}NI-{self._random.choice('EIKM')}2"
        address = self._address()
        return [
            ("http", 80, "GET /", {"http.status": "200", "http.server": "webserver", "http.header_names": HEADERS,
                                   "http.body": self._page("index", "/doc/page/login.asp")}),
            ("sadp", 37020, "inquiry", {
                "sadp.DeviceType": self._digits(5), "sadp.DeviceDescription": model, "sadp.DeviceSN": f"{model}16{self._digits(8)}CCRR{self._digits(9)}WCVU",
                "sadp.IPv4Address": address, "sadp.MAC": self._mac("Hikvision"), "sadp.SoftwareVersion": f"V4.{self._digits(2)}.005build {self._digits(6)}",
                "sadp.Activated": "true", "sadp.DHCP": "false"}),
            ("snmp", 161, "get", {"snmp.sysdescr": f"Linux {model} 3.10.0", "snmp.sysobjectid": "1.3.6.1.4.1.39165.1.6"}),
            ("tls", 443, "handshake", {"tls.subject": f"CN={address},O=Unknown", "tls.issuer": f"CN={address},O=Unknown", "tls.sha256": self._hex(64)}),
            ("mac", None, None, {"mac": self._mac("Hikvision")}),
        ]  # fmt: skip

    def _dahua(self) -> list[Line]:
        model = self._model(DAHUA)
        serial = self._serial()
        script = '<script src="/jsCore/LAB.js"></script><script src="/js/loginEx.js"></script>'
        return [
            ("http", 80, "GET /", {"http.status": "200", "http.title": "WEB SERVICE",
                                   "http.header_names": ["CONNECTION", "X-XSS-Protection", "Content-Type", "Content-Length"],
                                   "http.body": self._page("WEB SERVICE", "/RPC2_Login", script)}),
            ("http", 80, "GET /cgi-bin/magicBox.cgi", {"http.status": "401", "http.www_authenticate": self._challenge(f"Login to {serial}")}),
            ("rtsp", 554, "DESCRIBE", {"rtsp.server": "Rtsp Server/3.0", "rtsp.www_authenticate": self._challenge(f"Login to {serial}")}),
            ("dhip", 37810, "search", {
                "dhip.mac": self._mac("Dahua"), "dhip.method": "client.notifyDevInfo", "dhip.SerialNo": serial, "dhip.DeviceType": model,
                "dhip.Vendor": "Dahua", "dhip.IPv4Address.IPAddress": self._address(), "dhip.Version": f"2.800.0000000.{self._digits(2)}.R",
                "dhip.DeviceClass": "IPC"}),
            ("mac", None, None, {"mac": self._mac("Dahua")}),
        ]  # fmt: skip

    def _dahua_recorder(self) -> list[Line]:
        serial = self._serial()
        return [
            ("http", 80, "GET /", {"http.status": "200", "http.title": "WEB SERVICE", "http.header_names": ["CONNECTION", "Date", "Last-Modified", "Etag", "CONTENT-LENGTH"],
                                   "http.body": self._page("WEB SERVICE", "/RPC2_Login")}),
            ("http", 80, "GET /", {"http.status": "401", "http.www_authenticate": self._challenge(f"Login to {serial}")}),
            ("ssdp", 1900, "M-SEARCH", {"ssdp.server": "Linux/4.9 UPnP/1.0 DahuaUPnP/1.0", "ssdp.usn": f"uuid:{self._hex(32)}", "ssdp.location": f"http://{self._address()}:49152/d.xml"}),
            ("tls", 443, "handshake", {"tls.subject": f"CN={serial},OU=General,O=General", "tls.issuer": "CN=Product Root CA,OU=ISG,O=GeneralCompany", "tls.sha256": self._hex(64)}),
            ("mac", None, None, {"mac": self._mac("Dahua")}),
        ]  # fmt: skip

    def _rebrand(self) -> list[Line]:
        label = self._random.choice(LABELS)
        if self._random.random() < 0.5:
            realm, server, model = (
                f"IP Camera({self._letter()}{self._digits(8)})",
                "App-webs/",
                f"{label[:2].upper()}-{self._digits(4)}W-28M",
            )
        else:
            realm, server, model = f"Login to {self._serial()}", "Webs", f"IP{self._letter()}M-{self._digits(4)}EW"
        return [
            ("http", 80, "GET /", {"http.status": "200", "http.server": server, "http.title": f"{label} {model}", "http.header_names": HEADERS,
                                   "http.body": self._page(label, "/login")}),
            ("http", 80, "GET /", {"http.status": "401", "http.www_authenticate": self._challenge(realm)}),
            ("rtsp", 554, "OPTIONS", {"rtsp.public": PUBLIC, "rtsp.www_authenticate": self._challenge(realm)}),
            ("onvif", 80, "GetDeviceInformation", {
                "onvif.manufacturer": label, "onvif.model": model, "onvif.firmware": f"V5.{self._digits(1)}.{self._digits(1)} build {self._digits(6)}", "onvif.serial": self._digits(16)}),
            ("mac", None, None, {"mac": self._mac(self._random.choice(("label", "Hikvision", "Dahua")))}),
        ]  # fmt: skip

    def _axis(self) -> list[Line]:
        model = self._model(AXIS)
        mac = self._mac("Axis")
        digits = mac.replace(":", "").upper()
        return [
            ("http", 80, "GET /", {"http.status": "401", "http.server": f"Apache/2.4.{self._random.randrange(40, 60)} (Unix)",
                                   "http.www_authenticate": self._challenge(f"AXIS_{digits}"), "http.header_names": HEADERS}),
            ("wsd", 3702, "Probe", {"wsd.scopes": self._scopes(f"AXIS%20{model}", model), "wsd.endpoint": f"urn:uuid:{self._hex(20)}{digits.lower()}"}),
            ("ssdp", 1900, "M-SEARCH", {"ssdp.server": "Linux/4.9.206-axis6, UPnP/1.0, Portable SDK for UPnP devices/1.6.18", "ssdp.usn": f"uuid:Upnp-BasicDevice-1_0-{digits}::upnp:rootdevice"}),
            ("snmp", 161, "get", {"snmp.sysdescr": f" ; AXIS {model}; Network Camera; 9.80.{self._digits(1)}; Jun 10 2021 10:{self._digits(2)}; {self._digits(3)}; 1;", "snmp.sysobjectid": "1.3.6.1.4.1.368.1.1"}),
            ("mac", None, None, {"mac": mac}),
        ]  # fmt: skip

    def _printer(self) -> list[Line]:
        model = f"LaserJet M{self._digits(3)}dn"
        return [
            ("http", 80, "GET /", {"http.status": "200", "http.server": f"HP HTTP Server; HP {model} - {self._digits(6)}; Serial Number: VNB3{self._digits(6)}; Built:Mon Jan 27, 2020",
                                   "http.title": f"HP {model}&nbsp;&nbsp;&nbsp;{self._address()}", "http.header_names": HEADERS, "http.body": self._page(model, "/hp/device/this.LCDispatcher")}),
            ("snmp", 161, "get", {"snmp.sysdescr": f"HP ETHERNET MULTI-ENVIRONMENT,ROM none,JETDIRECT,JD153,EEPROM JSI23{self._digits(6)},CIDATE 01/27/2020", "snmp.sysobjectid": "1.3.6.1.4.1.11.2.3.9.1"}),
            ("ftp", 21, None, {"ftp.banner": f"220 FTP print service:V-1.{self._digits(2)}/Use the network password for the ID if updating."}),
            ("mdns", 5353, None, {"mdns.service": f"HP {model} [{self._hex(6)}]._ipp._tcp.local", "mdns.txt": [f"ty=HP {model}", f"UUID={self._hex(32)}", "Duplex=T"]}),
            ("mac", None, None, {"mac": self._mac("other")}),
        ]  # fmt: skip

    def _unknown(self) -> list[Line]:
        server = self._random.choice(WEB_SERVERS).format(self._random.randrange(60))
        name = f"host-{self._digits(5)}"
        return [
            ("http", 80, "GET /", {"http.status": "200", "http.server": server, "http.title": f"Welcome to {name}", "http.header_names": HEADERS, "http.body": self._page(name, "/login.cgi")}),
            ("http", 8080, "GET /", {"http.status": "401", "http.server": server, "http.www_authenticate": f'Basic realm="{name}"'}),
            ("ssh", 22, None, {"ssh.banner": f"SSH-2.0-OpenSSH_{self._random.randrange(5, 9)}.{self._digits(1)}p1 Debian-{self._digits(1)}"}),
            ("dns", 53, None, {"dns.name": f"{name}.example.net"}),
            ("mac", None, None, {"mac": self._mac("other")}),
        ]  # fmt: skip

    def _letter(self) -> str:
        return self._random.choice("CDEFGJ")

    def _serial(self) -> str:
        return (
            f"{self._random.randrange(2, 9)}{self._letter()}0{self._digits(4)}PA{self._letter()}{self._hex(5).upper()}"
        )


def invent(path: Path, count: int, *, unique: bool, apart: bool = False) -> None:
    """Write `count` devices at five lines each; `apart` lets the lines of a hundred devices stand mixed."""
    with path.open("w", encoding="utf-8") as stream:
        held: list[str] = []
        for number, lines in enumerate(Maker(unique=unique).devices(count)):
            for probe, port, request, facts in lines:
                line: dict[str, Any] = {"device": f"d{number}", "probe": probe, "status": "answered"}
                if port is not None:
                    line |= {"port": port}
                if request is not None:
                    line |= {"request": request}
                held.append(json.dumps(line | {"at": "2026-11-21T10:00:00Z", "facts": facts}, ensure_ascii=False))
            if not apart:
                stream.write("\n".join(held) + "\n")
                held.clear()
            elif number % 100 == 99 or number == count - 1:
                stream.writelines(f"{line}\n" for start in range(5) for line in held[start::5])
                held.clear()


def measure(name: str, *arguments: str, units: int = 0, unit: str = "") -> None:
    """Run `auditor` with arguments and print what it took.

    Raises:
        SystemExit: the command ended with something else than 0 or 1.
    """
    started = time.perf_counter()
    process = subprocess.Popen([sys.executable, "-m", "auditor", *arguments], stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode not in {0, 1}:
        raise SystemExit(f"auditor {' '.join(arguments)} ended with {process.returncode}")
    busy = usage.ru_utime + usage.ru_stime
    rate = f"{units / busy:8.0f} {unit}/s" if units else ""
    print(f"{name:<48} {seconds:8.2f} s {busy:8.2f} s {usage.ru_maxrss / 1024:6.0f} MiB {rate}", flush=True)


def measure_identify(folder: Path, count: int) -> None:
    """Measure `auditor identify`: rate for both forms of input, memory for three sizes, in order and not."""
    path = folder / "devices.jsonl"
    for unique, name in ((False, "a fleet"), (True, "all unique")):
        invent(path, count, unique=unique)
        measure(f"identify, {count} devices, {name}", "identify", str(path), units=count, unit="devices")
    for size in (count // 5, 2 * count, 6 * count):
        invent(path, size, unique=False)
        measure(f"identify, {size} devices", "identify", str(path), units=size, unit="devices")
        invent(path, size, unique=False, apart=True)
        measure(f"identify --unsorted, {size} devices", "identify", "--unsorted", str(path), units=size, unit="devices")


def main() -> None:
    """Measure start-up, self-tests, identification, the demo and reporting."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 50_000
    with tempfile.TemporaryDirectory(prefix="auditor-bench-") as name:
        folder = Path(name)
        run = folder / "demo"
        measure("start (auditor --version)", "--version")
        measure("fingerprints check", "fingerprints", "check")
        measure("policies check", "policies", "check")
        measure_identify(folder, count)
        measure("demo, the whole audit", "demo", "--quiet", "--out", str(run))
        measure("report of the demo, again", "report", str(run))


if __name__ == "__main__":
    main()
