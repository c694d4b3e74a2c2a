import contextlib
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditor.common import xmlsafe
from auditor.common.errors import UnreadableError

LAUGHS = b'<?xml version="1.0"?><!DOCTYPE l [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;">]><l>&b;</l>'
OUTSIDE = b'<!DOCTYPE l [<!ENTITY x SYSTEM "file:///etc/passwd">]><l>&x;</l>'


@pytest.mark.parametrize(
    "document",
    [LAUGHS, OUTSIDE, LAUGHS.decode().replace('<?xml version="1.0"?>', "").encode("utf-16"), b"<!DOCTYPE a><a/>"],
    ids=["laughs", "outside", "utf-16", "bare"],
)
def test_any_doctype_is_refused(document):
    for recover in (False, True):
        with pytest.raises(UnreadableError):
            xmlsafe.parse(document, recover=recover)


@pytest.mark.parametrize(
    "document", [b"<a>" * 200_000, b"<a>" + b"<b/>" * 20_000 + b"</a>", b"<a>" + b"x" * 2_000_000 + b"</a>"]
)
def test_depth_nodes_and_bytes_are_bounded_and_cheap(document):
    began = time.process_time()
    for recover in (False, True):
        with pytest.raises(UnreadableError):
            xmlsafe.parse(document, recover=recover)
    assert time.process_time() - began < 2


def test_damaged_xml_is_harvested_only_when_asked():
    damaged = b"<Probe><Model>DS-1</Model><Mac>x</Probe>"
    with pytest.raises(UnreadableError):
        xmlsafe.parse(damaged)
    assert list(xmlsafe.texts(xmlsafe.parse(damaged, recover=True), "Model")) == ["DS-1"]


def test_names_are_read_without_their_namespace():
    root = xmlsafe.parse(b' \n<a:x xmlns:a="urn:a"><a:y> 1 </a:y><y xmlns="urn:b">2</y></a:x>')
    assert xmlsafe.local_name(root) == "x"
    assert list(xmlsafe.texts(root, "y")) == ["1", "2"]


@given(st.binary(max_size=600), st.booleans())
def test_bytes_of_any_kind_give_a_tree_or_the_one_error(document, recover):
    with contextlib.suppress(UnreadableError):
        xmlsafe.parse(document, recover=recover)


def test_an_undeclared_prefix_is_no_obstacle():
    root = xmlsafe.parse(b"<s:Envelope><s:Body>1</s:Body></s:Envelope>", recover=True)
    assert [xmlsafe.local_name(element) for element in root.iter()] == ["Envelope", "Body"]
    assert list(xmlsafe.texts(root, "Body")) == ["1"]
