"""Turns conditions into functions and finds which rules match which observations.

Most rules match nothing, so a value is not given to every rule. Exact values, hashes and MAC families are looked up;
an expression is tried only where a text that it needs is there (`screen`); a rule about several facts of one response
is tried only where its most telling condition holds.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, NamedTuple
from urllib.parse import unquote

from auditor.common.limits import MAX_MATCH_INPUT
from auditor.identify.oui import MODULE
from auditor.identify.screen import Needed, needed
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

_TEMPLATE = re.compile(r"\{([a-z_]+)\}")
# In numbers, and as net-snmp writes it: with its MIB files, without them, and with the names of all arcs.
_ENTERPRISE = re.compile(
    r"\s*\.?(?:(?:1|iso)\.3\.6\.1\.4\.1|(?:(?:SNMPv2|RFC1155)-SMI::|iso\.org\.dod\.internet\.private\.)?enterprises)"
    r"\.([0-9]{1,10})(?:\.|\s*\Z)"
)
# Fleets repeat themselves: banners of ten thousand cameras are a few hundred texts. Bounded for each fact key, and
# emptied when full.
_CACHE_SIZE: Final = 1024
_CACHED_TEXT: Final = 512
_NOT_CACHED = frozenset({"mac"})  # every device has its own


@dataclass(slots=True)
class Hit:
    """A rule that matched one response. Not frozen because that would take three times as long; nobody changes one.

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
        if template[0] == "{" and template.find("}") == len(template) - 1:  # one group and nothing else: most are
            name = template[1:-1]
            return (self.value if name == "value" else self.captured.get(name, "")).strip() or None
        missing = False

        def fill(found: re.Match[str]) -> str:
            nonlocal missing
            text = self.value if found[1] == "value" else self.captured.get(found[1], "")
            missing = missing or not text
            return text

        filled = _TEMPLATE.sub(fill, template).strip()
        return None if missing or not filled else filled


class _Whole(NamedTuple):
    """A rule about several facts of one response.

    Attributes:
        rule: the fingerprint.
        holds: whether a response satisfies it.
        keys: fact keys of which one must be there.
    """

    rule: Rule
    holds: Callable[[_Response], Found | None]
    keys: frozenset[str]


class _Leaf:
    """One condition of a rule about several facts; equal conditions of several rules share one.

    Attributes:
        wholes: rules that are worth trying where it holds.
    """

    __slots__ = ("wholes",)

    def __init__(self) -> None:
        self.wholes: list[_Whole] = []


class _Response:
    """What one response holds.

    Attributes:
        facts: by key, cut to what a rule may see.
        leaves: conditions that hold, each with the first value that fits and what it captured.
        wholes: rules worth trying.
    """

    __slots__ = ("facts", "items", "leaves", "wholes")

    def __init__(self) -> None:
        self.facts: Facts = {}
        self.items: list[Observation] = []
        self.leaves: dict[_Leaf, Found] = {}
        self.wholes: list[_Whole] = []


class _Result(NamedTuple):
    """What one value, or all values of one fact, set off."""

    hits: list[tuple[Rule, str, Captured]]
    leaves: list[tuple[_Leaf, Found]]


_NO_RESULT: Final = _Result([], [])  # of most values; nobody changes it


