"""The shape of the fingerprint files: everything that a person may write, with a sentence for the editor."""

from __future__ import annotations

import re
from functools import cached_property
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from auditor.identify.match import starts_at_beginning
from auditor.identify.screen import needed
from auditor.model import Kind, Relation, Strength

if TYPE_CHECKING:
    from collections.abc import Iterator

GROUPS = (
    "web", "realm", "favicon", "rtsp", "tls", "onvif", "discovery", "ssdp", "mdns", "api", "snmp", "dhcp", "mac",
    "banner", "sip", "name",
)  # fmt: skip
Group = Literal[
    "web", "realm", "favicon", "rtsp", "tls", "onvif", "discovery", "ssdp", "mdns", "api", "snmp", "dhcp", "mac",
    "banner", "sip", "name",
]  # fmt: skip

FIXED_KEYS = frozenset({
    "http.status", "http.header_names", "http.server", "http.title", "http.www_authenticate", "http.body",
    "http.favicon.mmh3", "http.favicon.md5", "rtsp.server", "rtsp.www_authenticate", "rtsp.public", "rtsp.body",
    "tls.subject", "tls.issuer", "tls.sha256", "tls.spki",
    "onvif.manufacturer", "onvif.model", "onvif.firmware", "onvif.serial",
    "onvif.hostname", "onvif.scopes", "wsd.scopes", "wsd.types", "wsd.xaddrs", "wsd.endpoint", "ssdp.server",
    "ssdp.usn",
    "ssdp.location", "mdns.service", "mdns.txt", "snmp.sysdescr", "snmp.sysobjectid", "dhcp.vendor_class",
    "dhcp.hostname", "dns.name", "mac", "ftp.banner", "telnet.banner", "ssh.banner", "sip.user_agent",
})  # fmt: skip
OPEN_KEYS = re.compile(r"(?:http\.header|sadp|dhip|isapi|magicbox|dvrip|ubnt)\.[A-Za-z0-9_.@-]+|snmp\.\d+(?:\.\d+)+")

# Answers in a protocol of one maker: facts that our reader of that protocol takes from them, what a server sends for a
# path of ISAPI or PSIA, and a document that declares a name space of ISAPI. Nothing else confirms a maker alone.
_OWN_FACTS = re.compile(r"(?:sadp|dhip|isapi|magicbox|dvrip|ubnt)\.")
_OWN_PATHS = ("/ISAPI/", "/PSIA/")
_NAME_SPACE = r"http://www\.(?:hikvision\.com|isapi\.(?:org|com)|std-cgi\.(?:com|org))/ver\d\d/XMLSchema"
_ESCAPE_OR_CLASS = re.compile(r"\\.|\[\^?\]?[^\]]*\]")

_DAY = r"^\d{4}(?:-(?:0[1-9]|1[0-2])(?:-(?:0[1-9]|[12]\d|3[01]))?)?$"  # 2016, 2022-11 or 2022-11-30

