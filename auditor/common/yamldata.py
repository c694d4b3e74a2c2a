"""Reads YAML data files: what ruamel's safe loader gives, in a quarter of the time.

The loader spends most of its time on finding the type of every scalar and on building nodes that are thrown away. Our
data is plain: mappings with names, lists, text, whole numbers, true, false and null. A file of only these is built
straight from the events of the parser. At anything else the whole file goes to the loader; its result or error counts.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError
from ruamel.yaml.events import (
    AliasEvent,
    DocumentEndEvent,
    DocumentStartEvent,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
    StreamEndEvent,
    StreamStartEvent,
)
from ruamel.yaml.nodes import ScalarNode

_TEXT = "tag:yaml.org,2002:str"
# A plain scalar that starts otherwise is text, in YAML 1.2 as ruamel reads it (a test compares).
MAY_BE_MORE_THAN_TEXT = frozenset("+-.0123456789<=~!&*fFnNtT\0")
_WORDS = {"true": True, "false": False, "null": None}
_WHOLE = re.compile(r"-?(?:0|[1-9][0-9]{0,17})")
_NO_KEY: Any = object()


class _NotPlainError(Exception):
    """The file holds something that the loader has to read."""


def load_yaml(text: str) -> Any:
    """Return the one document of a YAML text, as `YAML(typ="safe").load` does.

    Raises:
        YAMLError: the text is not one document of YAML; line and column are in the error's text.
    """
    try:
        return _built(text)
    except (_NotPlainError, YAMLError):
        return YAML(typ="safe").load(text)


def _built(text: str) -> Any:  # noqa: PLR0912  (one loop; a call for each event would take a third longer)
    documents: list[Any] = []
    here: Any = documents  # the list or mapping that is being filled
    outer: list[tuple[Any, Any]] = []  # what is around it, and the key that it will have there
    key = _NO_KEY  # read, and waiting for its value
    _, parser = YAML(typ="safe").get_constructor_parser(text)
    for event in iter(parser.get_event, None):
        kind = type(event)
        if kind is ScalarEvent:
            if event.anchor is not None or event.tag is not None:
                raise _NotPlainError
            value = event.value
            if event.implicit[0] and (not value or value[0] in MAY_BE_MORE_THAN_TEXT):
                value = _plain(value)
        elif kind is MappingStartEvent or kind is SequenceStartEvent:
            if event.anchor is not None or event.tag is not None or (type(here) is dict and key is _NO_KEY):
                raise _NotPlainError
            outer.append((here, key))
            here, key = ({} if kind is MappingStartEvent else []), _NO_KEY
            continue
        elif kind is MappingEndEvent or kind is SequenceEndEvent:
            value = here
            here, key = outer.pop()
        elif kind is AliasEvent or (kind is DocumentStartEvent and (event.version or event.tags or documents)):
            raise _NotPlainError
        elif kind in _FRAME:
            continue
        else:
            raise _NotPlainError
        if type(here) is list:
            here.append(value)
        elif key is _NO_KEY:
            if type(value) is not str or value in here:
                raise _NotPlainError
            key = value
        else:
            here[key] = value
            key = _NO_KEY
    if len(documents) != 1:
        raise _NotPlainError
    return documents[0]


@lru_cache(maxsize=4096)
def _plain(text: str) -> str | int | bool | None:
    """Return the value of a scalar without quotation marks."""
    if text in _WORDS:
        return _WORDS[text]
    if _WHOLE.fullmatch(text):
        return int(text)
    if text[:1].isalpha() and text.lower() not in _WORDS:
        return text
    if YAML(typ="safe").resolver.resolve(ScalarNode, text, (True, False)) != _TEXT:
        raise _NotPlainError
    return text


_FRAME = frozenset({StreamStartEvent, StreamEndEvent, DocumentStartEvent, DocumentEndEvent})
