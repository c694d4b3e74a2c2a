"""Finds the texts of which one must stand in whatever an expression matches.

Looking for a short text is some twenty times faster than trying an expression, and nearly every expression of a rule
set fails on nearly every value. What is found here is necessary and never sufficient: an expression is still tried
wherever one of its texts is there. Expressions are of the RE2 syntax; where this reader is not sure, it finds nothing,
and the expression is tried on every value.
"""

from __future__ import annotations

import operator
import re
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

_FLAGS = re.compile(r"\(\?([a-z]{1,4})\)")
_GROUP = re.compile(r"\((?:\?(?:i?:|P?<[A-Za-z_][A-Za-z0-9_]*>))?(?!\?)")
_COUNT = re.compile(r"\{(\d{1,4})(,(\d{0,4}))?\}")
_CONTROL = {"n": "\n", "r": "\r", "t": "\t"}
_MOST: Final = 16  # texts that one place of an expression may stand for before it counts as anything
_SPREAD: Final = 4  # texts that two places with several each may stand for together
_ENOUGH: Final = 12  # characters beyond which a text rules out no more
_EACH: Final = 1.5  # what every further text takes off, in characters
_SHORTEST: Final = 2  # characters below which a text beside a start rules out too little to look for
_CLASS: Final = 4  # characters of a class that are still told apart


class Needed(NamedTuple):
    """What must be in a value for an expression to match.

    Attributes:
        start: the value must start with one of these. Empty: not known.
        texts: one of these must stand in the value. Empty: not known, or `start` says as much.
        fold: they are in lower case and so must the value be; holds for ASCII values only, where lower case and the
            rules of `re` agree.
    """

    start: tuple[str, ...] = ()
    texts: tuple[str, ...] = ()
    fold: bool = False


class _Unsure(Exception):  # noqa: N818  (never leaves this module)
    """The expression uses something that this reader does not follow."""


class _Part(NamedTuple):
    """What a part of an expression matches: one of `exact` where that is known, and always with one of `need` in it."""

    exact: frozenset[str] | None
    need: frozenset[str]


_NOTHING: Final = frozenset({""})
_ANY: Final = _Part(None, frozenset())


def needed(expression: str, *, ignore_case: bool = False) -> Needed:
    """Return what must be in a value for an expression to match it."""
    while (flags := _FLAGS.match(expression)) is not None:
        if "m" in flags[1] or "x" in flags[1]:
            return Needed()
        ignore_case = ignore_case or "i" in flags[1]
        expression = expression[flags.end() :]
    ignore_case = ignore_case or "(?i:" in expression
    if ignore_case and not expression.isascii():
        return Needed()
    reader = _Reader(expression, fold=ignore_case)
    try:
        part = reader.alternatives()
    except (_Unsure, IndexError):
        return Needed()
    if reader.place != len(expression):
        return Needed()
    start = _least(reader.start, str.startswith) if reader.branches == 1 and expression.startswith("^") else _NOTHING
    if "" in start:
        start = frozenset()
    texts = part.need
    if start and _weight(start) >= _weight(texts):
        # What it starts with says most, but many others start so too: what comes later tells them apart.
        texts = reader.later if min(map(len, reader.later), default=0) >= _SHORTEST else frozenset()
    return Needed(tuple(sorted(start)), tuple(sorted(texts)), ignore_case)


def _least(texts: frozenset[str], holds: Callable[[str, str], bool] = operator.contains) -> frozenset[str]:
    """Return those texts that are not implied by a shorter one."""
    return frozenset(text for text in texts if not any(text != other and holds(text, other) for other in texts))


def _weight(texts: frozenset[str]) -> float:
    """Return how much a set of texts rules out: the shortest decides, and each further one takes a little off."""
    return min(*map(len, texts), _ENOUGH) - _EACH * (len(texts) - 1) if texts else 0.0