class _Key:
    """All that is asked of the values of one fact key."""

    def __init__(self, prefixes: Prefixes) -> None:
        self._prefixes = prefixes
        self._exact: dict[str, list[Rule | _Leaf]] = {}
        self._hashes: dict[str, list[Rule | _Leaf]] = {}
        self._families: dict[str, list[Rule | _Leaf]] = {}
        # By the first character.
        self._starts: dict[str, list[_Start]] = {}
        self._starts_folded: dict[str, list[_Start]] = {}
        self._contains_one: dict[str, _Tries] = {}
        self._contains: dict[tuple[str, ...], _Tries] = {}
        self._contains_folded: dict[tuple[str, ...], _Tries] = {}
        self._folded: _Tries = []  # everything that is screened in lower case, for values that are not ASCII
        self._always: _Tries = []
        self.sequences: list[tuple[Rule, tuple[str, ...]]] = []
        self.wholes: list[_Whole] = []  # tried wherever the fact is there
        self.cache: dict[str, _Result] = {}

    def add_lookup(self, match: Condition, target: Rule | _Leaf) -> bool:
        """Index a condition that is a plain lookup; say whether it is one."""
        if match.exact is not None and not match.ignore_case:
            table, texts = self._exact, list(_listed(match.exact))
        elif match.hash is not None:
            table, texts = self._hashes, [value.lower() for value in match.hash]
        elif match.oui is not None and match.regex is None:
            table, texts = self._families, list(_listed(match.oui))
        else:
            return False
        for text in dict.fromkeys(texts):
            table.setdefault(text, []).append(target)
        return True

    def add(self, need: Needed, target: Rule | _Leaf, test: Callable[[tuple[str, ...]], Found | None]) -> None:
        """Index a test with what a value must hold for it to be worth trying."""
        entry = (target, test)
        if not (need.start or need.texts):
            self._always.append(entry)
            return
        if need.fold:
            self._folded.append(entry)
        if not need.start:
            if need.fold or len(need.texts) > 1:
                (self._contains_folded if need.fold else self._contains).setdefault(need.texts, []).append(entry)
            else:
                self._contains_one.setdefault(need.texts[0], []).append(entry)
            return
        table = self._starts_folded if need.fold else self._starts
        for first in sorted({text[0] for text in need.start}):
            texts = tuple([text for text in need.start if text[0] == first])
            bucket = table.setdefault(first, [])
            known = next((start for start in bucket if start.texts == texts), None)
            if known is None:
                known = _Start(texts, [], {})
                bucket.append(known)
            (known.needing.setdefault(need.texts, []) if need.texts else known.entries).append(entry)

    def of_value(self, cut: str) -> _Result:
        """Return what one value sets off; it is cut to what a rule may see."""
        hits: list[tuple[Rule, str, Captured]] = []
        leaves: list[tuple[_Leaf, Found]] = []
        if self._exact and (targets := self._exact.get(cut)) is not None:
            _set_off(targets, cut, hits, leaves)
        if self._hashes and (targets := self._hashes.get(cut.lower())) is not None:
            _set_off(targets, cut, hits, leaves)
        if (
            self._families
            and (block := self._prefixes.block(cut)) is not None
            and (targets := self._families.get(block.family)) is not None
        ):
            _set_off(targets, cut, hits, leaves)
        one = (cut,)
        for target, test in self._worth_trying(cut):
            if (outcome := test(one)) is not None:
                if isinstance(target, _Leaf):
                    leaves.append((target, outcome))
                else:
                    hits.append((target, *outcome))
        return _Result(hits, leaves) if hits or leaves else _NO_RESULT

    def _worth_trying(self, cut: str) -> _Tries:
        if not cut:
            return self._always
        found = self._always[:]
        if (bucket := self._starts.get(cut[0])) is not None:
            _add_starts(bucket, cut, found)
        for need, entries in self._contains_one.items():
            if need in cut:
                found += entries
        if self._contains:
            _add_needing(self._contains, cut, found)
        if not self._folded:
            return found
        if not cut.isascii():
            return found + self._folded
        low = cut.lower()
        if (bucket := self._starts_folded.get(low[0])) is not None:
            _add_starts(bucket, low, found)
        _add_needing(self._contains_folded, low, found)
        return found


def _add_starts(bucket: list[_Start], text: str, found: _Tries) -> None:
    for texts, entries, needing in bucket:
        if text.startswith(texts):
            found += entries
            if needing:
                _add_needing(needing, text, found)


def _add_needing(table: dict[tuple[str, ...], _Tries], text: str, found: _Tries) -> None:
    for needs, entries in table.items():
        for need in needs:
            if need in text:
                found += entries
                break


_Tries = list[tuple["Rule | _Leaf", "Callable[[tuple[str, ...]], Found | None]"]]


class _Start(NamedTuple):
    """What is tried on values that start with one of some texts: as it is, or where one of further texts is there."""

    texts: tuple[str, ...]
    entries: _Tries
    needing: dict[tuple[str, ...], _Tries]


def _set_off(
    targets: Iterable[Rule | _Leaf], cut: str, hits: list[tuple[Rule, str, Captured]],
    leaves: list[tuple[_Leaf, Found]],
) -> None:  # fmt: skip
    for target in targets:
        if isinstance(target, _Leaf):
            leaves.append((target, (cut, {})))
        else:
            hits.append((target, cut, {}))


