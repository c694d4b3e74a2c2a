"""Where units hang: the site's own table, so that a work order can say room, switch and port.

One row a unit, with the columns of `COLUMNS`; `address` or `mac` finds the unit. Comma or semicolon, UTF-8.
"""

from __future__ import annotations

import csv
import difflib
import io
import unicodedata
from typing import TYPE_CHECKING

from auditor.common.display import visible
from auditor.common.errors import UsageError
from auditor.model import Location
from auditor.site.addresses import Problem, read_address, read_mac

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

PLACES = ("building", "floor", "room", "mounting", "switch", "port", "vlan")
COLUMNS = ("address", "mac", *PLACES)
MAX_FILE = 16 * 1024 * 1024  # about 100,000 units
MAX_CELL = 200
_MAX_SHOWN = 20


def load_locations(path: Path) -> dict[str, Location]:
    """Read a locations table.

    Returns:
        Location by canonical address and by MAC in lower case with colons; a row with both has two entries.

    Raises:
        UsageError: the file cannot be read, is not UTF-8, or has a wrong header or row. Every wrong row is named with
            file, row (the header is row 1), column and fix.
    """
    rows = _rows(path)
    header = [cell.strip().lower() for cell in rows[0]] if rows else []
    _check_header(path, header)
    found: dict[str, Location] = {}
    first_row: dict[str, int] = {}
    problems: list[str] = []
    for number, row in enumerate(rows[1:], start=2):
        if not any(cell.strip() for cell in row):
            continue
        try:
            keys, location = _read_row(header, row)
        except Problem as error:
            problems.append(f"{path}, row {number}: {error}")
            continue
        for key in keys:
            if key in found:
                problems.append(f"{path}, row {number}: {key} is already in row {first_row[key]}; keep one row a unit")
            found[key] = location
            first_row[key] = number
    if problems:
        more = [f"{path}: and {len(problems) - _MAX_SHOWN} more rows"] if len(problems) > _MAX_SHOWN else []
        raise UsageError("\n".join(problems[:_MAX_SHOWN] + more))
    return found


def _rows(path: Path) -> list[list[str]]:
    try:
        with path.open("rb") as stream:
            content = stream.read(MAX_FILE + 1)
    except OSError as error:
        raise UsageError(
            f"{path}: cannot be read ({error.strerror}); write the right path, relative to the site file"
        ) from error
    if len(content) > MAX_FILE:
        raise UsageError(f"{path}: larger than {MAX_FILE} bytes; keep only the rows of this site")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        row = content.count(b"\n", 0, error.start) + 1
        raise UsageError(f"{path}, row {row}: not UTF-8 text; save the table as `CSV UTF-8`") from error
    head = text.partition("\n")[0]
    separator = ";" if head.count(";") > head.count(",") else ","
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    rows: list[list[str]] = []
    try:
        rows.extend(reader)
    except csv.Error as error:
        raise UsageError(
            f"{path}, row {len(rows) + 1}: not CSV ({error}); look for a quote that is not closed or not doubled"
        ) from error
    return rows


def _check_header(path: Path, header: list[str]) -> None:
    known = ", ".join(COLUMNS)
    for name in header:
        if name not in COLUMNS:
            near = difflib.get_close_matches(name, COLUMNS, n=1)
            meant = f"did you mean `{near[0]}`? " if near else ""
            raise UsageError(f"{path}, row 1: unknown column `{visible(name, 60)}`; {meant}The columns are {known}")
        if header.count(name) > 1:
            raise UsageError(f"{path}, row 1: column `{name}` is there twice; keep one")
    if "address" not in header and "mac" not in header:
        raise UsageError(f"{path}, row 1: a column `address` or `mac` is missing; write a header row with {known}")


def _read_row(header: list[str], row: list[str]) -> tuple[tuple[str, ...], Location]:
    if len(row) > len(header) and any(cell.strip() for cell in row[len(header) :]):
        raise Problem(f"{len(row)} cells under {len(header)} columns", "put a cell that holds the separator in quotes")
    cells: Mapping[str, str] = dict(zip(header, (" ".join(cell.split()) for cell in row), strict=False))
    for name, cell in cells.items():
        if len(cell) > MAX_CELL:
            raise Problem(f"column {name} has {len(cell)} characters", f"write at most {MAX_CELL}")
        if any(unicodedata.category(character) == "Cc" for character in cell):
            raise Problem(f"column {name} holds a control character", "delete it")
    keys: list[str] = []
    for name, read in (("address", lambda text: str(read_address(text))), ("mac", read_mac)):
        if cell := cells.get(name, ""):
            try:
                keys.append(read(cell))
            except Problem as error:
                raise Problem(f"column {name}: {error.problem}", error.fix) from error
    if not keys:
        raise Problem("neither an address nor a MAC", "write at least one of them, or delete the row")
    return tuple(keys), Location(**{name: cells.get(name, "") for name in PLACES})
