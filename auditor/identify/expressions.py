"""Finds regular expressions that a hostile answer could make run for minutes, before they meet one.

Python's engine tries alternatives one after the other. Two things make it slow on a text made for that: a repeat within
a repeat, which can double the work with every character, and several repeats in a row that can share characters, which
raise the work to a power of the length. Both are seen in the parsed expression, without running it and without a clock.
"""

from __future__ import annotations

import re
from itertools import combinations
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from auditor.common.limits import MAX_MATCH_INPUT

if TYPE_CHECKING:
    from collections.abc import Iterable

# The parser of the standard library: it reads just what the engine will run. Private, so the tests of this module hold
# its shape fast for every Python version that is supported.
_parser: Any = re._parser  # type: ignore[attr-defined]  # noqa: SLF001

# The longest work that one expression may make of one text: about half a second.
MAX_STEPS: Final = 20_000_000
_MANY: Final = 32  # a repeat within a repeat is harmless when the inner or the outer one ends this early
_LETTERS: Final = 256  # Latin-1 stands for all characters: rules are written for protocol texts
_ANY: Final = frozenset(range(_LETTERS))
_CATEGORIES: Final = {
    "CATEGORY_DIGIT": frozenset(code for code in range(_LETTERS) if chr(code).isdigit()),
    "CATEGORY_SPACE": frozenset(code for code in range(_LETTERS) if chr(code).isspace()),
    "CATEGORY_WORD": frozenset(code for code in range(_LETTERS) if chr(code).isalnum() or chr(code) == "_"),
}
_NOT_IN_RE2: Final = frozenset({
    "ASSERT", "ASSERT_NOT", "GROUPREF", "GROUPREF_EXISTS", "POSSESSIVE_REPEAT", "ATOMIC_GROUP",
})  # fmt: skip
_REPEATS: Final = ("MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT")


class _Step(NamedTuple):
    """One step of a way through an expression: the characters it takes, and how many of them at least and at most."""

    characters: frozenset[int]
    least: int = 1
    most: int = 1


_START: Final = _Step(frozenset(), 0, 0)  # the beginning of the text


def weaknesses(expression: str) -> list[str]:
    """Return why an expression could be made slow, one sentence each; an empty list means that it cannot.

    Args:
        expression: in Python's syntax; it is expected to compile.

    What RE2 does not know is reported too: lookarounds, references back, possessive repeats and atomic groups.
    """
    tree = _parser.parse(expression)
    found: list[str] = []
    if _repeats_a_repeat(tree, inside=False):
        found.append(f"expression {expression!r} repeats a repeat without end")
    names = {str(operation) for operation, _argument in _all(tree)}
    if names & _NOT_IN_RE2 or any(str(argument) == "AT_END_STRING" for _operation, argument in _all(tree)):
        found.append(f"expression {expression!r} is not RE2 syntax: no lookaround, reference back, possessive repeat, "
                     "atomic group or \\Z")  # fmt: skip
    steps = max((_work(way) for way in _ways(tree)), default=0)
    if steps > MAX_STEPS:
        found.append(
            f"expression {expression!r} can take {steps:.0e} steps on {MAX_MATCH_INPUT} characters, because its "
            "repeats can take each other's characters: bound them, or put a character between them that the one "
            "before cannot take"
        )
    return found


def _all(tree: Any) -> Iterable[tuple[Any, Any]]:
    for operation, argument in tree:
        yield operation, argument
        for part in _parts(operation, argument):
            yield from _all(part)


def _parts(operation: Any, argument: Any) -> list[Any]:
    """Return the expressions within one operation."""
    name = str(operation)
    if name in _REPEATS:
        return [argument[2]]
    if name == "SUBPATTERN":
        return [argument[3]]
    if name == "BRANCH":
        return list(argument[1])
    if name in {"ASSERT", "ASSERT_NOT"}:
        return [argument[1]]
    return [argument] if name == "ATOMIC_GROUP" else []


def _is_endless(operation: Any, argument: Any) -> bool:
    return str(operation) in _REPEATS and argument[1] > _MANY


def _repeats_a_repeat(tree: Any, *, inside: bool) -> bool:
    for operation, argument in tree:
        name = str(operation)
        varies = name in _REPEATS and argument[0] != argument[1] and argument[1] > 1
        if inside and (varies or (name == "BRANCH" and _overlap(argument[1]))):
            return True
        within = inside or _is_endless(operation, argument)
        if _is_endless(operation, argument) and any(not any(step.least for step in way) for way in _ways(argument[2])):
            return True
        if any(_repeats_a_repeat(part, inside=within) for part in _parts(operation, argument)):
            return True
    return False


