"""The self-test of the fingerprint data: one generic check over every rule, grammar, label and prefix."""

from __future__ import annotations

import importlib
import importlib.util
import json
import re
from typing import TYPE_CHECKING, Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from auditor.common.data import data_path
from auditor.common.errors import UsageError
from auditor.identify.confidence import NUMBERS
from auditor.identify.examples import observations_of, taken
from auditor.identify.expressions import weaknesses
from auditor.identify.match import Matcher, is_generic
from auditor.identify.registers import family_problems, register_problems
from auditor.identify.rules import RuleSet, load_rules
from auditor.identify.schema import FIXED_KEYS, OPEN_KEYS, Condition, CounterExample, Rule, fingerprint_schema
from auditor.model import Strength

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from auditor.identify.schema import Firm, Form, Grantee, SerialForm, Trait

_NAME_ALONE = NUMBERS[Strength.MODERATE]
_TEMPLATE = re.compile(r"\{([a-z_]+)\}")


def check(folder: Path | None = None, extra: Path | None = None) -> list[str]:
    """Return every problem of the fingerprint data, one sentence each; an empty list means that it is sound.

    Checked: the shape of every file; unique ids; rules grouped by observable; known fact keys, makers, labels and
    sources; regular expressions in RE2 syntax (where the RE2 library is installed) without a repeat inside an endless
    repeat; that every example matches and yields what it declares, that no counter-example matches, that no rule of
    another maker takes an example unless one of the two is declared generic; that rules which settle a maker show the
    nearest answer of another one; the same for model grammars; that MAC families named by rules exist; that the
    register of MAC blocks is whole, and that the family lists hold exactly what it has for the holders that
    families.yaml names.

    Args:
        folder: the data; None takes what is installed.
        extra: a site's own rules, checked with the built-in ones.
    """
    folder = folder or data_path("fingerprints")
    try:
        rules = load_rules(folder, extra)
    except UsageError as error:
        return [str(error)]
    problems = list(rules.problems)
    problems += _vocabulary(folder, rules)
    problems += _schema_file(folder)
    for rule in rules.rules:
        problems += [f"{rule.id}: {text}" for text in (*_shape(rule, rules), *_examples(rule, rules))]
    problems += _neighbours(rules)
    problems += _order(rules)
    problems += _grammars(rules)
    problems += _traits(rules)
    problems += _serials(rules)
    problems += _brands(rules)
    problems += _units(folder, rules)
    problems += register_problems(rules)
    problems += family_problems(folder, rules)
    return problems


def _schema_file(folder: Path) -> list[str]:
    path = folder / "schema" / "fingerprint.schema.json"
    try:
        stored = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        return [f"schema/{path.name} cannot be read: {error}"]
    return (
        [] if stored == fingerprint_schema() else [f"schema/{path.name} is not what the program prints: write it anew"]
    )


def _vocabulary(folder: Path, rules: RuleSet) -> list[str]:
    try:
        words: dict[str, Any] = YAML(typ="safe", pure=True).load((folder / "vocabulary.yaml").read_text("utf-8"))
        makers = frozenset(words["makers"])
    except (OSError, YAMLError, KeyError, TypeError) as error:
        return [f"vocabulary.yaml cannot be read: {error}"]
    labels = {line.brand for line in rules.brand_lines} | makers
    for file in rules.files.values():
        labels |= set(file.own_names)
    problems: list[str] = []
    for rule in rules.rules:
        said = (rule.says.maker, rule.says.not_maker)
        problems += [
            f"{rule.id}: maker {maker} is not in vocabulary.yaml" for maker in said if maker and maker not in makers
        ]
        brand = rule.says.brand
        if brand is not None and "{" not in brand and brand not in labels:
            problems.append(f"{rule.id}: label {brand} is neither in brands.yaml nor a maker's own name")
    used = {rule.says.maker for rule in rules.rules} | {maker for rule in rules.rules for maker in _named(rule)}
    problems += [
        f"vocabulary.yaml: nothing uses maker {maker}" for maker in sorted(makers - {name for name in used if name})
    ]
    return problems


def _named(rule: Rule) -> Iterator[str]:
    for counter in rule.counter_examples:
        if isinstance(counter, CounterExample) and counter.of:
            yield counter.of
    if rule.says.not_maker:
        yield rule.says.not_maker


