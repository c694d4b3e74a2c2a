from __future__ import annotations

import re

import pytest

from auditor.identify.expressions import weaknesses


@pytest.mark.parametrize(
    "expression",
    [
        "(a+)+$",
        "^(a|aa)+$",
        "(?:a{2,9})*b",
        "((?:x[0-9]*)+)y",
        "^(?:[a-z]*|[0-9]*)*$",
        "(?:(?:ab)*)*c",
        "(?:abc|a[a-z]c)*d",
        "(?:a?){50}b",
    ],
)
def test_a_repeat_within_a_repeat_is_found(expression: str) -> None:
    assert any("repeats a repeat" in text for text in weaknesses(expression))


@pytest.mark.parametrize(
    "expression",
    ["(.*)x(.*)y(.*)z", "^.*a.*b.*c$", r"\w+ \w+\s*\w+x", "[^>]*url=[^>]*asp[^>]*!", r"a.*b\s*.*c", "(?i)^.*A.*B.*C"],
)
def test_repeats_that_share_characters_are_found(expression: str) -> None:
    assert any("steps on" in text for text in weaknesses(expression))


@pytest.mark.parametrize("expression", ["(?=a)b", "(?<!a)b", r"(a)\1", "(?P<x>a)(?P=x)", "a++b", "(?>a|ab)c", r"a\Z"])
def test_what_re2_does_not_know_is_found(expression: str) -> None:
    assert any("RE2" in text for text in weaknesses(expression))


@pytest.mark.parametrize(
    "expression",
    [
        "",
        "^App-webs/?$",
        r"^Login to (?P<serial>[0-9A-Z]{15})$",
        r"^(?:\d{1,3}\.){3}\d{1,3}$",
        r"^(?P<a>[^,]*),(?P<b>[^,]*),(?P<c>[^,]*)$",
        r"^[A-Z]+-[0-9]+[A-Z]*_[0-9]+$",
        "(?:AXIS|Axis) .{2,60}Camera",
        "(?:a|b|cd)+x",
        "^(?:-(?:IL|PV|PROX?|S[0-9]))*$",
        r'["\']/doc/page/login\.asp\?_\d+',
    ],
)
def test_what_is_harmless_passes(expression: str) -> None:
    assert weaknesses(expression) == []


def test_an_optional_repeat_does_not_hide_what_stands_around_it() -> None:
    """On a text of one letter the optional digits are empty and the three others share everything."""
    assert weaknesses("^a*[0-9]*a*[0-9]*a*!")


def test_the_bound_of_a_repeat_counts() -> None:
    assert weaknesses("^.{1,300}a.{1,300}b.{1,300}c")
    assert weaknesses("^.{1,30}a.{1,30}b.{1,30}c") == []


@pytest.mark.parametrize("expression", [r"\d+\.\d+\.\d+!", "^.*a.*b$", "[a-z]+ [a-z]+ [a-z]+!"])
def test_what_passes_ends_on_the_worst_text(expression: str) -> None:
    """What is let through is quadratic at most: it comes to an end on texts made against it."""
    assert weaknesses(expression) == []
    for text in ("1" * 4096, "a" * 4096, "a " * 2048, "1." * 2048):
        assert re.search(expression, text) is None
