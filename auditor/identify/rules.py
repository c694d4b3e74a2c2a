"""Loads the fingerprint data: makers, brands, model grammars, MAC prefixes, sources."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, TypeAdapter, ValidationError
from ruamel.yaml.error import YAMLError

from auditor.common.data import data_path
from auditor.common.errors import UsageError
from auditor.common.yamldata import load_yaml
from auditor.identify.brands import Brands
from auditor.identify.expressions import weaknesses
from auditor.identify.match import Matcher
from auditor.identify.models import Grammars, Traits
from auditor.identify.oui import Prefixes, read_prefixes
from auditor.identify.schema import (
    Brand,
    Grammar,
    MakerFile,
    ModelFile,
    Rule,
    SerialForm,
    SourceEntry,
    Trait,
    UnitSigns,
)
from auditor.identify.serials import Serials

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


class _Manifest(BaseModel):
    version: str
    dated: str
    registers_dated: str


_MAKER_FILE = TypeAdapter(MakerFile)


@dataclass(frozen=True)
class RuleSet:
    """All fingerprint data, ready to match.

    Attributes:
        version: of the data.
        dated: day of the data, ISO 8601.
        registers_dated: day of the registers that the MAC prefixes come from, ISO 8601.
        rules: every rule, built-in ones first.
        files: what each file of `makers/` holds, by file name.
        brands: labels.
        brand_lines: every line of brands.yaml.
        grammars: model names.
        grammar_lines: every line of `grammars` in models.yaml.
        traits: what model names say beyond the kind.
        trait_lines: every line of `traits` in models.yaml.
        serials: forms of serial numbers.
        serial_lines: every line of `serials` in models.yaml.
        unit_signs: what a person can read on a unit, by maker.
        prefixes: MAC prefixes.
        sources: where rules come from, by key.
        problems: what is wrong with site-local files; those rules are left out.
    """

    version: str
    dated: str
    registers_dated: str
    rules: tuple[Rule, ...]
    files: Mapping[str, MakerFile]
    brands: Brands
    brand_lines: tuple[Brand, ...]
    grammars: Grammars
    grammar_lines: tuple[Grammar, ...]
    traits: Traits
    trait_lines: tuple[Trait, ...]
    serials: Serials
    serial_lines: tuple[SerialForm, ...]
    unit_signs: Mapping[str, UnitSigns]
    prefixes: Prefixes
    sources: Mapping[str, SourceEntry]
    problems: tuple[str, ...] = field(default=())

    @cached_property
    def matcher(self) -> Matcher:
        """The compiled rules."""
        return Matcher(self.rules, self.prefixes, self.grammars, self.brands)

    @cached_property
    def plans(self) -> dict[str, Any]:
        """What is prepared for a rule when it matches first, by its id; `identity` fills it."""
        return {}

    @cached_property
    def rule_ids(self) -> frozenset[str]:
        """Ids of all rules."""
        return frozenset(rule.id for rule in self.rules)

    def source_text(self, rule: Rule) -> str:
        """Return where a rule comes from, with the date of each source."""
        known = self._source_texts.get(rule.id)
        if known is None:
            known = self._source_texts[rule.id] = self._written_source(rule)
        return known

    @cached_property
    def _source_texts(self) -> dict[str, str]:
        return {}

    def _written_source(self, rule: Rule) -> str:
        shown = []
        for source in rule.source:
            entry = self.sources.get(source.key)
            place = f"{source.key} {source.at}".strip()
            shown.append(f"{place} ({entry.dated})" if entry else place)
        return "; ".join(shown)


def load_rules(folder: Path | None = None, extra: Path | None = None) -> RuleSet:
    """Read the fingerprint data.

    Args:
        folder: the data; None takes what is installed.
        extra: a site's own rules (files like those of `makers/`). They are added; none can replace a built-in rule. A
            broken file, or a rule that reuses an id, is left out and listed in `problems`.

    Raises:
        UsageError: the data folder itself is broken; the text names file, key and line where it can.
    """
    folder = folder or data_path("fingerprints")
    manifest = _read(folder / "manifest.yaml", TypeAdapter(_Manifest))
    files: dict[str, MakerFile] = {}
    rules: dict[str, Rule] = {}
    for path in sorted((folder / "makers").glob("*.yaml")):
        files[path.name] = file = _read(path, _MAKER_FILE)
        for rule in file.rules:
            if rule.id in rules:
                raise UsageError(f"{path.name}: rule {rule.id} stands twice")
            rules[rule.id] = rule
    models: ModelFile = _read(folder / "models.yaml", TypeAdapter(ModelFile))
    problems: list[str] = []
    if extra is not None:
        _add_site_rules(extra, files, rules, problems)
    brand_lines = tuple(_read(folder / "brands.yaml", TypeAdapter(list[Brand])))
    own_names: dict[str, list[str]] = {}
    for file in files.values():
        if file.maker is not None:
            own_names.setdefault(file.maker, []).extend(file.own_names)
    try:
        found = RuleSet(
            version=manifest.version, dated=manifest.dated, registers_dated=manifest.registers_dated,
            rules=tuple(rules.values()), files=files,
            brands=Brands(brand_lines, own_names), brand_lines=brand_lines,
            grammars=Grammars(models.grammars), grammar_lines=tuple(models.grammars),
            traits=Traits(models.traits), trait_lines=tuple(models.traits),
            serials=Serials(models.serials, manifest.dated), serial_lines=tuple(models.serials),
            unit_signs=_unit_signs(folder),
            prefixes=read_prefixes(folder / "oui"),
            sources=_read(folder / "sources.yaml", TypeAdapter(dict[str, SourceEntry])), problems=tuple(problems),
        )  # fmt: skip
        _ = found.matcher
    except (ValueError, OverflowError, re.error) as error:
        raise UsageError(f"fingerprint data in {folder}: {error}") from error
    return found


def _unit_signs(folder: Path) -> dict[str, UnitSigns]:
    path = folder / "on-the-unit.yaml"
    if not path.is_file():  # data packs made before there was one
        return {}
    found: dict[str, UnitSigns] = {}
    for entry in _read(path, TypeAdapter(list[UnitSigns])):
        if entry.maker in found:
            raise UsageError(f"{path.name}: {entry.maker} stands twice")
        found[entry.maker] = entry
    return found


def _add_site_rules(extra: Path, files: dict[str, MakerFile], rules: dict[str, Rule], problems: list[str]) -> None:
    if not extra.is_dir():
        problems.append(f"{extra} is not a folder: no site rules were read")
        return
    built_in = frozenset(rules)
    for path in sorted(extra.glob("*.yaml")):
        try:
            file = _read(path, _MAKER_FILE)
            _check_expressions(path, file)
        except UsageError as error:
            problems.append(str(error))
            continue
        for rule in file.rules:
            if rule.id in rules:
                who = "a built-in rule" if rule.id in built_in else "another site rule"
                problems.append(f"{path.name}: rule {rule.id} has the id of {who} and is left out")
            else:
                rules[rule.id] = rule
        files[f"site/{path.name}"] = file


def _check_expressions(path: Path, file: MakerFile) -> None:
    """Compile each rule alone, so that one bad or slow expression costs its file and not the run."""
    for rule in file.rules:
        try:
            Matcher([rule], Prefixes({}), Grammars([]), Brands([], {}))
        except (ValueError, OverflowError, re.error) as error:
            raise UsageError(f"{path.name}: rule {rule.id}: {error}") from error
        if slow := [text for expression in rule.expressions for text in weaknesses(expression)]:
            raise UsageError(f"{path.name}: rule {rule.id}: {slow[0]}")


@lru_cache(maxsize=256)
def _parsed(text: str) -> Any:
    """Parse a file once a process; nobody may change the result."""
    return load_yaml(text)


def _read(path: Path, adapter: TypeAdapter[Any]) -> Any:
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path.name} cannot be read: {error}") from error
    try:
        return adapter.validate_python(_parsed(text))
    except YAMLError as error:
        raise UsageError(f"{path.name}: {' '.join(str(error).split())}") from error
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(map(str, first["loc"]))
        raise UsageError(
            f"{path.name}: {where}: {first['msg']} ({error.error_count()} problems in this file)"
        ) from error
