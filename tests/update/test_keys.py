"""Which keys are trusted, and how that changes."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from auditor.common.errors import UsageError
from auditor.update import Trust
from auditor.update.keys import SignedList, adopt, read_list


@pytest.fixture
def anchor(tools):
    return Trust.anchor(tools.secret(1).public)


def numbers(trust, tools, upto=6):
    return {number for number in range(1, upto) if trust.holds(tools.secret(number).public)}


def test_a_list_of_a_trusted_key_takes_the_place_of_the_old_one(anchor, tools):
    trust = adopt(anchor, [tools.key_list(1, [2, 3], by=1)])
    assert numbers(trust, tools) == {2, 3}
    assert trust.sequence == 1


def test_a_list_of_an_unknown_key_is_refused(anchor, tools):
    with pytest.raises(UsageError, match=f"key {tools.secret(2).public.name} signed it, which is not trusted here"):
        adopt(anchor, [tools.key_list(1, [1, 2], by=2)])


def test_a_list_that_was_changed_is_refused(anchor, tools):
    good = tools.key_list(1, [1, 2], by=1)
    with pytest.raises(UsageError, match="does not fit"):
        adopt(anchor, [SignedList(good.content.replace(b"test key 2", b"test key 9"), good.signature)])


def test_an_old_list_is_refused_and_the_same_one_is_not(anchor, tools):
    first, second = tools.key_list(4, [1, 2], by=1), tools.key_list(5, [1, 3], by=1)
    trust = adopt(anchor, [first, second])
    assert adopt(trust, [first, second]) == trust
    assert adopt(trust, []) == trust
    with pytest.raises(UsageError, match="has number 4, and 5 is in force"):
        adopt(trust, [first])
    with pytest.raises(UsageError, match="another one than the list of the same number"):
        adopt(trust, [tools.key_list(5, [1, 4], by=1)])


def test_a_site_that_missed_a_pack_follows_the_chain(anchor, tools):
    chain = [tools.key_list(1, [2], by=1), tools.key_list(2, [3], by=2), tools.key_list(3, [4], by=3)]
    assert numbers(adopt(anchor, chain), tools) == {4}
    with pytest.raises(UsageError, match="not trusted here"):
        adopt(anchor, [chain[0], chain[2]])
    at_two = adopt(anchor, chain[:2])
    assert numbers(adopt(at_two, chain), tools) == {4}
    assert adopt(adopt(anchor, chain), chain).sequence == 3


def test_a_new_site_may_begin_in_the_middle_of_the_chain(tools):
    chain = [tools.key_list(1, [2], by=1), tools.key_list(2, [3], by=2)]
    assert numbers(adopt(Trust.anchor(tools.secret(2).public), chain), tools) == {3}


def test_a_revoked_key_is_never_trusted_again(anchor, tools):
    trust = adopt(anchor, [tools.key_list(1, [2], by=1, revoked=[1])])
    with pytest.raises(UsageError, match=r"trusts .* again, which is revoked here"):
        adopt(trust, [tools.key_list(2, [1, 2], by=2)])
    with pytest.raises(UsageError, match="revoked here"):
        adopt(trust, [tools.key_list(2, [1], by=1)])
    later = adopt(trust, [tools.key_list(2, [3], by=2)])
    assert later.revoked == (tools.secret(1).public.text,)


def test_who_may_sign_packs_only_signs_no_list(anchor, tools):
    split = adopt(anchor, [tools.key_list(1, [(1, ("keys",)), (2, ("data",))], by=1)])
    with pytest.raises(UsageError, match="may sign data only"):
        adopt(split, [tools.key_list(2, [2, 3], by=2)])
    message = b"a payload"
    signature = tools.secret(1).sign(message, "comment")
    with pytest.raises(UsageError, match="may sign keys only"):
        split.check(signature, message, "data")
    assert split.check(tools.secret(2).sign(message, "c"), message, "data") == tools.secret(2).public


@pytest.mark.parametrize(
    ("keys", "said"),
    [([], "leave no key that may sign packs"), ([(2, ("keys",))], "leave no key that may sign packs"),
     ([(2, ("data",))], "leave no key that may sign lists"), ([2, 2], "one id")],
)  # fmt: skip
def test_a_list_that_would_lock_everybody_out_is_refused(anchor, tools, keys, said):
    with pytest.raises(UsageError, match=said):
        adopt(anchor, [tools.key_list(1, keys, by=1)])


def test_a_list_that_contradicts_itself_is_refused(anchor, tools):
    with pytest.raises(UsageError, match="trusts a key and revokes it"):
        adopt(anchor, [tools.key_list(1, [1, 2], by=1, revoked=[2])])


@pytest.mark.parametrize(
    "change", [{"what": "camera-auditor data"}, {"format": 2}, {"sequence": 0}, {"sequence": "3"}, {"dated": "yesterday"},
               {"extra": 1}, {"keys": [{"key": "x", "signs": ["data", "keys"]}]}, {"keys": [{"key": "x", "signs": ["all"]}]}],
)  # fmt: skip
def test_only_the_exact_form_of_a_list_is_read(anchor, tools, change):
    with pytest.raises(UsageError):
        adopt(anchor, [tools.key_list(1, [1], by=1, **change)])


@pytest.mark.parametrize("text", [b"", b"[]", b"{" * 100_000, b"\xff", b"null"])
def test_what_is_no_list_is_refused_as_such(text):
    with pytest.raises(UsageError, match="not a list of keys"):
        read_list(text)


def test_the_trust_survives_being_written_down(anchor, tools):
    trust = adopt(anchor, [tools.key_list(1, [(2, ("data",)), (3, ("keys",))], by=1, revoked=[1])])
    assert Trust.model_validate_json(json.dumps(trust.model_dump(mode="json"))) == trust


def test_the_list_in_the_guide_is_one(tools):
    """docs/data-updates.md shows a list with two keys left out; put them in, and it has to be taken."""
    page = (Path(__file__).parents[2] / "docs" / "data-updates.md").read_text(encoding="utf-8")
    text = re.search(r"```json\n(.*?)```", page, re.DOTALL).group(1)
    for number, name in enumerate(("hq-lists.pub", "hq-data.pub"), 1):
        text = text.replace(f"RW... (the line of {name})", tools.secret(number).public.text)
    listed = read_list(text.encode())
    assert [trusted.signs for trusted in listed.keys] == [("keys",), ("data",)]
