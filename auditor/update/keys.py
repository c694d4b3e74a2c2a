"""Which keys a site trusts, and how that changes: by lists that are signed themselves."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from auditor.common.errors import UsageError
from auditor.common.limits import MAX_TRUSTED_KEYS
from auditor.update.minisign import PublicKey, Signature, key_name

if TYPE_CHECKING:
    from collections.abc import Sequence

Right = Literal["data", "keys"]


class _PassedOver(UsageError):  # noqa: N818
    """A reason for which one list of a chain is left aside; the newest one must not have any."""


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class TrustedKey(_Model):
    """A key and what it may sign: `data` packs, lists of `keys`, or both."""

    key: str = Field(max_length=100)
    signs: tuple[Right, ...] = Field(min_length=1, max_length=2, strict=False)
    note: str = Field(default="", max_length=200)

    @property
    def public(self) -> PublicKey:
        """The key itself."""
        return PublicKey.from_text(self.key)


class RevokedKey(_Model):
    """A key that is never trusted again."""

    key: str = Field(max_length=100)
    reason: str = Field(default="", max_length=200)


class KeyList(_Model):
    """A list of keys as headquarters writes and signs it."""

    what: Literal["camera-auditor trusted keys"]
    format: Literal[1]
    sequence: int = Field(ge=1, le=10**9)
    dated: str = Field(pattern=r"\A[0-9]{4}-[0-9]{2}-[0-9]{2}\z")
    keys: tuple[TrustedKey, ...] = Field(max_length=MAX_TRUSTED_KEYS, strict=False)
    revoked: tuple[RevokedKey, ...] = Field(default=(), max_length=10 * MAX_TRUSTED_KEYS, strict=False)


class Trust(_Model):
    """What a site trusts now.

    Attributes:
        sequence: of the newest list that was adopted; 0: only the key that the administrator named.
        list_sha256: of that list.
        keys: trusted keys.
        revoked: keys that are never trusted again, as text.
    """

    sequence: int = Field(ge=0)
    list_sha256: str = ""
    keys: tuple[TrustedKey, ...] = Field(min_length=1, strict=False)
    revoked: tuple[str, ...] = Field(default=(), strict=False)

    @classmethod
    def anchor(cls, key: PublicKey) -> Trust:
        """Return the trust of a site whose administrator named one key."""
        named = TrustedKey(key=key.text, signs=("data", "keys"), note="named at the first installation")
        return cls(sequence=0, keys=(named,))

    def holds(self, key: PublicKey) -> bool:
        """Return whether a key is trusted for anything."""
        return any(trusted.key == key.text for trusted in self.keys)

    def check(self, signature: Signature, message: bytes, right: Right) -> PublicKey:
        """Return the trusted key that signed a message.

        Args:
            signature: to check.
            message: that it is for.
            right: `data` or `keys`.

        Raises:
            UsageError: by a revoked or unknown key, by one without that right, or wrong.
        """
        name = key_name(signature.key_id)
        if any(PublicKey.from_text(text).id == signature.key_id for text in self.revoked):
            raise _PassedOver(f"key {name} signed it, and that key is revoked here")
        for trusted in self.keys:
            if trusted.public.id == signature.key_id:
                signature.check(trusted.public, message)
                if right not in trusted.signs:
                    raise UsageError(f"key {name} signed it, which may sign {' and '.join(trusted.signs)} only")
                return trusted.public
        raise _PassedOver(f"key {name} signed it, which is not trusted here; trusted: {self._names()}")

    def _names(self) -> str:
        return ", ".join(trusted.public.name for trusted in self.keys)


@dataclass(frozen=True, slots=True)
class SignedList:
    """A list of keys with its signature, as it travels."""

    content: bytes
    signature: Signature

    @property
    def sha256(self) -> str:
        """Of the content."""
        return hashlib.sha256(self.content).hexdigest()


def adopt(trust: Trust, lists: Sequence[SignedList]) -> Trust:
    """Return the trust after the lists that travel with a pack, oldest first.

    A list that is newer than the trust and signed by a key that may sign lists is adopted; then the next is looked at,
    so that a site that missed a pack can follow a chain. A list of a key that is unknown here is passed over. The
    newest list must be in force at the end.

    Raises:
        UsageError: the newest list is older than what is in force, is another one of the same number, was not signed by
            a trusted key, or would leave no key; a list is damaged.
    """
    newest, behind = trust, ""
    for signed in lists:
        if signed.sha256 == newest.list_sha256:
            behind = ""
            continue
        try:
            newest.check(signed.signature, signed.content, "keys")
            listed = read_list(signed.content)
            newest, behind = _after(newest, listed, signed), ""
        except _PassedOver as reason:
            behind = str(reason)
        except UsageError as error:
            raise UsageError(f"the list of keys that travels with the pack: {error}") from error
    if behind:
        raise UsageError(f"the list of keys that travels with the pack: {behind}")
    return newest


def read_list(content: bytes) -> KeyList:
    """Read a list whose signature was checked.

    Raises:
        UsageError: not such a list; two keys of one id; a key that is trusted and revoked; no key left for packs or
            none for lists.
    """
    try:
        listed = KeyList.model_validate_json(content)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(map(str, first["loc"])) or "the text"
        raise UsageError(f"not a list of keys: {where}: {first['msg']}") from error
    ids = [trusted.public.id for trusted in listed.keys]
    revoked = {PublicKey.from_text(line.key).id for line in listed.revoked}
    if len(set(ids)) < len(ids):
        raise UsageError("two keys of the list have one id")
    if revoked & set(ids):
        raise UsageError("the list trusts a key and revokes it")
    for right, what in (("data", "packs"), ("keys", "lists of keys")):
        if not any(right in trusted.signs for trusted in listed.keys):
            raise UsageError(f"the list would leave no key that may sign {what}")
    return listed


def _after(trust: Trust, listed: KeyList, signed: SignedList) -> Trust:
    if listed.sequence == trust.sequence:
        raise UsageError(f"it is another one than the list of the same number, {listed.sequence}, in force here")
    if listed.sequence < trust.sequence:
        raise _PassedOver(
            f"it has number {listed.sequence}, and {trust.sequence} is in force here: old lists are refused"
        )
    revoked = tuple(sorted({*trust.revoked, *(line.key for line in listed.revoked)}))
    ids = {PublicKey.from_text(text).id for text in revoked}
    again = [trusted.public.name for trusted in listed.keys if trusted.public.id in ids]
    if again:
        raise UsageError(f"list {listed.sequence} of keys trusts {again[0]} again, which is revoked here")
    return Trust(sequence=listed.sequence, list_sha256=signed.sha256, keys=listed.keys, revoked=revoked)
