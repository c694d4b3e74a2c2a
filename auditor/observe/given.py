"""Facts that came with a line instead of the bytes of an answer: bounded, and brought into the one form of the parsers.

Other tools write the same fact in other ways: a list as one text, a header with its name in front. A rule would not
see that it is the same.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from auditor.observe import rtsp, snmp, wsd
from auditor.observe.mac import normalise
from auditor.observe.message import challenges
from auditor.observe.text import MAX_FACT, MAX_FACTS, MAX_VALUES, FactMap, many

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from auditor.model import Facts

_BEFORE_URI = re.compile(r"\s+(?=[A-Za-z][A-Za-z0-9+.-]{0,30}:)")  # a scope may hold a blank that should be %20
_BETWEEN_NAMES = re.compile(r"[\s,;:|]+")
_SPACE = re.compile(r"\s")
_METHODS = re.compile(r"[A-Z_]+(?:, [A-Z_]+)*")
_OBJECT = re.compile(r"1(?:\.[0-9]+)+")
_MAC = re.compile(r"[0-9a-f]{2}(?::[0-9a-f]{2}){5}")
_TAGS = re.compile(r"\A\s{0,9}<title[^>]{0,200}>(.{0,2000}?)(?:</title\s{0,9}>\s{0,9})?\Z", re.IGNORECASE | re.DOTALL)


_SNMP_NAMES = frozenset({"snmp.sysdescr", "snmp.sysobjectid"})  # these keys stand as they are


def normalised(given: Facts) -> FactMap:
    """Return facts as a parser would have given them: at most MAX_FACTS, values cut, at most MAX_VALUES of each."""
    facts: FactMap = {}
    for name, value in given.items():
        if len(facts) >= MAX_FACTS:
            break
        key = name
        if name[:5] == "snmp." and name[5:7] != "1." and name not in _SNMP_NAMES:
            key = snmp.key(name)
            if key in given:
                continue
        values: Sequence[str] = value
        if isinstance(value, str):
            if 0 < len(value) <= MAX_FACT and ((in_form := _IN_FORM.get(key)) is None or in_form(value)):
                facts[key] = (value,)
                continue
            values = (value,)
        form = _FORMS.get(key)
        facts[key] = _kept(values) if form is None else form(tuple(values))
    return facts


def _kept(values: Sequence[str]) -> tuple[str, ...]:
    """Return values as `many` does, without a copy of each where none has to be cut or left out."""
    if len(values) <= MAX_VALUES and "" not in values and len("".join(values)) <= MAX_FACT:
        return tuple(values)
    return many(list(values))


def _addresses(values: tuple[str, ...]) -> tuple[str, ...]:
    return many([normalise(value) or value for value in values])


def _uris(*elements: str) -> Callable[[tuple[str, ...]], tuple[str, ...]]:
    """Return a function that takes a list apart that is one text, or XML with these elements."""

    def form(values: tuple[str, ...]) -> tuple[str, ...]:
        text = "".join(values)
        if "<" in text:
            values = tuple([part for value in values for part in wsd.texts(value, elements)])
        elif _SPACE.search(text) is None:
            return _kept(values)
        if any(not value or value.isspace() or _BEFORE_URI.search(value) for value in values):
            values = tuple([part for value in values for part in _BEFORE_URI.split(value.strip())])
        return many(list(values))

    return form


def _names(values: tuple[str, ...]) -> tuple[str, ...]:
    """Return header names; in one text they are separated by commas, blanks or line ends."""
    if _BETWEEN_NAMES.search("".join(values)) is not None:
        values = tuple([name for value in values for name in _BETWEEN_NAMES.split(value)])
    return _kept(values)


def _header(name: str) -> Callable[[tuple[str, ...]], tuple[str, ...]]:
    """Return a function that takes the name of a header away from its value."""
    start = f"{name}:"

    def form(values: tuple[str, ...]) -> tuple[str, ...]:
        return many([_without(start, value) for value in values])

    return form


def _without(start: str, value: str) -> str:
    return value[len(start) :].strip() if value[: len(start)].lower() == start else value


def _challenges(values: tuple[str, ...]) -> tuple[str, ...]:
    """Return challenges one by one, as the parser of a response does."""
    start = "www-authenticate:"
    if any("\n" in value or value[: len(start)].lower() == start for value in values):
        lines = [line.strip() for value in values for line in value[: 2 * MAX_FACT].splitlines()]
        return many(challenges([_without(start, line) for line in lines]))
    if any(value.lower().count("realm") > 1 for value in values):
        return many(challenges(list(values)))
    return many(list(values))


def _methods(values: tuple[str, ...]) -> tuple[str, ...]:
    """Return the methods of RTSP as the one text of the header."""
    return rtsp.methods([_without("public:", value.strip()) for value in values])


def _title(values: tuple[str, ...]) -> tuple[str, ...]:
    return many(
        [found[1].strip() if "<" in value and (found := _TAGS.match(value)) is not None else value for value in values]
    )


_FORMS: Mapping[str, Callable[[tuple[str, ...]], tuple[str, ...]]] = {
    "mac": _addresses,
    "wsd.scopes": _uris("Scopes", "ScopeItem"),
    "wsd.types": _uris("Types"),
    "wsd.xaddrs": _uris("XAddrs", "XAddr"),
    "onvif.scopes": _uris("Scopes", "ScopeItem"),
    "http.header_names": _names,
    "http.server": _header("server"),
    "rtsp.server": _header("server"),
    "ssdp.server": _header("server"),
    "ssdp.usn": _header("usn"),
    "ssdp.location": _header("location"),
    "http.www_authenticate": _challenges,
    "rtsp.www_authenticate": _challenges,
    "rtsp.public": _methods,
    "snmp.sysobjectid": snmp.objects,
    "http.title": _title,
}


def _no_name(name: str) -> Callable[[str], bool]:
    """Return a function that says whether a text cannot start with this name of a header."""
    start, end = len(name), len(name) + 1
    return lambda value: value[start:end] != ":"


def _one_challenge(value: str) -> bool:
    return "\n" not in value and value[16:17] != ":" and value.lower().count("realm") <= 1


# For the keys of _FORMS: whether one text, neither empty nor too long, is plainly in the form that its function gives.
# Nearly every fact is, and the function costs several times as much. Where this says no, the function decides.
_IN_FORM: Mapping[str, Callable[[str], bool]] = {
    "mac": lambda value: _MAC.fullmatch(value) is not None,
    **dict.fromkeys(
        ("wsd.scopes", "wsd.types", "wsd.xaddrs", "onvif.scopes"),
        lambda value: _SPACE.search(value) is None and "<" not in value,
    ),
    "http.header_names": lambda value: _BETWEEN_NAMES.search(value) is None,
    **dict.fromkeys(("http.server", "rtsp.server", "ssdp.server"), _no_name("server")),
    "ssdp.usn": _no_name("usn"),
    "ssdp.location": _no_name("location"),
    "http.www_authenticate": _one_challenge,
    "rtsp.www_authenticate": _one_challenge,
    "rtsp.public": lambda value: _METHODS.fullmatch(value) is not None,
    "snmp.sysobjectid": lambda value: _OBJECT.fullmatch(value) is not None,
    "http.title": lambda value: "<" not in value,
}
