"""Builds audits from model values, as a site in this country might yield them; nothing here touches a network."""

from __future__ import annotations

import dataclasses
from datetime import UTC, date, datetime

from auditor.model import (
    Audit,
    Authorisation,
    Conflict,
    Coverage,
    CoverageState,
    Decision,
    Device,
    Evidence,
    Finding,
    Force,
    Identity,
    Kind,
    Location,
    Plan,
    Relation,
    Run,
    Sensitivity,
    Site,
    Strength,
    SubnetCoverage,
    Verdict,
    Wave,
    WorkOrder,
    Zone,
    ZoneRole,
)

UK_SOURCE = "https://securitymattersmagazine.com/government-urged-to-expand-protection-against-chinese-state-owned-cctv"
US_SOURCE = "https://farclause.com/FARregulation/Clause/FAR52.204-25,_Basic"
CORE, ISOLATED = ("office", ZoneRole.CORE), ("cctv", ZoneRole.ISOLATED)
ROOMS = ("Main entrance", "2.14", "Loading bay", "0.03", "Corridor west", "Car park, pole 4", "1.20", "Plant room")

LABEL_NOTE = "The label LTS is also put on units of other makers; only technical evidence was used."
LOOK_FOR = (
    "Find the label: look under the base, on the back, and through or inside the dome cover.",
    "Compare the serial number (S/N) with nine characters such as 594199052.",
)


def evidence(
    maker: str, key: str, value: str, strength: Strength = Strength.CONCLUSIVE, port: int | None = 80, says: str = ""
) -> Evidence:
    return Evidence(
        fingerprint=f"{maker.lower()}.{key}", observation=key, value=value, says=says or f"maker {maker}", strength=strength,
        group=key.split(".", maxsplit=1)[0], port=port, source="recog, http_servers.xml" if key.startswith("http") else "",
    )  # fmt: skip


def identity(
    address: str,
    maker: str | None,
    model: str | None,
    kind: Kind,
    *evidences: Evidence,
    confidence: float = 0.997,
    **more,
) -> Identity:
    verdict = (
        Verdict.CONFIRMED if confidence >= 0.99 else Verdict.PROBABLE if confidence >= 0.9 else Verdict.POSSIBLE if confidence >= 0.5
        else Verdict.UNIDENTIFIED
    )  # fmt: skip
    return Identity(
        device=address,
        maker=maker,
        model=model,
        kind=kind,
        confidence=confidence,
        verdict=verdict,
        evidence=tuple(evidences),
        **more,
    )


def findings(decision: Decision, zone_role: ZoneRole, *, deadline: date | None = None) -> tuple[Finding, ...]:
    core = zone_role is ZoneRole.CORE
    first = Finding(
        policy="uk-2022", rule="uk-2022.core-network" if core else "uk-2022.sensitive-site", decision=decision,
        force=Force.INSTRUCTION if core else Force.ADVICE,
        sentence="The maker is subject to the National Intelligence Law of the People's Republic of China, and the unit is on a core network."
        if core else "The maker is subject to the National Intelligence Law of the People's Republic of China, and the site is sensitive.",
        deadline=deadline, sources=(UK_SOURCE,), source_read="secondary",
    )  # fmt: skip
    second = Finding(
        policy="us-889", rule="us-889.part-b", decision=Decision.ASSESS, force=Force.LAW,
        sentence="An organisation that holds contracts with the United States government may not use equipment of this maker.",
        sources=(US_SOURCE,), source_read="primary",
    )  # fmt: skip
    return first, second


def device(
    address: str, mac: str | None, where: tuple[str, ZoneRole], what: Identity, number: int = 0, **more
) -> Device:
    zone, role = where
    more.setdefault(
        "location",
        Location(
            "Building A",
            str(number % 3),
            ROOMS[number % len(ROOMS)],
            "Ceiling, 3.2 m",
            "sw-a-02",
            f"1/0/{number}",
            "30",
        )
        if number
        else None,
    )
    more.setdefault("state", CoverageState.IDENTIFIED if what.maker else CoverageState.ANSWERED_UNIDENTIFIED)
    return Device(
        id=f"mac-{mac.replace(':', '')}" if mac else f"addr-{address.replace('.', '-')}", addresses=(address, *more.pop("others", ())), mac=mac,
        zone=zone, zone_role=role, identity=what, methods=("arp", "wsd.multicast"), first_seen="2026-11-21T08:15:04.120Z", **more,
    )  # fmt: skip