# What a rule may say of a device, in the order in which it is shown.
FIELDS = ("maker", "not_maker", "brand", "model", "kind", "firmware", "serial")


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Condition(_Strict):
    """One matcher. Exactly one kind of matcher may be given."""

    observable: str | None = Field(None, description="Fact key; only inside `all` and `any`.")
    exact: str | list[str] | None = Field(None, description="The whole value, compared as it stands.")
    prefix: str | list[str] | None = Field(None, description="Start of the value.")
    regex: str | None = Field(
        None, description="RE2 syntax, searched in the first 4 KiB; named groups can be used in `says`."
    )
    hash: list[str] | None = Field(None, description="One of these hashes, compared without case.")
    oui: str | list[str] | None = Field(
        None,
        description="Family, or one of several, in `oui/` of the longest prefix of this MAC address; "
                    "with `regex`, of what its group `mac` captured.",
    )  # fmt: skip
    block: Literal["label", "unknown"] | None = Field(
        None,
        description="With `regex`: the MAC address that its group `mac` captured lies in a block of a firm that only "
                    "sells devices (`label`), or in none that `oui/` knows (`unknown`).",
    )  # fmt: skip
    label: Literal[True] | None = Field(
        None, description="With `regex`: what its group `brand` captured is a label of brands.yaml."
    )
    enterprise: int | None = Field(None, description="IANA enterprise number of a sysObjectID or of the asked object.")
    model_of: str | None = Field(
        None,
        description="A model name of this maker's grammar in models.yaml; "
                    "with `regex`, what its group `model` captured.",
    )  # fmt: skip
    sequence: list[str] | None = Field(None, description="These values in this order; others may stand between.")
    present: Literal[True] | None = Field(None, description="The response has this fact.")
    absent: Literal[True] | None = Field(None, description="The response lacks this fact.")
    all: list[Condition] | None = Field(None, description="Every one of these, in the same response.")
    any: list[Condition] | None = Field(None, description="One of these, in the same response.")
    ignore_case: bool = Field(False, description="For `exact`, `prefix` and `regex`.")

    def parts(self) -> Iterator[Condition]:
        """Yield this condition and every one within it."""
        yield self
        for part in (*(self.all or ()), *(self.any or ())):
            yield from part.parts()

    @model_validator(mode="after")
    def _one_matcher(self) -> Self:
        given = {
            name
            for name in (
                "exact",
                "prefix",
                "regex",
                "hash",
                "enterprise",
                "model_of",
                "sequence",
                "present",
                "absent",
                "all",
                "any",
            )
            if getattr(self, name) is not None
        }
        if self.label and given != {"regex"}:
            raise ValueError("label stands with regex")
        if self.block is not None and given != {"regex"}:
            raise ValueError("block stands with regex")
        if self.oui is not None and given <= {"regex"}:
            return self
        if self.oui is None and given == {"regex", "model_of"}:
            return self
        if len(given) != 1 or self.oui is not None:
            raise ValueError("give exactly one of exact, prefix, regex, hash, oui, enterprise, model_of, sequence, "
                             "present, absent, all, any (oui and model_of may stand with regex)")  # fmt: skip
        return self


class Says(_Strict):
    """What a match says. `{name}` stands for what the group of that name captured, `{value}` for the whole value."""

    maker: str | None = Field(None, description="Who built it.")
    not_maker: str | None = Field(None, description="Who did not build it; only with strength `against`.")
    brand: str | None = Field(None, description="Whose label it carries.")
    model: str | None = None
    kind: Kind | None = None
    firmware: str | None = None
    serial: str | None = None

    @cached_property
    def claims(self) -> tuple[tuple[str, str], ...]:
        """What a rule says as pairs of field and text, in the order of FIELDS."""
        return tuple((name, str(value)) for name in FIELDS if (value := getattr(self, name)) is not None)

    @model_validator(mode="after")
    def _something(self) -> Self:
        if not self.claims:
            raise ValueError("a rule must say something")
        return self


class Source(_Strict):
    """Where a rule comes from."""

    key: str = Field(description="Key of sources.yaml, which gives repository, commit and date.")
    at: str = Field("", description="File, line or issue inside that source.")


class Example(_Strict):
    """An input that must match, and what must come out of it."""

    input: str | list[str] | dict[str, str | list[str]] = Field(
        description="Value of the rule's observable, or several facts."
    )
    says: dict[str, str] = Field(default_factory=dict, description="Values that must be captured.")
    request: str | None = None
    port: int | None = None


class CounterExample(_Strict):
    """An input that must not match."""

    input: str | list[str] | dict[str, str | list[str]]
    of: str | None = Field(None, description="Maker whose published answer this is.")
    request: str | None = None
    port: int | None = None


