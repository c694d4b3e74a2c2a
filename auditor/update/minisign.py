"""Keys and signatures in minisign's format (https://jedisct1.github.io/minisign/), Ed25519 by `cryptography`.

Checked against minisign 0.11; `tests/update/data` holds keys and signatures that the tool made. Only prehashed
signatures (`ED`, BLAKE2b-512) are taken: the older `Ed` form signs a file of any kind as it is, and minisign itself
writes it only when told to.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from auditor.common.errors import UsageError
from auditor.common.limits import MAX_TRUSTED_COMMENT

if TYPE_CHECKING:
    from collections.abc import Callable

_PLAIN, _HASHED = b"Ed", b"ED"
_NO_KDF, _SCRYPT, _BLAKE2B = b"\0\0", b"Sc", b"B2"
_UNTRUSTED, _TRUSTED = "untrusted comment: ", "trusted comment: "
_SIGNED_BY = f"{_UNTRUSTED}signature from minisign secret key"  # what the tool writes; it is not signed
# Lengths in bytes, as the format's page gives them.
_PUBLIC_LENGTH, _SIGNATURE_LENGTH, _GLOBAL_LENGTH, _SECRET_LENGTH, _KEYNUM_LENGTH = 42, 74, 64, 158, 104
_MAX_SCRYPT_N, _MAX_SCRYPT_P = 2**20, 64  # the tool's own default is N = 2**20, p = 1, which takes 1 GiB
_R = 8


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A public key.

    Attributes:
        id: 8 bytes that a signature names; not proof of anything.
        raw: 32 bytes, Ed25519.
    """

    id: bytes
    raw: bytes

    @property
    def name(self) -> str:
        """The id as minisign prints it, padded to 16 hexadecimal digits."""
        return key_name(self.id)

    @property
    def text(self) -> str:
        """The key as one line of base64, as `minisign -P` takes it."""
        return base64.b64encode(_PLAIN + self.id + self.raw).decode("ascii")

    @classmethod
    def from_text(cls, text: str) -> PublicKey:
        """Read the line of base64.

        Raises:
            UsageError: it is no minisign public key.
        """
        blob = _decoded(text, _PUBLIC_LENGTH, "a minisign public key")
        if blob[:2] != _PLAIN:
            raise UsageError("not a minisign public key: it is of another kind")
        return cls(blob[2:10], blob[10:])

    @classmethod
    def from_file(cls, content: bytes) -> PublicKey:
        """Read the content of a `.pub` file: a comment, then the key.

        Raises:
            UsageError: it is no minisign public key.
        """
        lines = _lines(content, "a minisign public key")
        if len(lines) != 2 or not lines[0].startswith(_UNTRUSTED):  # noqa: PLR2004
            raise UsageError("not a minisign public key: it has a comment line and a line with the key")
        return cls.from_text(lines[1])


@dataclass(frozen=True, slots=True)
class Signature:
    """A signature.

    Attributes:
        key_id: 8 bytes, which key it claims.
        raw: 64 bytes over the message.
        comment: the trusted comment, printable ASCII and tabs.
        comment_raw: 64 bytes over `raw` and the comment.
    """

    key_id: bytes
    raw: bytes
    comment: str
    comment_raw: bytes

    @classmethod
    def from_file(cls, content: bytes) -> Signature:
        """Read the content of a `.minisig` file.

        Raises:
            UsageError: it is no minisign signature, or one of the older form.
        """
        lines = _lines(content, "a minisign signature")
        if len(lines) != 4 or not lines[0].startswith(_UNTRUSTED) or not lines[2].startswith(_TRUSTED):  # noqa: PLR2004
            raise UsageError("not a minisign signature: it has four lines, two of them comments")
        blob = _decoded(lines[1], _SIGNATURE_LENGTH, "a minisign signature")
        comment = lines[2].removeprefix(_TRUSTED)
        if len(comment) > MAX_TRUSTED_COMMENT:
            raise UsageError(f"the signature's trusted comment is longer than {MAX_TRUSTED_COMMENT} characters")
        if blob[:2] == _PLAIN:
            raise UsageError(
                "the signature is of minisign's older form, which is not taken: sign without -l (old tools: with -H)"
            )
        if blob[:2] != _HASHED:
            raise UsageError("not a minisign signature: it is of another kind")
        proof = _decoded(lines[3], _GLOBAL_LENGTH, "a minisign signature")
        return cls(blob[2:10], blob[10:], comment, proof)

    @property
    def file(self) -> bytes:
        """The content of a `.minisig` file; the untrusted comment is always the same."""
        signed = base64.b64encode(_HASHED + self.key_id + self.raw).decode("ascii")
        proof = base64.b64encode(self.comment_raw).decode("ascii")
        return f"{_SIGNED_BY}\n{signed}\n{_TRUSTED}{self.comment}\n{proof}\n".encode("ascii")

    def check(self, key: PublicKey, message: bytes) -> None:
        """Check the message and the trusted comment.

        Raises:
            UsageError: by another key, or wrong.
        """
        if self.key_id != key.id:
            raise UsageError(f"the signature is by key {key_name(self.key_id)}, not by {key.name}")
        verifier = Ed25519PublicKey.from_public_bytes(key.raw)
        try:
            verifier.verify(self.raw, hashlib.blake2b(message).digest())
        except InvalidSignature:
            raise UsageError(
                f"the signature of key {key.name} does not fit: damaged, or changed after signing"
            ) from None
        try:
            verifier.verify(self.comment_raw, self.raw + self.comment.encode("ascii"))
        except InvalidSignature:
            raise UsageError(f"the trusted comment was changed after key {key.name} signed it") from None


