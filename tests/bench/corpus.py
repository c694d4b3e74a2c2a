"""Reads a corpus of published answers and says which fingerprints were written from which of its sources."""

from __future__ import annotations

import dataclasses
import json
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from auditor.identify.models import Grammars
from auditor.model import Observation, Outcome
from auditor.observe import observe

if TYPE_CHECKING:
    from collections.abc import Iterable

    from auditor.identify.rules import RuleSet
    from auditor.identify.schema import Source

ROOT = Path(__file__).resolve().parents[2]
ONE_FACT = {
    "http_server": ("http", "http.server"), "html_title": ("http", "http.title"), "rtsp_server": ("rtsp", "rtsp.server"),
    "favicon_mmh3": ("http", "http.favicon.mmh3"), "favicon_md5": ("http", "http.favicon.md5"),
    "tls_subject": ("tls", "tls.subject"), "tls_issuer": ("tls", "tls.issuer"),
}  # fmt: skip
BY_PARSER = {
    "http": "http", "rtsp": "rtsp", "ssdp": "ssdp", "magicbox": "magicbox", "isapi_deviceinfo": "isapi", "isapi_other": "isapi",
    "sadp": "sadp", "dhip": "dhip", "onvif_probematch": "wsd", "onvif_other": "onvif", "onvif_deviceinfo": "onvif",
    "onvif_scopes": "wsd", "ftp": "ftp", "telnet": "telnet", "ssh": "ssh", "sip": "sip", "mdns": "mdns",
    "dhcp_vendor_class": "dhcp", "snmp_sysdescr": "snmp",
}  # fmt: skip

# Publisher of answers -> keys of fingerprints/sources.yaml that stand for the same publisher. A fingerprint whose only
# keys are of one publisher may have been written from its answers, and must not be tried on them.
KEYS: dict[str, frozenset[str]] = {
    "AlexxIT/StreamAssist": frozenset({"STREAMASSIST"}),
    "AlexxIT/WebRTC": frozenset({"WEBRTC"}),
    "AlexxIT/go2rtc": frozenset({"GO2RTC"}),
    "Kane610/axis": frozenset({"AXISLIB"}),
    "OpenIPC/python-dvr": frozenset({"PYDVR"}),
    "Phenomite/AMP-Research": frozenset({"AMP"}),
    "Supergiovane/node-red-contrib-hikvision-ultimate": frozenset({"NRHIK"}),
    "ZoneMinder/zoneminder": frozenset({"ZM"}),
    "aler9/gortsplib": frozenset({"GORTSP"}),
    "andreikop/python-ws-discovery": frozenset({"WSDPY"}),
    "bluenviron/gortsplib": frozenset({"GORTSP"}),
    "certtools/intelmq": frozenset({"INTELMQ"}),
    "edgexfoundry/device-onvif-camera": frozenset({"EDGEX"}),
    "edoardottt/favirecon": frozenset({"FAVIRECON"}),
    "home-assistant/core": frozenset({"HA"}),
    "librenms/librenms": frozenset({"LIBRENMS"}),
    "maciej-or/hikvision_next": frozenset({"HIKNEXT"}),
    "ngraziano/SharpRTSP": frozenset({"SHARPRTSP"}),
    "rapid7/recog": frozenset({"RECOG"}),
    "rroller/dahua": frozenset({"RRDAHUA"}),
    "sansatart/scrapts": frozenset({"SCRAPTS"}),
    "scottlamb/retina": frozenset({"RETINA"}),
    "sec-consult/houseofkeys": frozenset({"HOK"}),
    "vicmaeg/onvif-discovery": frozenset({"ONVIFDISC"}),
    "zmap/ztag": frozenset({"ZTAG"}),
}
# A key that names no publisher: it neither saves a rule from being left out nor leaves one out.
_NOBODY = "FACTS"
# A key whose `at` is the publisher: source files that are known by a number only.
_BY_NUMBER = "IDX"
_NUMBERED = re.compile(r"index file id (\d+)")
_ISSUE = re.compile(r"https://github\.com/([^/]+/[^/]+)/")
_PLACE = re.compile(r"[\w.-]+/[\w.-]+")


@dataclass(frozen=True, slots=True)
class Answer:
    """One published answer, or all answers of one device.

    Attributes:
        name: its id.
        publishers: who published it.
        kind: of answer, as the corpus calls it; empty for a device.
        truth: its maker.
        wanted_kind: of device, as the corpus calls it, or empty.
        set: `scored`, `signature` (truth inferred from traits of the firmware), `trap` (a look-alike) or `left out`.
        weak: the answer alone does not identify the device.
        facts: what was read from it.
        shown: its start, for a person.
    """

    name: str
    publishers: frozenset[str]
    kind: str
    truth: str
    wanted_kind: str
    set: str
    weak: bool
    facts: tuple[Observation, ...]
    shown: str


def default_folder() -> Path:
    """Return where the corpus lies unless it is said."""
    return Path(os.environ.get("CAMERA_AUDITOR_CORPUS") or ROOT.parent / "shared" / "corpus")


def publisher(source: str) -> str:
    """Return who published an answer: owner and repository, or the whole text where it names none."""
    if found := _NUMBERED.search(source):
        return f"{_BY_NUMBER} {found[1]}"
    if found := _ISSUE.match(source):
        return found[1]
    found = _PLACE.match(source)
    return found[0] if found and "://" not in source else source


def keys_of(rules: RuleSet, name: str) -> frozenset[str]:
    """Return the keys of a publisher, as `cited` writes them: those of KEYS, and those whose entry names it."""
    if name.startswith(f"{_BY_NUMBER} "):
        return frozenset({name})
    named = {key for key, entry in rules.sources.items() if name in _PLACE.findall(entry.what)}
    return KEYS.get(name, frozenset()) | named


