import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from auditor.common.display import visible
from auditor.common.limits import MAX_DISPLAY


def test_control_and_direction_characters_become_escapes():
    assert visible("a\x1b[31m\u202eb\nc\x00") == r"a\x1b[31m\u202eb\x0ac\x00"


def test_a_long_text_is_cut_with_a_mark():
    shown = visible("x" * 70_000)
    assert shown.startswith("x" * MAX_DISPLAY)
    assert shown.endswith("[…]")
    assert len(shown) < MAX_DISPLAY + 10


def test_ordinary_text_of_any_script_is_left_alone():
    assert visible("Überwachung Hà Nội 海康威视") == "Überwachung Hà Nội 海康威视"


@given(st.text(st.characters(exclude_categories=()), max_size=400))
def test_nothing_invisible_and_nothing_unencodable_is_left(text):
    shown = visible(text)
    shown.encode("utf-8")
    assert not [char for char in shown if unicodedata.category(char) in {"Cc", "Cf", "Cs", "Zl", "Zp"}]
