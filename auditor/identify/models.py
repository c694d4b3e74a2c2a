"""Model names: which are of which kind, and what a name says of resolution, lens, channels and functions."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from auditor.common.limits import MAX_DISPLAY

if TYPE_CHECKING:
    from collections.abc import Iterable

    from auditor.identify.schema import Grammar, Trait
    from auditor.model import Kind

_REMEMBERED = 4096  # model names: a fleet has many devices of few models
_MOST_CHANNELS = 1024


class Grammars:
    """Ordered grammars by maker; the first that matches a name decides."""

    def __init__(self, grammars: Iterable[Grammar]) -> None:
        self._by_maker: dict[str, list[tuple[re.Pattern[str], Grammar]]] = {}
        for grammar in grammars:
            pattern = re.compile(grammar.regex, re.IGNORECASE)
            self._by_maker.setdefault(grammar.maker, []).append((pattern, grammar))
        self._find = lru_cache(_REMEMBERED)(self._find_once)
        self._kind_of_anybody = lru_cache(_REMEMBERED)(self._distinct_kind)

    def find(self, maker: str, model: str) -> Grammar | None:
        """Return the first grammar of that maker which a model name fits, or None.

        The maker's name in front of the model, as some firmware writes it, is no part of the model.
        """
        return self._find(maker, model)

    def _find_once(self, maker: str, model: str) -> Grammar | None:
        name = _bare(maker, model)
        for pattern, grammar in self._by_maker.get(maker, ()):
            if pattern.search(name):
                return grammar
        return None

    def kind(self, maker: str, model: str) -> Kind | None:
        """Return the kind of a maker's model, or None when no grammar fits."""
        grammar = self.find(maker, model)
        return grammar.kind if grammar else None

    def is_model_of(self, maker: str, model: str) -> bool:
        """Say whether a name is distinctive enough to be that maker's model and nobody else's."""
        grammar = self.find(maker, model)
        return grammar is not None and grammar.distinct

    def kind_of_anybody(self, model: str) -> Kind | None:
        """Return the kind that a distinctive name stands for, whoever made the device; None where makers differ."""
        return self._kind_of_anybody(model)

    def _distinct_kind(self, model: str) -> Kind | None:
        found = {grammar.kind for maker in self._by_maker if (grammar := self.find(maker, model)) and grammar.distinct}
        return found.pop() if len(found) == 1 else None


class ModelFacts(NamedTuple):
    """What a model name says beyond the kind."""

    megapixels: float | None = None
    channels: int | None = None
    lens: str | None = None
    functions: tuple[str, ...] = ()


class Traits:
    """What the model names of each maker say; the first line that gives a value decides it, functions add up."""

    def __init__(self, lines: Iterable[Trait]) -> None:
        self._by_maker: dict[str, list[tuple[re.Pattern[str], Trait]]] = {}
        for line in lines:
            self._by_maker.setdefault(line.maker, []).append((re.compile(line.regex, re.IGNORECASE), line))
        self._read = lru_cache(_REMEMBERED)(self._read_once)

    def read(self, maker: str, model: str) -> ModelFacts:
        """Return what a maker's model name says; empty where no line fits."""
        return self._read(maker, model)

    def _read_once(self, maker: str, model: str) -> ModelFacts:
        name = _bare(maker, model)
        megapixels: float | None = None
        channels: int | None = None
        lens: str | None = None
        functions: dict[str, None] = {}
        for pattern, line in self._by_maker.get(maker, ()):
            found = pattern.search(name)
            if found is None:
                continue
            if megapixels is None and line.megapixels:
                megapixels = line.megapixels.get((found["mp"] or "").upper())
            if channels is None and line.channels:
                channels = number_of_channels(found["channels"])
            lens = lens or line.lens
            functions |= dict.fromkeys(line.functions)
        return ModelFacts(megapixels, channels, lens, tuple(functions))


def number_of_channels(digits: str | None) -> int | None:
    """Return the number that two to four digits stand for, or None where it cannot be one of channels."""
    value = int(digits) if digits and digits.isascii() and digits.isdigit() else 0
    return value if 0 < value <= _MOST_CHANNELS else None


def _bare(maker: str, model: str) -> str:
    name = model.strip()[:MAX_DISPLAY]
    front = f"{maker} "
    return name[len(front) :].lstrip() if name[: len(front)].casefold() == front.casefold() else name
