"""Keys and signatures against files that the real minisign made (tests/update/data/README.md)."""

from __future__ import annotations

import base64
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditor.common.errors import UsageError
from auditor.update import PublicKey, SecretKey, Signature

DATA = Path(__file__).parent / "data"
MESSAGE = (DATA / "message.txt").read_bytes()
PUBLIC = PublicKey.from_file((DATA / "throw-away.pub").read_bytes())
SIGNED = (DATA / "message.minisig").read_bytes()


def no_password() -> str:
    raise AssertionError("asked for a password")


def the_secret() -> SecretKey:
    return SecretKey.from_file((DATA / "throw-away.key").read_bytes(), no_password)


def test_a_signature_of_the_tool_is_taken():
    signature = Signature.from_file(SIGNED)
    signature.check(PUBLIC, MESSAGE)
    assert signature.comment == "made by minisign 0.11"
    assert signature.file == SIGNED


def test_a_key_is_named_as_the_tool_names_it():
    stated = (DATA / "throw-away.pub").read_text().splitlines()[0].rsplit(" ", 1)[1]
    assert PUBLIC.name == stated.zfill(16)
    assert PUBLIC.text == (DATA / "throw-away.pub").read_text().splitlines()[1]


def test_the_same_key_signs_the_same_bytes_as_the_tool():
    assert the_secret().public == PUBLIC
    assert the_secret().sign(MESSAGE, "made by minisign 0.11").file == SIGNED


def test_an_encrypted_key_of_the_tool_opens_with_its_password():
    content = (DATA / "throw-away-encrypted.key").read_bytes()
    key = SecretKey.from_file(content, lambda: "throw-away")
    assert key.public == PublicKey.from_file((DATA / "throw-away-encrypted.pub").read_bytes())
    signature = Signature.from_file((DATA / "message.encrypted.minisig").read_bytes())
    signature.check(key.public, MESSAGE)
    assert key.sign(MESSAGE, signature.comment) == signature


def test_a_wrong_password_is_said():
    """A key with small limits: those of the tool take 1 GiB and seconds."""
    first, second = (DATA / "throw-away-encrypted.key").read_bytes().splitlines()
    blob = bytearray(base64.b64decode(second))
    blob[38:54] = (2**19).to_bytes(8, "little") + (2**24).to_bytes(8, "little")
    with pytest.raises(UsageError, match="wrong password"):
        SecretKey.from_file(first + b"\n" + base64.b64encode(blob), lambda: "throw-away")


def test_the_older_form_is_refused_with_the_reason():
    with pytest.raises(UsageError, match=r"older form.*without -l"):
        Signature.from_file((DATA / "message.legacy.minisig").read_bytes())


def test_another_key_another_message_another_comment():
    signature = Signature.from_file(SIGNED)
    other = PublicKey.from_file((DATA / "throw-away-encrypted.pub").read_bytes())
    with pytest.raises(UsageError, match=f"by key {PUBLIC.name}, not by {other.name}"):
        signature.check(other, MESSAGE)
    with pytest.raises(UsageError, match="does not fit"):
        signature.check(PublicKey(PUBLIC.id, other.raw), MESSAGE)
    with pytest.raises(UsageError, match="does not fit"):
        signature.check(PUBLIC, MESSAGE + b"!")
    with pytest.raises(UsageError, match="trusted comment was changed"):
        replace(signature, comment="made by minisign 0.12").check(PUBLIC, MESSAGE)


@given(st.integers(0, len(SIGNED) - 1), st.integers(0, 7))
def test_no_flipped_bit_of_a_signature_is_taken_in_the_form_that_it_has(offset, bit):
    damaged = bytearray(SIGNED)
    damaged[offset] ^= 1 << bit
    try:
        signature = Signature.from_file(bytes(damaged))
        signature.check(PUBLIC, MESSAGE)
    except UsageError:
        return
    # Only what is not signed is left: the first line, and other spellings of the same base64.
    assert signature.file == SIGNED


@pytest.mark.parametrize("offset", [6 + 48 + 3, 6 + 48 + 8 + 5, 6 + 48 + 40 + 5])
def test_a_damaged_secret_key_does_not_sign(offset):
    first, second = (DATA / "throw-away.key").read_bytes().splitlines()
    blob = bytearray(base64.b64decode(second))
    blob[offset] ^= 1
    content = first + b"\n" + base64.b64encode(blob)
    if offset < 6 + 48 + 8:  # the id: only the name changes, and no site knows it
        assert SecretKey.from_file(content, no_password).public.id != PUBLIC.id
        return
    with pytest.raises(UsageError, match="two halves"):
        SecretKey.from_file(content, no_password)


def test_a_secret_key_that_asks_for_too_much_memory_is_refused_before_the_password():
    first, second = (DATA / "throw-away-encrypted.key").read_bytes().splitlines()
    blob = bytearray(base64.b64decode(second))
    blob[38:54] = (2**40).to_bytes(8, "little") + (2**40).to_bytes(8, "little")
    with pytest.raises(UsageError, match="more memory"):
        SecretKey.from_file(first + b"\n" + base64.b64encode(blob), no_password)


@pytest.mark.parametrize(
    "content",
    [b"", b"\xff\xfe", b"untrusted comment: x\n", b"untrusted comment: x\nAAAA\n", b"untrusted comment: x\n***\n",
     b"comment: x\n" + SIGNED.split(b"\n", 1)[1], SIGNED * 2, SIGNED.replace(b"made by", b"made\x1bby"),
     SIGNED.replace(b"made by", b"m" * 2000)],
)  # fmt: skip
def test_what_is_no_key_and_no_signature_is_refused_as_such(content):
    for read in (PublicKey.from_file, Signature.from_file, lambda text: SecretKey.from_file(text, no_password)):
        with pytest.raises(UsageError, match=r"not a minisign|comment"):
            read(content)


def test_a_secret_key_is_not_shown():
    assert the_secret().seed.hex() not in repr(the_secret())
    assert repr(the_secret().seed) not in repr(the_secret())
