"""The keys of the site file as pydantic models, and the JSON Schema made from them.

A model checks one value at a time; what several keys say together is checked in `load`. Scalars arrive as text (see
`yaml_text`). An empty key means its default. Field descriptions are the reference: the schema prints them.
"""

from __future__ import annotations

import copy
import datetime as dt
import re
import unicodedata
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from auditor.common.display import visible
from auditor.common.limits import LISTEN_ONLY_PORTS, NEVER_PORTS
from auditor.model import GENTLE, STANDARD, Ports, Sensitivity, ZoneRole
from auditor.site.addresses import Exclusion, Problem, kind_of, read_address, read_scope_prefix
from auditor.site.calendar import DAYS, read_clock, read_timezone

METHODS = ("arp", "sweep", "wsd", "http", "https", "rtsp", "onvif", "listen")
PACES = {"gentle": GENTLE, "standard": STANDARD}
MAX_TEXT = 200
_HIGHEST_PORT = 65535
_EXCLUSION_KINDS = ("address", "subnet", "range", "mac")

# Ceilings that `accept_risk: true` cannot lift. The first and the third stand in the design, section 6; an ARP request
# is a packet. A Dahua unit was estimated to hold twenty connections (reliability, section 1.3): ten leave half of its
# table to the people who watch. A hundred completed connections are three times what a whole audit of a unit needs.
CEILINGS = {
    "packets_per_second": 1000.0,
    "arp_per_second": 1000.0,
    "new_connections_per_second": 40.0,
    "open_connections": 10,
    "connections": 100,
}
# Name of the limit in the site file to the field of `Pace`.
PACE_FIELDS = {
    "packets_per_second": "packets",
    "arp_per_second": "arp",
    "new_connections_per_second": "new_connections",
    "open_connections": "open_connections",
    "connections": "connections",
}


# --- values ---


def _text(value: object) -> object:
    if not isinstance(value, str):
        return value
    stripped = value.strip()
    if not stripped:
        raise Problem("is empty")
    if len(stripped) > MAX_TEXT:
        raise Problem(f"has {len(stripped)} characters", f"write at most {MAX_TEXT}")
    if any(unicodedata.category(character) in {"Cc", "Cf", "Zl", "Zp", "Cs"} for character in stripped):
        raise Problem("holds a control character or an invisible mark", "type the text again")
    return stripped


def _flag(value: object) -> object:
    if isinstance(value, str):
        if value not in {"true", "false"}:
            raise Problem(f"`{visible(value, 60)}` is not a yes or no", "write true or false")
        return value == "true"
    return value


def _day(value: object) -> object:
    if not isinstance(value, str):
        return value
    # date.fromisoformat alone would take week dates and dates without hyphens too
    plain = re.fullmatch(r"\d{4}-\d{2}-\d{2}", value, re.ASCII)
    try:
        return dt.date.fromisoformat(value if plain else "")
    except ValueError as error:
        raise Problem(
            f"`{visible(value, 60)}` is not a date" if value else "is empty", "write year-month-day, such as 2026-11-01"
        ) from error


def _port(value: object) -> object:
    if not isinstance(value, str):
        return value
    if not (re.fullmatch(r"\d{1,5}", value, re.ASCII) and 0 < int(value) <= _HIGHEST_PORT):
        raise Problem(f"`{visible(value, 60)}` is not a port", f"write a whole number from 1 to {_HIGHEST_PORT}")
    port = int(value)
    if port in NEVER_PORTS:
        raise Problem(f"port {port} belongs to printers, which print whatever reaches it", "delete it from the list")
    return port


def _asked_port(value: object) -> object:
    port = _port(value)
    if port in LISTEN_ONLY_PORTS:
        raise Problem(
            f"port {port} speaks a maker's binary protocol and is sent nothing: some units fail on foreign bytes there",
            "put it under `ports.listen`",
        )
    return port


def _matching(pattern: str, what: str, fix: str) -> BeforeValidator:
    compiled = re.compile(pattern)

    def check(value: object) -> object:
        if isinstance(value, str) and not compiled.fullmatch(value):
            raise Problem(f"`{visible(value, 60)}` is not {what}" if value else "is empty", fix)
        return value

    return BeforeValidator(check)


def _read_with(read: Any) -> BeforeValidator:
    """Check with a reader that raises Problem, and keep the canonical text of what it read."""

    def check(value: object) -> object:
        return str(read(value)) if isinstance(value, str) else value

    return BeforeValidator(check)


def _known_timezone(value: object) -> object:
    if isinstance(value, str):
        read_timezone(value)
    return value


