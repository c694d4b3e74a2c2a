"""Facts of a SADP answer (UDP 37020): a flat XML `ProbeMatch`."""

from __future__ import annotations

from auditor.common.xmlsafe import local_name
from auditor.observe import xmlread
from auditor.observe.text import MAX_FACTS, FactMap, one


def parse(raw: bytes, request: str | None) -> FactMap:  # noqa: ARG001
    """Return `sadp.<Field>` for every field with a text, spelt as sent; other XML gives nothing."""
    root = xmlread.read(raw)
    if root is None or local_name(root) != "ProbeMatch":
        return {}
    facts: FactMap = {}
    for name, text in xmlread.leaves(root):
        if len(facts) < MAX_FACTS and len(root):
            facts.setdefault(f"sadp.{name}", one(text))
    return facts
