"""MAC prefixes of 24, 28 and 36 bits: the longest registered prefix wins.

Two sets of data: the families, a few thousand blocks of reviewed firms that rules refer to, and the register, every
block there is with its holder's name. A name of the register is shown to people and is never evidence.
"""

from __future__ import annotations

import hashlib
import re
import zlib
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from auditor.common.display import visible
from auditor.common.errors import UsageError
from auditor.common.limits import MAX_PACK_FILE

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

REGISTER = "registers.tsv.gz"
MODULE = "module"  # role of a firm whose prefix is met in devices that others build
MODULE_SAYS = "a maker of network modules, which says nothing about who built the unit around one"
LOCAL = "(nobody: a locally administered address, set by software)"
GROUP = "(nobody: a group address, not a device's own)"
UNNAMED = "(a holder whom the register does not name)"

_GZIP = 31  # window bits that make zlib expect gzip's head and check its sum
_LINE = re.compile(
    r"([0-9A-F]{6}|[0-9A-F]{7}|[0-9A-F]{9})\t([^\t]+)\t(maker|sub-brand|brand|module|unrelated)\t([^\t]+)"
)
_HEADER = re.compile(
    rb"(?:# [^\n]*\n)*?# source: ([^\n]+)\n# dated: (\d{4}-\d{2}-\d{2})\n# blocks: (\d+), [^\n]*\n"
    rb"# sha256 of the lines below: ([0-9a-f]{64})\n"
)
_ROW = re.compile(rb"(?:[0-9A-F]{6}|[0-9A-F]{7}|[0-9A-F]{9})\t[^\t\n]+")
_NOT_HEX = re.compile(r"[^0-9a-fA-F]")
# A prefix by itself is spelt as an address is; any other text that happens to hold so many digits is none.
_PREFIX = re.compile(
    r"[0-9a-fA-F]{6,9}|[0-9a-fA-F]{2}(?:[:-][0-9a-fA-F]{1,2}){2,4}|[0-9a-fA-F]{4}\.[0-9a-fA-F]{2,4}(?:\.[0-9a-fA-F])?"
)
_DIGITS = 12
_PREFIX_DIGITS = frozenset({6, 7, 9})  # 24, 28 and 36 bits
_GROUP_BIT, _LOCAL_BIT = 0x01, 0x02  # of the first byte; with either, the address says nothing about who made it
LOCAL_OR_GROUP = _GROUP_BIT | _LOCAL_BIT


@dataclass(frozen=True, slots=True)
class Block:
    """One registered block.

    Attributes:
        prefix: 6, 7 or 9 hexadecimal digits in capitals (24, 28 or 36 bits).
        family: what rules refer to with `oui`.
        role: `maker` and `sub-brand` build or are built by one maker; `brand` sells devices of other makers too;
            `module` makes network modules that stand in devices of anybody; `unrelated` only looks alike.
        registrant: exact name in the register.
    """

    prefix: str
    family: str
    role: str
    registrant: str


