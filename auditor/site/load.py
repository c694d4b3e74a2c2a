"""Loads a site file: text, model, what several keys say together, and the files it names.

Every error is collected and named with file, line, key and fix; nothing is guessed and nothing is skipped.
"""

from __future__ import annotations

import difflib
import hashlib
import os
import stat
import typing
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ValidationError

from auditor.common.display import visible
from auditor.common.errors import NotAuthorised, UsageError
from auditor.common.limits import LARGEST_PREFIX
from auditor.model import Authorisation, Location, Pace, Ports, Site, Zone
from auditor.site.addresses import Exclusion, Problem, read_prefix
from auditor.site.calendar import Window, read_clock, read_timezone
from auditor.site.document import PACE_FIELDS, PACES, SiteDocument
from auditor.site.locations import load_locations
from auditor.site.scope import Scope
from auditor.site.yaml_text import MAX_FILE, KeyPath, line_of, read_yaml, show_path

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Mapping
    from pathlib import Path

    from pydantic.fields import FieldInfo
    from pydantic_core import ErrorDetails

_MAX_SHOWN = 50
_PRIVATE_MODES = (0o600, 0o400)
_IPV4 = 4


@dataclass(frozen=True, slots=True)
class SiteFile:
    """A valid site file.

    Attributes:
        path: as given.
        sha256: of the file's bytes, hexadecimal.
        site: what judging and reporting need.
        site_id: `site.id`, or None.
        authorisation: who allowed the audit; `methods` in the order of the file.
        methods: the same methods, for look-ups.
        scope: addresses, exclusions and permits.
        windows: hours in which the audit may run; empty means any.
        pace: the safety numbers in force, limits applied.
        accept_risk: as in the file.
        limits_raised: sentences for the report: limits above those of the pace.
        ports: which ports are asked what.
        canaries: addresses that must be seen.
        locations: by canonical address, and by MAC in lower case with colons.
        contacts: `before` or `after`, and who.
        credentials: path by name; the files are private, their content has not been read.
        rules_folder: the site's own fingerprints, or None.
        interface: to look from, or None.
        warnings: sentences for the report.
    """

    path: Path
    sha256: str
    site: Site
    site_id: str | None
    authorisation: Authorisation
    methods: frozenset[str]
    scope: Scope
    windows: tuple[Window, ...]
    pace: Pace
    accept_risk: bool
    limits_raised: tuple[str, ...]
    ports: Ports
    canaries: tuple[str, ...]
    locations: Mapping[str, Location]
    contacts: tuple[tuple[str, str], ...]
    credentials: Mapping[str, Path]
    rules_folder: Path | None
    interface: str | None
    warnings: tuple[str, ...]
    _lines: Mapping[KeyPath, int] = field(repr=False, compare=False)

    def check_authorised(self, moment: dt.datetime) -> None:
        """Say no when the audit is not allowed at a moment.

        Args:
            moment: timezone-aware.

        Raises:
            NotAuthorised: before the first or after the last day (both inclusive), or outside the windows; by the
                site's wall clock. One sentence says what to change.
            ValueError: `moment` has no time zone.
        """
        if moment.tzinfo is None:
            raise ValueError("a moment without a time zone cannot be compared with an authorisation")
        local = moment.astimezone(read_timezone(self.site.timezone))
        there = f"it is {local:%Y-%m-%d %H:%M} now ({self.site.timezone})"
        allowed = self.authorisation
        if local.date() < allowed.valid_from:
            raise NotAuthorised(
                f"{self._where('authorisation', 'valid_from')}: authorisation {allowed.reference} begins on "
                f"{allowed.valid_from} and {there}; wait until then, or write down an authorisation that covers today."
            )
        if local.date() > allowed.valid_until:
            raise NotAuthorised(
                f"{self._where('authorisation', 'valid_until')}: authorisation {allowed.reference} ended with "
                f"{allowed.valid_until} and {there}; ask {allowed.by} for a new one and write it down here."
            )
        if self.windows and not any(window.holds(local) for window in self.windows):
            hours = "; ".join(map(str, self.windows))
            raise NotAuthorised(
                f"{self._where('windows')}: the audit may run {hours} and {there}; wait for the next window, or add "
                "one that was agreed."
            )

    def check_size(self, accept_large: bool) -> None:  # noqa: FBT001  (fixed interface; the name says it)
        """Refuse IPv4 subnets wider than /16 unless they were accepted on the command line.

        Raises:
            UsageError: names every such subnet with its line, its size, and the flag.
        """
        if accept_large:
            return
        problems: list[str] = []
        for number, zone in enumerate(self.site.zones):
            for index, text in enumerate(zone.subnets):
                network = read_prefix(text)
                if network.version == _IPV4 and network.prefixlen < LARGEST_PREFIX:
                    problems.append(
                        f"{self._where('zones', number, 'subnets', index)}: {text} holds {network.size} addresses and "
                        f"subnets wider than /{LARGEST_PREFIX} need consent; give the prefixes that are in use, or add "
                        "--accept-large"
                    )
        if problems:
            raise UsageError("\n".join(problems))

    def _where(self, *at: str | int) -> str:
        return _where(self.path, self._lines, at)


