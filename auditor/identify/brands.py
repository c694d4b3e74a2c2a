"""Labels: their one spelling, and what a label is to a maker."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING
from urllib.parse import unquote

from auditor.model import Relation

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from auditor.identify.schema import Brand

_NOT_WORD = re.compile(r"[^0-9a-z&]+")


class Brands:
    """Every label with a source. A label by itself never names a maker."""

    def __init__(self, lines: Iterable[Brand], own_names: Mapping[str, Iterable[str]]) -> None:
        self._own: dict[str, frozenset[str]] = {
            maker: frozenset(_folded(name) for name in (maker, *names)) for maker, names in own_names.items()
        }
        self._lines: dict[str, list[Brand]] = {}
        self._spelling: dict[str, str] = {}
        kept = tuple(lines)
        for line in kept:
            for name in (line.brand, *line.also):
                self._lines.setdefault(_folded(name), []).append(line)
                self._spelling.setdefault(_folded(name), line.brand)
        built: dict[str, list[Brand]] = {}
        for line in kept:
            built.setdefault(line.maker, []).append(line)
        self._mixed = frozenset(
            name
            for name, found in self._lines.items()
            if len({line.maker for line in found}) > 1 or any(line.part != "all" for line in found)
        )
        self._sold = {
            maker: (
                tuple(sorted({line.brand for line in found if _is_name_of_units(line)})),
                any(line.relation is Relation.RESELLER for line in found),
            )
            for maker, found in built.items()
        }

    def label(self, text: str) -> str | None:
        """Return the one spelling of a label, found without regard to case and punctuation; None if unknown."""
        return self._spelling.get(_folded(unquote(text)))

    def is_own_name(self, maker: str, brand: str) -> bool:
        """Say whether a label is the maker's own name."""
        return _folded(brand) in self._own.get(maker, frozenset((_folded(maker),)))

    def relation(self, maker: str, brand: str) -> Relation | None:
        """Return what a label is to a maker, or None when no source says."""
        return next((line.relation for line in self._lines.get(_folded(brand), []) if line.maker == maker), None)

    def sells(self, maker: str, other: str) -> bool:
        """Say whether a source names a maker as the builder of devices under another maker's name."""
        return self.sold_name(maker, other) is not None

    def sold_name(self, maker: str, other: str) -> str | None:
        """Return the label with another maker's name that a source knows on devices this maker built, or None."""
        for name in sorted(self._own.get(other, frozenset()) | {_folded(other)}):
            for line in self._lines.get(name, ()):
                if line.maker == maker:
                    return line.brand
        return None

    def belongs_to_another(self, maker: str, brand: str) -> bool:
        """Say whether a label is a sub-brand of other makers only, so that it cannot stand on a device of this one."""
        lines = self._lines.get(_folded(brand), [])
        return (
            bool(lines)
            and all(line.maker != maker for line in lines)
            and any(line.relation is Relation.SUB_BRAND and line.part == "all" for line in lines)
        )

    def lines(self, brand: str) -> tuple[Brand, ...]:
        """Return what sources say of a label, in the order of the file."""
        return tuple(self._lines.get(_folded(brand), ()))

    def is_mixed(self, brand: str) -> bool:
        """Say whether units of several makers carry a label: two are on record, or one builds only part of them."""
        return _folded(brand) in self._mixed

    def sold_as(self, maker: str) -> tuple[tuple[str, ...], bool]:
        """Return a maker's sub-brands, sorted, and whether it also builds for firms that sell under their own name."""
        own, others = self._sold.get(maker, ((), False))
        return own, others

    def makers_of(self, brand: str) -> tuple[str, ...]:
        """Return every maker that a source names for a label, sorted. More than one: the label proves none of them."""
        return tuple(sorted({line.maker for line in self._lines.get(_folded(brand), [])}))


def _is_name_of_units(line: Brand) -> bool:
    return line.relation is Relation.SUB_BRAND and line.part != "unknown"


@lru_cache(4096)  # labels come from a short list, again and again
def _folded(text: str) -> str:
    return _NOT_WORD.sub("", text.casefold())
