"""Holds rules against the published answers that other rules bring as examples."""

from __future__ import annotations

from typing import TYPE_CHECKING

from auditor.identify.match import group_facts, is_generic
from auditor.model import Observation, Strength

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from auditor.identify.match import Hit, Matcher
    from auditor.identify.schema import CounterExample, Example, Rule

_SETTLING = frozenset({Strength.CONCLUSIVE, Strength.STRONG})


def observations_of(rule: Rule, example: Example | CounterExample) -> list[Observation]:
    """Return the observations that an example of a rule stands for, as one response."""
    given = example.input
    facts = group_facts(given if isinstance(given, dict) else {rule.observable: given})
    probe = rule.probe or rule.observable.split(".", 1)[0]
    port = example.port or (rule.port[0] if rule.port else None)
    return [Observation("example", probe, key, values, 1, port, example.request) for key, values in facts.items()]


def taken(rule: Rule, number: int, hits: Iterable[Hit]) -> Iterator[str]:
    """Yield a sentence for each rule of another maker among the hits of a rule's example, generic ones aside.

    Args:
        rule: whose example it is; nothing is yielded for one that names no maker.
        number: of the example, from 1.
        hits: of the example.
    """
    mine = rule.says.maker
    if mine is None:
        return
    for hit in hits:
        theirs = hit.rule.says.maker
        if theirs is not None and theirs != mine and not is_generic(hit.rule):
            yield f"example {number} is taken by {hit.rule.id} of {theirs}"


def takers(matcher: Matcher, built_in: Iterable[Rule]) -> dict[str, str]:
    """Return the site rules that would name another maker for a built-in example, by id, with one such example each.

    Rules that are strong or conclusive count, also where they call themselves `shared`: a site knows its own devices,
    not those of every maker.

    Args:
        matcher: of the site rules.
        built_in: rules whose examples are asked; those that are generic have none that tells a maker.
    """
    found: dict[str, str] = {}
    for rule in built_in:
        if rule.says.maker is None or is_generic(rule):
            continue
        for number, example in enumerate(rule.examples, start=1):
            for hit in matcher.hits(observations_of(rule, example)):
                theirs = hit.text(hit.rule.says.maker or "")
                if theirs and theirs != rule.says.maker and hit.rule.strength in _SETTLING:
                    found.setdefault(hit.rule.id, f"example {number} of {rule.id}, which is of {rule.says.maker}")
    return found