@dataclass(frozen=True, slots=True)
class _Issue:
    at: KeyPath
    problem: str
    fix: str


def load_site(path: Path) -> SiteFile:
    """Load and check a site file, and the files it names.

    Raises:
        NotAuthorised: the authorisation is missing, incomplete or contradicts itself (other errors are listed too).
        UsageError: anything else is wrong. One line an error: file, line, key, problem, fix.
    """
    content = _read(path)
    tree, lines = read_yaml(content, path)
    if not isinstance(tree, dict):
        raise UsageError(
            f"{path}, line 1: the file {'is empty' if tree is None else 'is not a mapping of keys'}; `auditor init` "
            "writes one to fill in"
        )
    try:
        document = SiteDocument.model_validate(tree)
    except ValidationError as error:
        found = error.errors(include_url=False)
        # pydantic counts only the valid items of a list: an error of an item is not an empty list as well
        wrong = {details["loc"][:depth] for details in found for depth in range(len(details["loc"]))}
        issues = [_issue(details) for details in found if details["type"] != "too_short" or details["loc"] not in wrong]
        raise _failure(path, lines, issues) from None  # pydantic's own text would repeat values
    return _Assembly(path, lines, document, hashlib.sha256(content).hexdigest()).finish()


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as stream:
            return stream.read(MAX_FILE + 1)
    except FileNotFoundError as error:
        raise UsageError(f"{path}: there is no such file; `auditor init` writes one to fill in") from error
    except OSError as error:
        raise UsageError(f"{path}: cannot be read ({error.strerror}); name a site file that you may read") from error


