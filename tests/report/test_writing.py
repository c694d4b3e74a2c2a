"""audit.json: the schema holds, nothing is lost on the way back, and the same audit gives the same bytes."""

from __future__ import annotations

import copy
import dataclasses
import json
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator, FormatChecker
from report.build import audit, devices, states
from report.hostile import hostile_audit

from auditor.common.errors import UsageError
from auditor.model import (
    CoverageState,
    Decision,
    Force,
    Identity,
    Kind,
    Outcome,
    Relation,
    Sensitivity,
    Status,
    Strength,
    Verdict,
    ZoneRole,
)
from auditor.report import audit_schema, document, dump, observation_schema, read_document

CASES = {
    "complete": audit(), "emulated": audit(emulated=True), "incomplete": audit(missed=4), "empty": audit(units=()),
    "unfinished": audit(finished=None, interrupted=True, complete=False, counters=None, data_dates=None),
}  # fmt: skip


@pytest.fixture(scope="module")
def validator():
    Draft202012Validator.check_schema(audit_schema())
    return Draft202012Validator(audit_schema(), format_checker=FormatChecker())


@pytest.mark.parametrize("case", CASES)
def test_document_fits_its_schema(case, validator):
    assert [error.message for error in validator.iter_errors(document(CASES[case]))] == []


@pytest.mark.parametrize("case", CASES)
def test_reading_back_gives_the_same_audit(case):
    whole = CASES[case]
    assert read_document(json.loads(json.dumps(document(whole)))) == whole


def test_every_field_of_the_model_is_in_the_document():
    whole = document(audit())
    for part, value in (
        ("site", whole["site"]),
        ("run", whole["run"]),
        ("coverage", whole["coverage"]),
        ("plan", whole["plan"]),
    ):
        assert {field.name for field in dataclasses.fields(getattr(audit(), part))} == set(value), part
    one = audit().devices[0]
    flattened = {field.name for field in dataclasses.fields(one)} - {"identity"} | {
        field.name for field in dataclasses.fields(Identity)
    }
    assert flattened == set(whole["devices"][0])


def test_enumerations_of_the_schema_are_those_of_the_model():
    schema = audit_schema()
    assert schema["$defs"]["state"]["enum"] == list(CoverageState) == list(schema["$defs"]["states"]["properties"])
    assert schema["$defs"]["states"]["required"] == list(CoverageState)
    assert schema["$defs"]["decision"]["enum"] == list(Decision)
    assert schema["$defs"]["zone_role"]["enum"] == list(ZoneRole)
    assert schema["$defs"]["finding"]["properties"]["force"]["enum"] == list(Force)
    assert schema["$defs"]["evidence"]["properties"]["strength"]["enum"] == list(Strength)
    unit = schema["$defs"]["device"]["properties"]
    assert unit["kind"]["enum"] == list(Kind)
    assert unit["verdict"]["enum"] == list(Verdict)
    assert unit["relation"]["enum"] == [*Relation, None]
    assert schema["properties"]["site"]["properties"]["sensitivity"]["enum"] == list(Sensitivity)


def test_schema_is_strict_everywhere(validator):
    open_objects = []

    def walk(node, place):
        if isinstance(node, dict):
            if node.get("type") in ("object", ["object", "null"]) and "additionalProperties" not in node:
                open_objects.append(place)
            for key, value in node.items():
                walk(value, f"{place}/{key}")
        elif isinstance(node, list):
            for index, value in enumerate(node):
                walk(value, f"{place}/{index}")

    walk(audit_schema(), "")
    assert open_objects == []
    whole = document(audit())
    whole["devices"][0]["nickname"] = "x"
    assert not validator.is_valid(whole)


def test_a_state_too_many_is_refused_by_the_schema(validator):
    whole = document(audit())
    whole["coverage"]["states"]["absent"] = 0
    assert not validator.is_valid(whole)
    del whole["coverage"]["states"]["absent"], whole["coverage"]["states"]["silent"]
    assert not validator.is_valid(whole)


def test_states_that_do_not_add_up_are_never_written():
    whole = audit()
    wrong = dataclasses.replace(
        whole, coverage=dataclasses.replace(whole.coverage, scope_size=whole.coverage.scope_size + 1)
    )
    with pytest.raises(ValueError, match="add up to 512"):
        document(wrong)
    first, *rest = whole.coverage.by_subnet
    wrong = dataclasses.replace(
        whole,
        coverage=dataclasses.replace(
            whole.coverage, by_subnet=(dataclasses.replace(first, states=states(silent=1)), *rest)
        ),
    )
    with pytest.raises(ValueError, match=r"coverage of 10\.88\.0\.0/24"):
        document(wrong)


