"""What is built from parser events is what ruamel's own loader gives."""

import itertools
import re
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError
from ruamel.yaml.resolver import implicit_resolvers

from auditor.common import yamldata
from auditor.common.yamldata import load_yaml

ROOT = Path(__file__).parents[2]
DATA = sorted(path for folder in ("fingerprints", "policies", "tests/lab") for path in (ROOT / folder).rglob("*.yaml"))


def _written(value):
    """Return a value with the type of every part and the order of keys."""
    if isinstance(value, dict):
        return type(value).__name__, [(_written(key), _written(item)) for key, item in value.items()]
    if isinstance(value, list):
        return type(value).__name__, [_written(item) for item in value]
    return type(value).__name__, repr(value)


def _result(load, text):
    try:
        return _written(load(text))
    except (YAMLError, ValueError) as error:
        return type(error).__name__, re.sub(r" at 0x[0-9a-f]+", "", str(error))


def _loader(text):
    return YAML(typ="safe").load(text)


@pytest.mark.parametrize("path", DATA, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_document_is_the_one_that_the_loader_gives(path):
    text = path.read_text("utf-8")
    assert _result(load_yaml, text) == _result(_loader, text)


def test_every_fingerprint_file_is_built_the_fast_way():
    files = [path for path in DATA if "fingerprints" in path.parts]
    assert len(files) > 100
    for path in files:
        assert isinstance(yamldata._built(path.read_text("utf-8")), dict | list), path


@pytest.mark.parametrize("text", [
    "", "# nothing\n", "---\n", "--- a\n", "a: 1\n---\nb: 2\n", "a: 1\n...\n", "%YAML 1.1\n---\na: yes\nb: 010\n", "%YAML 1.2\n---\na: yes\n", "%TAG ! tag:x,1:\n---\na: 1\n",
    "a: &x [1]\nb: *x\n", "a: &x 1\n", "&x a: 1\n", "a: *none\n", "a: !!str 1\n", "a: !!set {x, y}\n", "a: !x 1\n", "! a: 1\n", "a: ! 1\n", "<<: {a: 1}\nb: 2\n", "x: &y {a: 1}\nz: {<<: *y}\n", "=: 1\n", "a: =\n", "a: <<\n",
    "a: 1\na: 2\n", "{a: 1, a: 2}\n", '"a": 1\na: 2\n', "1: a\n", "true: a\n", "~: a\n", ": a\n", "? [a]\n: b\n", "? {a: 1}\n: b\n", "? a\n", "{a, b: }\n", "a:\n- b\n-\n- [c, [d], {}]\n", "[a, b\n", "a: b: c\n", 'a: "x\n', "\t- a\n",
    "a: 'true'\nb: \"1\"\nc: |\n  1\nd: >-\n  2\n  3\n", "a: x\n  y\n", "a: 12345678901234567890\n", "a: \u00e9\u2028b\n", "a: \x00\n", 'a: "\\0"\n', "a: \ud800\n", "plain", "[]", "- !!binary aGk=\n", "\ufeffa: 1\n",
])  # fmt: skip
def test_what_is_not_plain_is_what_the_loader_makes_of_it(text):
    assert _result(load_yaml, text) == _result(_loader, text)


@pytest.mark.parametrize("text", [
    "a: " + "[" * 100_000, "{" * 100_000, "- " * 100_000, "? " * 100_000, "{a: " * 100_000, "a: &x " + "[" * 100_000, "!x " + "[" * 100_000,
    "".join(" " * level + "a:\n" for level in range(500)), "a: &x [" + "1," * 5000 + "]\nb: [*x, *x, *x]\n", "a: &x [*x]\n", "&x {a: *x}",
    "a: &a [1,1,1,1,1,1,1,1,1]\n" + "".join(f"{b}: &{b} [*{a},*{a},*{a},*{a},*{a},*{a},*{a},*{a},*{a}]\n" for a, b in itertools.pairwise("abcdefghi")),
    "".join(f"%TAG !a{number}! b\n" for number in range(20_000)) + "--- 1\n",
], ids=range(13))  # fmt: skip
def test_what_would_hang_or_crash_the_loader_is_refused_at_once(text):
    begun = time.process_time()
    with pytest.raises(yamldata.OutOfBoundsError):
        load_yaml(text)
    assert time.process_time() - begun < 2


@pytest.mark.parametrize("start", ["", "&x "])  # built from events, and by the loader
def test_32_levels_are_read_and_33_are_not(start):
    def written(levels):
        return start + "[" * levels + "]" * levels

    assert load_yaml(written(32)) == _loader(written(32))
    with pytest.raises(yamldata.OutOfBoundsError, match="line 1 nests deeper than 32 levels"):
        load_yaml(written(33))


def test_brackets_in_quotes_and_few_aliases_are_no_levels():
    text = "a: '" + "[" * 5000 + "'\nb: &x [1, 2]\nc: [*x, *x]\n"
    assert load_yaml(text) == _loader(text)


SCALARS = ["true", "True", "TRUE", "tRUE", "false", "False", "FALSE", "yes", "no", "on", "off", "y", "n", "null", "Null", "NULL", "nULL", "~", "none", "nothing", "total", "0", "-0", "+0", "00", "007", "0o17", "0x1F", "0b1", "1_000", "-1", "+1", "1.", ".5", "1.5", "-1.5e3", "1e5", "1e+5", ".inf", "-.inf", ".nan", ".NaN", ".", "..", "-", "--", "+", "1:30", "12:30:45", "44:19:b6:00:00:05", "2026-11-21", "2026-1-1", "2026-11-21T10:00:00Z", "2026-13-45", "1.2.3.4", "1-2", "=", "<x", "!x", "*x", "@x", "`x", "%x", "9a", "f0", "t", "n", "1e", "0x", "999999999999999999", "9999999999999999999", "\u0661"]  # fmt: skip


@pytest.mark.parametrize("scalar", SCALARS)
@pytest.mark.parametrize("form", ["a: {}\n", "- {}\n", "[{}, b]\n", "{}: a\n"])
def test_every_sort_of_scalar(form, scalar):
    text = form.replace("{}", scalar)
    assert _result(load_yaml, text) == _result(_loader, text)


@given(st.text("0123456789+-._:eExXoOabfnulltrsTZ~=<>|#&*!?,[]{} \n\t'\"", max_size=16))
def test_any_text(text):
    assert _result(load_yaml, text) == _result(_loader, text)
    assert _result(load_yaml, f"a: {text}\n") == _result(_loader, f"a: {text}\n")


def test_the_first_letters_are_those_for_which_the_loader_looks_closer():
    letters = {
        first for versions, tag, _, firsts in implicit_resolvers if (1, 2) in versions and tag for first in firsts
    }
    assert {first for first in letters if first} <= yamldata.MAY_BE_MORE_THAN_TEXT