def flagged(address, mac, where, what, number, decision=Decision.REMOVE, deadline=None, **more) -> Device:
    return device(
        address,
        mac,
        where,
        what,
        number,
        flagged=True,
        findings=findings(decision, where[1], deadline=deadline),
        **more,
    )


def devices() -> tuple[Device, ...]:
    hik = evidence("Hikvision", "http.server", "App-webs/")
    hik_mac = evidence("Hikvision", "mac", "44:19:b6:00:00:05", Strength.MODERATE, None)
    dahua = evidence("Dahua", "http.www_authenticate", 'Digest realm="Login to 5F03A6CPAGB2C81"', Strength.STRONG)
    dahua_rtsp = evidence("Dahua", "rtsp.server", "Rtsp Server/3.0", Strength.WEAK, 554)
    overturn = (
        "A web page or an answer over ONVIF that names another maker, together with a hardware address of that maker.",
    )
    return (
        flagged("10.88.0.21", "44:19:b6:00:00:05", CORE, identity(
            "10.88.0.21", "Hikvision", "DS-2CD2143G2-I", Kind.CAMERA, hik, hik_mac, brand="Hikvision", firmware="V5.7.3 build 220112",
            serial="DS-2CD2143G2-I20220315AAWRJ55512345", overturn=overturn, rests_on=(0, 1), manufactured="2022-03-15", megapixels=4.0,
            lens="fixed", functions=("anpr", "wifi")), 7, deadline=date(2027, 4, 30)),
        flagged("10.88.0.34", "bc:ad:28:1f:22:90", CORE, identity(
            "10.88.0.34", "Hikvision", "CMIP7442N-28M", Kind.CAMERA, hik, evidence("Hikvision", "onvif.manufacturer", "LTS", Strength.WEAK, says="brand LTS"),
            hik_mac, brand="LTS", rebrand=True, relation=Relation.RESELLER, overturn=overturn, rests_on=(0, 2), label_note=LABEL_NOTE), 8, deadline=date(2027, 4, 30),
            notes=("The label says LTS. The unit was built by Hikvision.",)),
        flagged("10.88.0.40", "3c:ef:8c:0a:11:01", CORE, identity(
            "10.88.0.40", "Dahua", "DHI-NVR4216-16P-4KS2", Kind.RECORDER, dahua, dahua_rtsp, brand="Dahua", confidence=0.994, overturn=overturn, channels=16), 12,
            Decision.DISCONNECT, date(2026, 12, 31), others=("10.88.1.2",)),
        flagged("10.88.1.12", "44:19:b6:00:01:12", ISOLATED, identity(
            "10.88.1.12", "Hikvision", "DS-2DE4425IW-DE", Kind.PTZ, hik, hik_mac, brand="Hikvision", overturn=overturn), 13),
        flagged("10.88.1.13", "ec:71:db:7a:00:13", ISOLATED, identity(
            "10.88.1.13", "Hikvision", "CS-DB1C", Kind.INTERCOM, hik, brand="EZVIZ", rebrand=True, relation=Relation.SUB_BRAND, confidence=0.96,
            overturn=overturn), 14),
        flagged("10.88.1.20", "3c:ef:8c:44:00:20", ISOLATED, identity(
            "10.88.1.20", "Dahua", "DH-TPC-BF3221-T", Kind.THERMAL, dahua, dahua_rtsp, brand="Dahua", confidence=0.993, overturn=overturn), 15),
        flagged("10.88.1.21", "9c:8e:cd:10:4f:21", ISOLATED, identity(
            "10.88.1.21", "Dahua", "IP8M-2496E", Kind.CAMERA, dahua, evidence("Amcrest", "mac", "9c:8e:cd:10:4f:21", Strength.MODERATE, None, says="brand Amcrest"),
            brand="Amcrest", rebrand=True, relation=Relation.RESELLER, confidence=0.93,
            conflicts=(Conflict("kind", ("camera", "ptz"), ("dahua.http.www_authenticate", "amcrest.mac"),
                                "Its web page fits a fixed camera and its discovery answer a moving one."),), overturn=overturn), 0),
        device("10.88.1.30", "44:19:b6:77:30:aa", ISOLATED, identity(
            "10.88.1.30", "Hikvision", None, Kind.UNKNOWN, hik_mac, confidence=0.62, rests_on=(0,), look_for=LOOK_FOR), 16, to_check=True,
            notes=("It stopped answering during the audit.",)),
        device("10.88.1.31", "e0:50:8b:00:31:01", ISOLATED, identity(
            "10.88.1.31", "Dahua", None, Kind.UNKNOWN, dahua_rtsp, confidence=0.55, look_for=LOOK_FOR), 0, to_check=True),
        device("10.88.1.40", "ac:cc:8e:12:40:00", ISOLATED, identity(
            "10.88.1.40", "Axis", "P3245-LVE", Kind.CAMERA, evidence("Axis", "http.www_authenticate", 'Digest realm="AXIS_ACCC8E124000"'), brand="Axis"), 18),
        device("10.88.1.41", "00:04:63:aa:41:00", ISOLATED, identity(
            "10.88.1.41", "Bosch", "NBE-5503-AL", Kind.CAMERA, evidence("Bosch", "onvif.manufacturer", "Bosch", Strength.STRONG, 80), brand="Bosch", confidence=0.97), 19),
        device("10.88.1.42", "00:09:18:55:42:10", ISOLATED, identity(
            "10.88.1.42", "Hanwha Vision", "XNV-8080R", Kind.CAMERA, evidence("Hanwha", "http.title", "WISENET WEBVIEWER", Strength.STRONG), brand="Wisenet"), 20),
        device("10.88.0.60", "a0:b3:cc:12:60:00", CORE, identity(
            "10.88.0.60", "HP", "LaserJet M507", Kind.OTHER, evidence("HP", "http.server", "HP HTTP Server; HP LaserJet M507")), 0),
        device("10.88.0.77", "02:42:0a:58:00:4d", CORE, identity("10.88.0.77", None, None, Kind.UNKNOWN, confidence=0.0), 0),
        device("10.88.1.90", None, ISOLATED, identity("10.88.1.90", None, None, Kind.UNKNOWN, confidence=0.0), 0,
               notes=("It accepts connections on every port that was tried.",)),
    )  # fmt: skip


