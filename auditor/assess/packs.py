"""Policy packs: their layout, their loader, and the JSON Schema made from the same models."""

from __future__ import annotations

import string
from datetime import date  # noqa: TC003  (pydantic reads the annotation)
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from auditor.assess.entities import (
    Address,
    Country,
    DataModel,
    Entities,
    LinkKind,
    SourceRead,
    Words,
    load_entities,
)
from auditor.assess.yamlfile import YamlFile
from auditor.common.data import data_path
from auditor.common.errors import UsageError
from auditor.model import Decision, Force, Kind, Sensitivity, Verdict, ZoneRole

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

URGENT = frozenset({Decision.REMOVE, Decision.DISCONNECT})
PARAMETERS = frozenset({"maker", "site", "zone"})
_NOT_PACKS = frozenset({"entities"})
_RANK = {Verdict.UNIDENTIFIED: 0, Verdict.POSSIBLE: 1, Verdict.PROBABLE: 2, Verdict.CONFIRMED: 3}
_SENTENCES = (
    "sentence",
    "sentence_when_kind_unseen",
    "sentence_when_country_unchecked",
    "sentence_when_kind_unseen_and_country_unchecked",
)
_PROBABLE = 0.90  # design, section 5: below this an identity is only `possible`


class Act(StrEnum):
    """What a text governs. Only `use` and `connect` reach a unit that is already installed."""

    PROCURE = "procure"
    DEPLOY = "deploy"
    CONNECT = "connect"
    USE = "use"
    IMPORT = "import"
    MARKET = "market"
    SUPPLY = "supply"


class Status(StrEnum):
    """Whether a text binds today."""

    IN_FORCE = "in-force"
    PROPOSED = "proposed"
    SUPERSEDED = "superseded"
    WITHDRAWN = "withdrawn"


class Standing(StrEnum):
    """How a maker comes under a law: a public body has said so of it by name, or only its country says so."""

    APPLIED = "applied"
    BY_COUNTRY = "by-country"


class KindUnseen(StrEnum):
    """What becomes of a unit whose kind no evidence shows."""

    COVERED = "covered"
    BY_BUSINESS = "by-business"


class Source(DataModel):
    """An address where the text, or an account of it, stands."""

    address: Address
    title: Words
    read: Literal[SourceRead.PRIMARY, SourceRead.SECONDARY]
    checked_on: date


class LawTest(DataModel):
    """The maker is subject to a law."""

    id: Words
    standing: Standing


class AffiliateTest(DataModel):
    """Linked companies that count as the named maker."""

    relations: tuple[LinkKind, ...] = Field(min_length=1)
    only: bool = False


class EntityTest(DataModel):
    """Who must have made the unit; exactly one of `named`, `law`, `country` and `unseen`.

    Attributes:
        named: makers by their key in `entities.yaml`.
        law: by a law that the maker is subject to.
        country: by the country of the maker.
        unseen: no evidence shows who made it.
        affiliates: with `named`: linked companies count as well, or (with `only: true`) they alone.
        data_location: where data goes or control comes from. Not interpreted yet.
    """

    named: tuple[Words, ...] | None = Field(default=None, min_length=1)
    law: LawTest | None = None
    country: tuple[Country, ...] | None = Field(default=None, min_length=1)
    unseen: Literal[True] | None = None
    affiliates: AffiliateTest | None = None
    data_location: tuple[Country, ...] | None = None

    @model_validator(mode="after")
    def _one_test(self) -> Self:
        tests = [name for name in ("named", "law", "country", "unseen") if getattr(self, name) is not None]
        if len(tests) != 1:
            raise ValueError("exactly one of `named`, `law`, `country` and `unseen` must stand here; keep one")
        if self.affiliates is not None and self.named is None:
            raise ValueError("`affiliates` only goes with `named`; take it out")
        return self


class Acquired(DataModel):
    """When the unit was acquired. Not interpreted yet."""

    before: date | None = None
    after: date | None = None


class Waiver(DataModel):
    """Who may waive the rule, and until when. Not interpreted yet."""

    by: Words
    until: date | None = None
    note: Words | None = None


class ReportWithin(DataModel):
    """Duty to report a find. Not interpreted yet."""

    days: int = Field(gt=0)
    business_days: bool = False
    to: Words