def _clock_text(value: object) -> object:
    if isinstance(value, str):
        minutes = read_clock(value)
        return f"{minutes // 60:02}:{minutes % 60:02}"
    return value


Text = Annotated[str, Field(min_length=1, max_length=MAX_TEXT), BeforeValidator(_text)]
Flag = Annotated[bool, BeforeValidator(_flag)]
Day = Annotated[dt.date, BeforeValidator(_day)]
Port = Annotated[int, Field(ge=1, le=_HIGHEST_PORT), BeforeValidator(_port)]
AskedPort = Annotated[int, Field(ge=1, le=_HIGHEST_PORT), BeforeValidator(_asked_port)]
Prefix = Annotated[str, _read_with(read_scope_prefix)]
Address = Annotated[str, _read_with(read_address)]
Timezone = Annotated[str, BeforeValidator(_known_timezone)]
Clock = Annotated[str, Field(pattern=r"^([01]?[0-9]|2[0-3]):[0-5][0-9]$|^24:00$"), BeforeValidator(_clock_text)]
Language = Annotated[
    str,
    Field(pattern=r"^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$"),
    _matching(r"[a-z]{2,3}(-[A-Za-z0-9]{2,8})*", "a language", "write a code such as en or nl"),
]
Identifier = Annotated[
    str,
    Field(pattern=r"^[a-z0-9][a-z0-9-]{0,63}$"),
    _matching(
        r"[a-z0-9][a-z0-9-]{0,63}", "an id", "write small letters, digits and hyphens, at most 64, such as uk-2022"
    ),
]
InterfaceName = Annotated[
    str,
    Field(pattern=r"^[A-Za-z0-9_.:@-]{1,15}$"),
    _matching(r"[A-Za-z0-9_.:@-]{1,15}", "the name of an interface", "write it as `ip link` shows it, such as eth0"),
]
ZoneName = Annotated[
    str,
    Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9 _-]{0,63}$"),
    _matching(
        r"(?=.*[A-Za-z])[A-Za-z0-9][A-Za-z0-9 _-]{0,63}",
        "the name of a zone",
        "write letters, digits, spaces, - and _, at least one letter, at most 64, such as office",
    ),
]
Method = Annotated[str, Field(json_schema_extra={"enum": list(METHODS)})]
WeekDay = Annotated[str, Field(json_schema_extra={"enum": list(DAYS)})]


def _one_of(words: tuple[str, ...]) -> BeforeValidator:
    def check(value: object) -> object:
        if isinstance(value, str) and value not in words:
            raise Problem(f"`{visible(value, 60)}` is not one of the words", f"write one of {', '.join(words)}")
        return value

    return BeforeValidator(check)


# --- sections ---


class Section(BaseModel):
    """A mapping of the site file: unknown keys are errors, an empty key means its default."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    @model_validator(mode="before")
    @classmethod
    def _empty_is_default(cls, value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        known = {field.alias or name for name, field in cls.model_fields.items()}
        return {key: item for key, item in value.items() if item is not None or key not in known}


class SiteSection(Section):
    """What the site is."""

    name: Text = Field(description="Name of the site, as it stands on the report.", examples=["Ministry HQ"])
    sensitivity: Annotated[Sensitivity, _one_of(tuple(Sensitivity))] = Field(
        description="How the owner classes the site; several policy rules apply to sensitive sites only.",
        examples=["sensitive"],
    )
    timezone: Timezone = Field(
        "UTC",
        description="IANA name. Dates and hours in this file are meant in this time zone.",
        examples=["Europe/London"],
    )
    language: Language = Field("en", description="Language of the reports.", examples=["en"])
    id: Identifier | None = Field(
        None, description="Short id that stays the same when the name changes.", examples=["ministry-hq"]
    )


class AuthorisationSection(Section):
    """Who allowed the audit, on what paper, for which days and by which methods."""

    by: Text = Field(description="Who allows the audit.", examples=["Head of Security"])
    reference: Text = Field(description="The paper on which it is allowed.", examples=["SEC-2026-114"])
    valid_from: Day = Field(description="First day, in the site's time zone.", examples=["2026-11-01"])
    valid_until: Day = Field(description="Last day, inclusive, in the site's time zone.", examples=["2026-12-31"])
    methods: tuple[Annotated[Method, _one_of(METHODS)], ...] = Field(
        METHODS, min_length=1, description="What may be used; anything else is not sent.", examples=[list(METHODS)]
    )


class ZoneSection(Section):
    """A named set of subnets with a role."""

    name: ZoneName = Field(description="Unique within the site.", examples=["office"])
    role: Annotated[ZoneRole, _one_of(tuple(ZoneRole))] = Field(
        ZoneRole.UNKNOWN, description="What the zone is for; policy rules depend on it.", examples=["core"]
    )
    subnets: tuple[Prefix, ...] = Field(
        min_length=1,
        description="CIDR prefixes. Nested prefixes go to the longest. IPv6 prefixes are listed, never swept.",
        examples=[["10.88.0.0/24"]],
    )


class WindowSection(Section):
    """Hours in which the audit may run, by the site's wall clock."""

    days: tuple[Annotated[WeekDay, _one_of(DAYS)], ...] = Field(
        DAYS, min_length=1, description="Days on which the window opens.", examples=[["sat", "sun"]]
    )
    opens: Clock = Field(alias="from", description="First minute.", examples=["22:00"])
    closes: Clock = Field(
        alias="until", description="First minute after; earlier than `from` means the next day.", examples=["06:00"]
    )


