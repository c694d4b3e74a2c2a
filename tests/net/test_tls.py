"""The bare hello: certificates of servers that the TLS library no longer speaks to, and of all sorts of nonsense."""

from __future__ import annotations

import asyncio
import datetime as dt
import ssl
import struct

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID
from hypothesis import given, settings
from hypothesis import strategies as st

from auditor.model import Status
from auditor.net import tls
from tests.probe.fakes import device, page, silent


@pytest.fixture(scope="session")
def certificate(tmp_path_factory):
    """A server context of TLS 1.2 and the DER of its certificate."""
    return make_certificate(tmp_path_factory.mktemp("tls"))


def make_certificate(folder, highest=ssl.TLSVersion.TLSv1_2):
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "device.invalid")])
    start = dt.datetime(2024, 1, 1, tzinfo=dt.UTC)
    made = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
        .serial_number(7).not_valid_before(start).not_valid_after(start + dt.timedelta(days=9000))
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    file = folder / "server.pem"
    file.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        + made.public_bytes(serialization.Encoding.PEM)
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    context.maximum_version = highest
    return context, made.public_bytes(serialization.Encoding.DER)


def ask(handler, *, context=None, deadline=3.0):
    async def run():
        asyncio.get_running_loop().set_exception_handler(lambda *_: None)  # the server side of a broken handshake
        async with device() as (fake, network):
            port = await fake.serve(handler, tls=context)
            return await tls.leaf(network, fake.permit, port, deadline=deadline), fake

    return asyncio.run(run())


def record(kind, body):
    return struct.pack("!BHH", kind, 0x0303, len(body)) + body


def message(kind, body):
    return bytes([kind]) + len(body).to_bytes(3, "big") + body


def certificate_message(der):
    chain = len(der).to_bytes(3, "big") + der
    return message(11, len(chain).to_bytes(3, "big") + chain)


def test_hello_is_well_formed():
    hello = tls.client_hello(b"r" * 32)
    kind, version, length = struct.unpack_from("!BHH", hello)
    assert (kind, version, length) == (22, 0x0301, len(hello) - 5)
    assert hello[5] == 1
    assert int.from_bytes(hello[6:9], "big") == len(hello) - 9
    assert hello[9:11] == b"\x03\x03"
    assert hello[11:43] == b"r" * 32


def test_the_certificate_of_a_real_server_is_read(certificate):
    context, der = certificate

    async def handler(connection):
        await connection.reader.read()

    exchange, _ = ask(handler, context=context)
    assert exchange.status is Status.ANSWERED
    assert exchange.peer_der == der


def test_a_certificate_split_over_records_and_packets():
    der = bytes(range(256)) * 8
    whole = message(2, b"\x03\x03" + b"s" * 32 + b"\x00\x00\x2f\x00") + certificate_message(der)
    flight = b"".join(record(22, whole[at : at + 700]) for at in range(0, len(whole), 700))

    async def handler(connection):
        await connection.reader.read(4096)
        await connection.drip(flight[:40], 0.001)
        await connection.send(flight[40:])
        await silent(connection)

    exchange, _ = ask(handler)
    assert exchange.peer_der == der


def test_clear_text_alert_and_silence_are_told_apart():
    answer = page(b"plain", status="400 Bad Request")

    async def clear(connection):
        await connection.reader.read(4096)
        await connection.send(answer)

    exchange, fake = ask(clear)
    assert (exchange.status, exchange.raw, exchange.detail) == (Status.UNREADABLE, answer, "not TLS")
    assert fake.connections == 1

    async def alert(connection):
        await connection.reader.read(4096)
        await connection.send(record(21, b"\x02\x28"))
        await silent(connection)

    exchange, _ = ask(alert)
    assert (exchange.status, exchange.detail, exchange.peer_der) == (Status.UNREADABLE, "TLS alert 40", None)
    exchange, _ = ask(silent, deadline=0.6)
    assert (exchange.status, exchange.raw, exchange.reason) == (Status.TIMED_OUT, b"", "deadline")


@pytest.mark.parametrize(
    "flight",
    [
        record(22, message(14, b"")),
        record(22, message(11, b"")),
        record(22, message(11, b"\x00\x00\x00")),
        record(22, message(11, b"\x00\xff\xff\x00\xff\xff")),
        b"\x16\x03\x01\xff\xff" + b"x" * 70000,
        record(22, b"") * 30000,
        record(99, b"x"),
    ],
)
def test_flights_without_a_certificate_end(flight):
    async def handler(connection):
        await connection.reader.read(4096)
        await connection.send(flight)

    exchange, _ = ask(handler)
    assert exchange.peer_der is None
    assert exchange.status is Status.UNREADABLE


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=400), st.booleans())
def test_any_flight_is_read_without_an_error(noise, framed):
    flight = tls.read_flight(record(22, noise) if framed else noise)
    assert flight.der is None or flight.der in noise


def test_any_bytes_from_a_device_end_in_an_exchange():
    @settings(max_examples=20, deadline=None)
    @given(st.binary(min_size=1, max_size=300))
    def check(raw):
        exchange, _ = ask(answering_hello(raw), deadline=0.8)
        assert exchange.status in (Status.ANSWERED, Status.UNREADABLE)

    check()


def answering_hello(raw):
    async def handler(connection):
        await connection.reader.read(4096)
        await connection.send(raw)

    return handler


def test_nothing_but_the_hello_is_sent():
    seen = bytearray()

    async def handler(connection):
        seen.extend(await connection.reader.read(4096))
        await connection.send(record(22, message(14, b"")))
        seen.extend(await connection.reader.read())

    ask(handler)
    assert len(seen) == len(tls.client_hello(b"x" * 32))
    assert bytes(seen[:11]) == tls.client_hello(b"x" * 32)[:11]
