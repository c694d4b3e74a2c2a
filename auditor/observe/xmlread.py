"""Reads XML of devices through the one bounded parser: strictly first, then what can be harvested."""

from __future__ import annotations

from typing import TYPE_CHECKING

from auditor.common.errors import UnreadableError
from auditor.common.xmlsafe import local_name, parse
from auditor.observe.message import split

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lxml import etree


def read(raw: bytes) -> etree._Element | None:
    """Return the root of a document, or None when nothing can be read of it. HTTP framing in front is skipped."""
    body = raw
    if raw[:16].lstrip()[:5].upper() in {b"HTTP/", b"NOTIF"}:
        body = split(raw).body
    start = body.find(b"<")
    if start < 0:
        return None
    body = body if body.startswith((b"\xff\xfe", b"\xfe\xff", b"<\0", b"\0<")) else body[start:]
    for recover in (False, True):
        try:
            return parse(body.rstrip(b"\0\r\n\t "), recover=recover)
        except UnreadableError:
            continue
    return None


def leaves(root: etree._Element) -> Iterator[tuple[str, str]]:
    """Yield name and stripped text of every element without child elements, in document order."""
    for element in root.iter():
        name = local_name(element)
        if name and len(element) == 0 and element.text and element.text.strip():
            yield name, element.text.strip()


def find(root: etree._Element, name: str) -> etree._Element | None:
    """Return the first element of that local name, or None."""
    return next((element for element in root.iter() if local_name(element) == name), None)
