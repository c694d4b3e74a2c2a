"""Turns conditions into functions and finds which rules match which observations."""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote

from auditor.common.limits import MAX_MATCH_INPUT
from auditor.model import Strength

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from auditor.identify.brands import Brands
    from auditor.identify.models import Grammars
    from auditor.identify.oui import Block, Prefixes
    from auditor.identify.schema import Condition, Rule
    from auditor.model import Observation

Facts = dict[str, tuple[str, ...]]
Captured = dict[str, str]
# What a matcher returns: the matched value and what its groups captured; None when it does not match.
Found = tuple[str, Captured]
Test = "Callable[[tuple[str, ...]], Found | None]"

_TEMPLATE = re.compile(r"\{([a-z_]+)\}")
_ENTERPRISES = "1.3.6.1.4.1."
# Fleets repeat themselves: banners of ten thousand cameras are a few hundred texts. Bounded, and emptied when full.
_CACHE_SIZE: Final = 8192
_CACHED_TEXT: Final = 512


@dataclass(frozen=True, slots=True)
class Hit:
    """A rule that matched one response.

    Attributes:
        rule: the fingerprint.
        key: fact key that is shown.
        value: matched value.
        captured: what the groups of its regular expressions captured, percent signs decoded.
        port: port of the response, or None.
    """

    rule: Rule
    key: str
    value: str
    captured: Captured
    port: int | None

    def text(self, template: str) -> str | None:
        """Return a template of `says` filled in, or None when a group it needs captured nothing."""
        if "{" not in template:
            return template
        missing = False

        def fill(found: re.Match[str]) -> str:
            nonlocal missing
            text = self.value if found[1] == "value" else self.captured.get(found[1], "")
            missing = missing or not text
            return text

        filled = _TEMPLATE.sub(fill, template).strip()
        return None if missing or not filled else filled