class When(DataModel):
    """The conditions of a rule; all must hold. A condition that is left out holds for every unit.

    Attributes:
        entity: who made it.
        relabel: `by-maker`: the label does not matter. Other values are not interpreted yet.
        kinds: sorts of device.
        kind_unseen: what becomes of kind `unknown`: `covered`, or `by-business` (covered when the maker's business is
            surveillance, else the decision is `cannot-say`).
        zones: roles of the unit's zone.
        sensitivity: of the site.
        least_confidence: verdict or number (0 to 1) that the identity must reach.
        purpose, acquired, owner, component, certification: not interpreted yet.
    """

    entity: EntityTest
    relabel: Literal["by-maker", "by-label", "either"] = "by-maker"
    kinds: tuple[Kind, ...] | None = Field(default=None, min_length=1)
    kind_unseen: KindUnseen = KindUnseen.BY_BUSINESS
    zones: tuple[ZoneRole, ...] | None = Field(default=None, min_length=1)
    sensitivity: tuple[Sensitivity, ...] | None = Field(default=None, min_length=1)
    least_confidence: Literal["confirmed", "probable", "possible"] | Annotated[float, Field(ge=0.5, le=1)] = "probable"
    purpose: tuple[Words, ...] | None = None
    acquired: Acquired | None = None
    owner: tuple[Literal["own", "landlord", "contractor"], ...] | None = None
    component: tuple[Words, ...] | None = None
    certification: Words | None = None

    @model_validator(mode="after")
    def _kinds_named(self) -> Self:
        if self.kinds is not None and Kind.UNKNOWN in self.kinds:
            raise ValueError("`unknown` is not listed among `kinds`; `kind_unseen` decides about it")
        return self

    def is_sure_enough(self, verdict: Verdict, confidence: float) -> bool:
        """Return whether an identity of that verdict and confidence (0 to 1) may be judged by the rule."""
        if isinstance(self.least_confidence, str):
            return _RANK[verdict] >= _RANK[Verdict(self.least_confidence)]
        # The verdict is the stricter word: a MAC prefix alone stays `possible` whatever its number.
        least = Verdict.PROBABLE if self.least_confidence >= _PROBABLE else Verdict.POSSIBLE
        return _RANK[verdict] >= _RANK[least] and confidence >= self.least_confidence


class Example(DataModel):
    """A worked case. The first of a rule is complete; each later one starts from the first and changes what it names.

    Attributes:
        flips: the one condition that this case changes, and that alone changes the decision.
        decision: what this rule must say, or `none` when it does not apply.
    """

    flips: Literal["maker", "kind", "zone", "sensitivity", "verdict", "on"] | None = None
    maker: Words | None = None
    brand: Words | None = None
    kind: Kind | None = None
    zone: ZoneRole | None = None
    sensitivity: Sensitivity | None = None
    verdict: Verdict | None = None
    confidence: float | None = Field(default=None, ge=0, le=1)
    on: date | None = None
    decision: Decision | Literal["none"]


class Rule(DataModel):
    """One rule of a pack.

    Attributes:
        id: `<pack>.<word>`.
        title: short, as in `the advice "Core network"`.
        act: what the text governs.
        when: conditions.
        decision, force, deadline: of the finding. A deadline is the last day.
        effective: first day; default: the pack's.
        sentence: why it applies; may hold `{maker}`, `{site}` and `{zone}`.
        sentence_when_kind_unseen: the same for a unit whose kind no evidence shows.
        sentence_when_country_unchecked: the same where the rule goes by the maker's country and nobody has checked that
            (`country_read: unsourced`).
        sentence_when_kind_unseen_and_country_unchecked: both at once.
        note: how the text was read, for people who maintain the pack.
        sources, source_read, checked_on: default: the pack's.
        examples: worked cases that the self-test runs.
        waiver, controls, report_within: not interpreted yet.
    """

    id: Annotated[str, Field(pattern=r"^[a-z0-9-]+\.[a-z0-9-]+$")]
    title: Words
    act: tuple[Act, ...] = Field(min_length=1)
    when: When
    decision: Decision
    force: Force
    deadline: date | None = None
    effective: date | None = None
    sentence: Words
    sentence_when_kind_unseen: Words | None = None
    sentence_when_country_unchecked: Words | None = None
    sentence_when_kind_unseen_and_country_unchecked: Words | None = None
    note: Words | None = None
    sources: tuple[Source, ...] = ()
    source_read: SourceRead | None = None
    checked_on: date | None = None
    examples: tuple[Example, ...] = Field(min_length=1)
    waiver: Waiver | None = None
    controls: tuple[Words, ...] | None = None
    report_within: ReportWithin | None = None


