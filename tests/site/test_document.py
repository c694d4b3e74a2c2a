import datetime as dt
import json
import re
from pathlib import Path

import jsonschema
import pytest
from ruamel.yaml import YAML

from auditor.common.data import data_path
from auditor.common.errors import UsageError
from auditor.common.limits import NEVER_PORTS
from auditor.model import Ports
from auditor.site import site_schema

DOCS = Path(__file__).parents[2] / "docs" / "site-file.md"
SCHEMA = data_path("reports") / "schema" / "site.schema.json"


def as_json(text):
    """The document as the types of JSON: dates as text."""
    return json.loads(json.dumps(YAML(typ="safe", pure=True).load(text), default=dt.date.isoformat))


def key_paths(schema, node=None, at=""):
    """Every key of the schema as `zones[].role`."""
    node = schema if node is None else node
    if "$ref" in node:
        yield from key_paths(schema, schema["$defs"][node["$ref"].rpartition("/")[2]], at)
    for choice in node.get("anyOf", []):
        yield from key_paths(schema, choice, at)
    if "items" in node:
        yield from key_paths(schema, node["items"], at + "[]")
    for value in node.get("patternProperties", {}).values():
        yield from key_paths(schema, value, at + ".NAME")
    for key, value in node.get("properties", {}).items():
        path = f"{at}.{key}" if at else key
        yield path
        yield from key_paths(schema, value, path)


def test_the_published_schema_is_the_one_of_the_code():
    expected = json.dumps(site_schema(), indent=2, ensure_ascii=False) + "\n"
    assert SCHEMA.read_text(encoding="utf-8") == expected, "write json.dumps(site_schema(), indent=2) to the file"


def test_the_schema_is_one_and_takes_the_smallest_file(smallest):
    schema = site_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(as_json(smallest), schema, format_checker=jsonschema.FormatChecker())


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("name: Ministry HQ", "nmae: Ministry HQ"),
        ("role: core", "role: coer"),
        ("sensitivity: sensitive", "sensitivity: secret"),
        ("by: Head of Security, ", ""),
        ("[10.88.0.9]", "[{adress: 10.88.0.9}]"),
        ("[10.88.0.0/24]", "[]"),
        ("policies:", "pace: fast\npolicies:"),
        ("policies:", "limits: {packets_per_second: 1001}\npolicies:"),
        ("policies:", "credentials: {cameras: {password: x}}\npolicies:"),
    ],
)
def test_the_schema_refuses(smallest, old, new):
    assert old in smallest
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(as_json(smallest.replace(old, new)), site_schema())


def test_the_schema_takes_every_form_of_exclusion(smallest):
    forms = "[10.88.0.9, {mac: '44:19:b6:00:00:05', reason: x, quiet: true}, {range: 10.88.0.1-10.88.0.2}]"
    jsonschema.validate(as_json(smallest.replace("[10.88.0.9]", forms)), site_schema())


def test_no_default_port_is_a_printer_port():
    ports = Ports()
    assert not NEVER_PORTS & {*ports.http, *ports.https, *ports.rtsp, *ports.listen, ports.wsd}


@pytest.mark.parametrize("path", sorted(set(key_paths(site_schema()))))
def test_every_key_stands_in_the_reference(path):
    assert f"`{path}`" in DOCS.read_text(encoding="utf-8")


def test_the_reference_names_no_key_that_does_not_exist():
    rows = re.findall(r"^\| `([^`]+)` \|", DOCS.read_text(encoding="utf-8"), flags=re.MULTILINE)
    known = set(key_paths(site_schema()))
    assert rows
    assert [row for row in rows if row not in known] == []


def test_the_files_of_the_reference_load(load, tmp_path):
    blocks = re.findall(r"```yaml\n(.*?)```", DOCS.read_text(encoding="utf-8"), flags=re.DOTALL)
    assert len(blocks) >= 2
    (tmp_path / "secrets").mkdir()
    (tmp_path / "rules").mkdir()
    (tmp_path / "secrets" / "cameras.txt").touch(mode=0o600)
    (tmp_path / "secrets" / "cameras.txt").chmod(0o600)
    table = re.search(r"```csv\n(.*?)```", DOCS.read_text(encoding="utf-8"), flags=re.DOTALL)[1]
    (tmp_path / "locations.csv").write_text(table, encoding="utf-8")
    for block in blocks:
        load(text=block)


def test_the_errors_of_the_reference_are_the_real_ones(load):
    rows = re.findall(r"^\| ``(.+?)`` \| ``(.+?)`` \| (.+) \|$", DOCS.read_text(encoding="utf-8"), flags=re.MULTILINE)
    assert len(rows) >= 6
    for old, new, message in rows:
        with pytest.raises(UsageError) as error:
            load(swap=[(old, new)])
        assert message in str(error.value)
