"""Loads the fingerprint data: makers, brands, model grammars, MAC prefixes, sources."""

from __future__ import annotations

import os
import re
import stat
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, TypeAdapter, ValidationError
from ruamel.yaml.error import YAMLError

from auditor.common.data import data_path
from auditor.common.errors import UsageError
from auditor.common.limits import MAX_RULE_FILE, MAX_RULE_FILES, MAX_SITE_RULES
from auditor.common.yamldata import load_yaml
from auditor.identify.brands import Brands
from auditor.identify.examples import takers
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
    from collections.abc import Mapping, Sequence
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
        site_rules: ids of the rules that come from site-local files.
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
    site_rules: frozenset[str] = field(default=frozenset())

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
        text = "; ".join(shown)
        return f"site rule, {text}" if rule.id in self.site_rules else text


def load_rules(folder: Path | None = None, extra: Path | None = None) -> RuleSet:
    """Read the fingerprint data.

    Args:
        folder: the data; None takes what is installed.
        extra: a site's own rules (files like those of `makers/`). They are added; none can replace a built-in rule. A
            file that is broken, no plain file or above 1 MiB, that needs more than 200 files or 5,000 rules, or that
            would settle another maker for a built-in example is left out and listed in `problems`, and so is a rule
            that reuses an id.

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
    brand_lines = tuple(_read(folder / "brands.yaml", TypeAdapter(list[Brand])))
    problems: list[str] = []
    built_in = frozenset(rules)
    try:
        prefixes, grammars = read_prefixes(folder / "oui"), Grammars(models.grammars)
        if extra is not None:
            _add_site_rules(extra, files, rules, problems, prefixes, grammars, brand_lines)
        found = RuleSet(
            version=manifest.version, dated=manifest.dated, registers_dated=manifest.registers_dated,
            rules=tuple(rules.values()), files=files,
            brands=Brands(brand_lines, _own_names(files)), brand_lines=brand_lines,
            grammars=grammars, grammar_lines=tuple(models.grammars),
            traits=Traits(models.traits), trait_lines=tuple(models.traits),
            serials=Serials(models.serials, manifest.dated), serial_lines=tuple(models.serials),
            unit_signs=_unit_signs(folder),
            prefixes=prefixes,
            sources=_read(folder / "sources.yaml", TypeAdapter(dict[str, SourceEntry])), problems=tuple(problems),
            site_rules=frozenset(rules) - built_in,
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


def _own_names(files: Mapping[str, MakerFile]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for file in files.values():
        if file.maker is not None:
            found.setdefault(file.maker, []).extend(file.own_names)
    return found


def _add_site_rules(
    extra: Path, files: dict[str, MakerFile], rules: dict[str, Rule], problems: list[str],
    prefixes: Prefixes, grammars: Grammars, brand_lines: Sequence[Brand],
) -> None:  # fmt: skip
    built_in = frozenset(rules)
    added: dict[str, MakerFile] = {}
    count = 0
    for path in _site_files(extra, problems):
        try:
            file = _read_site(path)
            count += len(file.rules)
            if count > MAX_SITE_RULES:
                count -= len(file.rules)
                raise UsageError(  # noqa: TRY301
                    f"{path.name}: a site can have {MAX_SITE_RULES} rules, and this file would be too many"
                )
            _check_expressions(path, file)
        except UsageError as error:
            problems.append(str(error))
            continue
        added[path.name] = file
    known = Brands(brand_lines, _own_names({**files, **added}))
    matcher = Matcher([rule for file in added.values() for rule in file.rules], prefixes, grammars, known)
    wrong = takers(matcher, tuple(rules.values())) if added else {}
    for name, file in added.items():
        if bad := next((rule.id for rule in file.rules if rule.id in wrong and rule.id not in built_in), None):
            problems.append(f"{name}: rule {bad} takes {wrong[bad]}: the file is left out")
            continue
        for rule in file.rules:
            if rule.id in rules:
                who = "a built-in rule" if rule.id in built_in else "another site rule"
                problems.append(f"{name}: rule {rule.id} has the id of {who} and is left out")
            else:
                rules[rule.id] = rule
        files[f"site/{name}"] = file


def _site_files(extra: Path, problems: list[str]) -> list[Path]:
    if not extra.is_dir():
        problems.append(f"{extra} is not a folder: no site rules were read")
        return []
    try:
        names = sorted(name for name in os.listdir(extra) if name.endswith(".yaml"))  # noqa: PTH208  (names only)
    except OSError as error:
        problems.append(f"{extra} cannot be read: {error.strerror}: no site rules were read")
        return []
    if len(names) > MAX_RULE_FILES:
        problems.append(
            f"{extra} holds {len(names)} files: the first {MAX_RULE_FILES} were read, "
            f"from {names[MAX_RULE_FILES]} on none"
        )
    return [extra / name for name in names[:MAX_RULE_FILES]]


def _read_site(path: Path) -> MakerFile:
    """Read one file of a site's own: no link, device or pipe, and no more than 1 MiB."""
    try:
        # Looked at before it is opened, because opening a device can already do something.
        if not stat.S_ISREG(path.lstat().st_mode):
            raise UsageError(f"{path.name} is no plain file, and links are not followed")
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(descriptor, "rb") as stream:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise UsageError(f"{path.name} is no plain file")
            content = stream.read(MAX_RULE_FILE + 1)
        if len(content) > MAX_RULE_FILE:
            raise UsageError(f"{path.name} is longer than {MAX_RULE_FILE} bytes")
        text = content.decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path.name} cannot be read: {error}") from error
    file: MakerFile = _validated(path, text, _MAKER_FILE)
    return file


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
    return _validated(path, text, adapter)


def _validated(path: Path, text: str, adapter: TypeAdapter[Any]) -> Any:
    try:
        parsed = _parsed(text)
    except (YAMLError, ValueError, OverflowError, TypeError) as error:
        raise UsageError(f"{path.name}: {' '.join(str(error).split())}") from error
    try:
        return adapter.validate_python(parsed)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(map(str, first["loc"]))
        raise UsageError(
            f"{path.name}: {where}: {first['msg']} ({error.error_count()} problems in this file)"
        ) from error