class Matcher:
    """All rules, compiled once and indexed by fact key."""

    def __init__(self, rules: Iterable[Rule], prefixes: Prefixes, grammars: Grammars, brands: Brands) -> None:
        self._prefixes = prefixes
        self._grammars = grammars
        self._brands = brands
        self._exact: dict[str, dict[str, list[Rule]]] = defaultdict(lambda: defaultdict(list))
        self._hashes: dict[str, dict[str, list[Rule]]] = defaultdict(lambda: defaultdict(list))
        self._tests: dict[str, list[tuple[Rule, Callable[[tuple[str, ...]], Found | None]]]] = defaultdict(list)
        self._enterprise: dict[int, list[Rule]] = defaultdict(list)
        self._families: dict[str, dict[str, list[Rule]]] = defaultdict(lambda: defaultdict(list))
        self._compound: dict[str, list[tuple[Rule, Callable[[Facts], Found | None]]]] = defaultdict(list)
        self._sequences: dict[str, list[tuple[Rule, tuple[str, ...]]]] = defaultdict(list)
        self._requests: dict[str, re.Pattern[str]] = {}
        self._cache: dict[tuple[str, str], list[tuple[Rule, str, Captured]]] = {}
        for rule in rules:
            self._add(rule)

    def hits(self, observations: Sequence[Observation]) -> list[Hit]:
        """Return every match, in no particular order; several ports may repeat one."""
        found: list[Hit] = []
        responses: dict[int, list[Observation]] = {}
        compound = self._compound
        for item in observations:
            for rule, value, captured in self._simple(item.key, item.values):
                if self._fits(rule, item):
                    found.append(Hit(rule, item.key, value, captured, item.port))
            if item.key in compound:
                responses.setdefault(item.response, [])
        if responses:
            for item in observations:
                if item.response in responses:
                    responses[item.response].append(item)
            for items in responses.values():
                found.extend(self._compound_hits(items))
        return found

    def _compound_hits(self, items: list[Observation]) -> Iterable[Hit]:
        facts = {item.key: item.values for item in items}
        tried: set[str] = set()
        for item in items:
            for rule, test in self._compound.get(item.key, ()):
                if rule.id in tried or not self._fits(rule, item):
                    continue
                tried.add(rule.id)
                if (outcome := test(facts)) is not None:
                    key = rule.observable if rule.observable in facts else item.key
                    shown = outcome[0] if key == item.key else facts[key][0]
                    if key == "http.header_names":  # one name of many proves nothing: the reader sees them all
                        shown = ", ".join(facts[key])[:MAX_MATCH_INPUT]
                    yield Hit(rule, key, shown, outcome[1], item.port)

    def _simple(self, key: str, values: tuple[str, ...]) -> list[tuple[Rule, str, Captured]]:
        """Return what single conditions say of one fact; of several values the first that fits a rule counts."""
        if len(values) == 1:
            found = self._of_value(key, values[0])
        else:
            first: dict[str, tuple[Rule, str, Captured]] = {}
            for value in values:
                for match in self._of_value(key, value):
                    first.setdefault(match[0].id, match)
            found = list(first.values())
        if (whole := self._sequences.get(key)) is not None:
            found = found + [(rule, "\n".join(values), {}) for rule, wanted in whole if _in_order(wanted, values)]
        return found

    def _of_value(self, key: str, value: str) -> list[tuple[Rule, str, Captured]]:
        cached = self._cache.get((key, value))
        if cached is not None:
            return cached
        found: list[tuple[Rule, str, Captured]] = []
        cut = value[:MAX_MATCH_INPUT]
        if (exact := self._exact.get(key)) is not None:
            found.extend((rule, cut, {}) for rule in exact.get(cut, ()))
        if (hashes := self._hashes.get(key)) is not None:
            found.extend((rule, cut, {}) for rule in hashes.get(cut.lower(), ()))
        if (families := self._families.get(key)) is not None and (block := self._prefixes.block(cut)) is not None:
            found.extend((rule, cut, {}) for rule in families.get(block.family, ()))
        if key.startswith("snmp.") and self._enterprise:
            found.extend(self._by_enterprise(key, (cut,)))
        one = (cut,)
        for rule, test in self._tests.get(key, ()):
            if (outcome := test(one)) is not None:
                found.append((rule, *outcome))
        if len(value) <= _CACHED_TEXT:
            if len(self._cache) >= _CACHE_SIZE:
                self._cache.clear()
            self._cache[key, value] = found
        return found

    def _by_enterprise(self, key: str, values: tuple[str, ...]) -> Iterable[tuple[Rule, str, Captured]]:
        oids = values if key == "snmp.sysobjectid" else (key.removeprefix("snmp."),)
        for oid in oids:
            if (number := enterprise_number(oid)) is not None:
                shown = oid if key == "snmp.sysobjectid" else values[0]
                for rule in self._enterprise.get(number, ()):
                    yield rule, shown, {}

    def _fits(self, rule: Rule, item: Observation) -> bool:
        if rule.probe is not None and item.probe != rule.probe:
            return False
        if rule.port is not None and item.port not in rule.port:
            return False
        if rule.request is None:
            return True
        return (
            item.request is not None and self._requests[rule.request].search(item.request[:MAX_MATCH_INPUT]) is not None
        )

    def _add(self, rule: Rule) -> None:
        match = rule.match
        if rule.request is not None:
            self._requests[rule.request] = re.compile(rule.request)
        if match.all is not None or match.any is not None or match.absent:
            test = self._over_facts(match, rule.observable)
            for key in _triggers(match, rule.observable):
                self._compound[key].append((rule, test))
        elif match.exact is not None and not match.ignore_case:
            for value in _listed(match.exact):
                self._exact[rule.observable][value].append(rule)
        elif match.hash is not None:
            for value in match.hash:
                self._hashes[rule.observable][value.lower()].append(rule)
        elif match.enterprise is not None:
            self._enterprise[match.enterprise].append(rule)
        elif match.sequence is not None:
            self._sequences[rule.observable].append((rule, tuple(match.sequence)))
        elif match.oui is not None and match.regex is None:
            for family in _listed(match.oui):
                self._families[rule.observable][family].append(rule)
        else:
            self._tests[rule.observable].append((rule, self._over_values(match, rule.observable)))

    def _over_facts(self, match: Condition, outer: str) -> Callable[[Facts], Found | None]:
        """Return a test of the facts of one response; what several conditions captured is put together."""
        if match.all is not None or match.any is not None:
            parts = [self._over_facts(part, part.observable or outer) for part in (match.all or match.any or ())]
            return _every(parts) if match.all is not None else _some(parts)
        if match.absent:
            return lambda facts: None if outer in facts else ("", {})
        test = self._over_values(match, outer)

        def one(facts: Facts) -> Found | None:
            values = facts.get(outer)
            return None if values is None else test(tuple(value[:MAX_MATCH_INPUT] for value in values))

        return one

    def _over_values(self, match: Condition, key: str) -> Callable[[tuple[str, ...]], Found | None]:
        """Return a test of the values of one fact; the first value that matches counts."""
        decode = key.endswith(".scopes")
        if match.regex is not None:
            return self._by_regex(match, decode=decode)
        if match.sequence is not None:
            wanted = tuple(match.sequence)
            return lambda values: ("\n".join(values), {}) if _in_order(wanted, values) else None
        if match.present:
            return lambda values: (values[0], {}) if values else None
        single = self._single(match)
        return lambda values: next(((value, {}) for value in values if single(value)), None)

    def _single(self, match: Condition) -> Callable[[str], bool]:
        if match.model_of is not None:  # without an expression; with one, _by_regex reads it
            maker, grammars = match.model_of, self._grammars
            return lambda value: grammars.is_model_of(maker, value)
        if match.oui is not None:
            families, prefixes = frozenset(_listed(match.oui)), self._prefixes
            return lambda value: (block := prefixes.block(value)) is not None and block.family in families
        if match.enterprise is not None:
            number = match.enterprise
            return lambda value: enterprise_number(value) == number
        if match.hash is not None:
            hashes = frozenset(value.lower() for value in match.hash)
            return lambda value: value.lower() in hashes
        fold: Callable[[str], str] = str.lower if match.ignore_case else str
        if match.exact is not None:
            texts = frozenset(fold(value) for value in _listed(match.exact))
            return lambda value: fold(value) in texts
        starts = tuple(fold(value) for value in _listed(match.prefix or ()))
        return lambda value: fold(value).startswith(starts)

    def _by_regex(self, match: Condition, *, decode: bool) -> Callable[[tuple[str, ...]], Found | None]:
        pattern = re.compile(match.regex or "", re.IGNORECASE if match.ignore_case else 0)
        named = bool(pattern.groupindex)
        find = pattern.match if starts_at_beginning(match.regex or "") else pattern.search
        families = frozenset(_listed(match.oui)) if match.oui is not None else None
        prefixes, wanted_block = self._prefixes, match.block
        maker, grammars = match.model_of, self._grammars
        brands = self._brands if match.label else None

        def search(values: tuple[str, ...]) -> Found | None:
            for value in values:
                found = find(value)
                if found is None:
                    continue
                captured = {name: text for name, text in found.groupdict().items() if text} if named else {}
                if decode:
                    captured = {name: unquote(text) for name, text in captured.items()}
                if families is not None or wanted_block is not None:
                    block = prefixes.block(captured.get("mac", value))
                    if families is not None and (block is None or block.family not in families):
                        continue
                    if wanted_block is not None and wanted_block != _kind_of(block):
                        continue
                if maker is not None and not grammars.is_model_of(maker, captured.get("model", value)):
                    continue
                if brands is not None:
                    label = brands.label(captured.get("brand", value))
                    if label is None:
                        continue
                    captured["brand"] = label
                return value, captured
            return None

        return search