class _Assembly:
    """Checks what several keys say together, opens the files that are named, and puts the site file together."""

    def __init__(self, path: Path, lines: Mapping[KeyPath, int], document: SiteDocument, sha256: str) -> None:
        self._path = path
        self._lines = lines
        self._document = document
        self._sha256 = sha256
        self._issues: list[_Issue] = []
        self._files: list[str] = []
        self._warnings: list[str] = []

    def finish(self) -> SiteFile:
        document = self._document
        site = self._site()
        exclusions = [entry.exclusion() for entry in document.exclude]
        windows = self._windows()
        pace, raised = self._pace()
        ports = self._ports()
        locations = self._locations()
        credentials = {name: self._credential(name, entry.file) for name, entry in document.credentials.items()}
        rules = self._rules()
        self._check_dates()
        scope = self._scope(site.zones, exclusions)
        if scope is None or self._issues or self._files:
            raise _failure(self._path, self._lines, self._issues, self._files)
        self._remark(scope, locations)
        methods = tuple(dict.fromkeys(document.authorisation.methods))
        return SiteFile(
            path=self._path,
            sha256=self._sha256,
            site=site,
            site_id=document.site.id,
            authorisation=Authorisation(
                document.authorisation.by,
                document.authorisation.reference,
                document.authorisation.valid_from,
                document.authorisation.valid_until,
                methods,
            ),
            methods=frozenset(methods),
            scope=scope,
            windows=windows,
            pace=pace,
            accept_risk=document.accept_risk,
            limits_raised=raised,
            ports=ports,
            canaries=document.canaries,
            locations=MappingProxyType(locations),
            contacts=site.contacts,
            credentials=MappingProxyType(credentials),
            rules_folder=rules,
            interface=document.interface,
            warnings=(*raised, *self._warnings),
            _lines=self._lines,
        )

    def _add(self, at: KeyPath, problem: str, fix: str) -> None:
        self._issues.append(_Issue(at, problem, fix))

    def _beside(self, text: str) -> Path:
        return self._path.absolute().parent / text

    def _site(self) -> Site:
        document = self._document
        names: dict[str, int] = {}
        for number, zone in enumerate(document.zones):
            if zone.name in names:
                self._add(
                    ("zones", number, "name"),
                    f"zone `{zone.name}` is given twice, first in line {self._line('zones', names[zone.name])}",
                    "put all its subnets in one entry, or choose another name",
                )
            names.setdefault(zone.name, number)
        self._once(("policies",), document.policies)
        contacts = document.contacts
        return Site(
            name=document.site.name,
            sensitivity=document.site.sensitivity,
            zones=tuple(Zone(zone.name, zone.role, zone.subnets) for zone in document.zones),
            policies=document.policies,
            language=document.site.language,
            timezone=document.site.timezone,
            contacts=(*(("before", who) for who in contacts.before), *(("after", who) for who in contacts.after)),
        )

    def _once(self, at: KeyPath, values: tuple[object, ...]) -> None:
        for index, value in enumerate(values):
            if value in values[:index]:
                self._add((*at, index), f"`{value}` is given twice", "keep one of them")

    def _check_dates(self) -> None:
        allowed = self._document.authorisation
        if allowed.valid_until < allowed.valid_from:
            self._add(
                ("authorisation", "valid_until"),
                f"the authorisation ends on {allowed.valid_until}, before it begins on {allowed.valid_from}",
                "write the last day on which the audit is allowed",
            )

    def _scope(self, zones: tuple[Zone, ...], exclusions: list[Exclusion]) -> Scope | None:
        first: dict[str, KeyPath] = {}
        for number, zone in enumerate(zones):
            for index, text in enumerate(zone.subnets):
                at: KeyPath = ("zones", number, "subnets", index)
                if text in first:
                    self._add(
                        at,
                        f"{text} is given twice, first in line {self._line(*first[text])} "
                        f"(zone `{zones[int(first[text][1])].name}`)",
                        "keep one of them: every address has one zone",
                    )
                first.setdefault(text, at)
        if any(issue.at[:1] == ("zones",) for issue in self._issues):
            return None
        scope = Scope(zones, exclusions)
        self._once(("canaries",), self._document.canaries)
        for index, canary in enumerate(self._document.canaries):
            if not scope.contains(canary):
                self._add(("canaries", index), f"{canary} is outside the scope", "choose an address in a zone's subnet")
            elif scope.is_excluded(canary):
                self._add(
                    ("canaries", index), f"{canary} is excluded, so it can never be seen", "choose another address"
                )
        return scope

    def _windows(self) -> tuple[Window, ...]:
        windows = []
        for number, entry in enumerate(self._document.windows):
            opens, closes = read_clock(entry.opens), read_clock(entry.closes)
            if entry.opens == "24:00":
                self._add(
                    ("windows", number, "from"), "a window cannot open at 24:00", 'write "00:00" and the next day'
                )
            if opens == closes:
                self._add(
                    ("windows", number, "until"),
                    f"the window opens and closes at {entry.opens}",
                    'write from "00:00" until "24:00" for whole days',
                )
            windows.append(Window(tuple(dict.fromkeys(entry.days)), opens, closes))
        return tuple(windows)

    def _pace(self) -> tuple[Pace, tuple[str, ...]]:
        document = self._document
        pace = PACES[document.pace]
        numbers: dict[str, Any] = {name: getattr(pace, name) for name in PACE_FIELDS.values()}
        raised = []
        for key, name in PACE_FIELDS.items():
            value = getattr(document.limits, key)
            if value is None:
                continue
            if value > numbers[name] and not document.accept_risk:
                self._add(
                    ("limits", key),
                    f"{value:g} is above the {numbers[name]:g} of pace `{pace.name}`",
                    f"write at most {numbers[name]:g}" + self._faster(key, value) + ", or add `accept_risk: true`",
                )
            elif value > numbers[name]:
                raised.append(
                    f"The limit {key} was raised from {numbers[name]:g} to {value:g} with accept_risk: devices and "
                    "network may suffer."
                )
            numbers[name] = value
        numbers["arp"] = min(numbers["arp"], numbers["packets"])
        return Pace(pace.name, **numbers), tuple(raised)

    def _faster(self, key: str, value: float) -> str:
        allows = self._document.pace == "gentle" and value <= getattr(PACES["standard"], PACE_FIELDS[key])
        return ", choose `pace: standard`" if allows else ""

    def _ports(self) -> Ports:
        given = self._document.ports
        for name in ("http", "https", "rtsp", "listen"):
            self._once(("ports", name), getattr(given, name))
        asked = {*given.http, *given.https, *given.rtsp}
        for index, port in enumerate(given.listen):
            if port in asked:
                self._add(
                    ("ports", "listen", index),
                    f"port {port} is both listened to and asked",
                    "keep it in one of the lists: a port that is listened to is sent nothing",
                )
        return Ports(given.http, given.https, given.rtsp, given.listen, given.wsd)

    def _locations(self) -> dict[str, Location]:
        if self._document.locations is None:
            return {}
        try:
            return load_locations(self._beside(self._document.locations))
        except UsageError as error:
            where = _where(self._path, self._lines, ("locations",))
            self._files.extend(f"{where}: {line}" for line in str(error).splitlines())
            return {}

    def _rules(self) -> Path | None:
        if self._document.rules is None:
            return None
        folder = self._beside(self._document.rules)
        if not folder.is_dir():
            self._add(("rules",), f"{folder} is not a folder", "write the folder's path, relative to the site file")
        return folder

    def _credential(self, name: str, text: str) -> Path:
        path = self._beside(text)
        problem = _privacy(path)
        if problem is not None:
            self._add(("credentials", name, "file"), *problem)
        return path

    def _remark(self, scope: Scope, locations: Mapping[str, Location]) -> None:
        for index, exclusion in enumerate(scope.exclusions):
            if exclusion.members is not None and not scope.overlaps(exclusion):
                self._warnings.append(
                    f"The exclusion {exclusion.text} (line {self._line('exclude', index)}) lies outside the scope and "
                    "excludes nothing; check it for a typing error."
                )
        if not self._document.policies:
            self._warnings.append("No policy pack is named, so devices are identified and nothing is judged.")
        if scope.size == 0:
            self._warnings.append("The scope has no IPv4 address, and IPv6 prefixes are not swept.")
        elif scope.excluded_size == scope.size:
            self._warnings.append("Every IPv4 address of the scope is excluded.")
        strangers = [key for key in locations if key.count(":") != 5 and not scope.contains(key)]  # noqa: PLR2004 (MAC)
        if strangers:
            self._warnings.append(
                f"Rows of the locations table outside the scope: {len(strangers)}, such as {strangers[0]}."
            )

    def _line(self, *at: str | int) -> int:
        return line_of(self._lines, at)


