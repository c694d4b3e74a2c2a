"""Facts of an ISAPI answer: XML, or the same document as JSON; HTTP framing optional."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from auditor.common.xmlsafe import local_name
from auditor.observe import http, xmlread
from auditor.observe.message import split
from auditor.observe.text import MAX_FACTS, FactMap, one

if TYPE_CHECKING:
    from lxml import etree


def parse(raw: bytes, request: str | None) -> FactMap:  # noqa: ARG001
    """Return `isapi.<field>`, with `isapi.root` and `isapi.xmlns` of the document.

    Nested names are joined with dots: the model of a camera that a recorder lists is not the recorder's model.
    Of several elements of one path the first counts.
    """
    message = split(raw)
    facts: FactMap = {}
    if message.status:
        framing = http.facts_of(message, None)
        facts |= {key: value for key, value in framing.items() if key != "http.body"}
    body = message.body or raw
    root = xmlread.read(body)
    if root is None:
        return facts | _from_json(body)
    facts["isapi.root"] = one(local_name(root))
    namespace = root.nsmap.get(root.prefix) if root.prefix in root.nsmap else None
    facts["isapi.xmlns"] = one(namespace or "")
    _collect(root, "isapi", facts)
    return facts


def _collect(element: etree._Element, path: str, facts: FactMap) -> None:
    for child in element:
        name = local_name(child)
        if not name or len(facts) >= MAX_FACTS:
            continue
        if len(child):
            _collect(child, f"{path}.{name}", facts)
        elif child.text and child.text.strip():
            facts.setdefault(f"{path}.{name}", one(child.text.strip()))


def _from_json(body: bytes) -> FactMap:
    start = body.find(b"{")
    if start < 0:
        return {}
    try:
        document: Any = json.loads(body[start:].decode("utf-8", "replace"))
    except (ValueError, RecursionError):
        return {}  # neither XML nor JSON: nothing to say
    if not isinstance(document, dict) or len(document) != 1:
        return {}
    name, fields = next(iter(document.items()))
    if not isinstance(fields, dict):
        return {}
    attributes = fields.get("$")
    attributes = attributes if isinstance(attributes, dict) else {}
    namespace = fields.get("@xmlns") or fields.get("xmlns") or attributes.get("xmlns")
    facts: FactMap = {"isapi.root": one(name), "isapi.xmlns": one(namespace if isinstance(namespace, str) else "")}
    for key, value in fields.items():
        if isinstance(value, str | int) and not key.startswith("@") and len(facts) < MAX_FACTS:
            facts.setdefault(f"isapi.{key}", one(str(value).strip()))
    return facts
