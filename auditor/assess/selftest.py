"""Runs the worked examples that stand beside each rule: the data tests itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from auditor.assess.judge import judge
from auditor.assess.packs import Example, LoadedPack, Rule, available, load_packs
from auditor.common.data import data_path
from auditor.common.errors import UsageError
from auditor.model import Device, Identity, Kind, Sensitivity, Site, Verdict, ZoneRole

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import date
    from pathlib import Path

_CONFIDENCE = {Verdict.CONFIRMED: 0.995, Verdict.PROBABLE: 0.95, Verdict.POSSIBLE: 0.7, Verdict.UNIDENTIFIED: 0.0}
_CONDITIONS = ("maker", "brand", "kind", "zone", "sensitivity", "verdict", "confidence", "on")


def check(folder: Path | None = None) -> tuple[str, ...]:
    """Load every pack of a folder and run its examples.

    Args:
        folder: holds the packs and `entities.yaml`; default: the shipped data.

    Returns:
        One sentence a problem; empty when all is well. Checked: files load; each example gives the decision it states;
        each condition that a rule uses has an example in which it alone flips the decision; each shipped source was
        checked no later than the day of the pack.
    """
    folder = folder or data_path("policies")
    ids = available(folder)
    if not ids:
        return (f"{folder}: no policy pack is here",)
    problems: list[str] = []
    for pack_id in ids:
        try:
            (pack,) = load_packs((pack_id,), folder)
        except UsageError as error:
            problems.append(str(error))
            continue
        for rule in pack.pack.rules:
            problems += [f"{pack_id}.yaml: rule `{rule.id}`: {problem}" for problem in _check_rule(pack, rule)]
    return tuple(problems)


def decide(pack: LoadedPack, rule: Rule, example: Example) -> str:
    """Return what one rule says of a complete example: a decision, or `none`."""
    day: date = example.on or pack.checked_on
    verdict = example.verdict or Verdict.PROBABLE
    confidence = _CONFIDENCE[verdict] if example.confidence is None else example.confidence
    identity = Identity(
        device="example",
        maker=example.maker,
        brand=example.brand,
        rebrand=example.brand is not None,
        kind=example.kind or Kind.UNKNOWN,
        confidence=confidence,
        verdict=verdict,
    )
    role = example.zone or ZoneRole.UNKNOWN
    device = Device("example", ("192.0.2.1",), None, "example zone", role, None, identity)
    site = Site("Example site", example.sensitivity or Sensitivity.STANDARD, (), (pack.id,))
    # Only this rule is asked: the merging of several doubtful rules into one finding is not its matter.
    alone = LoadedPack(pack=pack.pack.model_copy(update={"rules": (rule,)}), entities=pack.entities)
    findings = judge(device, site, (alone,), day)
    return findings[0].decision.value if findings else "none"


def _check_rule(pack: LoadedPack, rule: Rule) -> Iterator[str]:
    base = rule.examples[0]
    expected = [str(example.decision) for example in rule.examples]
    if base.flips is not None:
        yield "the first example must be complete, so it cannot flip anything"
    flipped: set[str] = set()
    for number, example in enumerate(rule.examples, 1):
        case = _complete(base, example)
        if (says := decide(pack, rule, case)) != expected[number - 1]:
            yield f"example {number} expects `{expected[number - 1]}` and the rule says `{says}`"
        if example.flips is None:
            continue
        changed = {name for name in _CONDITIONS if getattr(case, name) != getattr(base, name)}
        if changed != {example.flips}:
            yield f"example {number} says that it flips `{example.flips}` but changes {sorted(changed) or 'nothing'}"
        elif expected[number - 1] == expected[0]:
            yield f"example {number} flips `{example.flips}` and the decision stays `{expected[0]}`"
        else:
            flipped.add(example.flips)
    for condition in sorted(_used(rule) - flipped):
        yield f"no example shows that `{condition}` alone changes the decision; add one with `flips: {condition}`"


def _used(rule: Rule) -> set[str]:
    when = rule.when
    used = {"maker"}
    if when.kinds is not None:
        used.add("kind")
    if when.zones is not None:
        used.add("zone")
    if when.sensitivity is not None:
        used.add("sensitivity")
    if not when.entity.unseen:
        used.add("verdict")
    if rule.effective is not None:
        used.add("on")
    return used


def _complete(base: Example, example: Example) -> Example:
    return base.model_copy(update={name: getattr(example, name) for name in example.model_fields_set} | {"flips": None})