def cited(sources: Iterable[Source]) -> frozenset[str]:
    """Return the publishers that a rule or a grammar rests on, by key."""
    return frozenset(
        f"{_BY_NUMBER} {source.at}" if source.key == _BY_NUMBER else source.key
        for source in sources
        if source.key != _NOBODY
    )


def left_out(rules: RuleSet, publishers: Iterable[str]) -> frozenset[str]:
    """Return the ids of the rules that cite nothing but these publishers."""
    held = frozenset().union(*(keys_of(rules, name) for name in publishers))
    return frozenset(rule.id for rule in rules.rules if (keys := cited(rule.source)) and keys <= held)


def without(rules: RuleSet, publishers: frozenset[str]) -> RuleSet:
    """Return the fingerprint data without the rules and the model grammars that cite nothing but these publishers.

    Labels and MAC prefixes stay: they come from registers and from other people.
    """
    held = frozenset().union(*(keys_of(rules, name) for name in publishers))
    dropped = left_out(rules, publishers)
    lines = tuple(line for line in rules.grammar_lines if not (keys := cited(line.source)) or not keys <= held)
    if not dropped and len(lines) == len(rules.grammar_lines):
        return rules
    kept = tuple(rule for rule in rules.rules if rule.id not in dropped)
    return dataclasses.replace(rules, rules=kept, grammars=Grammars(lines), grammar_lines=lines)


def read_answers(folder: Path) -> list[Answer]:
    """Return every line of the corpus."""
    return [_answer(row) for row in _rows(folder)]


def read_devices(folder: Path) -> list[Answer]:
    """Return every device of the corpus with all its answers, in the order of their names."""
    known = {row["id"]: row for row in _rows(folder)}
    found = []
    for path in sorted((folder / "devices").glob("*/device.json")):
        device = json.loads(path.read_text("utf-8"))
        mine = [known.get(item.get("corpus_id")) or _row(path.parent, item) for item in device["responses"]]
        facts = tuple(_facts(zip(mine, device["responses"], strict=True), path.parent.name))
        sources = frozenset(publisher(source) for source in device.get("sources", ()))
        found.append(
            Answer(
                path.parent.name, sources, "", device["truth"]["maker"], device["truth"].get("device_kind") or "",
                "scored", False, facts, "",
            )
        )  # fmt: skip
    return found


def _rows(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "corpus.jsonl").read_text("utf-8").splitlines() if line.strip()]


def _answer(row: dict[str, Any]) -> Answer:
    group = (
        "left out" if row.get("exclude_from_scoring")
        else "trap" if row.get("trap")
        else "signature" if row.get("truth_basis") == "signature"
        else "scored"
    )  # fmt: skip
    return Answer(
        row["id"], frozenset({publisher(row["source"])}), row["kind"], row["truth"]["maker"],
        row["truth"].get("device_kind") or "", group, bool(row.get("weak")), tuple(_facts([(row, {})], row["id"])),
        row["raw"][:90],
    )  # fmt: skip


def _facts(rows: Iterable[tuple[dict[str, Any], dict[str, Any]]], device: str) -> Iterable[Observation]:
    number = 0
    for row, item in rows:
        for outcome in _outcomes(row, device):
            number += 1
            yield from observe(dataclasses.replace(outcome, port=item.get("port")), number)


def _row(folder: Path, item: dict[str, Any]) -> dict[str, Any]:
    """Return a response that stands only in a file as a line of the corpus would."""
    raw = (folder / (item.get("replay_file") or item["file"])).read_text("utf-8", "surrogateescape")
    return {"kind": item["kind"], "request": item.get("request"), "raw": raw.rstrip("\n")}


def _outcomes(row: dict[str, Any], device: str) -> list[Outcome]:
    """Return the outcomes that one line of the corpus stands for."""
    kind, raw, request = row["kind"], row.get("raw_xml") or row["raw"], row.get("request")
    if kind in ONE_FACT:
        probe, key = ONE_FACT[kind]
        return [Outcome(device, probe, facts={key: raw}, request=request)]
    if kind == "http_wwwauth":
        probe = row.get("transport") or ("rtsp" if (request or "").startswith("RTSP") else "http")
        framing = "RTSP/1.0" if probe == "rtsp" else "HTTP/1.1"
        text = f"{framing} 401 Unauthorized\r\nWWW-Authenticate: {raw}\r\n\r\n"
        return [Outcome(device, probe, raw=text.encode(), request=request)]
    if kind == "mac_oui":
        return [Outcome(device, "mac", facts={"mac": f"{raw.lower()}:00:00:01"})]
    if kind == "onvif_scopes" and "scopes_rebuilt" in row:
        return [Outcome(device, "wsd", facts={"wsd.scopes": row["scopes_rebuilt"].split()})]
    if kind == "snmp_sysdescr" and not raw.startswith("1.3.6."):
        facts = {"snmp.sysdescr": raw} | ({"snmp.sysobjectid": row["sysObjectID"]} if row.get("sysObjectID") else {})
        return [Outcome(device, "snmp", facts=facts)]
    if kind in {"onvif_deviceinfo", "ubiquiti_discovery", "dvrip_json"} and raw.lstrip().startswith("{"):
        prefix = {"onvif_deviceinfo": "onvif", "ubiquiti_discovery": "ubnt", "dvrip_json": "dvrip"}[kind]
        fields: dict[str, str | list[str]] = {
            f"{prefix}.{name}": str(value) for name, value in json.loads(raw).items() if isinstance(value, str | int)
        }
        return [Outcome(device, prefix, facts=fields)]
    return [Outcome(device, BY_PARSER.get(kind, kind), raw=raw.encode("utf-8", "surrogatepass"), request=request)]