def test_states_that_do_not_add_up_are_never_believed():
    whole = document(audit())
    whole["coverage"]["states"]["silent"] -= 1
    with pytest.raises(UsageError, match="add up"):
        read_document(whole)


def test_a_newer_schema_is_refused_with_what_to_do():
    whole = document(audit())
    whole["schema_version"] = 2
    with pytest.raises(UsageError, match=r"schema_version is 2, .* reads up to 1.*newer auditor"):
        read_document(whole)


def _places(node, place=()):
    if isinstance(node, dict):
        for key, value in node.items():
            yield (*place, key)
            yield from _places(value, (*place, key))
    elif isinstance(node, list) and node:
        yield from _places(node[0], (*place, 0))


# Fields of devices that the first runs did not have.
LATER = {
    "manufactured",
    "megapixels",
    "lens",
    "channels",
    "functions",
    "same_because",
    "behind",
    "mac_registrant",
    "look_for",
    "label_note",
    "rests_on",
}


@pytest.mark.parametrize("place", list(_places(document(audit()))), ids=lambda place: ".".join(map(str, place)))
def test_a_damaged_document_is_refused_with_its_place(place):
    """Every key, once missing and once of another type: a sentence that names it, or a value that may be any name."""
    original = document(audit())
    *parents, last = place
    for damage in ("missing", "another type"):
        whole = copy.deepcopy(original)
        node = whole
        for step in parents:
            node = node[step]
        if damage == "missing":
            del node[last]
            may_miss = (
                ("evidence" in parents and last in {"port", "source"})
                or last in LATER
                or parents[-1:]
                in (
                    ["versions"],
                    ["counters"],
                    ["data_dates"],
                )
            )
        else:
            node[last] = object()
            may_miss = False
        if may_miss:
            read_document(whole)
        else:
            with pytest.raises(UsageError, match=str(last)):
                read_document(whole)


@pytest.mark.parametrize("value", [None, [], 3, "x", {}])
def test_what_is_no_audit_is_refused(value):
    with pytest.raises(UsageError, match=r"audit\.json"):
        read_document(value)


def test_times_are_utc_and_keep_their_precision():
    whole = audit(started=datetime(2026, 11, 21, 9, 14, 7, 250_001, tzinfo=timezone(timedelta(hours=1))))
    assert document(whole)["run"]["started"] == "2026-11-21T08:14:07.250001Z"
    assert document(whole)["run"]["finished"] == "2026-11-21T08:41:55.000Z"
    assert read_document(document(whole)).run.started == datetime(2026, 11, 21, 8, 14, 7, 250_001, tzinfo=UTC)


def test_a_time_without_a_zone_is_refused():
    whole = document(audit())
    whole["run"]["started"] = "2026-11-21T08:14:07"
    with pytest.raises(UsageError, match="time zone"):
        read_document(whole)


def test_device_text_is_raw_and_surrogates_become_escapes():
    first, *rest = devices()
    odd = dataclasses.replace(first, identity=dataclasses.replace(first.identity, model="=1+1\x1b[2J\u202e<b>\udc80"))
    whole = document(audit(units=(odd, *rest)))
    assert whole["devices"][0]["model"] == "=1+1\x1b[2J\u202e<b>\\udc80"
    data = dump(audit(units=(odd, *rest)))
    assert json.loads(data.decode("utf-8"))["devices"][0]["model"] == "=1+1\x1b[2J\u202e<b>\\udc80"


@given(st.text(st.characters(exclude_categories=[]), max_size=40))
def test_any_text_survives_or_is_escaped(text):
    first, *rest = devices()
    odd = audit(units=(dataclasses.replace(first, notes=(text,)), *rest))
    again = read_document(json.loads(dump(odd)))
    if text.encode("utf-8", "surrogatepass").decode("utf-8", "replace") == text:
        assert again == odd
    assert dump(again) == dump(odd)


def test_hostile_audit_survives():
    whole = hostile_audit()
    again = read_document(json.loads(dump(whole)))
    assert dump(again) == dump(whole)


def test_bytes_do_not_depend_on_the_order_of_arrival():
    whole = audit()
    shuffled = dataclasses.replace(
        whole, devices=tuple(dataclasses.replace(unit, methods=unit.methods[::-1]) for unit in reversed(whole.devices)),
        coverage=dataclasses.replace(whole.coverage, by_address=whole.coverage.by_address[::-1]),
        run=dataclasses.replace(whole.run, versions=dict(reversed(whole.run.versions.items())), counters=dict(reversed(whole.run.counters.items()))),
    )  # fmt: skip
    assert dump(shuffled) == dump(whole)
    assert dump(whole).endswith(b"}\n")
    assert b'\n  "schema_version": 1' in dump(whole)


