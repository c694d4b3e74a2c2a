"""Reads YAML 1.2 into plain text with the line of every key, and refuses what a site file has no use for.

Every scalar stays text: the model decides what is a number, a date or a truth value. That way `no`, `1e3` and
`010` never become something that the author did not write. ruamel.yaml scans, parses and resolves; the node graph
that it composes is turned into mappings here, because only there are the marks of keys, values and aliases at hand.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, ScalarNode

from auditor.common.display import visible
from auditor.common.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from ruamel.yaml.nodes import Node

# A site of 2,000 subnets and as many exclusions stays below this; the parser needs seconds for a file of this size.
MAX_FILE = 256 * 1024
MAX_ALIASES = 32  # a few shared lists are handy; a file that doubles itself with each line is an attack
MAX_NODES = 50_000  # after aliases are followed
MAX_DEPTH = 12  # the deepest key of the model lies at 4

Tree = str | None | list["Tree"] | dict[str, "Tree"]
KeyPath = tuple[str | int, ...]

_PLAIN_TAGS = frozenset(
    f"tag:yaml.org,2002:{name}" for name in ("str", "int", "float", "bool", "null", "timestamp", "map", "seq", "merge")
)
_NULL = "tag:yaml.org,2002:null"


def read_yaml(content: bytes, path: Path) -> tuple[Tree, Mapping[KeyPath, int]]:
    """Return the document as mappings, lists and text, and the line of every key.

    Args:
        content: bytes of the file, UTF-8 with or without a byte-order mark.
        path: only for messages.

    Returns:
        The tree, None where a value is empty, `~` or `null`; and the line (from 1) by path of keys and list indices.

    Raises:
        UsageError: too large, not UTF-8, not YAML, a key given twice, a tag, too many aliases or levels. The text
            names file, line and fix, and never repeats a value: it may be a secret that stands in the wrong place.
    """
    if len(content) > MAX_FILE:
        raise UsageError(
            f"{path}, line 1: the file has {len(content)} bytes and {MAX_FILE} are allowed; give wider prefixes or "
            "ranges instead of single addresses, or make a file for each part of the site"
        )
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise UsageError(f"{path}, line {line}: the file is not UTF-8 text; save it as UTF-8") from error
    try:
        root = YAML(typ="safe", pure=True).compose(text)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f"{path}, line {mark.line + 1 if mark else 1}"
        raise UsageError(f"{where}: {_reason(error)}; {_fix(error)}") from error
    except YAMLError as error:
        line = text.count("\n", 0, getattr(error, "position", 0)) + 1
        raise UsageError(f"{path}, line {line}: a control character stands in the file; delete it") from error
    except RecursionError as error:
        raise UsageError(f"{path}, line 1: the file is nested too deep; close the brackets") from error
    reader = _Reader(path)
    return (None if root is None else reader.read(root, ())), reader.lines


def _reason(error: MarkedYAMLError) -> str:
    words = [visible(str(part), 120) for part in (error.context, error.problem) if part]
    return "this is not YAML (" + ", ".join(words) + ")"


def _fix(error: MarkedYAMLError) -> str:
    problem = str(error.problem)
    if "\\t" in problem:
        return "indent with spaces, not with tabs"
    if "another document" in problem:
        return "keep one site a file and delete the second `---`"
    if "undefined alias" in problem:
        return "put text that begins with * in quotes"
    return "look for a missing colon, quote or bracket, or a wrong indent, on this line and the one above"


class _Reader:
    """Turns the nodes of one document into text; counts what aliases repeat."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.lines: dict[KeyPath, int] = {(): 1}
        self._seen: set[int] = set()
        self._open: set[int] = set()
        self._aliases = 0
        self._nodes = 0

    def read(self, node: Node, at: KeyPath) -> Tree:
        self._admit(node, at)
        if isinstance(node, ScalarNode):
            return None if node.tag == _NULL else str(node.value)
        self._open.add(id(node))
        tree: Tree
        if isinstance(node, MappingNode):
            tree = self._mapping(node, at)
        else:
            tree = [self._item(item, (*at, index)) for index, item in enumerate(node.value)]
        self._open.discard(id(node))
        return tree

    def _admit(self, node: Node, at: KeyPath) -> None:
        if node.tag not in _PLAIN_TAGS:
            self._refuse(node, at, "a tag (`!` or `!!`) stands before the value", "delete it")
        if id(node) in self._open:
            self._refuse(node, at, "an alias (`*`) leads back to itself", "write the values out")
        if id(node) in self._seen:
            self._aliases += 1
        self._seen.add(id(node))
        self._nodes += 1
        if self._aliases > MAX_ALIASES or self._nodes > MAX_NODES:
            self._refuse(node, at, f"more than {MAX_ALIASES} aliases or {MAX_NODES} values", "write the values out")
        if len(at) > MAX_DEPTH:
            self._refuse(node, at, f"more than {MAX_DEPTH} levels", "close the brackets; no key lies that deep")

    def _item(self, node: Node, at: KeyPath) -> Tree:
        if id(node) not in self._seen:  # an alias carries the mark of its anchor; the key above is nearer
            self.lines[at] = node.start_mark.line + 1
        return self.read(node, at)

    def _mapping(self, node: MappingNode, at: KeyPath) -> Tree:
        tree: dict[str, Tree] = {}
        for key, value in node.value:
            if not isinstance(key, ScalarNode) or key.tag == _NULL:
                self._refuse(key, at, "a key is not plain text", "write `key: value`")
            name = str(key.value)
            if name in tree:
                first = self.lines[(*at, name)]
                shown = visible(name, 60)
                self._refuse(key, (*at, name), f"`{shown}` is given twice, first in line {first}", "keep one of them")
            self.lines[(*at, name)] = key.start_mark.line + 1
            tree[name] = self.read(value, (*at, name))
        return tree

    def _refuse(self, node: Node, at: KeyPath, problem: str, fix: str) -> NoReturn:
        line = line_of(self.lines, at) if id(node) in self._seen else node.start_mark.line + 1
        raise UsageError(f"{self._path}, line {line}, key `{show_path(at)}`: {problem}; {fix}")


def line_of(lines: Mapping[KeyPath, int], at: KeyPath) -> int:
    """Return the line of a key, or of the nearest key above it when it is not in the file."""
    while at not in lines:
        at = at[:-1]
    return lines[at]


def show_path(at: KeyPath) -> str:
    """Return a key path as people write it, such as `zones[0].subnets[2]`; `(top)` for the document itself."""
    shown = ""
    for part in at:
        shown += f"[{part}]" if isinstance(part, int) else ("." if shown else "") + visible(part, 60)
    return shown or "(top)"