def _shape(rule: Rule, rules: RuleSet) -> Iterator[str]:
    groups: set[str] = set()
    for condition, key in _conditions(rule.match, rule.observable):
        if key not in FIXED_KEYS and not OPEN_KEYS.fullmatch(key):
            yield f"unknown fact key {key}"
        families = frozenset((condition.oui,) if isinstance(condition.oui, str) else condition.oui or ())
        yield from (f"no block of family {family} in oui/" for family in sorted(families - rules.prefixes.families))
        if condition.model_of is not None and not any(line.maker == condition.model_of for line in rules.grammar_lines):
            yield f"no grammar of {condition.model_of} in models.yaml"
        if condition.regex is not None:
            groups |= set(re.compile(condition.regex).groupindex)
            yield from _expression(condition.regex)
    if rule.request is not None:
        yield from _expression(rule.request)
    says = rule.says
    for template in (says.maker, says.brand, says.model, says.firmware, says.serial):
        for name in _TEMPLATE.findall(template or ""):
            if name != "value" and name not in groups:
                yield f"says {{{name}}}, which no expression captures"
    for source in rule.source:
        if source.key not in rules.sources:
            yield f"source {source.key} is not in sources.yaml"
    yield from _label_strength(rule, rules)


def _label_strength(rule: Rule, rules: RuleSet) -> Iterator[str]:
    """A name that resellers put on devices of another maker must not settle who made them."""
    maker = rule.says.maker
    if maker is None or rule.observable != "onvif.manufacturer" or NUMBERS[rule.strength] <= _NAME_ALONE:
        return
    others = sorted({line.maker for line in rules.brand_lines if rules.brands.sells(line.maker, maker)} - {maker})
    if others:
        yield f"{maker} is a label of {others[0]} too: its name alone is at most moderate"


def _conditions(match: Condition, outer: str) -> Iterator[tuple[Condition, str]]:
    key = match.observable or outer
    yield match, key
    for part in (*(match.all or ()), *(match.any or ())):
        yield from _conditions(part, key)


def _expression(text: str) -> Iterator[str]:
    yield from weaknesses(text)
    if importlib.util.find_spec("re2") is not None:
        re2: Any = importlib.import_module("re2")  # a test dependency; without it this one check does not run
        options = re2.Options()
        options.log_errors = False
        try:
            re2.compile(text, options)
        except re2.error as error:
            yield f"expression {text!r} is not RE2 syntax: {error}"


def _examples(rule: Rule, rules: RuleSet) -> Iterator[str]:
    alone = Matcher([rule], rules.prefixes, rules.grammars, rules.brands)
    for number, example in enumerate(rule.examples, start=1):
        observations = observations_of(rule, example)
        hits = alone.hits(observations)
        if not hits:
            yield f"example {number} does not match"
            continue
        said = {name: hits[0].text(template) for name, template in _templates(rule)}
        captured = hits[0].captured
        for name, wanted in example.says.items():
            if said.get(name, captured.get(name)) != wanted:
                yield f"example {number} yields {name} {said.get(name, captured.get(name))!r}, not {wanted!r}"
        if not is_generic(rule):
            yield from taken(rule, number, rules.matcher.hits(observations))
    for number, counter in enumerate(rule.counter_examples, start=1):
        wrong = CounterExample(input=counter, of=None) if isinstance(counter, str) else counter
        if alone.hits(observations_of(rule, wrong)):
            yield f"counter-example {number} matches"


def _templates(rule: Rule) -> Iterator[tuple[str, str]]:
    for name in ("maker", "brand", "model", "firmware", "serial"):
        template = getattr(rule.says, name)
        if template is not None:
            yield name, template


def _neighbours(rules: RuleSet) -> Iterator[str]:
    """A rule that may settle who made a device has to be held against what other makers answer to the same question."""
    answered: dict[str, set[str]] = {}
    for rule in rules.rules:
        if rule.says.maker is not None:
            for example in rule.examples:
                keys = example.input if isinstance(example.input, dict) else (rule.observable,)
                for key in keys:
                    answered.setdefault(key, set()).add(rule.says.maker)
    for rule in rules.rules:
        if rule.says.maker is None or rule.strength not in {Strength.CONCLUSIVE, Strength.STRONG}:
            continue
        shown = any(isinstance(counter, CounterExample) and counter.of for counter in rule.counter_examples)
        others = answered.get(rule.observable, set()) - {rule.says.maker, rule.says.brand}
        if others and not shown:
            yield (f"{rule.id}: needs the nearest published answer of another maker as a counter-example (`of`); "
                   f"{min(others)} answers {rule.observable} too")  # fmt: skip


def _order(rules: RuleSet) -> Iterator[str]:
    for name, file in rules.files.items():
        seen: list[str] = []
        for rule in file.rules:
            if rule.observable in seen[:-1] and rule.observable != seen[-1]:
                yield f"{name}: rule {rule.id} stands apart from the other rules of {rule.observable}"
            elif not seen or rule.observable != seen[-1]:
                seen.append(rule.observable)