class LimitsSection(Section):
    """Other safety numbers than those of the pace: lower at will, higher only with `accept_risk: true`."""

    packets_per_second: float | None = Field(
        None, ge=1, le=CEILINGS["packets_per_second"], description="All packets of the whole audit.", examples=[50]
    )
    arp_per_second: float | None = Field(
        None, ge=1, le=CEILINGS["arp_per_second"], description="ARP and neighbour requests.", examples=[20]
    )
    new_connections_per_second: float | None = Field(
        None,
        ge=0.1,
        le=CEILINGS["new_connections_per_second"],
        description="New connections to one device.",
        examples=[1],
    )
    open_connections: int | None = Field(
        None, ge=1, le=CEILINGS["open_connections"], description="Open connections to one device.", examples=[1]
    )
    connections: int | None = Field(
        None, ge=1, le=CEILINGS["connections"], description="Connections to one device, whole audit.", examples=[20]
    )


class PortsSection(Section):
    """Which ports are asked what, in the order of asking."""

    http: tuple[AskedPort, ...] = Field(
        Ports().http, max_length=32, description="Plain HTTP and ONVIF.", examples=[[80, 8080]]
    )
    https: tuple[AskedPort, ...] = Field(
        Ports().https, max_length=32, description="The same inside TLS.", examples=[[443]]
    )
    rtsp: tuple[AskedPort, ...] = Field(Ports().rtsp, max_length=32, description="RTSP.", examples=[[554]])
    listen: tuple[Port, ...] = Field(
        Ports().listen,
        max_length=32,
        description="Connected to, listened to for two seconds, sent nothing.",
        examples=[[8000, 37777]],
    )
    wsd: Port = Field(Ports().wsd, description="UDP port of WS-Discovery.", examples=[3702])


class ContactsSection(Section):
    """Who is told; names or roles, printed in the report. The auditor sends no message."""

    before: tuple[Text, ...] = Field((), description="Told before the audit.", examples=[["Network desk, ext. 4100"]])
    after: tuple[Text, ...] = Field((), description="Told after the audit.", examples=[["Facilities manager"]])


class CredentialSection(Section):
    """A credential, by reference to a file that only its owner can read."""

    file: Text = Field(
        description="Path, relative to the site file. Mode 0600 or 0400, own file, no symbolic link.",
        examples=["secrets/cameras.txt"],
    )

    @model_validator(mode="before")
    @classmethod
    def _by_file_only(cls, value: Any) -> Any:
        # The value is never repeated: it may well be a password.
        fix = "put user and password in a file of mode 0600 and write `{file: PATH}`; then change that password"
        if isinstance(value, str):
            raise Problem("a credential stands in the site file itself", fix)
        if isinstance(value, dict) and (inline := [key for key in value if key != "file"]):
            shown = ", ".join(f"`{visible(str(key), 30)}`" for key in inline)
            raise Problem(f"{shown} in the site file itself is refused", fix)
        return value


