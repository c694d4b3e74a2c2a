import re
import typing

import pytest
from pydantic import BaseModel

from auditor.common.errors import NotAuthorised, UsageError
from auditor.site import render_template
from auditor.site.document import SiteDocument

FILLED = (
    ('by: ""', "by: Head of Security"),
    ('reference: ""', "reference: SEC-2026-114"),
    ('valid_from: ""', "valid_from: 2026-11-01"),
    ('valid_until: ""', "valid_until: 2026-12-31"),
)


def sections(annotation):
    """Every section of the model that an annotation holds, deep."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
        for known in annotation.model_fields.values():
            yield from sections(known.annotation)
    for part in typing.get_args(annotation):
        yield from sections(part)


def every_key():
    return sorted(
        {known.alias or key for section in sections(SiteDocument) for key, known in section.model_fields.items()}
    )


@pytest.mark.parametrize("subnets", [["10.88.0.0/24"], ["10.88.0.0/24", "10.88.1.0/24", "fd00::/64"]])
def test_it_loads_once_the_authorisation_is_filled_in(load, subnets):
    site = load(text=render_template(subnets), swap=FILLED)
    assert [zone.subnets for zone in site.site.zones] == [tuple(subnets)]
    assert site.site.zones[0].name == "office"
    assert site.site.zones[0].role.value == "unknown"
    assert site.warnings == ()


def test_it_does_not_load_before(load):
    with pytest.raises(NotAuthorised) as error:
        load(text=render_template(["10.88.0.0/24"]))
    text = str(error.value)
    assert len(text.splitlines()) == 4
    for key in ("by", "reference", "valid_from", "valid_until"):
        assert f"key `authorisation.{key}`: is empty; write" in text


@pytest.mark.parametrize("missing", range(4))
def test_every_part_of_the_authorisation_must_be_filled_in(load, missing):
    with pytest.raises(NotAuthorised):
        load(text=render_template(["10.88.0.0/24"]), swap=[*FILLED[:missing], *FILLED[missing + 1 :]])


def test_without_subnets_the_zone_says_what_to_write(load):
    with pytest.raises(UsageError, match=r"key `zones\[0\]\.subnets`: has no entry; write for example"):
        load(text=render_template(), swap=FILLED)


@pytest.mark.parametrize("key", every_key())
def test_every_key_of_the_model_is_shown(key):
    assert re.search(rf"[\s#{{,(]{key}:", render_template(["10.88.0.0/24"])), key


def uncommented(text):
    return re.sub(r"^(\s*)#(?=[a-z])", r"\1", text, flags=re.MULTILINE)


def test_the_defaults_that_it_shows_are_the_defaults(load, tmp_path):
    text = render_template(["10.88.0.0/24"])
    plain = load(text=text, swap=FILLED)
    (tmp_path / "locations.csv").write_text("address,room\n10.88.0.7,2.14\n")
    (tmp_path / "rules").mkdir()
    full = load(text=uncommented(text), swap=FILLED)
    for name in ("pace", "ports", "windows", "canaries", "contacts", "credentials", "methods", "accept_risk", "site",
                 "authorisation", "warnings"):  # fmt: skip
        assert getattr(plain, name) == getattr(full, name), name
    assert plain.scope.excluded_size == full.scope.excluded_size == 0
    # keys without a default stand there with an example
    assert (full.site_id, full.interface, full.rules_folder, len(full.locations)) == (
        "my-site",
        "eth0",
        tmp_path / "rules",
        1,
    )
    shown = set(re.findall(r"^(\w+):", uncommented(text), flags=re.MULTILINE))
    assert shown == set(SiteDocument.model_fields)


@pytest.mark.parametrize("block", ["exclude", "windows", "credentials"])
def test_the_examples_in_the_comments_load(load, tmp_path, block):
    text = render_template(["10.88.0.0/24"])
    before, _, _ = text.partition(f"#{block}: ")
    comment = before.rpartition("\n\n")[2]
    examples = re.findall(r"^#( {3}\S.*)$", comment, flags=re.MULTILINE)
    assert examples
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / "cameras.txt").touch(mode=0o600)
    (tmp_path / "secrets" / "cameras.txt").chmod(0o600)
    load(f"{block}:\n" + "\n".join(examples) + "\n", text=text, swap=FILLED)


@pytest.mark.parametrize(
    ("subnets", "words"),
    [
        (["10.88.0.5/24"], "`--subnet`: `10.88.0.5/24` has host bits set; write 10.88.0.0/24"),
        (["10.88.0.0/24", "10.88.0.0/24"], "10.88.0.0/24 is given twice; keep one"),
        (["224.0.0.0/24"], "cannot be in the scope"),
        (["office"], "is not a subnet; write it like 10.88.0.0/24"),
    ],
)
def test_wrong_subnets_are_refused(subnets, words):
    with pytest.raises(UsageError) as error:
        render_template(subnets)
    assert words in str(error.value)