RECORDER_STEPS = (
    "Move the cameras of this recorder to another one first, or agree in writing that their pictures are lost.",
    "Ask whether a legal hold or a running investigation needs its recordings, and wait for the answer in writing.",
    "Export what must be kept, write down the check number of every file, and let a second person read it back.",
    "Take out the drives, put each into a bag with the number of this order, and lock them away until they are wiped by an approved method.",
    "Write the serial number of every drive on this sheet.",
)


def order(number: int, unit: Device, wave: int) -> WorkOrder:
    decision = unit.findings[0].decision
    act = "Remove" if decision is Decision.REMOVE else "Disconnect"
    place = unit.location
    where = (
        f"It hangs in {place.room}."
        if place
        else f"Its hardware address is {unit.mac}: look it up in the switch's address table to find the port."
    )
    return WorkOrder(
        id=f"WO-{number:04d}", device=unit.id, wave=wave, decision=decision,
        title=f"{act} {unit.identity.maker} {unit.identity.model} at {unit.addresses[0]}",
        find=(
            where,
            f"Its network address is {unit.addresses[0]}.",
            f"The label should carry the name {unit.identity.brand}, or that of a reseller.",
            f"The model on the label should be {unit.identity.model}, or look much like it.",
            f"Compare the hardware address on its label with {unit.mac}. If they differ, stop and report it.",
            "Where the label cannot be read from below, use a ladder and a second person.",
        ),
        steps=(
            "Tell the control room which picture will be lost, and for how long, and wait until they agree to it in writing.",
            "Have the network staff write down the present VLAN of the port that the unit hangs on and then move the port to an isolated VLAN.",
            "The port may be blocked instead when nobody needs the pictures until the unit is taken down.",
            "Compare the unit with the description above, and stop if anything differs.",
            "Take a photograph of the unit, of its label and of its surroundings.",
            "Write down the view, the height and the angle, so that the replacement can take its place.",
            "If this view must not be lost, put up the replacement first and check its picture by day and by night before you take this one down.",
            "Unplug the network cable, then the power, and take the unit down.",
            "Cap the free cable and label it, so that nobody plugs another unit in by mistake.",
            "Take out the memory card, if there is one, and hand it in with the unit: it may hold recordings.",
            f"Mark the unit with the number WO-{number:04d} and hand it to the people in charge of disposal; do not sell or reuse it.",
            f"Have the network staff switch off the free port and delete the reservation of {unit.addresses[0]}.",
            f"Run the audit again on {unit.addresses[0]}; that it is silent then does not prove the removal, so keep a photograph of the empty place as well.",
            *(RECORDER_STEPS if unit.identity.kind is Kind.RECORDER else ()),
            "Attach this sheet to the unit and hand both to the security store.",
        ),
        rollback=(
            "Where isolation stops something that people need, the network staff may put the port back to the VLAN that was written down, with the consent of the owner and only until another way is found; report it.",
            "Where the unit is needed again before the replacement works, put it back in its place on an isolated VLAN, never on the core network, and report it the same day.",
        ),
        deadline=unit.findings[0].deadline,
        reasons=tuple(found.rule for found in unit.findings[:1]),
    )  # fmt: skip


