"""Reads YAML data files: what ruamel's safe loader gives, in a quarter of the time.

The loader spends most of its time on finding the type of every scalar and on building nodes that are thrown away. Our
data is plain: mappings with names, lists, text, whole numbers, true, false and null. A file of only these is built
straight from the events of the parser. At anything else the whole file goes to the loader, whose result counts.

A site may write such files too, so nesting and repeats are bounded before the loader, which is recursive,
builds anything. Levels are counted in the events: the parser gives them while it reads, at most 1,024 characters
behind, and unlike a count of brackets in the text they do not take those of a quoted expression for levels.
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

from auditor.common.limits import MAX_YAML_DEPTH, MAX_YAML_DIRECTIVES, MAX_YAML_REPEATED

_TEXT = "tag:yaml.org,2002:str"
# A plain scalar that starts otherwise is text, in YAML 1.2 as ruamel reads it (a test compares).
MAY_BE_MORE_THAN_TEXT = frozenset("+-.0123456789<=~!&*fFnNtT\0")
_WORDS = {"true": True, "false": False, "null": None}
_WHOLE = re.compile(r"-?(?:0|[1-9][0-9]{0,17})")
_DIRECTIVES = re.compile(r"^%", re.MULTILINE)
_NO_KEY: Any = object()


class _NotPlainError(Exception):
    """The file holds something that the loader has to read."""


class OutOfBoundsError(YAMLError):
    """The text nests too deep, or its anchors repeat too much."""


def load_yaml(text: str) -> Any:
    """Return the one document of a YAML text, as `YAML(typ="safe").load` does.

    Raises:
        YAMLError: the text is not one document of YAML; line and column are in the error's text.
        OutOfBoundsError: a YAMLError; more than 32 levels, 16 directives, or 10,000 values repeated by anchors.
        ValueError, OverflowError, TypeError: of the loader, at a number, day or key that Python cannot hold.
    """
    try:
        return _built(text)
    except OutOfBoundsError:
        raise
    except (_NotPlainError, YAMLError):
        _check_bounds(text)
        return YAML(typ="safe").load(text)


def _too_deep(event: Any) -> OutOfBoundsError:
    line = event.start_mark.line + 1
    return OutOfBoundsError(f"line {line} nests deeper than {MAX_YAML_DEPTH} levels")


def _too_many(event: Any) -> OutOfBoundsError:
    line = event.start_mark.line + 1
    return OutOfBoundsError(f"line {line}: anchors repeat more than {MAX_YAML_REPEATED} values")


def _check_directives(text: str) -> None:
    # The parser compares each directive with all before it.
    if len(_DIRECTIVES.findall(text)) > MAX_YAML_DIRECTIVES:
        raise OutOfBoundsError(f"more than {MAX_YAML_DIRECTIVES} lines start with %")


def _check_bounds(text: str) -> None:
    """Bound what the loader would build: levels, and values that stand for others."""
    sizes: dict[str, int | None] = {}  # values in what an anchor names; None while it is being read
    open_nodes: list[tuple[str | None, int]] = []  # anchor, and number of values before it
    values = repeated = 0
    try:
        _, parser = YAML(typ="safe").get_constructor_parser(text)
        for event in iter(parser.get_event, None):
            kind = type(event)
            if kind is ScalarEvent:
                values += 1
                if event.anchor is not None:
                    sizes[event.anchor] = 1
            elif kind is MappingStartEvent or kind is SequenceStartEvent:
                if len(open_nodes) >= MAX_YAML_DEPTH:
                    raise _too_deep(event)
                open_nodes.append((event.anchor, values))
                values += 1
                if event.anchor is not None:
                    sizes[event.anchor] = None
            elif kind is MappingEndEvent or kind is SequenceEndEvent:
                anchor, before = open_nodes.pop()
                if anchor is not None:
                    sizes[anchor] = values - before
            elif kind is AliasEvent and event.anchor in sizes:
                size = sizes[event.anchor]
                repeated += MAX_YAML_REPEATED + 1 if size is None else size  # None: it stands within itself
                values += size or 0
                if repeated > MAX_YAML_REPEATED:
                    raise _too_many(event)
    except OutOfBoundsError:
        raise
    except YAMLError:
        return  # the loader says what and where


def _built(text: str) -> Any:  # noqa: C901, PLR0912  (one loop; a call for each event would take a third longer)
    _check_directives(text)
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
            if len(outer) >= MAX_YAML_DEPTH:
                raise _too_deep(event)
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