class Rule(_Strict):
    """One fingerprint."""

    id: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]*(?:\.[a-z0-9][a-z0-9_-]*)+$", max_length=80)]
    observable: str = Field(description="Fact key that is matched and shown as evidence.")
    match: Condition
    probe: str | None = Field(None, description="Only answers of this probe.")
    request: str | None = Field(None, description="Regular expression that the request must match.")
    port: list[int] | None = Field(None, description="Only answers from these ports.")
    says: Says
    strength: Strength
    group: Group = Field(description="Independence group; evidence of one group counts once.")
    own_protocol: bool = Field(False, description="The answer is in the maker's own protocol (SADP, DHIP, ISAPI).")
    shared: bool = Field(False, description="Devices of other makers are known to match too; their examples may.")
    source: list[Source] = Field(min_length=1)
    note: str = ""
    examples: list[Example] = Field(min_length=1, max_length=20)
    counter_examples: list[str | CounterExample] = Field(min_length=1, max_length=20)

    @model_validator(mode="after")
    def _against(self) -> Self:
        if (self.says.not_maker is not None) != (self.strength is Strength.AGAINST):
            raise ValueError("`not_maker` and strength `against` go together")
        return self

    @model_validator(mode="after")
    def _own(self) -> Self:
        if self.own_protocol and not (
            _is_own_fact(self.observable) and _is_own(self.match, self.observable, self.request)
        ):
            raise ValueError(
                "own_protocol is for facts of sadp., dhip., isapi., magicbox., dvrip. and ubnt., and for an http.body "
                "whose `request` is below /ISAPI/ or /PSIA/ or whose `regex` starts with ^ and holds the name space"
            )
        return self

    @property
    def expressions(self) -> tuple[str, ...]:
        """Every regular expression of this rule."""
        found = [condition.regex for condition in self.match.parts() if condition.regex is not None]
        return (*found, self.request) if self.request is not None else tuple(found)


def _is_own(match: Condition, key: str, request: str | None) -> bool:
    """Say whether a condition can hold in an answer of the maker's own protocol only."""
    if match.all is not None:
        return any(_is_own(part, part.observable or key, request) for part in match.all)
    if match.any is not None:
        return bool(match.any) and all(_is_own(part, part.observable or key, request) for part in match.any)
    if match.absent:
        return False
    if key == "http.body":
        return _is_own_path(request) or _is_own_document(match)
    return _is_own_fact(key)


def _is_own_fact(key: str) -> bool:
    # An http.body without such a request has to show the name space, which `_is_own` looks for.
    return key == "http.body" or _OWN_FACTS.match(key) is not None


def _is_own_path(request: str | None) -> bool:
    if request is None:
        return False
    texts = (found := needed(request, ignore_case=False)).texts or found.start
    return bool(texts) and all(any(path in text for path in _OWN_PATHS) for text in texts)


def _is_own_document(match: Condition) -> bool:
    expression = match.regex or ""
    before, found, _after = expression.partition(_NAME_SPACE)
    outside = _ESCAPE_OR_CLASS.sub("", before)
    return (
        bool(found)
        and outside.count("(") == outside.count(")")  # not within a group that could be left out
        and starts_at_beginning(expression)
    )


class MakerFile(_Strict):
    """One file of `makers/`."""

    maker: str | None = Field(
        description="Maker of the file's rules; null for files that hold labels or several makers."
    )
    own_names: list[str] = Field(default_factory=list, description="Labels that are the maker's own name.")
    reviewed: str = Field(pattern=r"^\d{4}-\d{2}-\d{2}$")
    rules: list[Rule]


class Grammar(_Strict):
    """One line of models.yaml: which model names of a maker are of which kind. The first that matches wins."""

    maker: str
    kind: Kind
    regex: str
    distinct: bool = Field(True, description="False when such names are common elsewhere: gives a kind, never a maker.")
    source: list[Source] = Field(min_length=1)
    examples: list[str] = Field(min_length=1)
    counter_examples: list[str] = Field(min_length=1)


class TraitSays(_Strict):
    """What the lines of `traits` together must say of an example."""

    megapixels: float | None = None
    channels: int | None = None
    lens: str | None = None
    functions: list[str] = Field(default_factory=list)


class Trait(_Strict):
    """One line of `traits` in models.yaml: what some model names of a maker say beyond the kind.

    The first line that gives resolution, channels or lens decides it; functions add up.
    """

    maker: str
    regex: str
    megapixels: dict[str, float] | None = Field(
        None, description="What the group `mp` captured, and the megapixels that it stands for; others say nothing."
    )
    channels: Literal[True] | None = Field(None, description="The group `channels` captured their number.")
    lens: str | None = Field(None, description="Word of `lens`.")
    functions: list[str] = Field(default_factory=list, description="Words of `functions`.")
    source: list[Source] = Field(min_length=1)
    note: str = ""
    examples: dict[str, TraitSays] = Field(min_length=1, description="Model names, and what all lines say of each.")
    counter_examples: list[str] = Field(min_length=1)

    @model_validator(mode="after")
    def _something(self) -> Self:
        groups = frozenset(re.compile(self.regex).groupindex)
        for group, wanted in (("mp", self.megapixels), ("channels", self.channels)):
            if (wanted is not None) != (group in groups):
                raise ValueError(f"the group `{group}` and what it stands for go together")
        if not (self.megapixels or self.channels or self.lens or self.functions):
            raise ValueError("a line of `traits` must say something")
        return self


