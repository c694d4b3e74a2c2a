"""Turns raw outcomes into normalised facts. Pure: no socket, no clock, no random number, no file.

One file a protocol; `registry.PARSERS` lists them. A parser takes bytes and the request and returns fact keys (design,
section 5) with their values. Whatever a device sends, the result is facts or no facts, never an exception.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from auditor.model import Observation
from auditor.observe.lines import observation_line, read_lines
from auditor.observe.mac import normalise
from auditor.observe.registry import PARSERS
from auditor.observe.text import MAX_FACTS, FactMap, many, one

if TYPE_CHECKING:
    from auditor.model import Facts, Outcome

__all__ = ["PARSERS", "observation_line", "observe", "read_lines"]


def observe(outcome: Outcome, response: int) -> tuple[Observation, ...]:
    """Return the facts of one outcome.

    Args:
        outcome: as probed, captured or imported. Its own `facts`, where given, are taken as they are; otherwise the
            probe's parser reads `raw`. A probe without a parser gives no facts.
        response: number of the response within the device; all facts of one outcome share it.

    Returns:
        One observation a fact key, in the order of the parser; values are cut and counted as in `text`.
        A fact without a value is left out.
    """
    if outcome.facts is not None:
        facts = _given(outcome.facts)
    elif outcome.raw and outcome.probe in PARSERS:
        facts = PARSERS[outcome.probe](outcome.raw, outcome.request)
    else:
        return ()
    return tuple([
        Observation(
            outcome.device, outcome.probe, key, values, response, outcome.port, outcome.request, outcome.status,
            outcome.at, outcome.vantage, outcome.tls, outcome.truncated,
        )
        for key, values in facts.items()
        if values
    ])  # fmt: skip


def _given(given: Facts) -> FactMap:
    """Return facts that came with an outcome, bounded like those of the parsers."""
    facts: FactMap = {}
    for key, value in given.items():
        if len(facts) >= MAX_FACTS:
            break
        facts[key] = one(value) if isinstance(value, str) else many(value)
    if "mac" in facts:
        facts["mac"] = tuple([normalise(value) or value for value in facts["mac"]])
    return facts