def _privacy(path: Path) -> tuple[str, str] | None:
    """Return problem and fix of a credential file that is not private; its content is not read."""
    try:
        status = path.lstat()
    except OSError as error:
        return f"{path} cannot be found ({error.strerror})", "write the file's path, relative to the site file"
    if stat.S_ISLNK(status.st_mode):
        return f"{path} is a symbolic link", "name the file itself"
    if not stat.S_ISREG(status.st_mode):
        return f"{path} is not a file", "name a file"
    if status.st_uid != os.geteuid():
        return f"{path} belongs to user {status.st_uid}", f"run `chown {os.geteuid()} {path}`"
    if stat.S_IMODE(status.st_mode) not in _PRIVATE_MODES:
        return f"{path} has mode {stat.S_IMODE(status.st_mode):04o}", f"run `chmod 600 {path}`"
    return None


# --- errors ---


def _where(path: Path, lines: Mapping[KeyPath, int], at: KeyPath) -> str:
    return f"{path}, line {line_of(lines, at)}, key `{show_path(at)}`"


def _failure(
    path: Path, lines: Mapping[KeyPath, int], issues: list[_Issue], files: list[str] | None = None
) -> UsageError:
    ordered = sorted(issues, key=lambda issue: line_of(lines, issue.at))
    texts = [f"{_where(path, lines, issue.at)}: {issue.problem}; {issue.fix}" for issue in ordered] + (files or [])
    if len(texts) > _MAX_SHOWN:
        texts[_MAX_SHOWN:] = [f"{path}: and {len(texts) - _MAX_SHOWN} more errors"]
    kind = NotAuthorised if any(issue.at[:1] == ("authorisation",) for issue in issues) else UsageError
    return kind("\n".join(texts))


