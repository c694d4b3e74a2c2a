"""Facts of a WS-Discovery answer (ProbeMatches, ResolveMatches, Hello)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from auditor.common.limits import MAX_SCOPES, MAX_XADDRS
from auditor.observe import xmlread
from auditor.observe.text import FactMap, many, one

if TYPE_CHECKING:
    from lxml import etree

_SCHEMES = ("onvif:", "http:", "https:", "ldap:", "urn:", "odm:", "flir:", "dvtel:")


def parse(raw: bytes, request: str | None) -> FactMap:  # noqa: ARG001
    """Return `wsd.scopes`, `wsd.types`, `wsd.xaddrs` and `wsd.endpoint`.

    A raw text that is a bare list of scopes (as saved by other tools), one a line, is read too.
    """
    root = xmlread.read(raw)
    if root is not None:
        return facts_of(root)
    lines = raw[:65536].decode("utf-8", "replace").split("\n")
    scopes = [line.strip() for line in lines if line.strip().lower().startswith(_SCHEMES)]
    return {"wsd.scopes": many(scopes[:MAX_SCOPES])}


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
