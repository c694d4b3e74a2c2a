"""Makers with their legal names, countries, laws and corporate links: `policies/entities.yaml`."""

from __future__ import annotations

from datetime import date  # noqa: TC003  (pydantic reads the annotation)
from enum import StrEnum
from functools import cached_property
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from auditor.assess.yamlfile import YamlFile

if TYPE_CHECKING:
    from pathlib import Path

FILE_NAME = "entities.yaml"

Address = Annotated[str, Field(pattern=r"^https?://\S+$")]
Country = Annotated[str, Field(pattern=r"^[A-Z]{2}$")]
Words = Annotated[str, Field(min_length=1)]


class SourceRead(StrEnum):
    """Whether somebody read the text itself, an account of it, or nothing that could be cited."""

    PRIMARY = "primary"
    SECONDARY = "secondary"
    UNSOURCED = "unsourced"


class Business(StrEnum):
    """Whether nearly everything a maker sells is surveillance equipment."""

    SURVEILLANCE = "surveillance"
    MIXED = "mixed"


class LinkKind(StrEnum):
    """What a company is to the maker it is listed under."""

    SUBSIDIARY = "subsidiary"
    AFFILIATE = "affiliate"
    JOINT_VENTURE = "joint-venture"
    FORMER_SUBSIDIARY = "former-subsidiary"
    SUCCESSOR = "successor"


class DataModel(BaseModel):
    """Base of everything read from `policies/`: frozen, and an unknown key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Law(DataModel):
    """A law that a policy goes by.

    Attributes:
        title: in English.
        country: whose law it is, ISO 3166 alpha-2.
        in_force: first day.
    """

    title: Words
    country: Country
    in_force: date
    sources: tuple[Address, ...] = Field(min_length=1)
    source_read: SourceRead


class AppliedLaw(DataModel):
    """A law that a public body has treated as applying to this maker by name.

    Attributes:
        law: key of `laws`.
        since: the first day from which the maker counts as covered; `basis` says why that day.
        basis: who did so, in one sentence.
    """

    law: Words
    since: date
    basis: Words
    sources: tuple[Address, ...] = Field(min_length=1)
    source_read: Literal[SourceRead.PRIMARY, SourceRead.SECONDARY]


class Affiliate(DataModel):
    """A company or owned label linked to a maker; `from`/`until` are days, either may be unknown."""

    name: Words
    legal_names: tuple[Words, ...] = ()
    relation: LinkKind
    since: date | None = None
    until: date | None = None
    sources: tuple[Address, ...] = ()
    source_read: SourceRead = SourceRead.UNSOURCED
    note: Words | None = None

    def stands(self, day: date) -> bool:
        """Return whether the link exists on that day, as far as its dates are known."""
        return (self.since is None or self.since <= day) and (self.until is None or day <= self.until)


class Maker(DataModel):
    """A company that builds devices.

    Attributes:
        legal_names: as registers or rules write them.
        aliases: other spellings that evidence may carry.
        country: of the head office, ISO 3166 alpha-2.
        country_read: how well the country is sourced.
        business: decides whether a unit of unknown kind is taken for surveillance equipment.
    """

    legal_names: tuple[Words, ...] = ()
    aliases: tuple[Words, ...] = ()
    country: Country
    country_read: SourceRead = SourceRead.UNSOURCED
    business: Business = Business.MIXED
    applied_laws: tuple[AppliedLaw, ...] = ()
    affiliates: tuple[Affiliate, ...] = ()
    sources: tuple[Address, ...] = ()
    note: Words | None = None


class Entities(DataModel):
    """The whole file.

    Attributes:
        format: version of the file's layout.
        checked_on: day on which the entries were last checked.
    """

    format: Literal[1]
    checked_on: date
    laws: dict[Words, Law]
    makers: dict[Words, Maker]

    @cached_property
    def _names(self) -> dict[str, str]:
        names: dict[str, str] = {}
        for name, maker in self.makers.items():
            for spelling in (name, *maker.aliases, *maker.legal_names):
                names.setdefault(spelling.casefold(), name)
        return names

    @cached_property
    def _links(self) -> dict[str, tuple[tuple[str, Affiliate], ...]]:
        links: dict[str, list[tuple[str, Affiliate]]] = {}
        for name, maker in self.makers.items():
            for affiliate in maker.affiliates:
                for spelling in (affiliate.name, *affiliate.legal_names):
                    links.setdefault(spelling.casefold(), []).append((name, affiliate))
        return {spelling: tuple(found) for spelling, found in links.items()}

    def find(self, maker: str) -> str | None:
        """Return the key of a maker from any of its spellings, ignoring case; None when it is not listed."""
        return self._names.get(maker.casefold())

    def links(self, maker: str) -> tuple[tuple[str, Affiliate], ...]:
        """Return `(maker it is linked to, link)` for a company name; empty when it is nobody's affiliate."""
        return self._links.get(maker.casefold(), ())

    def knows(self, maker: str) -> bool:
        """Return whether the name is a maker or an affiliate of one."""
        return self.find(maker) is not None or bool(self.links(maker))


def load_entities(folder: Path) -> Entities:
    """Read and check the makers' file of a policy folder.

    Raises:
        UsageError: with file, line, key and fix.
    """
    file = YamlFile(folder / FILE_NAME)
    entities = file.validated(Entities)
    claimed: dict[str, str] = {}
    for name, maker in entities.makers.items():
        for index, applied in enumerate(maker.applied_laws):
            if applied.law not in entities.laws:
                raise file.fault(
                    ("makers", name, "applied_laws", index, "law"),
                    f"no law `{applied.law}` in `laws`; use one of: {', '.join(entities.laws)}",
                )
        for spelling in {text.casefold() for text in (name, *maker.aliases, *maker.legal_names)}:
            if other := claimed.get(spelling):
                raise file.fault(
                    ("makers", name), f"the spelling `{spelling}` also stands under `{other}`; keep it in one place"
                )
            claimed[spelling] = name
    return entities