def _issue(details: ErrorDetails) -> _Issue:
    """Turn an error of pydantic into problem and fix; a value is shown only where it cannot be a secret."""
    at = tuple(part for part in details["loc"] if part != "[key]")
    name = next((part for part in reversed(at) if isinstance(part, str)), "")
    section, known = _describe(at)
    kind = details["type"]
    context = details.get("ctx", {})
    example = f"write for example `{name}: {_shown(known.examples[0])}`" if known and known.examples else ""
    if isinstance(cause := context.get("error"), Problem):
        problem, fix = (
            cause.problem,
            cause.fix or example or f"write {(known and known.description) or 'another value'}",
        )
    elif kind == "missing":
        problem, fix = _missing(at, example)
    elif kind == "extra_forbidden":
        problem, fix = f"`{visible(name, 60)}` is not a key here", _nearest(name, section)
    elif kind in {"greater_than_equal", "less_than_equal"}:
        bound = context.get("ge", context.get("le"))
        side, limit = ("below the least", "at least") if "ge" in context else ("above the ceiling", "at most")
        problem, fix = f"`{visible(str(details['input']), 30)}` is {side} of {bound:g}", f"write {limit} {bound:g}"
    elif kind in _SHAPES:
        problem, fix = _SHAPES[kind], example or _shape_fix(name, section, kind)
    else:
        problem, fix = details["msg"].lower(), example or "see docs/site-file.md"
    return _Issue(at, problem, fix)


_SHAPES = {
    "tuple_type": "must be a list",
    "model_type": "must be a mapping of keys",
    "dict_type": "must be a mapping of names",
    "string_type": "must be plain text",
    "bool_type": "must be true or false",
    "date_type": "must be a date",
    "int_type": "must be a whole number",
    "int_parsing": "must be a whole number",
    "int_from_float": "must be a whole number",
    "float_type": "must be a number",
    "float_parsing": "must be a number",
    "finite_number": "must be a number",
    "too_short": "has no entry",
    "too_long": "has too many entries",
}


def _missing(at: KeyPath, example: str) -> tuple[str, str]:
    if at == ("authorisation",):
        return (
            "there is no authorisation, so nothing may be sent",
            "write who allows it: `authorisation: {by: ..., reference: ..., valid_from: DATE, valid_until: DATE}`",
        )
    if at == ("policies",):
        return "is missing", "write `policies: [uk-2022, us-889]`, or `policies: []` to judge nothing"
    if at == ("site",):
        return "is missing", "write `site: {name: Ministry HQ, sensitivity: sensitive}` (or `standard`)"
    if at == ("zones",):
        return "is missing", "write `zones:` and `- {name: office, role: core, subnets: [10.88.0.0/24]}`"
    return "is missing or empty", example or "write it"


def _shape_fix(name: str, section: type[BaseModel] | None, kind: str) -> str:
    if kind == "model_type" and section is not None:
        keys = ", ".join(f"{key}: ..." for key in _fields(section))
        return f"write `{{{keys}}}`"
    return f"write one entry at least under `{name}`" if kind == "too_short" else "see docs/site-file.md"


def _nearest(name: str, section: type[BaseModel] | None) -> str:
    keys = list(_fields(section))
    near = difflib.get_close_matches(name, keys, n=1, cutoff=0.55)
    return (f"did you mean `{near[0]}`? The keys here are " if near else "the keys here are ") + ", ".join(keys)


def _shown(example: Any) -> str:
    if isinstance(example, list):
        return "[" + ", ".join(_shown(item) for item in example) + "]"
    if isinstance(example, dict):
        return "{" + ", ".join(f"{key}: {_shown(value)}" for key, value in example.items()) + "}"
    return {True: "true", False: "false"}[example] if isinstance(example, bool) else str(example)


def _describe(at: KeyPath) -> tuple[type[BaseModel] | None, FieldInfo | None]:
    """Return the section that a key path leads to or gets lost in, and the field of its last name, if there is one."""
    section: type[BaseModel] | None = SiteDocument
    known: FieldInfo | None = None
    named_by_user = False
    for part in at:
        if isinstance(part, int):
            continue
        if named_by_user:
            named_by_user = False
            continue
        fields = _fields(section)
        if part not in fields:
            return section, None
        known = fields[part]
        section = _section_in(known.annotation)
        named_by_user = typing.get_origin(known.annotation) is dict
    return section, known


def _fields(section: type[BaseModel] | None) -> dict[str, FieldInfo]:
    return {known.alias or key: known for key, known in section.model_fields.items()} if section else {}


def _section_in(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    for part in typing.get_args(annotation):
        if (found := _section_in(part)) is not None:
            return found
    return None