def enterprise_number(oid: str) -> int | None:
    """Return the IANA enterprise number of an object identifier, or None when it lies elsewhere."""
    rest = oid.lstrip(".").replace("SNMPv2-SMI::enterprises.", _ENTERPRISES, 1)
    if not rest.startswith(_ENTERPRISES):
        return None
    number = rest[len(_ENTERPRISES) :].split(".", 1)[0]
    return int(number) if number.isascii() and number.isdigit() and len(number) < 11 else None  # noqa: PLR2004


def starts_at_beginning(expression: str) -> bool:
    """Say whether an expression can match at the start of a text only: `^` first, and no alternative on the top level.

    Such expressions are tried once and not at every character, which is most of the speed of a rule set.
    """
    if not expression.startswith("^"):
        return False
    depth = 0
    in_class = False
    place = 0
    while place < len(expression):
        char = expression[place]
        if char == "\\":
            place += 1
        elif in_class:
            in_class = char != "]"
        elif char == "[":
            in_class = True
        elif char in "()":
            depth += 1 if char == "(" else -1
        elif char == "|" and depth == 0:
            return False
        place += 1
    return True


def is_generic(rule: Rule) -> bool:
    """Say whether a rule is declared to match devices of other makers too."""
    return rule.shared or rule.strength in {Strength.WEAK, Strength.AGAINST}


def _every(parts: Sequence[Callable[[Facts], Found | None]]) -> Callable[[Facts], Found | None]:
    def test(facts: Facts) -> Found | None:
        shown = ""
        captured: Captured = {}
        for part in parts:
            found = part(facts)
            if found is None:
                return None
            shown = shown or found[0]
            captured |= found[1]
        return shown, captured

    return test


def _some(parts: Sequence[Callable[[Facts], Found | None]]) -> Callable[[Facts], Found | None]:
    return lambda facts: next((found for part in parts if (found := part(facts)) is not None), None)


def _in_order(wanted: tuple[str, ...], values: tuple[str, ...]) -> bool:
    rest = iter(values)
    return all(any(value == item for value in rest) for item in wanted)


def _kind_of(block: Block | None) -> str:
    """Return what a block is to `block` of a condition."""
    if block is None:
        return "unknown"
    return "label" if block.role == "brand" else "other"


def _listed(value: str | Sequence[str]) -> Sequence[str]:
    return (value,) if isinstance(value, str) else value


def _triggers(match: Condition, outer: str) -> set[str]:
    """Return the fact keys of which at least one must be there for a condition to hold."""
    if match.all is not None:
        for part in match.all:
            if keys := _triggers(part, part.observable or outer):
                return keys
        return set()
    if match.any is not None:
        return set().union(*(_triggers(part, part.observable or outer) for part in match.any))
    return set() if match.absent else {outer}


def group_facts(facts: Mapping[str, str | Sequence[str]]) -> Facts:
    """Return facts as written by a person, every value as a tuple."""
    return {key: tuple(_listed(value)) for key, value in facts.items()}