def _overlap(alternatives: Any) -> bool:
    """Say whether two alternatives could take the same text, or one of them none."""
    parts = [_ways(part) for part in alternatives]
    if any(not any(step.least for step in way) for ways in parts for way in ways):
        return True
    return any(_alike(mine, theirs) for one, other in combinations(parts, 2) for mine in one for theirs in other)


def _alike(one: list[_Step], other: list[_Step]) -> bool:
    """Say whether two ways may start with the same text: one is found wherever they cannot be told apart for sure."""
    for mine, theirs in zip(one, other, strict=False):
        if mine.least and theirs.least and not mine.characters & theirs.characters:
            return False
        if (mine.least, mine.most) != (1, 1) or (theirs.least, theirs.most) != (1, 1):
            return True
    return True


def _ways(tree: Any) -> list[list[_Step]]:
    """Return the ways through an expression as lists of steps; of alternatives each is a way of its own."""
    ways: list[list[_Step]] = [[]]
    for operation, argument in tree:
        name = str(operation)
        if name in _REPEATS:
            more = _repeat_ways(argument)
        elif name == "SUBPATTERN":
            more = _ways(argument[3])
        elif name == "BRANCH":
            more = [way for part in argument[1] for way in _ways(part)]
        elif name == "AT":
            more = [[_START]] if str(argument) in {"AT_BEGINNING", "AT_BEGINNING_STRING"} else [[]]
        else:
            more = [[_Step(_taken(name, argument))]]
        ways = _shortened([way + rest for way in ways for rest in more])
    return ways


_MOST_WAYS: Final = 64


def _shortened(ways: list[list[_Step]]) -> list[list[_Step]]:
    """Keep the number of ways bounded: those with the most repeats are the ones that matter."""
    if len(ways) <= _MOST_WAYS:
        return ways
    return sorted(ways, key=lambda way: -sum(step.most > 1 for step in way))[:_MOST_WAYS]


def _repeat_ways(argument: Any) -> list[list[_Step]]:
    least, most, body = argument[0], min(int(argument[1]), MAX_MATCH_INPUT), argument[2]
    inner = _ways(body)
    if most == 1:
        return inner if least else [*inner, []]
    characters = frozenset().union(*(step.characters for way in inner for step in way))
    return [[_Step(characters, least, most)]]


def _taken(name: str, argument: Any) -> frozenset[int]:
    """Return the characters that one operation can take."""
    if name == "LITERAL":
        return _both_cases(argument)
    if name == "NOT_LITERAL":
        return _ANY - {argument}
    if name == "IN":
        return _of_class(argument)
    return _ANY


def _both_cases(code: int) -> frozenset[int]:
    character = chr(code)
    return frozenset(ord(form) for form in (character, character.lower(), character.upper()) if len(form) == 1)


def _of_class(items: Any) -> frozenset[int]:
    found: set[int] = set()
    negated = False
    for operation, argument in items:
        name = str(operation)
        if name == "NEGATE":
            negated = True
        elif name == "LITERAL":
            found |= _both_cases(argument)
        elif name == "RANGE":
            found |= {
                form for code in range(argument[0], min(argument[1], _LETTERS - 1) + 1) for form in _both_cases(code)
            }
        elif name == "CATEGORY":
            word = str(argument)
            found |= _CATEGORIES.get(word) or _ANY - _CATEGORIES.get(word.replace("_NOT_", "_"), frozenset())
    return _ANY - found if negated else frozenset(found)


def _work(way: list[_Step]) -> int:
    """Return how many steps one way can take: repeats that can take each other's characters multiply.

    An expression that may start anywhere is tried at every character. That multiplies too, where its beginning can
    stand within its first repeat (each start then gets as far as the last one), or within the repeats counted.
    """
    anchored = bool(way) and way[0] is _START
    work = chain = 1
    last: frozenset[int] | None = None
    taken: frozenset[int] = frozenset()  # by the repeats of this chain
    needed: list[frozenset[int]] = []  # before this chain
    between: list[frozenset[int]] = []
    must: list[frozenset[int]] = []  # what the last repeat takes at least
    everywhere = False
    for step in way:
        if step.most == step.least:
            if step.most:
                between.append(step.characters)
            continue
        shares = last is not None and all(part & last for part in between) and bool(last & step.characters)
        if shares:
            chain *= step.most
            taken |= step.characters
        elif last is None or step.least:
            needed += (*must, *between)
            if last is None:
                everywhere = not anchored and all(part & step.characters for part in between)
            chain, taken = step.most, step.characters
        else:
            continue  # it may be empty: what stood before it still meets what comes after it
        last, between, must = step.characters, [], [step.characters] if step.least else []
        starts = everywhere or (not anchored and all(part & taken for part in needed))
        work = max(work, chain * (MAX_MATCH_INPUT if starts else 1))
    return work
