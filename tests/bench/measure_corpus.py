"""Prints precision and recall of identification on a folder of published answers that is not in the repository.

    python tests/bench/measure_corpus.py [FOLDER]

FOLDER defaults to the environment variable CAMERA_AUDITOR_CORPUS, then to `../shared/corpus` beside the repository. Without
such a folder nothing is measured and the exit code is 2. Single answers are judged one by one; whole devices by all their
answers together. Answers that their publisher calls weak count as wrong only when they are named wrongly.
"""

from __future__ import annotations

import collections
import json
import os
import sys
from pathlib import Path

from auditor.identify import identify, load_rules
from auditor.model import Identity, Observation, Outcome, Verdict
from auditor.observe import observe

LISTED = ("Hikvision", "Dahua")
KINDS = {"camera": "camera", "ptz": "ptz", "nvr": "recorder", "dvr": "recorder", "intercom": "intercom",
         "access": "access-terminal"}  # fmt: skip
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


def outcomes(row: dict, device: str) -> list[Outcome]:
    """Return the outcomes that one line of the corpus stands for."""
    kind, raw, request = row["kind"], row.get("raw_xml") or row["raw"], row.get("request")
    if kind in ONE_FACT:
        probe, key = ONE_FACT[kind]
        return [Outcome(device, probe, facts={key: raw}, request=request)]
    if kind == "http_wwwauth":
        probe = row.get("transport") or ("rtsp" if (request or "").startswith("RTSP") else "http")
        framing = "RTSP/1.0" if probe == "rtsp" else "HTTP/1.1"
        return [
            Outcome(
                device,
                probe,
                raw=f"{framing} 401 Unauthorized\r\nWWW-Authenticate: {raw}\r\n\r\n".encode(),
                request=request,
            )
        ]
    if kind == "mac_oui":
        return [Outcome(device, "mac", facts={"mac": f"{raw.lower()}:00:00:01"})]
    if kind == "onvif_scopes" and "scopes_rebuilt" in row:
        return [Outcome(device, "wsd", facts={"wsd.scopes": row["scopes_rebuilt"].split()})]
    if kind == "snmp_sysdescr" and not raw.startswith("1.3.6."):
        facts = {"snmp.sysdescr": raw} | ({"snmp.sysobjectid": row["sysObjectID"]} if row.get("sysObjectID") else {})
        return [Outcome(device, "snmp", facts=facts)]
    if kind in {"onvif_deviceinfo", "ubiquiti_discovery", "dvrip_json"} and raw.lstrip().startswith("{"):
        prefix = {"onvif_deviceinfo": "onvif", "ubiquiti_discovery": "ubnt", "dvrip_json": "dvrip"}[kind]
        fields = {
            f"{prefix}.{name}": str(value) for name, value in json.loads(raw).items() if isinstance(value, str | int)
        }
        return [Outcome(device, prefix, facts=fields)]
    if kind in BY_PARSER:
        return [Outcome(device, BY_PARSER[kind], raw=raw.encode("utf-8", "surrogatepass"), request=request)]
    return [Outcome(device, kind, raw=raw.encode("utf-8", "surrogatepass"), request=request)]


def facts_of(rows: list[dict], device: str) -> list[Observation]:
    """Return the observations of several lines of the corpus as those of one device."""
    found: list[Observation] = []
    number = 0
    for row in rows:
        for outcome in outcomes(row, device):
            number += 1
            found.extend(observe(outcome, number))
    return found


def same_maker(found: str | None, truth: str) -> bool:
    """Say whether two spellings name one maker; the corpus is not bound to our vocabulary."""
    return found is not None and (found.casefold() in truth.casefold() or truth.casefold() in found.casefold())


def flagged(identity: Identity) -> str | None:
    """Return the listed maker that an identity would be flagged for."""
    return (
        identity.maker
        if identity.maker in LISTED and identity.verdict in {Verdict.CONFIRMED, Verdict.PROBABLE}
        else None
    )


