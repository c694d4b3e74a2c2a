"""Certificates of emulated devices, made when they are first asked for and kept while the process lives."""

from __future__ import annotations

import datetime as dt
import hashlib
import ipaddress
import ssl
import tempfile
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

if TYPE_CHECKING:
    from .devices import Certificate

OIDS = {
    "CN": NameOID.COMMON_NAME,
    "O": NameOID.ORGANIZATION_NAME,
    "OU": NameOID.ORGANIZATIONAL_UNIT_NAME,
    "L": NameOID.LOCALITY_NAME,
    "ST": NameOID.STATE_OR_PROVINCE_NAME,
    "C": NameOID.COUNTRY_NAME,
    "emailAddress": NameOID.EMAIL_ADDRESS,
    "serialNumber": NameOID.SERIAL_NUMBER,
}


@cache
def _key() -> rsa.RSAPrivateKey:
    # One key for all: no reader looks at the key, and 40 of them would cost seconds at each start.
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def _name(parts: tuple[tuple[str, str], ...]) -> x509.Name:
    return x509.Name([x509.NameAttribute(OIDS[key], value) for key, value in parts])


def _alternative(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


@cache
def server_context(certificate: Certificate) -> ssl.SSLContext:
    """Return a server context with this certificate; the names are already filled in."""
    identity = hashlib.sha256(repr(certificate).encode()).digest()
    builder = (
        x509.CertificateBuilder()
        .subject_name(_name(certificate.subject))
        .issuer_name(_name(certificate.issuer))
        .public_key(_key().public_key())
        .serial_number(int.from_bytes(identity[:8], "big") | 1)
        .not_valid_before(dt.datetime.fromisoformat(certificate.not_before))
        .not_valid_after(dt.datetime.fromisoformat(certificate.not_after))
    )
    if certificate.names:
        builder = builder.add_extension(x509.SubjectAlternativeName(map(_alternative, certificate.names)), False)
    made = builder.sign(_key(), hashes.SHA256())
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    with tempfile.TemporaryDirectory(prefix="lab-") as folder:
        path = Path(folder) / "pair.pem"
        path.touch(mode=0o600)
        path.write_bytes(
            _key().private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
            + made.public_bytes(serialization.Encoding.PEM)
        )
        context.load_cert_chain(path)
    return context