def _grammars(rules: RuleSet) -> Iterator[str]:
    for line in rules.grammar_lines:
        where = f"models.yaml: {line.maker} {line.regex!r}"
        yield from (f"{where}: {text}" for text in _expression(line.regex))
        for source in line.source:
            if source.key not in rules.sources:
                yield f"{where}: source {source.key} is not in sources.yaml"
        for name in line.examples:
            found = rules.grammars.find(line.maker, name)
            if found is not line:
                yield f"{where}: example {name} is read as {found.kind.value if found else 'no model'} by another line"
            for other in {item.maker for item in rules.grammar_lines} - {line.maker}:
                if line.distinct and rules.grammars.is_model_of(other, name):
                    yield f"{where}: example {name} is a model of {other} too"
        pattern = re.compile(line.regex, re.IGNORECASE)
        yield from (
            f"{where}: counter-example {name} matches" for name in line.counter_examples if pattern.search(name)
        )


def _traits(rules: RuleSet) -> Iterator[str]:
    for line in rules.trait_lines:
        where = f"models.yaml: {line.maker} {line.regex!r}"
        yield from _line(where, line, rules)
        pattern = re.compile(line.regex, re.IGNORECASE)
        for name, wanted in line.examples.items():
            if not pattern.search(name):
                yield f"{where}: example {name} does not match"
            said = rules.traits.read(line.maker, name)._asdict()
            for field, value in (wanted.model_dump() | {"functions": tuple(wanted.functions)}).items():
                if said[field] != value:
                    yield f"{where}: example {name} yields {field} {said[field]!r}, not {value!r}"
            if rules.grammars.find(line.maker, name) is None:
                yield f"{where}: example {name} is a model of no line of `grammars`"
        yield from (
            f"{where}: counter-example {name} matches" for name in line.counter_examples if pattern.search(name)
        )


def _serials(rules: RuleSet) -> Iterator[str]:
    for line in rules.serial_lines:
        where = f"models.yaml: {line.maker} {line.regex!r}"
        yield from _line(where, line, rules)
        pattern = re.compile(line.regex, re.IGNORECASE)
        for serial, wanted in line.examples.items():
            if not pattern.fullmatch(serial):
                yield f"{where}: example {serial} does not match"
            said = rules.serials.read(line.maker, serial)._asdict()
            for field, value in wanted.model_dump().items():
                if said[field] != value:
                    yield f"{where}: example {serial} yields {field} {said[field]!r}, not {value!r}"
        yield from (
            f"{where}: counter-example {serial} matches"
            for serial in line.counter_examples
            if pattern.fullmatch(serial)
        )


def _line(where: str, line: Trait | SerialForm, rules: RuleSet) -> Iterator[str]:
    yield from (f"{where}: {text}" for text in _expression(line.regex))
    for source in line.source:
        if source.key not in rules.sources:
            yield f"{where}: source {source.key} is not in sources.yaml"


def _brands(rules: RuleSet) -> Iterator[str]:
    seen: set[tuple[str, str]] = set()
    for line in rules.brand_lines:
        where = f"brands.yaml: {line.brand}"
        if (line.brand, line.maker) in seen:
            yield f"{where} of {line.maker} stands twice"
        seen.add((line.brand, line.maker))
        yield from (f"{where}: source {key} is not in sources.yaml" for key in line.source if key not in rules.sources)
        if rules.brands.is_own_name(line.maker, line.brand):
            yield f"{where} is {line.maker}'s own name"
        if line.since and line.until and line.since > line.until[: len(line.since)]:
            yield f"{where} of {line.maker}: from {line.since} is after until {line.until}"
        if any(text and text > rules.dated[: len(text)] for text in (line.since, line.until)):
            yield f"{where} of {line.maker}: from or until is later than the data ({rules.dated})"
        for name in (line.brand, *line.also):
            if line.part == "all" and len(rules.brands.makers_of(name)) > 1:
                yield f"{where}: {name} is on record for several makers, so none of them builds all of it"


def _units(folder: Path, rules: RuleSet) -> Iterator[str]:
    """Check on-the-unit.yaml: known makers and sources, and examples that the product itself can read."""
    if not (folder / "on-the-unit.yaml").is_file():
        yield "on-the-unit.yaml is missing"
    makers = {rule.says.maker for rule in rules.rules}
    for maker, signs in rules.unit_signs.items():
        where = f"on-the-unit.yaml: {maker}"
        if maker not in makers:
            yield f"{where}: no rule names this maker"
        parts: list[Firm | Grantee | Form] = [*signs.firms, *signs.fcc, *signs.models, *signs.serials]
        sources = [source.key for part in parts for source in part.source]
        yield from (
            f"{where}: source {key} is not in sources.yaml"
            for key in dict.fromkeys(sources)
            if key not in rules.sources
        )
        for form in signs.models:
            if rules.grammars.find(maker, form.example) is None:
                yield f"{where}: example {form.example} is a model of no line of models.yaml"
        for form in signs.serials:
            if not rules.serials.fits(maker, form.example):
                yield f"{where}: example {form.example} fits no form of `serials` in models.yaml"
        taken = {grantee.code for other, theirs in rules.unit_signs.items() if other != maker for grantee in theirs.fcc}
        yield from (
            f"{where}: {grantee.code} stands at another maker too" for grantee in signs.fcc if grantee.code in taken
        )
