"""Turns raw outcomes into normalised facts. Pure: no socket, no clock, no random number, no file.

One file a protocol; `registry.PARSERS` lists them. A parser takes bytes and the request and returns fact keys (design,
section 5) with their values. Whatever a device sends, the result is facts or no facts, never an exception.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from auditor.model import Observation
from auditor.observe.given import normalised
from auditor.observe.lines import observation_line, read_lines
from auditor.observe.registry import PARSERS

if TYPE_CHECKING:
    from auditor.model import Outcome

__all__ = ["PARSERS", "observation_line", "observe", "read_lines"]


def observe(outcome: Outcome, response: int) -> tuple[Observation, ...]:
    """Return the facts of one outcome.

    Args:
        outcome: as probed, captured or imported. Its own `facts`, where given, are taken, in the form that a parser
            gives; otherwise the probe's parser reads `raw`. A probe without a parser gives no facts.
        response: number of the response within the device; all facts of one outcome share it.

    Returns:
        One observation a fact key, in the order of the parser; values are cut and counted as in `text`.
        A fact without a value is left out.
    """
    if outcome.facts is not None:
        facts = normalised(outcome.facts)
    elif outcome.raw and outcome.probe in PARSERS:
        facts = PARSERS[outcome.probe](outcome.raw, outcome.request)
    else:
        return ()
    device, probe, port, request = outcome.device, outcome.probe, outcome.port, outcome.request
    status, at, vantage, tls, cut = outcome.status, outcome.at, outcome.vantage, outcome.tls, outcome.truncated
    return tuple(
        [
            Observation(device, probe, key, values, response, port, request, status, at, vantage, tls, cut)
            for key, values in facts.items()
            if values
        ]
    )