class _Reader:
    """Reads one expression from left to right."""

    def __init__(self, expression: str, *, fold: bool) -> None:
        self._text = expression
        self._fold = fold
        self._depth = 0
        self.place = 0
        self.branches = 0  # of the top level
        self.start: frozenset[str] = frozenset()  # what the only branch of the top level starts with
        self.later: frozenset[str] = frozenset()  # one of these must come after that

    def alternatives(self) -> _Part:
        """Read branches up to the end or a closing bracket."""
        parts = [self._sequence()]
        while self._peek() == "|":
            self.place += 1
            parts.append(self._sequence())
        if self._depth == 0:
            self.branches = len(parts)
        if len(parts) == 1:
            return parts[0]
        exact: frozenset[str] | None = frozenset()
        need: frozenset[str] = frozenset()
        for part in parts:
            exact = None if exact is None or part.exact is None else exact | part.exact
            need |= part.need
        if not all(part.need for part in parts) or len(need) > _MOST:
            need = frozenset()
        return _Part(None if exact is None or len(exact) > _MOST else exact, need)

    def _sequence(self) -> _Part:
        run = _NOTHING  # what stands here without a gap, up to this place
        plain = ""  # the end of it that is one text only
        best: frozenset[str] = frozenset()
        later: frozenset[str] = frozenset()
        whole = True
        while self._peek() not in {"", "|", ")"}:
            part, repeated = self._item()
            joined = None if part.exact is None else _joined(run, part.exact)
            if part.exact is not None and len(part.exact) == 1 and not repeated:
                plain += next(iter(part.exact))
            else:
                best = _better(best, (frozenset((plain,)),))
                later = later if whole else _better(later, (frozenset((plain,)),))
                plain = ""
            if joined is not None and not repeated:
                run = joined
                continue
            # A gap: what stood before it, with the first of a repetition, is one text; its last begins the next.
            best = _better(best, (run if joined is None else joined, part.need))
            if not whole:
                later = _better(later, (run if joined is None else joined, part.need))
            elif joined is None:
                later = _better(later, (part.need,))
            if whole and self._depth == 0:
                self.start = run if joined is None else joined
            run = part.exact if repeated and part.exact is not None else _NOTHING
            if joined is None and part.exact is not None and not repeated:
                run = part.exact
            whole = False
        best = _better(best, (run, frozenset((plain,))))
        if self._depth == 0:
            self.later = later if whole else _better(later, (run, frozenset((plain,))))
            if whole:
                self.start = run
        return _Part(run if whole else None, best)

    def _item(self) -> tuple[_Part, bool]:
        """Read one item with its repetition; return what it stands for, and whether it may come more than once."""
        part = self._atom()
        char = self._peek()
        least, most = 1, 1
        if char in {"*", "+", "?"}:
            self.place += 1
            least, most = {"*": (0, 2), "+": (1, 2), "?": (0, 1)}[char]
        elif char == "{" and (count := _COUNT.match(self._text, self.place)) is not None:
            self.place = count.end()
            least = int(count[1])
            most = least if count[2] is None else int(count[3]) if count[3] else 2
        else:
            return part, False
        if self._peek() == "?":
            self.place += 1
        if self._peek() in {"*", "+"}:
            raise _Unsure
        if least == 0:
            return (_Part(part.exact | _NOTHING, frozenset()) if most == 1 and part.exact is not None else _ANY), False
        return part, most > 1

    def _atom(self) -> _Part:
        char = self._text[self.place]
        if char == "(":
            group = _GROUP.match(self._text, self.place)
            if group is None:
                raise _Unsure
            self.place = group.end()
            self._depth += 1
            part = self.alternatives()
            self._depth -= 1
            if self._peek() != ")":
                raise _Unsure
            self.place += 1
            return part
        if char == "[":
            return self._class()
        self.place += 1
        if char == "\\":
            return self._escape()
        if char in "^$":
            return _Part(_NOTHING, frozenset())
        if char == ".":
            return _ANY
        if char in "*+?{":
            raise _Unsure
        return self._literal(char)

    def _escape(self) -> _Part:
        char = self._text[self.place]
        self.place += 1
        if char in _CONTROL:
            return self._literal(_CONTROL[char])
        if char in "dDwWsS":
            return _ANY
        if char in "bBA":
            return _Part(_NOTHING, frozenset())
        if char.isalnum():
            raise _Unsure
        return self._literal(char)

    def _class(self) -> _Part:
        self.place += 1
        chars: set[str] = set()
        known = True
        if self._peek() == "^":
            self.place += 1
            known = False
        first = True
        while self._text[self.place] != "]" or first:
            first = False
            char = self._text[self.place]
            self.place += 1
            if char == "[" and self._peek() == ":":
                raise _Unsure
            if char == "\\":
                escaped = self._text[self.place]
                self.place += 1
                if escaped.isalnum():
                    known = False  # a class of its own or a code: anything
                    continue
                char = escaped
            if self._peek() == "-" and self._text[self.place + 1] != "]":
                known = False
            chars.add(char.lower() if self._fold else char)
        self.place += 1
        return _Part(frozenset(chars), frozenset(chars)) if known and len(chars) <= _CLASS else _ANY

    def _literal(self, char: str) -> _Part:
        one = frozenset((char.lower() if self._fold else char,))
        return _Part(one, one)

    def _peek(self) -> str:
        return self._text[self.place : self.place + 1]


def _joined(first: frozenset[str], second: frozenset[str]) -> frozenset[str] | None:
    size = len(first) * len(second)
    if size > (_SPREAD if len(first) > 1 and len(second) > 1 else _MOST):
        return None
    return frozenset(one + two for one in first for two in second)


def _better(best: frozenset[str], others: Iterable[frozenset[str]]) -> frozenset[str]:
    for other in others:
        if "" not in other and _weight(least := _least(other)) > _weight(best):
            best = least
    return best
