"""The one way to read XML: bounded in bytes, depth and nodes; no DTD, no entity, no network."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lxml import etree

from auditor.common.errors import UnreadableError
from auditor.common.limits import MAX_RESPONSE, MAX_XML_DEPTH, MAX_XML_NODES

if TYPE_CHECKING:
    from collections.abc import Iterator


# the same marks in UTF-8, UTF-16LE and UTF-16BE
_DTD_MARKS = tuple(
    mark.encode(encoding) for mark in ("<!DOCTYPE", "<!ENTITY") for encoding in ("utf-8", "utf-16-le", "utf-16-be")
)


def parse(document: bytes, *, recover: bool = False) -> etree._Element:
    """Return the root element of an untrusted document.

    Args:
        document: bytes as received; leading white space and a byte-order mark are allowed.
        recover: harvest what can be read of a damaged document. Try without it first.

    Raises:
        UnreadableError: too large, too deep, too many nodes, a DOCTYPE, or not XML.
    """
    if len(document) > MAX_RESPONSE:
        raise UnreadableError(f"XML of {len(document)} bytes is over {MAX_RESPONSE}")
    document = document.lstrip(b" \t\r\n")
    if any(mark in document for mark in _DTD_MARKS):
        raise UnreadableError("XML with a DOCTYPE is refused")
    parser = etree.XMLPullParser(
        events=("start", "end"), resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False,
        remove_pis=True, remove_comments=True, recover=recover,
    )  # fmt: skip
    depth = nodes = 0
    root: etree._Element | None = None
    try:
        for start in range(0, len(document), 16384):
            parser.feed(document[start : start + 16384])
            for event, element in parser.read_events():
                depth += 1 if event == "start" else -1
                nodes += event == "start"
                if root is None and isinstance(element, etree._Element):  # noqa: SLF001  (lxml has no public name)
                    root = element
                if depth > MAX_XML_DEPTH or nodes > MAX_XML_NODES:
                    raise UnreadableError(f"XML deeper than {MAX_XML_DEPTH} or with over {MAX_XML_NODES} elements")
        parser.close()
    except (etree.XMLSyntaxError, ValueError, LookupError) as error:
        if not (recover and root is not None):
            raise UnreadableError(f"not well-formed XML: {error}") from error
    if root is None:
        raise UnreadableError("XML without an element")
    return root


def local_name(element: etree._Element) -> str:
    """Return the tag of an element without its namespace; empty for comments and the like.

    A damaged document may use a prefix that it never declared (`s:Body`); the part behind it is the name.
    """
    tag = element.tag
    return tag.rpartition("}")[2].rpartition(":")[2] if isinstance(tag, str) else ""


def texts(root: etree._Element, name: str) -> Iterator[str]:
    """Yield the stripped text of every element with that local name, in document order."""
    for element in root.iter():
        if local_name(element) == name and element.text and element.text.strip():
            yield element.text.strip()
