"""The shipped packs: their worked examples hold, their schemas are published, their sources are told."""

from __future__ import annotations

import json
import re
import shutil
from datetime import date

import jsonschema
import pytest
from ruamel.yaml import YAML

from auditor.assess import available, check, entities_schema, load_packs, policy_schema
from auditor.common.data import data_path

FOLDER = data_path("policies")
# Every maker that the product promises to name or not to flag by name (fingerprints facts, sections 1 to 4).
MAKERS = [
    "Hikvision", "Dahua", "Uniview", "Tiandy", "TVT", "Xiongmai", "Reolink", "TP-Link", "Milesight", "Huawei", "ZTE",
    "Hytera", "Sunell", "Nuctech", "ZKTeco", "Axis", "Bosch", "Hanwha", "Vivotek", "Mobotix", "Sony", "Panasonic",
    "i-PRO", "Avigilon", "Pelco", "Teledyne FLIR", "Ubiquiti", "GeoVision", "ACTi", "Verkada", "Suprema", "IDEMIA",
    "Canon", "D-Link", "Foscam", "TRENDnet", "Grandstream", "Avtech", "INSTAR", "Merit LILIN", "Jovision", "Edimax",
]  # fmt: skip


def test_the_worked_examples_hold():
    assert check() == ()


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("zone: core, sensitivity: standard, verdict: probable, decision: disconnect}",
         "zone: core, sensitivity: standard, verdict: probable, decision: remove}",
         "expects `remove` and the rule says `disconnect`"),
        ("      - {flips: zone, zone: isolated, decision: none}\n      - {zone: unknown", "      - {zone: unknown",
         "no example shows that `zone` alone"),
        ("{flips: verdict, verdict: possible, decision: assess}", "{flips: kind, verdict: possible, decision: assess}",
         "says that it flips `kind` but changes ['verdict']"),
        ("{flips: kind, kind: other, decision: none}", "{flips: kind, kind: recorder, decision: remove}",
         "and the decision stays `remove`"),
        ("      sensitivity: [sensitive]\n", "", "the rule says"),
        ("      zones: [core]\n", "", "the rule says"),
        ("    decision: disconnect", "    decision: assess", "expects `disconnect`"),
        ("  - id: uk-2022.core-network", "  - id: uk-2022.core network", "should match pattern"),
    ],
)  # fmt: skip
def test_the_self_test_finds_a_changed_rule(tmp_path, old, new, says):
    for name in ("uk-2022.yaml", "entities.yaml"):
        shutil.copy(FOLDER / name, tmp_path / name)
    file = tmp_path / "uk-2022.yaml"
    text = file.read_text(encoding="utf-8")
    assert old in text
    file.write_text(text.replace(old, new, 1), encoding="utf-8")
    problems = check(tmp_path)
    assert any(says in problem for problem in problems), problems


def test_an_empty_folder_is_a_problem(tmp_path):
    assert len(check(tmp_path)) == 1


@pytest.mark.parametrize(("name", "schema"), [("policy", policy_schema), ("entities", entities_schema)])
def test_the_published_schema_is_the_one_in_use(name, schema):
    published = json.loads((FOLDER / "schema" / f"{name}.schema.json").read_text(encoding="utf-8"))
    assert published == schema()
    jsonschema.Draft202012Validator.check_schema(published)


@pytest.mark.parametrize("name", [*available(), "entities"])
def test_the_files_agree_with_the_published_schema(name):
    schema = "entities" if name == "entities" else "policy"
    published = json.loads((FOLDER / "schema" / f"{schema}.schema.json").read_text(encoding="utf-8"))
    content = _as_json(YAML(typ="safe", pure=True).load((FOLDER / f"{name}.yaml").read_text(encoding="utf-8")))
    jsonschema.Draft202012Validator(published).validate(content)
    content["surprise"] = 1
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.Draft202012Validator(published).validate(content)


def test_the_schema_has_every_field_that_a_pack_must_be_able_to_express():
    text = json.dumps(policy_schema())
    for field in (
        "named", "law", "country", "affiliates", "data_location", "relabel", "component", "certification", "kinds",
        "bound", "purpose", "zones", "sensitivity", "acquired", "act", "effective", "deadline", "superseded_by",
        "decision", "force", "waiver", "owner", "least_confidence", "sources", "checked_on", "source_read",
        "report_within", "controls",
    ):  # fmt: skip
        assert f'"{field}"' in text, field


def test_every_maker_is_listed_with_a_country():
    (pack,) = load_packs(("uk-2022",))
    for maker in MAKERS:
        assert pack.entities.find(maker) == maker


# Makers of cameras and programmes whose country nobody could name: a unit of theirs gets the finding that says so.
NOT_LISTED = {
    "Frigate", "FUHO", "Huacam", "iCanTek", "iCatch", "Mango DSP", "Maygion", "Orite", "Sentry360", "Shinobi", "Veo",
    "ZoneMinder",
}  # fmt: skip


def test_every_maker_of_surveillance_equipment_that_a_fingerprint_names_is_listed():
    """What is positively a printer or a switch comes under no rule, so its maker's country plays no part."""
    (pack,) = load_packs(("uk-2022",))
    rules = [
        rule
        for path in sorted((data_path("fingerprints") / "makers").glob("*.yaml"))
        for rule in YAML(typ="safe", pure=True).load(path.read_text(encoding="utf-8"))["rules"]
    ]
    models = YAML(typ="safe", pure=True).load((data_path("fingerprints") / "models.yaml").read_text("utf-8"))
    kinds: dict[str, set[str]] = {grammar["maker"]: {grammar["kind"]} for grammar in models["grammars"]}
    for rule in rules:
        if maker := rule["says"].get("maker"):
            kinds.setdefault(maker, set()).add(rule["says"].get("kind", "unsaid"))
    named = {maker for maker, said in kinds.items() if said - {"other", "unsaid"} or said == {"unsaid"}}
    assert {"Hikvision", "Dahua", "Axis"} <= named
    assert {maker for maker in named if pack.entities.find(maker) is None} == NOT_LISTED


def test_only_named_makers_come_under_the_law_by_name():
    (pack,) = load_packs(("uk-2022",))
    applied = {name for name, maker in pack.entities.makers.items() if maker.applied_laws}
    assert applied == {"Hikvision", "Dahua"}, "another name needs a source and a reviewed line here"


def test_every_pack_says_how_well_it_was_read():
    for pack in load_packs(available()):
        assert pack.pack.source_read == "secondary", "primary only when the text itself was read: review this line"
        assert all(source.checked_on <= pack.pack.checked_on for source in pack.pack.sources)
        assert pack.pack.not_covered


def test_no_sentence_promises_what_an_audit_cannot_show():
    for path in FOLDER.glob("*.yaml"):
        assert not re.search(r"\b(clean|safe|secure)\b", path.read_text(encoding="utf-8"), re.IGNORECASE), path.name


def _as_json(node):
    if isinstance(node, dict):
        return {key: _as_json(value) for key, value in node.items()}
    if isinstance(node, list):
        return [_as_json(value) for value in node]
    return node.isoformat() if isinstance(node, date) else node
