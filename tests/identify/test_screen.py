"""What must be in a value: necessary for every expression of the data, and telling for most of them."""

import re

import pytest

from auditor.identify.screen import Needed, needed


@pytest.mark.parametrize(("expression", "start", "texts", "fold"), [
    ("App-webs", (), ("App-webs",), False), ("^App-webs/", ("App-webs/",), (), False), ("(?i)^Axis", ("axis",), (), True),
    ("^(?:Boa|GoAhead)/", ("Boa/", "GoAhead/"), (), False), ("a{2}bcd+e", (), ("abcd",), False), ("x?abc", (), ("abc",), False),
    ("abc|def", (), ("abc", "def"), False), ("^abc|def", (), ("abc", "def"), False), ("abc|\\d", (), (), False), ("[ab]cd", (), ("cd",), False), ("(?:cam|dome)x", (), ("camx", "domex"), False),
    ('(?i:realm)="', (), ('realm="',), True), (r"v\.\d+", (), ("v.",), False), (r"\d{3}", (), (), False), ("(?:abc)*", (), (), False), ("(?=abc)", (), (), False),
    ("a+bc", (), ("abc",), False), ("(?i)straße", (), (), False), ("^$", (), (), False), (r"^V.{2,40}camera", ("V",), ("camera",), False),
])  # fmt: skip
def test_what_is_needed(expression, start, texts, fold):
    found = needed(expression)
    assert (found.start, found.texts) == (start, texts)
    assert found.fold == fold or found == Needed()


@pytest.mark.parametrize("expression", [
    "(?:Camera|CAMERA)x(?:y|z){2}", "a(?:bc)+d", "a[bc]{1,2}d", "^a?b", "x(?:|y)z", r"\ba\B", "(a|b)(c|d)e", "a(?:b(?:c|d)?)e", "^(?:a|)b", "a{0,2}b", "a{2,}b", "a??b", "[]a]b", "[^]a]b", "a|", "()a",
])  # fmt: skip
def test_nothing_that_matches_lacks_it(expression):
    from itertools import product

    need = needed(expression)
    pattern = re.compile(expression)
    for length in range(7):
        for chars in product("abcdexyz]"[: 9 if length < 5 else 5], repeat=length):
            text = "".join(chars)
            if pattern.search(text):
                assert not need.start or text.startswith(need.start), (text, need)
                assert not need.texts or any(one in text for one in need.texts), (text, need)


def test_every_expression_of_the_data_is_kept_by_its_own_examples(rules):
    def walk(condition, key):
        if condition.regex is not None:
            yield condition.observable or key, condition
        for part in (*(condition.all or ()), *(condition.any or ())):
            yield from walk(part, condition.observable or key)

    seen = told = 0
    for rule in rules.rules:
        for key, condition in walk(rule.match, rule.observable):
            need = needed(condition.regex, ignore_case=condition.ignore_case)
            pattern = re.compile(condition.regex, re.IGNORECASE if condition.ignore_case else 0)
            told += bool(need.start or need.texts)
            for example in rule.examples:
                given = example.input if isinstance(example.input, dict) else {rule.observable: example.input}
                values = given.get(key, ())
                for value in (values,) if isinstance(values, str) else values:
                    if pattern.search(value[:4096]) and (value.isascii() or not need.fold):
                        text = value[:4096].lower() if need.fold else value[:4096]
                        assert not need.start or text.startswith(need.start), rule.id
                        assert not need.texts or any(one in text for one in need.texts), rule.id
                        seen += 1
    assert seen > 300
    assert told > 0.85 * sum(1 for rule in rules.rules for _ in walk(rule.match, rule.observable))