class Pack(DataModel):
    """A policy pack as it stands in its file.

    Attributes:
        id: name of the file without `.yaml`.
        bound: who is bound by it, one phrase each.
        summary: what it says, in our words.
        not_covered: sentences: what the pack leaves out and why.
        effective: first day of the rules.
        checked_on: day on which the pack was last checked against its sources.
        source_read: whether the text itself was read.
    """

    format: Literal[1]
    id: Annotated[str, Field(pattern=r"^[a-z0-9-]+$")]
    title: Words
    issued_by: Words
    bound: tuple[Words, ...] = Field(min_length=1)
    summary: Words
    not_covered: tuple[Words, ...] = ()
    status: Status
    superseded_by: Words | None = None
    effective: date
    checked_on: date
    source_read: SourceRead
    sources: tuple[Source, ...] = Field(min_length=1)
    rules: tuple[Rule, ...] = Field(min_length=1)


class LoadedPack(DataModel):
    """A checked pack together with the makers' data that it is judged by."""

    pack: Pack
    entities: Entities

    @property
    def id(self) -> str:
        """Id of the pack."""
        return self.pack.id

    @property
    def checked_on(self) -> date:
        """The older of the two dates on which the pack and the makers' data were checked."""
        return min(self.pack.checked_on, self.entities.checked_on)

    @property
    def version(self) -> str:
        """What a report prints, e.g. `uk-2022 checked 2026-11-21 (secondary)`."""
        return f"{self.pack.id} checked {self.checked_on.isoformat()} ({self.pack.source_read.value})"


def available(folder: Path | None = None) -> tuple[str, ...]:
    """Return the ids of the packs in a folder (default: the shipped one), in alphabetical order."""
    folder = folder or data_path("policies")
    return tuple(sorted(path.stem for path in folder.glob("*.yaml") if path.stem not in _NOT_PACKS))


def load_packs(ids: Sequence[str], folder: Path | None = None) -> tuple[LoadedPack, ...]:
    """Read and check policy packs, in the order asked for.

    Args:
        ids: as in the site file, e.g. `("uk-2022", "us-889")`.
        folder: holds the packs and `entities.yaml`; default: the shipped data.

    Raises:
        UsageError: an unknown or repeated id (the available ones are listed), or a fault in a file, named with file,
            line, key and fix. A rule that uses a field this version does not interpret is refused, never ignored.
    """
    folder = folder or data_path("policies")
    known = available(folder)
    for pack_id in ids:
        if pack_id not in known:
            raise UsageError(f"there is no policy `{pack_id}`; available: {', '.join(known) or 'none'}")
        if list(ids).count(pack_id) > 1:
            raise UsageError(f"the policy `{pack_id}` is named twice; name it once")
    if not ids:
        return ()
    entities = load_entities(folder)
    return tuple(LoadedPack(pack=_load(folder / f"{pack_id}.yaml", entities), entities=entities) for pack_id in ids)


def policy_schema() -> dict[str, Any]:
    """Return the JSON Schema of a pack file; `policies/schema/policy.schema.json` holds the same."""
    return _published(Pack, "policy")


def entities_schema() -> dict[str, Any]:
    """Return the JSON Schema of `entities.yaml`; `policies/schema/entities.schema.json` holds the same."""
    return _published(Entities, "entities")


def _published(model: type[DataModel], name: str) -> dict[str, Any]:
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": f"{name}.schema.json"} | (
        model.model_json_schema()
    )


