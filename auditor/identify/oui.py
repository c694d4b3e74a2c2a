"""MAC prefixes of 24, 28 and 36 bits: the longest registered prefix wins."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from auditor.common.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path

_LINE = re.compile(r"([0-9A-F]{6}|[0-9A-F]{7}|[0-9A-F]{9})\t([^\t]+)\t(maker|sub-brand|brand|unrelated)\t([^\t]+)")
_NOT_HEX = re.compile(r"[^0-9a-fA-F]")
_DIGITS = 12
_LOCAL_OR_GROUP = 0x03  # locally administered or group address: says nothing about who made the device


@dataclass(frozen=True, slots=True)
class Block:
    """One registered block.

    Attributes:
        prefix: 6, 7 or 9 hexadecimal digits in capitals (24, 28 or 36 bits).
        family: what rules refer to with `oui`.
        role: `maker` and `sub-brand` build or are built by one maker; `brand` sells devices of other makers too;
            `unrelated` only looks alike.
        registrant: exact name in the register.
    """

    prefix: str
    family: str
    role: str
    registrant: str


class Prefixes:
    """Lookup of the block that a MAC address falls in."""

    def __init__(self, blocks: dict[str, Block]) -> None:
        self._blocks = blocks
        self.families = frozenset(block.family for block in blocks.values())

    def __len__(self) -> int:
        return len(self._blocks)

    def block(self, mac: str) -> Block | None:
        """Return the block of an address in any usual spelling; None when unknown, local, a group or not an address."""
        digits = _NOT_HEX.sub("", mac).upper()
        if len(digits) != _DIGITS or int(digits[1], 16) & _LOCAL_OR_GROUP:
            return None
        for length in (9, 7, 6):
            if (found := self._blocks.get(digits[:length])) is not None:
                return found
        return None


def read_prefixes(folder: Path) -> Prefixes:
    """Read every `*.tsv` of a folder: prefix, family, role, registrant; `#` starts a comment line.

    Raises:
        UsageError: a line has another shape, or a prefix stands twice.
    """
    blocks: dict[str, Block] = {}
    for path in sorted(folder.glob("*.tsv")):
        for number, line in enumerate(path.read_text("utf-8").splitlines(), start=1):
            if not line.strip() or line.startswith("#"):
                continue
            found = _LINE.fullmatch(line)
            if not found:
                raise UsageError(
                    f"{path.name}:{number}: expected prefix, family, role and registrant with tabs between"
                )
            block = Block(found[1], found[2], found[3], found[4])
            if block.prefix in blocks:
                raise UsageError(f"{path.name}:{number}: prefix {block.prefix} stands twice")
            blocks[block.prefix] = block
    return Prefixes(blocks)