class ExclusionSection(Section):
    """What is never sent to."""

    address: str | None = Field(None, description="One address.", examples=["10.88.0.9"])
    subnet: str | None = Field(None, description="CIDR prefix.", examples=["10.88.0.64/28"])
    range: str | None = Field(None, description="Both ends included.", examples=["10.88.0.10-10.88.0.20"])
    mac: str | None = Field(
        None,
        description="The address at which this MAC is seen is excluded from then on.",
        examples=["44:19:b6:00:00:05"],
    )
    reason: Text | None = Field(None, description="Shown where the exclusion is.", examples=["medical device"])
    quiet: Flag = Field(
        default=False,
        description="No multicast either on the link that holds it; on no link at all for a MAC.",
        examples=[True],
    )

    @model_validator(mode="before")
    @classmethod
    def _short_form(cls, value: Any) -> Any:
        if isinstance(value, str):
            return {kind_of(value): value}
        return value

    @model_validator(mode="after")
    def _one_thing(self) -> ExclusionSection:
        given = [kind for kind in _EXCLUSION_KINDS if getattr(self, kind) is not None]
        if len(given) != 1:
            raise Problem(
                f"an exclusion names {'nothing' if not given else ' and '.join(f'`{kind}`' for kind in given)}",
                "give exactly one of address, subnet, range or mac; make an entry for each",
            )
        self.exclusion()
        return self

    def exclusion(self) -> Exclusion:
        """Return the entry in the form that the scope takes.

        Raises:
            Problem: the text cannot be read.
        """
        kind = next(kind for kind in _EXCLUSION_KINDS if getattr(self, kind) is not None)
        return Exclusion.of(kind, getattr(self, kind), reason=self.reason or "", quiet=self.quiet)


_EXCLUDE_TEXT = {"type": "string", "description": "Address, CIDR prefix, range a-b, or MAC."}


class SiteDocument(Section):
    """The site file of camera-auditor."""

    site: SiteSection = Field(description="What the site is.")
    authorisation: AuthorisationSection = Field(description="Who allowed the audit; without it nothing is sent.")
    zones: tuple[ZoneSection, ...] = Field(min_length=1, description="The scope is the union of the zones' subnets.")
    exclude: tuple[ExclusionSection, ...] = Field(
        (), description="Never sent to, ARP included; listed as excluded.", examples=[["10.88.0.9"]]
    )
    policies: tuple[Identifier, ...] = Field(
        description="Policy packs to judge by, see `auditor policies list`.", examples=[["uk-2022", "us-889"]]
    )
    windows: tuple[WindowSection, ...] = Field(
        (), description="Hours in which the audit may run; none means at any hour of the authorised days."
    )
    pace: Annotated[str, _one_of(tuple(PACES)), Field(json_schema_extra={"enum": list(PACES)})] = Field(
        "gentle", description="Set of safety numbers.", examples=["gentle"]
    )
    limits: LimitsSection = Field(
        LimitsSection.model_validate({}), description="Safety numbers other than those of the pace."
    )
    accept_risk: Flag = Field(
        default=False, description="Allows limits above those of the pace; printed in the report.", examples=[False]
    )
    ports: PortsSection = Field(PortsSection.model_validate({}), description="Which ports are asked what.")
    contacts: ContactsSection = Field(ContactsSection.model_validate({}), description="Who is told.")
    credentials: dict[Identifier, CredentialSection] = Field(
        {}, description="Credentials by file reference only, by name.", examples=[{"cameras": {"file": "cameras.txt"}}]
    )
    locations: Text | None = Field(
        None, description="CSV table of where units hang, relative to the site file.", examples=["locations.csv"]
    )
    canaries: tuple[Address, ...] = Field(
        (),
        description="Addresses that always answer; one not seen makes the audit incomplete.",
        examples=[["10.88.0.1"]],
    )
    rules: Text | None = Field(
        None, description="Folder of the site's own fingerprints, relative to the site file.", examples=["rules"]
    )
    interface: InterfaceName | None = Field(
        None, description="The only interface that may be sent from; by default the routes decide.", examples=["eth0"]
    )


# --- schema ---


def site_schema() -> dict[str, Any]:
    """Return the JSON Schema (draft 2020-12) of the site file.

    It says which keys there are and what they hold; what several keys say together (a prefix given twice, dates the
    wrong way round) only `load_site` can tell.
    """
    schema = SiteDocument.model_json_schema(by_alias=True)
    tidy: dict[str, Any] = _tidy(copy.deepcopy(schema))
    items = tidy["properties"]["exclude"]["items"]
    tidy["properties"]["exclude"]["items"] = {"anyOf": [_EXCLUDE_TEXT, items]}
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "Site file of camera-auditor", **tidy}


def _tidy(node: Any, *, names: bool = False) -> Any:
    """Drop the titles that pydantic derives from names, and the null that stands for `not given`."""
    if isinstance(node, list):
        return [_tidy(item) for item in node]
    if not isinstance(node, dict):
        return node
    if names:
        return {key: _tidy(value) for key, value in node.items()}
    kept = {
        key: _tidy(value, names=key in {"properties", "$defs"})
        for key, value in node.items()
        if key != "title" and not (key == "default" and value is None)
    }
    choices = kept.get("anyOf")
    if isinstance(choices, list):
        real = [choice for choice in choices if choice != {"type": "null"}]
        if len(real) == 1:
            del kept["anyOf"]
            kept = {**real[0], **kept}
    return kept