def plan(units: tuple[Device, ...]) -> Plan:
    flags = [unit for unit in units if unit.flagged]
    contain = [unit for unit in flags if unit.zone_role is ZoneRole.CORE]
    rest = [unit for unit in flags if unit.zone_role is not ZoneRole.CORE]
    orders = [order(number, unit, 1 if unit in contain else 2) for number, unit in enumerate(contain + rest, 1)]
    waves = (
        Wave(1, "Off the core network", "No flagged unit stays on a network that staff work on.", tuple(orders[: len(contain)])),
        Wave(2, "The rest of the site", "The remaining flagged units leave the site, recorders last.", tuple(orders[len(contain):])),
    )  # fmt: skip
    checks = tuple(
        (unit.id, f"The evidence names {unit.identity.maker} with one weak sign only.")
        for unit in units
        if unit.to_check
    )
    return Plan(waves, checks)


def states(**numbers: int) -> dict[CoverageState, int]:
    return {state: numbers.get(state.name.lower(), 0) for state in CoverageState}


def coverage(
    units: tuple[Device, ...],
    *,
    missed: int = 0,
    subnets=(("10.88.0.0/24", "office", 256), ("10.88.1.0/24", "cctv", 256)),
) -> Coverage:
    rows, total = [], states()
    by_address = [("10.88.0.9", CoverageState.EXCLUDED, "excluded by the site file")]
    for number, (subnet, zone, size) in enumerate(subnets):
        here = [unit for unit in units if unit.zone == zone]
        known = sum(unit.state is CoverageState.IDENTIFIED for unit in here)
        lost = missed if number == len(subnets) - 1 else 0
        found = states(identified=known, answered_unidentified=len(here) - known, excluded=1 if number == 0 else 0,
                       filtered=2 if number == 0 else 0, not_attempted=lost)  # fmt: skip
        found[CoverageState.SILENT] = size - sum(found.values())
        rows.append(SubnetCoverage(subnet, zone, size, found, ("arp", "sweep.nmap", "wsd.multicast")))
        total = {state: total[state] + found[state] for state in CoverageState}
        by_address += [
            (f"10.88.1.{200 + step}", CoverageState.NOT_ATTEMPTED, "the audit ended before it was asked")
            for step in range(lost)
        ]
    by_address += [(f"10.88.0.{step}", CoverageState.FILTERED, "administratively prohibited") for step in (250, 251)]
    by_address += [(unit.addresses[0], unit.state, "") for unit in units]
    return Coverage(
        scope_size=sum(total.values()), states=total, by_subnet=tuple(rows),
        hidden=("VLAN 30 was not in scope.", "Cameras that listen only on ports other than 80, 81, 88, 443, 554, 8000, 8080, 8443, 34567 and 37777 were not seen."),
        incomplete=("4 addresses were not attempted.",) if missed else (), by_address=tuple(sorted(by_address, key=lambda row: [int(part) for part in row[0].split(".")])),
        ipv6_prefixes=("2001:db8:88::/64",), outside_scope=3,
    )  # fmt: skip


