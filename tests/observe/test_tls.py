import datetime as dt
import hashlib

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from auditor.observe.tls import parse


@pytest.fixture(scope="module")
def certificate():
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([
        x509.NameAttribute(NameOID.COUNTRY_NAME, "CN"), x509.NameAttribute(NameOID.ORGANIZATION_NAME, "HIKVISION, Ltd"),
        x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, "DVRNVR"), x509.NameAttribute(NameOID.COMMON_NAME, "www.hikvision.com"),
    ])  # fmt: skip
    start = dt.datetime(2012, 1, 1, tzinfo=dt.UTC)
    built = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "root")]))
    )
    built = (
        built.public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(start)
        .not_valid_after(start + dt.timedelta(days=1))
    )
    return built.sign(key, hashes.SHA256())


def _record(der: bytes) -> bytes:
    entry = len(der).to_bytes(3, "big") + der
    body = len(entry).to_bytes(3, "big") + entry
    handshake = b"\x02\x00\x00\x02ab" + b"\x0b" + len(body).to_bytes(3, "big") + body
    half = len(handshake) // 2
    return b"".join(
        b"\x16\x03\x01" + len(part).to_bytes(2, "big") + part for part in (handshake[:half], handshake[half:])
    )


def test_der_pem_and_records_give_the_same(certificate):
    der = certificate.public_bytes(serialization.Encoding.DER)
    facts = parse(der, None)
    assert facts["tls.subject"] == ("CN=www.hikvision.com,OU=DVRNVR,O=HIKVISION\\, Ltd,C=CN",)
    assert facts["tls.issuer"] == ("CN=root",)
    assert facts["tls.sha256"] == (hashlib.sha256(der).hexdigest(),)
    key = certificate.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    assert facts["tls.spki"] == (hashlib.sha256(key).hexdigest(),)
    assert parse(certificate.public_bytes(serialization.Encoding.PEM), None) == facts
    assert parse(_record(der), None) == facts
    assert parse(der + b"trailing", None) == facts


def test_unparsable_certificate_keeps_its_hash(certificate):
    der = bytearray(certificate.public_bytes(serialization.Encoding.DER))
    der[4:40] = bytes(36)
    facts = parse(bytes(der), None)
    assert set(facts) == {"tls.sha256"}


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\x15\x03\x01\x00\x02\x02\x28",
        b"\x30\x82\xff\xff",
        b"-----BEGIN CERTIFICATE-----\n!!\n-----END CERTIFICATE-----",
        b"\x16\x03\x01\xff\xff\x0b",
    ],
)
def test_no_certificate_no_facts(raw):
    assert parse(raw, None) == {}