def _load(path: Path, entities: Entities) -> Pack:
    file = YamlFile(path)
    pack = file.validated(Pack)
    if pack.id != path.stem:
        raise file.fault(("id",), f"`{pack.id}` differs from the name of the file; use `{path.stem}`")
    seen: set[str] = set()
    for index, rule in enumerate(pack.rules):
        for where, problem in (*_uninterpreted(rule), *_contradictions(pack, rule), *_unknown_names(rule, entities)):
            raise file.fault(("rules", index, *where), f"{problem} (rule `{rule.id}`)")
        if not rule.id.startswith(f"{pack.id}."):
            raise file.fault(("rules", index, "id"), f"must begin with `{pack.id}.`; rename the rule")
        if rule.id in seen:
            raise file.fault(("rules", index, "id"), f"`{rule.id}` stands twice; rename one")
        seen.add(rule.id)
    return pack


_Where = tuple[str, ...]


def _uninterpreted(rule: Rule) -> Iterator[tuple[_Where, str]]:
    """Yield every condition that would silently widen the rule, because nothing here acts on it."""
    values: list[tuple[_Where, object]] = [(("when", "entity", "data_location"), rule.when.entity.data_location)]
    values += [
        (("when", name), getattr(rule.when, name))
        for name in ("purpose", "acquired", "owner", "component", "certification")
    ]
    values += [((name,), getattr(rule, name)) for name in ("waiver", "controls", "report_within")]
    for where, value in values:
        if value is not None:
            yield where, "this version does not act on this field, so the rule would say too much; take the rule out"
    if rule.when.relabel != "by-maker":
        yield ("when", "relabel"), "this version only acts on `by-maker`; take the rule out"


def _contradictions(pack: Pack, rule: Rule) -> Iterator[tuple[_Where, str]]:
    """Yield every claim of a rule that its own text, status or confidence does not carry."""
    if rule.decision in URGENT:
        least = rule.when.least_confidence
        if least == "possible" or (isinstance(least, float) and least < _PROBABLE):
            yield ("when", "least_confidence"), "a unit is never flagged on a `possible` identity; use `probable`"
        reach = {Act.USE} if rule.decision is Decision.REMOVE else {Act.USE, Act.CONNECT}
        if not reach & set(rule.act):
            yield ("act",), f"a text that governs none of {sorted(reach)} asks nothing of an installed unit"
        if rule.force is Force.PROPOSAL or pack.status is not Status.IN_FORCE:
            yield ("decision",), "a text that is not in force never demands action; use `monitor` or `assess`"
        if (rule.source_read or pack.source_read) is SourceRead.UNSOURCED:
            yield ("decision",), "an unsourced rule never demands action; use `monitor` or `assess`"
        if rule.when.entity.law and rule.when.entity.law.standing is Standing.BY_COUNTRY:
            yield ("when", "entity", "law"), "a country alone never flags a unit; use `assess`"
    yield from _missing_sentences(rule)
    if rule.when.entity.unseen and rule.decision is not Decision.CANNOT_SAY:
        yield ("decision",), "when nobody knows the maker the decision is `cannot-say`"
    for name in _SENTENCES:
        text: str | None = getattr(rule, name)
        for _, parameter, _, _ in string.Formatter().parse(text or ""):
            if parameter is not None and parameter not in PARAMETERS:
                yield (name,), f"`{{{parameter}}}` is not known here; use {', '.join(sorted(PARAMETERS))}"


def _missing_sentences(rule: Rule) -> Iterator[tuple[_Where, str]]:
    if rule.when.kinds and not rule.when.entity.unseen and rule.sentence_when_kind_unseen is None:
        yield ("when", "kinds"), "a rule for some kinds needs `sentence_when_kind_unseen`; add it"
    by_law = rule.when.entity.law is not None and rule.when.entity.law.standing is Standing.BY_COUNTRY
    if rule.when.entity.country is not None or by_law:
        needed = ["sentence_when_country_unchecked"]
        if rule.when.kinds:
            needed.append("sentence_when_kind_unseen_and_country_unchecked")
        for name in needed:
            if getattr(rule, name) is None:
                yield ("when", "entity"), f"a rule that goes by a country needs `{name}`; add it"


def _unknown_names(rule: Rule, entities: Entities) -> Iterator[tuple[_Where, str]]:
    for name in rule.when.entity.named or ():
        if name not in entities.makers:
            yield ("when", "entity", "named"), f"no maker `{name}` in entities.yaml; add it there"
    law = rule.when.entity.law
    if law is not None and law.id not in entities.laws:
        yield ("when", "entity", "law"), f"no law `{law.id}` in entities.yaml; use one of: {', '.join(entities.laws)}"