class SerialSays(_Strict):
    """What a form must read from an example."""

    manufactured: str | None = None
    channels: int | None = None


class SerialForm(_Strict):
    """One line of `serials` in models.yaml: how a maker writes serial numbers. The first that fits is read."""

    maker: str
    regex: str = Field(
        description="The whole serial number. Groups: `model`, `channels`, `date` (YYYYMMDD, day of manufacture)."
    )
    source: list[Source] = Field(min_length=1)
    note: str = ""
    examples: dict[str, SerialSays] = Field(min_length=1)
    counter_examples: list[str] = Field(min_length=1)


class ModelFile(_Strict):
    """models.yaml: words, model names and serial numbers."""

    lens: dict[str, str] = Field(description="Closed list of lens classes, with a sentence each.")
    functions: dict[str, str] = Field(description="Closed list of functions, with a sentence each.")
    grammars: list[Grammar]
    traits: list[Trait]
    serials: list[SerialForm]

    @model_validator(mode="after")
    def _closed(self) -> Self:
        for line in self.traits:
            unknown = ({line.lens} - {None} - set(self.lens)) | (set(line.functions) - set(self.functions))
            if unknown:
                raise ValueError(f"{line.maker} {line.regex!r}: no such word: {', '.join(sorted(map(str, unknown)))}")
        return self


class Brand(_Strict):
    """One line of brands.yaml: a label and who builds, or built, some or all of it."""

    brand: str
    also: list[str] = Field(default_factory=list, description="Other spellings of the label.")
    maker: str
    relation: Relation
    part: Literal["all", "most", "part", "one-product", "unknown"]
    range: str = ""
    since: str | None = Field(
        None, alias="from", pattern=_DAY, description="Year, month or day from which, by the source, this maker built."
    )
    until: str | None = Field(None, pattern=_DAY, description="The same for the end; a unit can hang for years after.")
    state: Literal["current", "former", "mixed", "unknown", "contested"]
    grade: Literal["A", "B", "C"] = Field(description="A registry or vendor document, B two sources, C one source.")
    source: list[str] = Field(min_length=1)
    country: str = ""


class Firm(_Strict):
    """A firm whose name can stand on a label, by a register or a document of its own."""

    name: str = Field(min_length=1, max_length=80)
    source: list[Source] = Field(min_length=1)


class Grantee(_Strict):
    """What the FCC IDs of a firm begin with."""

    code: Annotated[str, Field(pattern=r"^(?:[A-Z][A-Z0-9]{2}|[2-9][A-Z0-9]{4})$")]
    firm: str = Field(min_length=1, max_length=80)
    source: list[Source] = Field(min_length=1)


class Form(_Strict):
    """How a number on the label is written, in words, with a published example."""

    form: str = Field(min_length=1, max_length=240, description="One sentence without the example.")
    example: str = Field(min_length=1, max_length=60)
    source: list[Source] = Field(min_length=1)


class UnitSigns(_Strict):
    """One maker of on-the-unit.yaml: what a person can read on a unit. Only what a source states."""

    maker: str
    firms: list[Firm] = Field(default_factory=list, max_length=6)
    fcc: list[Grantee] = Field(default_factory=list, max_length=6)
    models: list[Form] = Field(default_factory=list, max_length=3)
    serials: list[Form] = Field(default_factory=list, max_length=3)

    @model_validator(mode="after")
    def _something(self) -> Self:
        if not (self.firms or self.fcc or self.models or self.serials):
            raise ValueError("an entry must say something")
        return self


class SourceEntry(_Strict):
    """One line of sources.yaml."""

    what: str = Field(description="Repository and commit, or document.")
    dated: str = Field(pattern=r"^\d{4}(?:-\d{2}(?:-\d{2})?)?$")
    licence: str = ""


def fingerprint_schema() -> dict[str, Any]:
    """Return the JSON Schema of a file in `fingerprints/makers/`, for editors and for `auditor schema fingerprint`."""
    schema = MakerFile.model_json_schema()
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "Fingerprints of one maker"} | schema