class Matcher:
    """All rules, compiled once and indexed by fact key."""

    def __init__(self, rules: Iterable[Rule], prefixes: Prefixes, grammars: Grammars, brands: Brands) -> None:
        self._prefixes = prefixes
        self._grammars = grammars
        self._brands = brands
        self._keys: dict[str, _Key] = {}
        self._enterprise: dict[int, list[Rule]] = {}
        self._requests: dict[str, re.Pattern[str]] = {}
        self._leaves: dict[tuple[str, str], _Leaf] = {}
        self.memory: dict[Any, Any] = {}  # for whoever weighs the hits of these rules: lives as long as they do
        for rule in rules:
            self._add(rule)

    def hits(self, observations: Sequence[Observation]) -> list[Hit]:
        """Return every match, in no particular order; several ports may repeat one."""
        found: list[Hit] = []
        responses: dict[int, _Response] = {}
        enterprise = self._enterprise
        for item in observations:
            asked = self._keys.get(item.key)
            if asked is not None:
                self._ask(asked, item, found, responses)
            if enterprise and item.key[:5] == "snmp.":
                for rule, value in self._by_enterprise(item.key, item.values):
                    if self._fits(rule, item):
                        found.append(Hit(rule, item.key, value, {}, item.port))
        wanted = {number: response for number, response in responses.items() if response.wholes}
        if wanted:
            for item in observations:
                if (response := wanted.get(item.response)) is not None:
                    response.items.append(item)
            for response in wanted.values():
                found.extend(self._whole_hits(response))
        return found

    def _ask(self, asked: _Key, item: Observation, found: list[Hit], responses: dict[int, _Response]) -> None:
        """Add what one fact matches to `found`, and what it means for its whole response to `responses`."""
        hits, leaves = self._of_fact(asked, item.key, item.values)
        for rule, value, captured in hits:
            if (rule.probe is None and rule.port is None and rule.request is None) or self._fits(rule, item):
                found.append(Hit(rule, item.key, value, captured, item.port))
        if leaves or asked.wholes:
            response = responses.get(item.response)
            if response is None:
                response = responses[item.response] = _Response()
            response.wholes += asked.wholes
            for leaf, outcome in leaves:
                response.leaves.setdefault(leaf, outcome)
                response.wholes += leaf.wholes

    def _of_fact(self, asked: _Key, key: str, values: tuple[str, ...]) -> _Result:
        if len(values) == 1:
            value = values[0]
            result = asked.cache.get(value) or self._of_value(asked, key, value)
        else:
            result = self._of_values(asked, key, values)
        return self._with_sequences(asked, values, result) if asked.sequences else result

    def _whole_hits(self, response: _Response) -> Iterable[Hit]:
        items = response.items
        facts = response.facts = {item.key: item.values for item in items}
        for whole in {id(whole): whole for whole in response.wholes}.values():
            rule, holds, keys = whole
            if (outcome := holds(response)) is None:
                continue
            item = next((item for item in items if item.key in keys and self._fits(rule, item)), None)
            if item is None:
                continue
            key = rule.observable if rule.observable in facts else item.key
            shown = outcome[0] if key == item.key else facts[key][0]
            if key == "http.header_names":  # one name of many proves nothing: the reader sees them all
                shown = ", ".join(facts[key])[:MAX_MATCH_INPUT]
            yield Hit(rule, key, shown, outcome[1], item.port)

    def _of_value(self, asked: _Key, key: str, value: str) -> _Result:
        result = asked.of_value(value if len(value) <= MAX_MATCH_INPUT else value[:MAX_MATCH_INPUT])
        if len(value) <= _CACHED_TEXT and key not in _NOT_CACHED:
            if len(asked.cache) >= _CACHE_SIZE:
                asked.cache.clear()
            asked.cache[value] = result
        return result

    def _of_values(self, asked: _Key, key: str, values: tuple[str, ...]) -> _Result:
        """Return what several values set off; the first that fits a rule counts."""
        first: dict[str, tuple[Rule, str, Captured]] = {}
        leaves: list[tuple[_Leaf, Found]] = []
        cache = asked.cache
        for value in values:
            found = cache.get(value)
            if found is None:
                found = self._of_value(asked, key, value)
            if found is _NO_RESULT:
                continue
            for match in found.hits:
                first.setdefault(match[0].id, match)
            leaves += found.leaves
        return _Result(list(first.values()), leaves) if first or leaves else _NO_RESULT

    @staticmethod
    def _with_sequences(asked: _Key, values: tuple[str, ...], result: _Result) -> _Result:
        held = [rule for rule, wanted in asked.sequences if _in_order(wanted, values)]
        if not held:
            return result
        text = "\n".join(values)
        return _Result(result.hits + [(rule, text, {}) for rule in held], result.leaves)

    def _by_enterprise(self, key: str, values: tuple[str, ...]) -> Iterable[tuple[Rule, str]]:
        if key != "snmp.sysobjectid":
            number = enterprise_number(key.removeprefix("snmp."))
            if number is not None and values:
                yield from ((rule, values[0][:MAX_MATCH_INPUT]) for rule in self._enterprise.get(number, ()))
            return
        told: set[str] = set()
        for value in values:
            oid = value[:MAX_MATCH_INPUT]
            if (number := enterprise_number(oid)) is not None:
                for rule in self._enterprise.get(number, ()):
                    if rule.id not in told:
                        told.add(rule.id)
                        yield rule, oid

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

    def _key(self, name: str) -> _Key:
        known = self._keys.get(name)
        if known is None:
            known = self._keys[name] = _Key(self._prefixes)
        return known

    def _add(self, rule: Rule) -> None:
        match = rule.match
        if rule.request is not None:
            self._requests[rule.request] = re.compile(rule.request)
        if match.all is not None or match.any is not None or match.absent:
            keys = frozenset(_triggers(match, rule.observable))
            whole = _Whole(rule, self._over_facts(match, rule.observable), keys)
            telling = _telling(match, rule.observable)
            for name, condition in telling:
                self._leaf(name, condition).wholes.append(whole)
            if not telling:
                for name in sorted(keys):
                    self._key(name).wholes.append(whole)
        elif match.enterprise is not None:
            self._enterprise.setdefault(match.enterprise, []).append(rule)
        elif match.sequence is not None:
            self._key(rule.observable).sequences.append((rule, tuple(match.sequence)))
        else:
            self._add_value(rule.observable, match, rule)

    def _add_value(self, name: str, match: Condition, target: Rule | _Leaf) -> None:
        key = self._key(name)
        if not key.add_lookup(match, target):
            key.add(_needed(match), target, self._over_values(match, name))

    def _leaf(self, name: str, match: Condition) -> _Leaf:
        mark = (name, match.model_dump_json(exclude_none=True, exclude={"observable"}))
        known = self._leaves.get(mark)
        if known is None:
            known = self._leaves[mark] = _Leaf()
            self._add_value(name, match, known)
        return known

    def _over_facts(self, match: Condition, outer: str) -> Callable[[_Response], Found | None]:
        """Return a test of one response; what several conditions captured is put together."""
        if match.all is not None or match.any is not None:
            parts = [self._over_facts(part, part.observable or outer) for part in (match.all or match.any or ())]
            return _every(parts) if match.all is not None else _some(parts)
        if match.absent:
            return lambda response: None if outer in response.facts else ("", {})
        if match.present or match.sequence is not None:
            test = self._over_values(match, outer)

            def one(response: _Response) -> Found | None:
                values = response.facts.get(outer)
                return None if values is None else test(tuple([value[:MAX_MATCH_INPUT] for value in values]))

            return one
        leaf = self._leaf(outer, match)
        return lambda response: response.leaves.get(leaf)

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
    found = _ENTERPRISE.match(oid)
    return int(found[1]) if found is not None else None


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