def audit(*, units: tuple[Device, ...] | None = None, emulated: bool = False, missed: int = 0, **run) -> Audit:
    """A whole audit: by default fifteen devices on two subnets, seven flagged, two to check."""
    units = devices() if units is None else units
    units = tuple(sorted(units, key=lambda unit: [int(part) for part in unit.addresses[0].split(".")]))
    fields = {
        "id": "0193503a-8c10-7d2e-9f44-5a1b2c3d4e5f", "started": datetime(2026, 11, 21, 8, 14, 7, 250_000, tzinfo=UTC),
        "finished": datetime(2026, 11, 21, 8, 41, 55, 0, tzinfo=UTC), "vantage": "audit-1, interface eth0 (10.88.0.2/24)", "profile": "layer-2",
        "pace": "gentle", "versions": {"auditor": "0.1.0", "nmap": "7.93", "python": "3.11.7"}, "complete": not missed,
        "reasons": ("4 addresses of 10.88.1.0/24 were not attempted: the window closed.",) if missed else (),
        "exit_code": 3 if missed else 1 if any(unit.flagged or unit.to_check for unit in units) else 0, "emulated": emulated,
        "counters": {"packets_sent": 6412, "arp_requests": 1018, "connections_tried": 311, "connections_opened": 96, "udp_sent": 44,
                  "most_connections_to_one_device": 14, "bytes_received": 481_220, "authentication_attempts": 0, "outside_scope": 3},
        "limits": ("WS-Discovery was asked on eth0 only: cameras on links without an interface of this machine did not hear it.",),
        "data_dates": {"fingerprints": "2026-11-14", "oui": "2026-11-01", "policies": "2026-11-20"},
    } | run  # fmt: skip
    return Audit(
        site=Site("Ministry HQ", Sensitivity.SENSITIVE, (Zone("office", ZoneRole.CORE, ("10.88.0.0/24",)), Zone("cctv", ZoneRole.ISOLATED, ("10.88.1.0/24",))),
                  ("uk-2022", "us-889"), timezone="Europe/London", contacts=(("before", "Network desk, extension 2100"), ("after", "Head of Security"))),
        authorisation=Authorisation("Head of Security", "SEC-2026-114", date(2026, 11, 1), date(2026, 12, 31), ("arp", "sweep", "wsd")),
        run=Run(**fields), coverage=coverage(units, missed=missed), devices=units, plan=plan(units),
        warnings=("The policy data has a rule that was read second-hand.",),
    )  # fmt: skip


def large_audit(number: int) -> Audit:
    """An audit of `number` devices, three in ten flagged, on subnets of the right size."""
    patterns = devices()
    units = []
    for index in range(number):
        pattern = patterns[index % len(patterns)]
        address = f"10.{90 + index // 65536}.{index // 256 % 256}.{index % 256}"
        mac = f"44:19:b6:{index >> 16 & 255:02x}:{index >> 8 & 255:02x}:{index & 255:02x}"
        units.append(dataclasses.replace(
            pattern, id=f"mac-{mac.replace(':', '')}", addresses=(address,), mac=mac, identity=dataclasses.replace(pattern.identity, device=address),
        ))  # fmt: skip
    small = audit()
    size = number // 2 + 4096
    return dataclasses.replace(
        small, devices=tuple(units), plan=plan(tuple(units)),
        coverage=coverage(tuple(units), subnets=(("10.88.0.0/20", "office", size), ("10.88.16.0/20", "cctv", size))),
    )  # fmt: skip
