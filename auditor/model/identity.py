"""Facts about a device and what they add up to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from auditor.model.vocab import Kind, Relation, Status, Strength, Verdict


@dataclass(slots=True, unsafe_hash=True)  # nobody changes one; frozen, each would take five times as long to make
class Observation:
    """One normalised fact with its provenance.

    Attributes:
        device: key of the device, as in `Outcome`.
        probe: probe that asked.
        key: fact key of the closed list in design, section 5, e.g. `http.server`.
        values: the fact; most have one value, header names and scopes several.
        response: number of the response within the device. Facts of one response share it, so that a rule can ask
            for several facts of the same answer.
        port, request, at, vantage, tls, truncated: as in `Outcome`.
        status: of the outcome the fact came from.
    """

    device: str
    probe: str
    key: str
    values: tuple[str, ...]
    response: int
    port: int | None = None
    request: str | None = None
    status: Status = Status.ANSWERED
    at: str | None = None
    vantage: str | None = None
    tls: bool = False
    truncated: bool = False

    @property
    def value(self) -> str:
        """The fact as one text; several values are joined by newlines."""
        return "\n".join(self.values)


@dataclass(slots=True, unsafe_hash=True)  # nobody changes one; frozen, each would take five times as long to make
class Evidence:
    """A fingerprint that matched, the observation it matched, and what that says.

    Attributes:
        fingerprint: id of the rule.
        observation: fact key it matched.
        value: the matched text, cut for display.
        says: short sentence in fixed words, e.g. `maker Hikvision`, `not Hikvision`.
        strength: the rule's strength.
        group: independence group; evidence of one group counts once.
        port: port of the answer, or None.
        source: where the rule comes from, for the report.
    """

    fingerprint: str
    observation: str
    value: str
    says: str
    strength: Strength
    group: str
    port: int | None = None
    source: str = ""

    def to_json(self) -> dict[str, Any]:
        """Return the object of `identify` and `audit.json` (design, section 5)."""
        shown: dict[str, Any] = {"fingerprint": self.fingerprint, "observation": self.observation}
        if self.port is not None:
            shown["port"] = self.port
        shown["value"] = self.value
        shown["says"] = self.says
        shown["strength"] = self.strength.value
        shown["group"] = self.group
        if self.source:
            shown["source"] = self.source
        return shown


@dataclass(frozen=True, slots=True)
class Conflict:
    """Two sources that say different things of one device: shown, never averaged.

    Attributes:
        about: `maker`, `kind`, `model` ...
        says: the competing values, strongest first.
        fingerprints: the rules behind them, in the same order.
        sentence: one plain sentence for the report.
    """

    about: str
    says: tuple[str, ...]
    fingerprints: tuple[str, ...]
    sentence: str

    def to_json(self) -> dict[str, Any]:
        """Return the object of `identify` and `audit.json`."""
        return {
            "about": self.about,
            "says": list(self.says),
            "fingerprints": list(self.fingerprints),
            "sentence": self.sentence,
        }


@dataclass(frozen=True, slots=True)
class Identity:
    """What a device is, how sure that is, and why.

    Attributes:
        device: key of the device.
        maker: who built it, or None.
        brand: whose label it carries where evidence shows it, or None.
        rebrand: the label is not the maker's own name.
        relation: what the label is to the maker, when `rebrand`.
        model, firmware, serial: where evidence shows them.
        kind: sort of device.
        confidence: of the maker, 0 to 1.
        verdict: the confidence in words.
        evidence: strongest first.
        rests_on: places in `evidence` of the best sign of each independent witness that names the maker, in order of
            weight.
        conflicts: contradictions found.
        overturn: what observation would overturn the verdict, one sentence each.
        look_for: what to compare on the unit itself, one sentence each; filled while the maker is not certain.
        label_note: sentence on what the label is worth where it is also put on units of other makers, or None.
        manufactured: day of manufacture where the form of the serial number gives it, ISO 8601 (`2020-04-14`).
        megapixels: resolution where the model name says it.
        lens: class of lens where the model name says it, a word of `fingerprints/models.yaml`.
        functions: what the model name says that the unit does beyond its kind, words of `fingerprints/models.yaml`.
        channels: number of cameras that a recorder or encoder takes, where model name or serial number say it.
    """

    device: str
    maker: str | None = None
    brand: str | None = None
    rebrand: bool = False
    relation: Relation | None = None
    model: str | None = None
    kind: Kind = Kind.UNKNOWN
    firmware: str | None = None
    serial: str | None = None
    confidence: float = 0.0
    verdict: Verdict = Verdict.UNIDENTIFIED
    evidence: tuple[Evidence, ...] = ()
    rests_on: tuple[int, ...] = ()
    conflicts: tuple[Conflict, ...] = ()
    overturn: tuple[str, ...] = ()
    look_for: tuple[str, ...] = ()
    label_note: str | None = None
    manufactured: str | None = None
    megapixels: float | None = None
    lens: str | None = None
    functions: tuple[str, ...] = ()
    channels: int | None = None

    def to_json(self) -> dict[str, Any]:
        """Return the line that `auditor identify` prints (design, section 5)."""
        return {
            "device": self.device,
            "maker": self.maker,
            "brand": self.brand,
            "rebrand": self.rebrand,
            "relation": self.relation.value if self.relation else None,
            "model": self.model,
            "kind": self.kind.value,
            "firmware": self.firmware,
            "serial": self.serial,
            "manufactured": self.manufactured,
            "megapixels": self.megapixels,
            "lens": self.lens,
            "channels": self.channels,
            "functions": list(self.functions),
            "confidence": round(self.confidence, 3),
            "verdict": self.verdict.value,
            "evidence": [item.to_json() for item in self.evidence],
            "conflicts": [item.to_json() for item in self.conflicts],
        }
