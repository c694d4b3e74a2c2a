"""Facts of a server's certificate: raw DER, PEM text, or the bytes of a TLS handshake."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
import warnings
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import NameOID

from auditor.observe.text import FactMap, one

if TYPE_CHECKING:
    from collections.abc import Iterator

_PEM = re.compile(rb"-----BEGIN CERTIFICATE-----(.{1,200000}?)-----END CERTIFICATE-----", re.DOTALL)
_HANDSHAKE = 22  # TLS record type
_CERTIFICATE = 11  # handshake message type
_SEQUENCE = b"\x30"
_SHORT_NAMES = {
    NameOID.COMMON_NAME: "CN", NameOID.ORGANIZATIONAL_UNIT_NAME: "OU", NameOID.ORGANIZATION_NAME: "O",
    NameOID.LOCALITY_NAME: "L", NameOID.STATE_OR_PROVINCE_NAME: "ST", NameOID.COUNTRY_NAME: "C",
    NameOID.EMAIL_ADDRESS: "emailAddress", NameOID.SERIAL_NUMBER: "SERIALNUMBER", NameOID.STREET_ADDRESS: "STREET",
    NameOID.DOMAIN_COMPONENT: "DC", NameOID.USER_ID: "UID", NameOID.GIVEN_NAME: "GN", NameOID.SURNAME: "SN",
}  # fmt: skip


def parse(raw: bytes, request: str | None) -> FactMap:  # noqa: ARG001
    """Return `tls.sha256` and, where the certificate can be read, `tls.subject`, `tls.issuer` and `tls.spki`.

    `tls.spki` is the SHA-256 of the public key (SubjectPublicKeyInfo, as DER): a unit that writes itself a certificate
    for each of its addresses keeps the key.

    Bytes that hold no certificate (an alert, a cut handshake) give no facts; a certificate that no parser reads still
    gives its hash (reliability row 45).
    """
    der = leaf(raw)
    if not der:
        return {}
    facts: FactMap = {"tls.sha256": (hashlib.sha256(der).hexdigest(),)}
    try:
        with (
            warnings.catch_warnings()
        ):  # old cameras: negative serial numbers and the like are worth a fact, not a warning
            warnings.simplefilter("ignore")
            certificate = x509.load_der_x509_certificate(der)
            facts["tls.subject"] = one(name_text(certificate.subject))
            facts["tls.issuer"] = one(name_text(certificate.issuer))
            key = certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
            facts["tls.spki"] = (hashlib.sha256(key).hexdigest(),)
    except (
        ValueError, TypeError, OverflowError, UnsupportedAlgorithm, x509.InvalidVersion,
        x509.UnsupportedGeneralNameType,
    ):  # fmt: skip
        return facts  # what was read stands; what cannot be parsed is no fact
    return facts


def name_text(name: x509.Name) -> str:
    r"""Return a distinguished name as `CN=..,OU=..,O=..`: most specific part first, commas in values as `\,`.

    Certificates store either order; the published name strings that rules are written from start with the most
    specific part, so a name that starts with the country is turned round.
    """
    parts = [(_SHORT_NAMES.get(item.oid, item.oid.dotted_string), _text(item.value)) for item in name]
    if parts and parts[0][0] in {"C", "DC"} and parts[-1][0] not in {"C", "DC"}:
        parts.reverse()
    return ",".join(f"{key}={value}" for key, value in parts)


def leaf(raw: bytes) -> bytes | None:
    """Return the DER of the first certificate in PEM text, TLS records or DER itself, else None."""
    if raw.startswith(_SEQUENCE):
        return _der_length_cut(raw)
    if (pem := _PEM.search(raw)) is not None:
        try:
            return base64.b64decode(b"".join(pem.group(1).split()), validate=True)
        except (binascii.Error, ValueError):
            return None
    handshake = b"".join(_records(raw))
    position = 0
    while position + 4 <= len(handshake):
        kind, length = handshake[position], int.from_bytes(handshake[position + 1 : position + 4], "big")
        body = handshake[position + 4 : position + 4 + length]
        if kind == _CERTIFICATE:
            return _first_certificate(body)
        position += 4 + length
    return None


def _records(raw: bytes) -> Iterator[bytes]:
    position = 0
    while position + 5 <= len(raw) and raw[position] == _HANDSHAKE and raw[position + 1] == 3:  # noqa: PLR2004
        length = int.from_bytes(raw[position + 3 : position + 5], "big")
        yield raw[position + 5 : position + 5 + length]
        position += 5 + length


def _first_certificate(body: bytes) -> bytes | None:
    length = int.from_bytes(body[3:6], "big")
    der = body[6 : 6 + length]
    return der if length and len(der) == length and der.startswith(_SEQUENCE) else None


def _der_length_cut(raw: bytes) -> bytes | None:
    """Return exactly the outer SEQUENCE of DER, without trailing bytes; None when it is cut short."""
    if len(raw) < 4 or not raw[1] & 0x80:  # noqa: PLR2004  (a certificate is never under 128 bytes)
        return None
    size = raw[1] & 0x7F
    if not 1 <= size <= 4:  # noqa: PLR2004
        return None
    end = 2 + size + int.from_bytes(raw[2 : 2 + size], "big")
    return raw[:end] if end <= len(raw) else None


def _text(value: str | bytes) -> str:
    text = value.decode("utf-8", "replace") if isinstance(value, bytes) else value
    return text.replace("\\", "\\\\").replace(",", "\\,")
