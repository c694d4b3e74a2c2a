from pathlib import Path

import pytest

from auditor.common.errors import UsageError
from auditor.site.yaml_text import MAX_ALIASES, MAX_FILE, read_yaml, show_path

PATH = Path("site.yaml")


def read(text):
    return read_yaml(text if isinstance(text, bytes) else text.encode(), PATH)


def test_every_scalar_stays_text():
    tree, _ = read("a: no\nb: 010\nc: 1e3\nd: 44:19:10:00:00:05\ne: 441900000005\nf: 2026-11-01\ng: 'null'\nh: 22:00\n")
    assert tree == {
        "a": "no", "b": "010", "c": "1e3", "d": "44:19:10:00:00:05", "e": "441900000005", "f": "2026-11-01", "g": "null",
        "h": "22:00",
    }  # fmt: skip


def test_empty_values_are_none():
    assert read("a:\nb: ~\nc: null\nd: ''\n")[0] == {"a": None, "b": None, "c": None, "d": ""}
    assert read("")[0] is None
    assert read("# nothing\n")[0] is None


def test_lines_are_those_of_keys_and_items():
    _, lines = read("# first\na:\n  - x: 1\n\n    y: [p,\n        q]\nb: 2\n")
    assert lines["a",] == 2
    assert lines["a", 0, "x"] == 3
    assert lines["a", 0, "y"] == 5
    assert lines["a", 0, "y", 1] == 6
    assert lines["b",] == 7


@pytest.mark.parametrize("prefix", [b"\xef\xbb\xbf", b""])
@pytest.mark.parametrize("ending", [b"\n", b"\r\n"])
def test_byte_order_mark_and_line_endings(prefix, ending):
    tree, lines = read(prefix + ending.join([b"a: 1", b"b: 2", b""]))
    assert tree == {"a": "1", "b": "2"}
    assert lines["b",] == 2


def test_an_alias_repeats_its_value():
    assert read("a: &x [1, 2]\nb: *x\n")[0] == {"a": ["1", "2"], "b": ["1", "2"]}


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("a: 1\nb: 2\na: 3\n", 3, "`a` is given twice, first in line 1; keep one"),
        ("x:\n  a: 1\n  a: 3\n", 3, "key `x.a`"),
        ("a: 1\n---\nb: 1\n", 2, "delete the second `---`"),
        ("a:\n\tb: 1\n", 2, "indent with spaces, not with tabs"),
        ("a: [1, 2\nb: 3\n", 2, "missing colon, quote or bracket"),
        ("a: 1\nb: x\x07\n", 2, "control character"),
        (b"a: 1\nb: \xff\n", 2, "not UTF-8"),
        ("a: 1\nb: !!python/object:os.system x\n", 2, "a tag"),
        ("a: !secret x\n", 1, "a tag"),
        ("a: *missing\n", 1, "put text that begins with * in quotes"),
        ("a: 1\nb: &x [*x]\n", 2, "leads back to itself"),
        ("? [a]\n: 1\n", 1, "a key is not plain text"),
        ("~: 1\n", 1, "a key is not plain text"),
        ("[" * 20 + "]" * 20, 1, "levels"),
        ("[" * 5000, 1, "nested too deep"),
        ("a: &x 1\nb: [" + "*x, " * (MAX_ALIASES + 1) + "]\n", 2, f"more than {MAX_ALIASES} aliases"),
    ],
)
def test_what_is_refused_names_file_line_and_fix(text, line, words):
    with pytest.raises(UsageError) as error:
        read(text)
    assert str(error.value).startswith(f"site.yaml, line {line}")
    assert words in str(error.value)


def test_a_file_that_doubles_itself_with_each_line_is_refused():
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 8)}]" for n in range(1, 9)]
    with pytest.raises(UsageError, match="aliases"):
        read("\n".join(lines))


def test_a_file_that_is_too_large_is_refused_unread():
    with pytest.raises(UsageError, match=rf"site\.yaml, line 1: .* {MAX_FILE} are allowed"):
        read(b"#" * (MAX_FILE + 1))


def test_an_error_never_repeats_a_value():
    for text in ("password: hunter2\npassword: hunter2\n", "a: 'hunter2", "a: {password: hunter2\nb: 1\n"):
        with pytest.raises(UsageError) as error:
            read(text)
        assert "hunter2" not in str(error.value)


def test_paths_are_shown_as_people_write_them():
    assert show_path(("zones", 0, "subnets", 2)) == "zones[0].subnets[2]"
    assert show_path(()) == "(top)"
    assert show_path(("a\x1b[2J",)) == "a\\x1b[2J"