def main() -> int:
    """Measure and print."""
    default = os.environ.get("CAMERA_AUDITOR_CORPUS") or str(Path(__file__).resolve().parents[3] / "shared" / "corpus")
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else default)
    if not (folder / "corpus.jsonl").is_file():
        print(f"no corpus in {folder}: nothing measured")
        return 2
    rules = load_rules()
    rows = [json.loads(line) for line in (folder / "corpus.jsonl").read_text("utf-8").splitlines() if line.strip()]
    verbose = "-v" in sys.argv
    single = collections.Counter()
    by_kind: dict[str, collections.Counter] = collections.defaultdict(collections.Counter)
    kinds = collections.Counter()
    for row in rows:
        if row.get("exclude_from_scoring"):
            continue
        truth = row["truth"]["maker"]
        identity = identify(row["id"], facts_of([row], row["id"]), rules)
        side = truth if truth in LISTED else "others"
        right = same_maker(identity.maker, truth)
        wrong = identity.maker is not None and not right
        strong = identity.verdict in {Verdict.CONFIRMED, Verdict.PROBABLE}
        word = (
            "wrong"
            if wrong
            else ("right" if strong else "possible")
            if right
            else "weak"
            if row.get("weak")
            else "unnamed"
        )
        single[side, word] += 1
        by_kind[row["kind"]][side, word] += 1
        if flagged(identity) and flagged(identity) != truth:
            single[side, "FALSELY FLAGGED"] += 1
        wanted = KINDS.get(row["truth"].get("device_kind") or "")
        if side != "others" and wanted and identity.kind.value != "unknown":
            kinds[identity.kind.value == wanted] += 1
            if verbose and identity.kind.value != wanted:
                print("  kind", row["id"], identity.kind.value, "for", wanted, identity.model)
        if verbose and (wrong or (side != "others" and word in {"unnamed", "possible"})):
            print(
                "  ", word, row["id"], row["kind"], repr(row["raw"][:90]), "->", identity.maker, identity.verdict.value
            )
    print("Single answers\n  truth       right possible unnamed weak wrong flagged-falsely")
    for side in (*LISTED, "others"):
        numbers = [single[side, word] for word in ("right", "possible", "unnamed", "weak", "wrong", "FALSELY FLAGGED")]
        print(f"  {side:<10}", *(f"{number:>7}" for number in numbers))
    print(f"  kind right where said, listed makers: {kinds[True]} of {kinds.total()}")
    print("Listed makers by kind of answer")
    for kind, counts in sorted(by_kind.items()):
        mine = {
            word: sum(counts[side, word] for side in LISTED)
            for word in ("right", "possible", "unnamed", "weak", "wrong")
        }
        if sum(mine.values()):
            print(f"  {kind:<18}", *(f"{word} {number}" for word, number in mine.items() if number))
    _devices(folder, rows, rules)
    return 0


def _devices(folder: Path, rows: list[dict], rules) -> None:
    known = {row["id"]: row for row in rows}
    counts = collections.Counter()
    print("Whole devices")
    for path in sorted((folder / "devices").iterdir()):
        device = json.loads((path / "device.json").read_text("utf-8"))
        mine = [known.get(item.get("corpus_id")) or _row(path, item) for item in device["responses"]]
        identity = identify(path.name, facts_of(mine, path.name), rules)
        truth = device["truth"]["maker"]
        side = truth if truth in LISTED else "others"
        good = flagged(identity) == (truth if truth in LISTED else None)
        counts[side, good] += 1
        print(
            f"  {'ok ' if good else 'NO '} {path.name:<40} {identity.maker or '-':<11} {identity.confidence:.3f} "
            f"{identity.verdict.value:<12} {identity.kind.value:<12} {identity.model or '-'} | {identity.brand or '-'}"
        )
    for side in (*LISTED, "others"):
        total = counts[side, True] + counts[side, False]
        print(f"  {side}: {counts[side, True]} of {total} as they should be")


def _row(folder: Path, item: dict) -> dict:
    """Return a response that stands only in a file as a line of the corpus would."""
    raw = (folder / (item.get("replay_file") or item["file"])).read_text("utf-8", "surrogateescape")
    return {"kind": item["kind"], "request": item.get("request"), "raw": raw.rstrip("\n")}


if __name__ == "__main__":
    raise SystemExit(main())
