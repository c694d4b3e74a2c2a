"""Reads a YAML data file so that every fault can be told by file, line, key and fix."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import BaseModel, ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from auditor.common.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from pydantic_core import ErrorDetails

Model = TypeVar("Model", bound=BaseModel)


class YamlFile:
    """One parsed file that remembers on which line each key stands.

    Attributes:
        path: the file.
        content: the parsed document, always a mapping.
    """

    def __init__(self, path: Path) -> None:
        """Read and parse.

        Raises:
            UsageError: the file is missing, is not UTF-8 YAML, or is not a mapping.
        """
        self.path = path
        try:
            text = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise UsageError(f"{path}: cannot be read: {error}") from error
        try:
            content = YAML(typ="rt").load(text)
        except MarkedYAMLError as error:
            line = error.problem_mark.line + 1 if error.problem_mark else 1
            raise UsageError(f"{path}:{line}: not valid YAML: {error.problem}; correct this line") from error
        except (YAMLError, ValueError) as error:
            raise UsageError(f"{path}: not valid YAML: {error}; correct the file") from error
        if not isinstance(content, CommentedMap):
            raise UsageError(f"{path}:1: the file must be a mapping of keys to values; see the shipped packs")
        self.content = content

    def line(self, where: Sequence[str | int]) -> int:
        """Return the line, from 1, of the deepest part of a key path that the file has."""
        node: Any = self.content
        line = 1
        for step in where:
            if isinstance(node, CommentedMap) and step in node:
                line = node.lc.key(step)[0] + 1
            elif isinstance(node, CommentedSeq) and isinstance(step, int) and step < len(node):
                line = node.lc.item(step)[0] + 1
            else:
                break
            node = node[step]
        return line

    def fault(self, where: Sequence[str | int], problem: str) -> UsageError:
        """Return the error for a key; `problem` says what is wrong and how to put it right."""
        return UsageError(f"{self.path}:{self.line(where)}: `{_dotted(where)}`: {problem}")

    def validated(self, model: type[Model]) -> Model:
        """Return the content as a model.

        Raises:
            UsageError: the first fault, with file, line, key and fix; the number of further faults is told.
        """
        try:
            return model.model_validate(_plain(self.content))
        except ValidationError as error:
            faults = error.errors(include_url=False)
            first = faults[0]
            more = f" (and {len(faults) - 1} more)" if len(faults) > 1 else ""
            raise self.fault(first["loc"], _explain(first) + more) from error


def _plain(node: Any) -> Any:
    if isinstance(node, CommentedMap):
        return {key: _plain(value) for key, value in node.items()}
    if isinstance(node, CommentedSeq):
        return [_plain(value) for value in node]
    return node


def _dotted(where: Sequence[str | int]) -> str:
    return ".".join(str(step) for step in where) or "file"


def _explain(fault: ErrorDetails) -> str:
    match fault["type"]:
        case "extra_forbidden":
            return "no such key; take it out or correct its spelling"
        case "missing":
            return "is missing; add it"
        case "value_error":
            return fault["msg"].removeprefix("Value error, ")
        case _:
            return f"{fault['msg']}; correct the value"