@dataclass(frozen=True, slots=True, repr=False)
class SecretKey:
    """A secret key, decrypted.

    Attributes:
        id: 8 bytes.
        seed: 32 bytes, Ed25519.
    """

    id: bytes
    seed: bytes

    @property
    def public(self) -> PublicKey:
        """The public half."""
        return PublicKey(self.id, Ed25519PrivateKey.from_private_bytes(self.seed).public_key().public_bytes_raw())

    @classmethod
    def from_file(cls, content: bytes, password: Callable[[], str]) -> SecretKey:
        """Read the content of a file made by `minisign -G`, with or without `-W`.

        Args:
            content: of the file.
            password: asked only when the key is encrypted. Decrypting takes 1 GiB of memory for a key made by the tool.

        Raises:
            UsageError: no minisign secret key, damaged, or a wrong password.
        """
        lines = _lines(content, "a minisign secret key")
        if len(lines) != 2 or not lines[0].startswith(_UNTRUSTED):  # noqa: PLR2004
            raise UsageError("not a minisign secret key: it has a comment line and a line with the key")
        blob = _decoded(lines[1], _SECRET_LENGTH, "a minisign secret key")
        kind, kdf, check, salt, limits, keynum = blob[:2], blob[2:4], blob[4:6], blob[6:38], blob[38:54], blob[54:]
        if kind != _PLAIN or check != _BLAKE2B or kdf not in (_NO_KDF, _SCRYPT):
            raise UsageError("not a minisign secret key: it is of another kind")
        if kdf == _SCRYPT:
            n, p = _scrypt_numbers(int.from_bytes(limits[:8], "little"), int.from_bytes(limits[8:], "little"))
            stream = Scrypt(salt=salt, length=_KEYNUM_LENGTH, n=n, r=_R, p=p).derive(password().encode("utf-8"))
            keynum = bytes(one ^ other for one, other in zip(keynum, stream, strict=True))
            digest = hashlib.blake2b(kind + keynum[:72], digest_size=32).digest()
            if not hmac.compare_digest(digest, keynum[72:]):
                raise UsageError("wrong password for this secret key, or the key is damaged")
        found = cls(keynum[:8], keynum[8:40])
        # An unencrypted key of minisign 0.11 carries no checksum; its second half serves instead.
        if found.public.raw != keynum[40:72]:
            raise UsageError("this secret key is damaged: its two halves do not belong together")
        return found

    def sign(self, message: bytes, comment: str) -> Signature:
        """Sign a message, prehashed, with a trusted comment of printable ASCII."""
        signer = Ed25519PrivateKey.from_private_bytes(self.seed)
        raw = signer.sign(hashlib.blake2b(message).digest())
        return Signature(self.id, raw, comment, signer.sign(raw + comment.encode("ascii")))


def key_name(key_id: bytes) -> str:
    """Return a key's id as 16 hexadecimal digits, in the byte order that minisign prints."""
    return f"{int.from_bytes(key_id, 'little'):016X}"


def _scrypt_numbers(ops: int, memory: int) -> tuple[int, int]:
    """Return N and p for libsodium's limits (crypto_pwhash_scryptsalsa208sha256, pickparams; r is always 8)."""
    ops = max(ops, 32768)
    if ops < memory // 32:
        largest, p = ops // (_R * 4), 1
    else:
        largest, p = memory // (_R * 128), 0
    n = 2
    while n <= largest // 2:
        n *= 2
    p = p or min(0x3FFFFFFF, (ops // 4) // n) // _R
    if n > _MAX_SCRYPT_N or not 1 <= p <= _MAX_SCRYPT_P:
        raise UsageError("this secret key asks for more memory or time than minisign's own default: it is damaged")
    return n, p


def _lines(content: bytes, what: str) -> list[str]:
    try:
        text = content.decode("ascii")
    except UnicodeDecodeError:
        raise UsageError(f"not {what}: it is no plain text") from None
    lines = text.removesuffix("\n").replace("\r\n", "\n").removesuffix("\r").split("\n")
    if any(not (character.isprintable() or character == "\t") for line in lines for character in line):
        raise UsageError(f"not {what}: it holds control characters")
    return lines


def _decoded(text: str, length: int, what: str) -> bytes:
    try:
        blob = base64.b64decode(text, validate=True)
    except binascii.Error:
        raise UsageError(f"not {what}: a line of it is no base64") from None
    if len(blob) != length:
        raise UsageError(f"not {what}: {len(blob)} bytes where {length} belong")
    return blob
