"""Checks the MAC prefix data: the register of all blocks, and the family lists against it and `families.yaml`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from auditor.common.errors import UsageError
from auditor.identify.oui import LOCAL_OR_GROUP, Block

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from auditor.identify.rules import RuleSet


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class _Family(_Strict):
    family: str
    role: Literal["maker", "sub-brand", "brand", "module", "unrelated"]
    registrants: list[str] = Field(min_length=1)


class _List(_Strict):
    file: str = Field(pattern=r"^[a-z]+\.tsv$")
    about: str
    families: list[_Family]


class _Historic(_Strict):
    prefix: str = Field(pattern=r"^(?:[0-9A-F]{6}|[0-9A-F]{7}|[0-9A-F]{9})$")
    registrant: str
    source: str = Field(min_length=1)


class _Families(_Strict):
    lists: list[_List]
    historic: list[_Historic]
    near: list[str]
    reviewed: list[str]


def register_problems(rules: RuleSet) -> list[str]:
    """Return what is wrong with the register of all MAC blocks; a run reads it only when it has to."""
    register = rules.prefixes.register
    if register is None:
        return ["there is no register of MAC blocks"]
    try:
        dated = register.dated
        for _ in register.rows():
            pass
    except UsageError as error:
        return [str(error)]
    if dated != rules.registers_dated:
        return [f"manifest.yaml: registers_dated is {rules.registers_dated}, and {register.path.name} is of {dated}"]
    return []


def family_problems(folder: Path, rules: RuleSet) -> list[str]:
    """Return where the family lists differ from the register and `families.yaml`, one sentence each.

    Args:
        folder: the fingerprint data.
        rules: read from it.
    """
    oui = folder / "oui"
    try:
        text = (oui / "families.yaml").read_text("utf-8")
        named = TypeAdapter(_Families).validate_python(YAML(typ="safe", pure=True).load(text))
    except (OSError, YAMLError, ValidationError) as error:
        return [f"oui/families.yaml cannot be used: {error}"]
    try:
        register = dict(rules.prefixes.register.rows()) if rules.prefixes.register else {}
    except UsageError:
        return []  # register_problems has said so
    placed: dict[str, tuple[str, str, str]] = {}
    problems: list[str] = []
    for entry in named.lists:
        for family in entry.families:
            for holder in family.registrants:
                if holder in placed:
                    problems.append(f"oui/families.yaml: {holder} is placed twice")
                placed[holder] = (entry.file, family.family, family.role)
    now_and_then = register | {line.prefix: line.registrant for line in named.historic}
    problems += _differences(now_and_then, placed, rules)
    problems += _inside(register, rules)
    problems += _files(oui, placed)
    return problems


def _differences(
    register: Mapping[str, str], placed: Mapping[str, tuple[str, str, str]], rules: RuleSet
) -> Iterator[str]:
    wanted = {
        prefix: Block(prefix, *placed[holder][1:], registrant=holder)
        for prefix, holder in register.items()
        if holder in placed and not int(prefix[1], 16) & LOCAL_OR_GROUP
    }
    listed = {block.prefix: block for block in rules.prefixes}
    for prefix in sorted(wanted.keys() | listed.keys()):
        if prefix not in listed:
            yield f"oui: block {prefix} of {wanted[prefix].registrant} is in no list: run deploy/update_oui.py"
        elif wanted.get(prefix) != listed[prefix]:
            yield f"oui: block {prefix} is not what the register and families.yaml say: run deploy/update_oui.py"


def _inside(register: Mapping[str, str], rules: RuleSet) -> Iterator[str]:
    """Find what would be taken for a family although the register gave a part of the block to somebody else."""
    listed = {block.prefix: block for block in rules.prefixes}
    for prefix, holder in register.items():
        for length in (6, 7):
            around = listed.get(prefix[:length])
            if len(prefix) > length and around is not None and prefix not in listed:
                yield f"oui: block {prefix} of {holder} lies inside {around.prefix} of {around.family}"


def _files(oui: Path, placed: Mapping[str, tuple[str, str, str]]) -> Iterator[str]:
    for path in sorted(oui.glob("*.tsv")):
        rows = [line for line in path.read_text("utf-8").splitlines() if line and not line.startswith("#")]
        if rows != sorted(rows):
            yield f"oui/{path.name} is not in ascending order"
        for row in rows:
            place = placed.get(row.rpartition("\t")[2])
            if place is not None and place[0] != path.name:
                yield f"oui/{path.name}: block {row.partition(chr(9))[0]} belongs into {place[0]}"
