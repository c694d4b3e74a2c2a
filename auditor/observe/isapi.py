"""Facts of an ISAPI answer: XML, or the same document as JSON or as a log prints the object; HTTP framing optional."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from auditor.common.xmlsafe import local_name
from auditor.observe import http, xmlread
from auditor.observe.message import split
from auditor.observe.text import MAX_FACTS, FactMap, one

if TYPE_CHECKING:
    from lxml import etree

# Tokens of an object as JavaScript or Python prints it.
_TOKEN = re.compile(
    r"""\s+|(?P<mark>[{}\[\],:])|'(?P<single>(?:[^'\\]|\\.){0,2000})'|(?P<double>"(?:[^"\\]|\\.){0,2000}")"""
    r"""|(?P<word>[$A-Za-z_][\w$]{0,80})|(?P<number>-?\d{1,20}(?:\.\d{1,20})?)"""
)
_WORDS = {"true": "true", "True": "true", "false": "false", "False": "false"}
_ESCAPE = re.compile(r"\\(.)|\"", re.DOTALL)
_MAX_PRINTED = 65_536  # the largest published DeviceInfo is under 4 KiB


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
    text = body[start:].decode("utf-8", "replace")
    document = _load(text)
    if document is None:
        document = _load(_as_json(text))
    if not isinstance(document, dict):
        return {}  # neither XML nor JSON: nothing to say
    name, fields = next(iter(document.items())) if len(document) == 1 else ("", document)
    if not isinstance(fields, dict):
        return {}
    attributes = fields.get("$")
    attributes = attributes if isinstance(attributes, dict) else {}
    namespace = fields.get("@xmlns") or fields.get("xmlns") or attributes.get("xmlns")
    facts: FactMap = {"isapi.root": one(name), "isapi.xmlns": one(namespace if isinstance(namespace, str) else "")}
    for key, given in fields.items():
        value = given[0] if isinstance(given, list) and len(given) == 1 else given
        if isinstance(value, str | int) and key != "xmlns" and not key.startswith("@") and len(facts) < MAX_FACTS:
            facts.setdefault(f"isapi.{key}", one(str(value).strip()))
    return {key: values for key, values in facts.items() if values}


def _load(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None  # the caller tries another reading


def _as_json(text: str) -> str:
    """Return a printed object (single quotes, bare names, a comma too many) as JSON; "" when it is not one."""
    out: list[str] = []
    position = 0
    while position < min(len(text), _MAX_PRINTED):
        found = _TOKEN.match(text, position)
        if found is None:
            return ""
        position = found.end()
        kind, value = found.lastgroup, found[0]
        if kind == "single":
            value = '"' + _ESCAPE.sub(_json_escape, found["single"]) + '"'
        elif kind == "word":
            value = f'"{value}"' if text[position : position + 1] == ":" else _WORDS.get(value, "null")
        elif kind == "mark" and value in "}]" and out and out[-1] == ",":
            out.pop()
        if kind is not None:
            out.append(value)
    return "".join(out)


def _json_escape(found: re.Match[str]) -> str:
    if found[0] == '"' or found[1] == '"':
        return '\\"'
    return found[0] if found[1] in "\\/bfnrtu" else found[1]