def _every(parts: Sequence[Callable[[_Response], Found | None]]) -> Callable[[_Response], Found | None]:
    def test(response: _Response) -> Found | None:
        shown = ""
        captured: Captured = {}
        for part in parts:
            found = part(response)
            if found is None:
                return None
            shown = shown or found[0]
            captured |= found[1]
        return shown, captured

    return test


def _some(parts: Sequence[Callable[[_Response], Found | None]]) -> Callable[[_Response], Found | None]:
    return lambda response: next((found for part in parts if (found := part(response)) is not None), None)


def _in_order(wanted: tuple[str, ...], values: tuple[str, ...]) -> bool:
    rest = iter(values)
    return all(any(value == item for value in rest) for item in wanted)


def _kind_of(block: Block | None) -> str:
    """Return what a block is to `block` of a condition."""
    if block is None or block.role == MODULE:  # a module stands in devices of anybody
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


def _needed(match: Condition) -> Needed:
    """Return what a value must hold for a condition to be worth trying."""
    if match.regex is not None:
        return needed(match.regex, ignore_case=match.ignore_case)
    if match.prefix is not None and not match.ignore_case:
        start = tuple(_listed(match.prefix))
        return Needed() if "" in start else Needed(start=start)
    return Needed()


def _telling(match: Condition, outer: str) -> list[tuple[str, Condition]]:
    """Return single conditions, of which one holds wherever the whole holds; none when no such choice exists."""
    if match.all is not None:
        choices = [_telling(part, part.observable or outer) for part in match.all]
        return max(choices, key=_tells, default=[])
    if match.any is not None:
        parts = [_telling(part, part.observable or outer) for part in match.any]
        return [one for part in parts for one in part] if all(parts) else []
    if match.absent or match.present or match.sequence is not None or match.enterprise is not None:
        return []
    return [(outer, match)]


def _tells(conditions: list[tuple[str, Condition]]) -> float:
    """Return how seldom one of some conditions holds, on a rough scale."""
    return min((_tells_one(*condition) for condition in conditions), default=0.0)


def _tells_one(key: str, match: Condition) -> float:
    if match.exact is not None:
        length = min((len(text) for text in _listed(match.exact)), default=0)
        # The name of a header is in most answers; a number such as a status is in every second.
        return 1.0 if key in {"http.header_names", "http.status"} else 20.0 + length
    if match.hash is not None:
        return 60.0
    if match.oui is not None and match.regex is None:
        return 10.0
    need = _needed(match)
    return 2.0 + min((len(text) for text in (need.texts or need.start)), default=0)


def group_facts(facts: Mapping[str, str | Sequence[str]]) -> Facts:
    """Return facts as written by a person, every value as a tuple."""
    return {key: tuple(_listed(value)) for key, value in facts.items()}
