"""The line format of observations.jsonl (design, section 5): bounded reading, and writing."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, BinaryIO

from pydantic_core import from_json

from auditor.common.errors import UnreadableError
from auditor.common.limits import MAX_JSON_DEPTH, MAX_OBSERVATION_LINE
from auditor.model import Outcome

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from auditor.model import Observation


def read_lines(stream: BinaryIO) -> Iterator[tuple[int, Outcome | UnreadableError]]:
    """Yield line number (from 1) and outcome of every line; for a line that cannot be read its error, and go on.

    Blank lines are passed over. Memory is bounded by one line of MAX_OBSERVATION_LINE bytes.
    """
    number = 0
    while line := stream.readline(MAX_OBSERVATION_LINE + 1):
        number += 1
        if len(line) > MAX_OBSERVATION_LINE and not line.endswith(b"\n"):
            _skip_rest_of_line(stream)
            yield number, UnreadableError(f"longer than {MAX_OBSERVATION_LINE} bytes")
            continue
        if number == 1:
            line = line.removeprefix(b"\xef\xbb\xbf")
        if not line or line.isspace():
            continue
        try:
            yield number, Outcome.from_json(_object(line))
        except RecursionError:
            yield number, UnreadableError("JSON is nested too deep")
        except UnicodeDecodeError as error:
            yield number, UnreadableError(f"not UTF-8 (byte {error.start})")
        except ValueError as error:
            yield number, UnreadableError(str(error))


def observation_line(outcome: Outcome, observations: Sequence[Observation]) -> dict[str, Any]:
    """Return the object to write for one outcome: its address and status, and `facts` instead of the raw bytes.

    Facts with one value are a string, others a list, as `Outcome.from_json` reads them back.
    """
    line = outcome.to_json()
    line.pop("raw_base64", None)
    line.pop("detail", None)
    line["facts"] = {item.key: item.values[0] if len(item.values) == 1 else list(item.values) for item in observations}
    return line


def _skip_rest_of_line(stream: BinaryIO) -> None:
    while (part := stream.readline(MAX_OBSERVATION_LINE)) and not part.endswith(b"\n"):
        continue


def _object(line: bytes) -> dict[str, Any]:
    document = _plainly_distinct(line)
    if document is None:
        document = _DECODER.decode(line.decode("utf-8"))
    if not isinstance(document, dict):
        raise ValueError("a line must be a JSON object")  # noqa: TRY004  (reported like any other unreadable line)
    if line.count(b"[") + line.count(b"{") > MAX_JSON_DEPTH:
        _check_depth(document)
    return document


def _plainly_distinct(line: bytes) -> dict[str, Any] | None:
    """Return the object of a line where it is plain that no key stands twice; None where a closer look is needed.

    The closer look calls Python for each object, which takes most of the time of reading. Every key ends with a
    quotation mark and a colon, apart from white space, so a line that has no more of these than its objects have keys
    repeats none. Where no backslash is itself escaped, a mark behind a backslash stands inside a text and ends no key.

    The decoder of pydantic takes a third of the time of the library's. It accepts less (no lone surrogate, at most 200
    levels, no number of more than 4300 digits, no NaN here), so what it refuses is left to the closer look, whose
    result or error counts.
    """
    try:
        document = from_json(line, allow_inf_nan=False)
    except ValueError:
        return None  # the closer look says what is wrong
    if type(document) is not dict:
        return None
    facts = document.get("facts")
    keys = len(document) + (len(facts) if type(facts) is dict else 0)
    dense = line.translate(None, b" \t\r\n")
    ends = dense.count(b'":')
    if ends != keys and b"\\\\" not in line:
        ends -= dense.count(b'\\":')
    return document if ends == keys else None


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def _distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key stands twice in one object")
    return found


def _check_depth(document: Any) -> None:
    level = [document]
    for _ in range(MAX_JSON_DEPTH):
        level = [
            child
            for item in level
            if isinstance(item, dict | list)
            for child in (item.values() if isinstance(item, dict) else item)
        ]
        if not level:
            return
    raise ValueError(f"JSON is nested deeper than {MAX_JSON_DEPTH}")


# Made once: json.loads would make one for each line.
_DECODER = json.JSONDecoder(parse_constant=_no_constant, object_pairs_hook=_distinct)