class Register:
    """Every block of the IEEE registers with the exact name of its holder; read when first asked.

    One text of about 2 MB in memory, searched by halving; no object for each of its lines.

    Attributes:
        path: of the compressed file that `deploy/update_oui.py` writes.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def source(self) -> str:
        """Package and version that the blocks were read from."""
        return self._read[0]

    @property
    def dated(self) -> str:
        """Day of the data, ISO 8601."""
        return self._read[1]

    def __len__(self) -> int:
        return self._read[2]

    def holder(self, digits: str) -> str | None:
        """Return the exact name in the register for the longest block that hexadecimal digits in capitals fall in.

        Raises:
            UsageError: the file is missing or damaged.
        """
        for length in (9, 7, 6):
            if len(digits) >= length and (name := self._find(digits[:length].encode())) is not None:
                return name
        return None

    def rows(self) -> Iterator[tuple[str, str]]:
        """Yield prefix and name of every block, ascending.

        Raises:
            UsageError: the file is missing or damaged, a line has another shape, or one stands out of order.
        """
        last = b""
        for number, line in enumerate(self._read[3].splitlines(), start=1):
            prefix, _, name = line.partition(b"\t")
            if not _ROW.fullmatch(line) or prefix <= last:
                raise UsageError(f"{self.path}: block {number} is no prefix and name in ascending order")
            last = prefix
            yield prefix.decode(), name.decode()

    def _find(self, wanted: bytes) -> str | None:
        body = self._read[3]
        low, high = 0, len(body)
        while low < high:
            middle = (low + high) // 2
            start, end = body.rfind(b"\n", low, middle) + 1 or low, body.find(b"\n", middle)
            prefix, _, name = body[start:end].partition(b"\t")
            if prefix == wanted:
                return name.decode()
            if prefix < wanted:
                low = end + 1
            else:
                high = start
        return None

    @cached_property
    def _read(self) -> tuple[str, str, int, bytes]:
        """Source, day, number of blocks, and their lines."""
        try:
            unpack = zlib.decompressobj(wbits=_GZIP)
            text = unpack.decompress(self.path.read_bytes(), MAX_PACK_FILE)
            text.decode()
        except (OSError, zlib.error, UnicodeDecodeError) as error:
            raise UsageError(f"{self.path} cannot be read: {error}; write it anew with deploy/update_oui.py") from error
        if not unpack.eof or unpack.unused_data:
            raise UsageError(f"{self.path} is cut off, too long or followed by something else")
        header = _HEADER.match(text)
        body = text[header.end() :] if header else b""
        if not header or hashlib.sha256(body).hexdigest().encode() != header[4] or body.count(b"\n") != int(header[3]):
            raise UsageError(
                f"{self.path} is damaged: its lines are not those that its head declares; "
                "write it anew with deploy/update_oui.py"
            )
        return header[1].decode(), header[2].decode(), int(header[3]), body


class Prefixes:
    """Lookup of the block that a MAC address falls in.

    Attributes:
        families: every family that has a block.
        register: all blocks, or None where only families are at hand.
    """

    def __init__(self, blocks: dict[str, Block], register: Register | None = None) -> None:
        self._blocks = blocks
        self.register = register
        self.families = frozenset(block.family for block in blocks.values())

    def __len__(self) -> int:
        return len(self._blocks)

    def block(self, mac: str) -> Block | None:
        """Return the block of an address, or of a prefix of 24, 28 or 36 bits, in any usual spelling.

        None when it is unknown, local, a group or neither address nor prefix.
        """
        digits = _digits(mac)
        if digits is None or int(digits[1], 16) & LOCAL_OR_GROUP:
            return None
        for length in (9, 7, 6):
            if len(digits) >= length and (found := self._blocks.get(digits[:length])) is not None:
                return found
        return None

    def registrant(self, mac: str) -> str | None:
        """Return who holds the longest registered block of an address or prefix, for a person to read.

        The exact name in the register, made safe to show; `LOCAL`, `GROUP` or `UNNAMED` where there is none to give;
        None when no block is registered or this is neither address nor prefix. It is no evidence of anything: firms
        with nothing in common share words. The register is read only for what lies outside the families.

        Raises:
            UsageError: the register is missing or damaged.
        """
        digits = _digits(mac)
        if digits is None:
            return None
        first = int(digits[1], 16)
        if first & LOCAL_OR_GROUP:
            return GROUP if first & _GROUP_BIT else LOCAL
        block = self.block(mac)
        if block is not None:
            return visible(block.registrant)
        name = self.register.holder(digits) if self.register is not None else None
        if name is None:
            return None
        return UNNAMED if name.casefold() == "private" else visible(name)

    def __iter__(self) -> Iterator[Block]:
        return iter(self._blocks.values())


def _digits(mac: str) -> str | None:
    """Return the hexadecimal digits of an address or of a prefix of 24, 28 or 36 bits in any usual spelling."""
    digits = _NOT_HEX.sub("", mac).upper()
    if len(digits) != _DIGITS and not (len(digits) in _PREFIX_DIGITS and _PREFIX.fullmatch(mac.strip())):
        return None
    return digits


def read_prefixes(folder: Path) -> Prefixes:
    """Read every `*.tsv` of a folder: prefix, family, role, registrant; `#` starts a comment line.

    The register of all blocks beside them is not opened until it is asked.

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
    return Prefixes(blocks, Register(folder / REGISTER))
