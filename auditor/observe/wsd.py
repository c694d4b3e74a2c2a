"""Facts of a WS-Discovery answer (ProbeMatches, ResolveMatches, Hello)."""

from __future__ import annotations

import html
import re
from typing import TYPE_CHECKING

from auditor.common.limits import MAX_SCOPES, MAX_XADDRS
from auditor.observe import xmlread
from auditor.observe.text import FactMap, many, one

if TYPE_CHECKING:
    from lxml import etree

_ELEMENT = re.compile(r"<(?:[\w.-]{1,40}:)?(Scopes|ScopeItem|Types|XAddrs|XAddr)(?:\s[^<>]{0,500})?>([^<]{0,16384})")
_TAG = re.compile(r"<[!?/]?[A-Za-z-][^<>]{0,500}>")
_URI = re.compile(r"\s(?=(?:onvif|https?|ldap|urn|odm|flir|dvtel):)", re.IGNORECASE)
_SCHEMES = ("onvif:", "http:", "https:", "ldap:", "urn:", "odm:", "flir:", "dvtel:")


def parse(raw: bytes, request: str | None) -> FactMap:  # noqa: ARG001
    """Return `wsd.scopes`, `wsd.types`, `wsd.xaddrs` and `wsd.endpoint`.

    A raw text that is a bare list of scopes (as saved by other tools), separated by line ends or blanks, is read too.
    """
    root = xmlread.read(raw)
    if root is not None:
        return facts_of(root)
    return {"wsd.scopes": listed(raw)}


def listed(raw: bytes) -> tuple[str, ...]:
    """Return the scopes of a bare list; a blank inside a scope, which should be `%20`, does not separate."""
    lines = raw[:65536].decode("utf-8", "replace").splitlines()
    parts = [part.strip() for line in lines for part in _URI.split(line)]
    return many([part for part in parts if part.lower().startswith(_SCHEMES)][:MAX_SCOPES])


def texts(value: str, names: tuple[str, ...]) -> list[str]:
    """Return what stands in the elements of these names of XML that was saved as one text, or else all of its text."""
    if not _TAG.search(value):
        return [value]
    found = [text for name, text in _ELEMENT.findall(value) if name in names] or _TAG.split(value)
    return [text for part in found if (text := html.unescape(part).strip())]


def facts_of(root: etree._Element) -> FactMap:
    """Return `wsd.*` facts of a parsed answer. Lists are split at white space, as the specification has them."""
    lists: dict[str, list[str]] = {"Scopes": [], "Types": [], "XAddrs": []}
    endpoint = ""
    match = xmlread.find(root, "ProbeMatch")
    for name, text in xmlread.leaves(root if match is None else match):
        if name in lists:
            lists[name].extend(text.split())
        elif name == "Address" and not endpoint:
            endpoint = text
    return {
        "wsd.scopes": many(lists["Scopes"][:MAX_SCOPES]),
        "wsd.types": many(lists["Types"][:MAX_SCOPES]),
        "wsd.xaddrs": many(lists["XAddrs"][:MAX_XADDRS]),
        "wsd.endpoint": one(endpoint),
    }
