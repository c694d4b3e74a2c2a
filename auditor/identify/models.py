"""Model grammars: which model names of a maker are of which kind."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from auditor.common.limits import MAX_DISPLAY

if TYPE_CHECKING:
    from collections.abc import Iterable

    from auditor.identify.schema import Grammar
    from auditor.model import Kind


class Grammars:
    """Ordered grammars by maker; the first that matches a name decides."""

    def __init__(self, grammars: Iterable[Grammar]) -> None:
        self._by_maker: dict[str, list[tuple[re.Pattern[str], Grammar]]] = {}
        for grammar in grammars:
            pattern = re.compile(grammar.regex, re.IGNORECASE)
            self._by_maker.setdefault(grammar.maker, []).append((pattern, grammar))

    def find(self, maker: str, model: str) -> Grammar | None:
        """Return the first grammar of that maker which a model name fits, or None."""
        name = model.strip()[:MAX_DISPLAY]
        return next((grammar for pattern, grammar in self._by_maker.get(maker, ()) if pattern.search(name)), None)

    def kind(self, maker: str, model: str) -> Kind | None:
        """Return the kind of a maker's model, or None when no grammar fits."""
        grammar = self.find(maker, model)
        return grammar.kind if grammar else None

    def is_model_of(self, maker: str, model: str) -> bool:
        """Say whether a name is distinctive enough to be that maker's model and nobody else's."""
        grammar = self.find(maker, model)
        return grammar is not None and grammar.distinct