def test_devices_are_sorted_as_addresses_and_not_as_text():
    first, second, *_rest = devices()
    near, far = (
        dataclasses.replace(first, addresses=("10.88.0.9",), id="b"),
        dataclasses.replace(second, addresses=("10.88.0.10",), id="a"),
    )
    whole = dataclasses.replace(audit(units=(near, far)), devices=(far, near))
    assert [unit["addresses"][0] for unit in json.loads(dump(whole))["devices"]] == ["10.88.0.9", "10.88.0.10"]


def test_confidence_is_not_rounded():
    first, *rest = devices()
    fine = dataclasses.replace(first, identity=dataclasses.replace(first.identity, confidence=0.99712345))
    assert read_document(document(audit(units=(fine, *rest)))).devices[0].identity.confidence == 0.99712345


@pytest.mark.parametrize("outcome", [
    Outcome("10.0.0.5", "http", raw=b"HTTP/1.1 200 OK\r\n\r\n\xff", port=80, request="GET /", at="2026-11-21T08:14:07.250Z", tls=True, truncated=True, detail="cut"),
    Outcome("10.0.0.5", "mac", facts={"mac": "44:19:b6:00:00:05"}),
    Outcome("10.0.0.5", "http", facts={"http.header_names": ["Server", "Date"], "http.header.x-powered-by": "x", "dhip.DeviceType": "IPC"}),
    Outcome("10.0.0.5", "rtsp", status=Status.TIMED_OUT, port=554),
])  # fmt: skip
def test_outcome_lines_fit_the_observation_schema(outcome):
    schema = observation_schema()
    Draft202012Validator.check_schema(schema)
    assert [error.message for error in Draft202012Validator(schema).iter_errors(outcome.to_json())] == []


@pytest.mark.parametrize("line", [
    {"device": "10.0.0.5", "probe": "http"}, {"probe": "http", "raw": ""}, {"device": "x", "probe": "http", "raw": "", "port": 0},
    {"device": "x", "probe": "http", "facts": {"http.colour": "red"}}, {"device": "x", "probe": "http", "facts": {"http.server": 3}},
    {"device": "x", "probe": "http", "raw": "", "status": "fine"}, {"device": "x", "probe": "http", "raw": "", "note": "x"},
])  # fmt: skip
def test_wrong_lines_do_not_fit_the_observation_schema(line):
    assert not Draft202012Validator(observation_schema()).is_valid(line)


def test_observation_schema_knows_every_status():
    assert observation_schema()["properties"]["status"]["enum"] == list(Status)


UNIT = {
    "manufactured": "2020-04-14",
    "megapixels": 8.0,
    "lens": "motorised-zoom",
    "channels": 16,
    "functions": ("anpr",),
    "look_for": ("Look at the label.",),
}


def _with_unit(**known):
    first, *rest = devices()
    return audit(units=(dataclasses.replace(first, identity=dataclasses.replace(first.identity, **known)), *rest))


def test_what_names_and_serial_numbers_say_survives():
    whole = _with_unit(**UNIT)
    value = json.loads(dump(whole))
    Draft202012Validator(audit_schema()).validate(value)
    assert read_document(value) == whole
    assert {key: value["devices"][0][key] for key in UNIT} == UNIT | {
        "functions": ["anpr"],
        "look_for": ["Look at the label."],
    }


def test_runs_from_before_these_fields_are_read():
    value = json.loads(dump(_with_unit(**UNIT)))
    for unit in value["devices"]:
        for key in UNIT:
            del unit[key]
    Draft202012Validator(audit_schema()).validate(value)
    identity = read_document(value).devices[0].identity
    assert [getattr(identity, key) for key in UNIT] == [None, None, None, None, (), ()]


@pytest.mark.parametrize(("key", "bad"), [
    ("manufactured", "14.04.2020"), ("manufactured", 20200414), ("megapixels", 0), ("megapixels", "8"), ("megapixels", True),
    ("lens", 3), ("channels", 1.5), ("functions", "anpr"), ("functions", [1]),
])  # fmt: skip
def test_wrong_values_of_these_fields_are_refused(key, bad):
    value = json.loads(dump(_with_unit(**UNIT)))
    value["devices"][0][key] = bad
    assert not Draft202012Validator(audit_schema()).is_valid(value)
    with pytest.raises(UsageError, match=key):
        read_document(value)
