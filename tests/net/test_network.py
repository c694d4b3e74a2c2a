"""The only way to the network: permits, pace, limits of one device, and what each failure is called."""

from __future__ import annotations

import asyncio
import dataclasses
import ssl
import time

import pytest

from auditor.common.errors import NotPermitted
from auditor.common.limits import NEVER_PORTS
from auditor.model import GENTLE, STANDARD, Status
from auditor.net.network import EXCHANGE_PACKETS, DialError, Network
from auditor.site import Exclusion, MulticastPermit, Permit
from tests.discover.wires import FAR, NEAR, ROUTER, Wires, busiest, mac_of, scope_of

pytestmark = pytest.mark.netns
LIVE, LINK = "10.92.0.5", "10.91.0.40"


@pytest.fixture
def wires():
    with Wires() as built:
        yield built


@pytest.fixture
def scope():
    return scope_of(NEAR, FAR, "10.93.0.0/30", exclude=[Exclusion.parse("10.92.0.9")])


async def fetch(network, permit, port=80, request=b"GET / HTTP/1.1\r\n\r\n", **options):
    received = b""
    async with network.connect(permit, port, **options) as connection:
        await connection.send(request)
        while data := await connection.receive(65536):
            received += data
    return received


def refusal(wires, network, permit, port=80, **options):
    """Return the DialError of one exchange, and the seconds it took."""

    async def run():
        began = time.monotonic()
        with pytest.raises(DialError) as error:
            await fetch(network, permit, port, **options)
        return error.value, time.monotonic() - began

    return wires.scanner(run)


class Lookalike:
    """Has what a permit has, and is none."""

    address = LIVE
    withdrawn = False
    interface, source = "s0", "10.91.0.2"


@pytest.mark.parametrize("permit", [LIVE, None, Lookalike()], ids=["text", "none", "lookalike"])
def test_without_a_permit_nothing_is_sent(wires, permit):
    tap = wires.tap()
    network = Network(GENTLE)

    async def run():
        with pytest.raises(NotPermitted):
            async with network.connect(permit, 80):
                pass
        with pytest.raises(NotPermitted):
            await network.udp_exchange(permit, 3702, b"x", wait=0.1)
        with pytest.raises(NotPermitted):
            async for _ in network.udp_multicast(permit, "239.255.255.250", 3702, [b"x"], wait=0.1, tries=1, keep=bool):
                pass

    wires.scanner(run)
    assert tap.frames() == []


def test_a_permit_made_elsewhere_does_not_exist():
    with pytest.raises(NotPermitted):
        Permit(LIVE)
    with pytest.raises(NotPermitted):
        MulticastPermit("s0", "10.91.0.2")


@pytest.mark.parametrize("port", sorted(NEVER_PORTS))
def test_ports_of_printers_are_never_connected_to(wires, scope, port):
    tap = wires.tap()
    network = Network(GENTLE)

    async def run():
        with pytest.raises(NotPermitted, match=str(port)):
            network.connect(scope.permit(LIVE), port)
        with pytest.raises(NotPermitted, match=str(port)):
            await network.udp_exchange(scope.permit(LIVE), port, b"x", wait=0.1)

    wires.scanner(run)
    assert tap.frames() == []


def test_a_withdrawn_permit_is_no_permit_even_while_waiting(wires):
    mac = "02:00:00:00:00:99"
    scope = scope_of(FAR, exclude=[Exclusion.parse(mac)])
    permit = scope.permit(LIVE)
    tap = wires.tap()
    network = Network(dataclasses.replace(GENTLE, packets=5))

    async def run():
        network.packets.charge(2)  # the next packet has to wait a moment
        dialling = asyncio.create_task(fetch(network, permit))
        await asyncio.sleep(0.1)
        scope.learn_mac(LIVE, mac)
        with pytest.raises(NotPermitted):
            await dialling
        assert network.packets.held == 0, "a packet that will never leave must not hold up the others"
        with pytest.raises(NotPermitted):
            network.connect(permit, 80)

    wires.scanner(run)
    assert tap.to(LIVE) == []


def test_an_exchange_costs_the_packets_it_is_said_to_cost(wires, scope):
    wires.devices(wires.far).tcp(80)
    tap, network = wires.tap(), Network(GENTLE)
    assert b"hi" in wires.scanner(lambda: fetch(network, scope.permit(LIVE)))
    sent = [frame for frame in tap.to(LIVE) if frame.protocol == 6]
    assert EXCHANGE_PACKETS - 1 <= len(sent) <= EXCHANGE_PACKETS  # the last two acknowledgements may travel as one
    assert network.counters.packets_sent == len(sent)
    assert sum(frame.syn for frame in sent) == 1
    assert sent[-1].flags in (0x10, 0x11), "ended with a FIN and its acknowledgement"
    assert not any(frame.flags & 0x04 for frame in sent), "no RST"
    count = network.counters.per_device[LIVE]
    assert (count.opened, count.tried, count.peak) == (1, 1, 1)


def test_a_connection_may_be_awaited_too(wires, scope):
    wires.devices(wires.far).tcp(80)

    async def run():
        connection = await Network(GENTLE).connect(scope.permit(LIVE), 80)
        async with connection as same:
            assert same is connection
            await connection.send(b"GET / HTTP/1.1\r\n\r\n")
            return await connection.receive(1000)

    assert b"hi" in wires.scanner(run)


def test_fifty_devices_stay_below_the_limit_in_every_second(wires, scope):
    wires.devices(wires.far).tcp(80, answer=b"x" * 9000, pause=0.3)
    tap, network = wires.tap(), Network(GENTLE)

    async def run():
        await asyncio.gather(*(fetch(network, scope.permit(f"10.92.0.{last}")) for last in range(10, 60)))
        await asyncio.gather(*(fetch(network, scope.permit(f"10.92.0.{last}")) for last in range(10, 60)))

    wires.scanner(run)
    frames = tap.frames()
    assert busiest([frame.at for frame in frames]) <= 110
    assert abs(network.counters.packets_sent - len(frames)) <= 0.1 * len(frames)


def test_a_large_answer_is_read_no_faster_than_its_acknowledgements_may_go(wires, scope):
    wires.devices(wires.far).tcp(80, answer=b"x" * 3_000_000)
    tap, network = wires.tap(), Network(GENTLE)
    assert len(wires.scanner(lambda: fetch(network, scope.permit(LIVE), deadline=60))) == 3_000_000
    frames = tap.frames()
    assert len(frames) > 250, "enough to break the limit if nothing held it back"
    assert busiest([frame.at for frame in frames]) <= 110


def test_one_device_gets_its_connections_slowly_one_at_a_time_and_thirty_in_all(wires, scope):
    wires.devices(wires.far).tcp(80, pause=0.05)
    pace = dataclasses.replace(GENTLE, new_connections=10, connections=6)
    tap, network = wires.tap(), Network(pace)

    async def run():
        return await asyncio.gather(*(fetch(network, scope.permit(LIVE)) for _ in range(8)), return_exceptions=True)

    results = wires.scanner(run)
    spent = [result for result in results if isinstance(result, DialError)]
    assert [(error.status, error.reason) for error in spent] == [(Status.NOT_ATTEMPTED, "budget-spent")] * 2
    syns = [frame.at for frame in tap.to(LIVE) if frame.syn]
    assert len(syns) == 6
    assert busiest(syns) <= 10
    assert network.counters.per_device[LIVE].peak == 1
    assert network.counters.per_device[LIVE].opened == 6


@pytest.mark.parametrize("pace", [GENTLE, STANDARD], ids=["gentle", "standard"])
def test_syns_to_one_device_keep_the_rate_when_it_refuses(wires, scope, pace):
    tap, network = wires.tap(), Network(pace)

    async def run():
        await asyncio.gather(
            *(fetch(network, scope.permit(LIVE), port) for port in range(1000, 1010)), return_exceptions=True
        )

    wires.scanner(run)
    syns = [frame.at for frame in tap.to(LIVE) if frame.syn]
    assert len(syns) == 10
    assert busiest(syns) <= pace.new_connections


def test_standard_pace_opens_two_at_a_time_and_never_three(wires, scope):
    wires.devices(wires.far).tcp(80, pause=1.0)
    network = Network(STANDARD)

    async def run():
        await asyncio.gather(*(fetch(network, scope.permit(LIVE)) for _ in range(5)))

    wires.scanner(run)
    assert network.counters.per_device[LIVE].peak == 2


def test_a_silent_device_gets_one_syn_and_one_repetition_and_both_count(wires, scope):
    tap, network = wires.tap(), Network(GENTLE)
    silent = scope.permit("10.92.0.200")

    async def run():
        for _ in range(2):
            with pytest.raises(DialError) as error:
                await fetch(network, silent)
            assert (error.value.status, error.value.reason) == (Status.TIMED_OUT, "no-response")

    wires.scanner(run)
    syns = [frame.at for frame in tap.to(silent.address) if frame.syn]
    assert len(syns) == 4
    assert busiest(syns) <= 2
    assert network.counters.per_device[silent.address].tried == 4
    assert network.counters.connections_tried == 4
    assert network.counters.connections_opened == 0


def test_failures_have_names(wires, scope):
    wires.filter(
        wires.near, "forward", "ip daddr 10.92.0.6 reject with icmp type admin-prohibited",
        "ip daddr 10.92.0.7 reject with icmp type host-unreachable",
    )  # fmt: skip

    def named(address, port=80, **options):
        error, _ = refusal(wires, Network(GENTLE), scope.permit(address), port, **options)
        return error.status, error.reason

    assert named(LIVE, 81) == (Status.REFUSED, "connection-refused")
    assert named("10.92.0.6") == (Status.REFUSED, "admin-prohibited")
    assert named("10.92.0.7") == (Status.TIMED_OUT, "host-unreachable")
    assert named("10.93.0.1") == (Status.TIMED_OUT, "net-unreachable")
    assert named("10.92.0.200") == (Status.TIMED_OUT, "no-response")
    wires.devices(wires.far).tcp(443, answer=b"HTTP/1.1 400 Bad Request\r\n\r\n")
    assert named(LIVE, 443, tls=True) == (Status.UNREADABLE, "tls-failed")
    wires.ip(wires.scan, "route", "delete", "default")
    assert named(LIVE) == (Status.NOT_ATTEMPTED, "no-route")


def test_a_link_that_goes_down_while_asking_is_said_and_not_raised(wires, scope):
    wires.devices(wires.far).tcp(80, pause=1.0)

    async def run():
        network = Network(GENTLE)
        asking = asyncio.create_task(fetch(network, scope.permit(LIVE), deadline=4.0))
        await asyncio.sleep(0.4)
        wires.ip(wires.scan, "link", "set", "s0", "down")
        with pytest.raises(DialError) as error:
            await asking
        assert error.value.reason in ("deadline", "host-unreachable", "net-unreachable", "no-route")
        with pytest.raises(DialError) as error:
            await fetch(network, scope.permit(LIVE))
        assert (error.value.status, error.value.reason) == (Status.NOT_ATTEMPTED, "no-route")
        with pytest.raises(DialError) as error:
            await network.udp_exchange(scope.permit(LIVE), 3702, b"x", wait=0.2)
        assert error.value.reason == "no-route"

    wires.scanner(run)


def test_the_deadline_bounds_a_device_that_drips(wires, scope):
    wires.devices(wires.far).tcp(80, pause=9.0)
    error, seconds = refusal(wires, Network(GENTLE), scope.permit(LIVE), deadline=1.0)
    assert (error.status, error.reason) == (Status.TIMED_OUT, "deadline")
    assert seconds < 2.5


def test_waiting_for_our_own_pace_is_not_held_against_the_device(wires, scope):
    wires.devices(wires.far).tcp(80)
    network = Network(GENTLE)

    async def run():
        async with network.connect(scope.permit(LIVE), 80, deadline=1.0) as connection:
            network.packets.charge(200)  # somebody else spent two seconds' worth
            await connection.send(b"GET / HTTP/1.1\r\n\r\n")
            assert await connection.receive(1000)
            assert connection.elapsed < 0.9

    wires.scanner(run)


def test_the_certificate_comes_from_old_and_self_signed_tls_too(wires, scope, tmp_path):
    certificate = self_signed(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    context.set_ciphers("ALL:@SECLEVEL=0")
    with pytest.warns(DeprecationWarning, match="TLSv1"):
        context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1
    asyncio_server = TlsServer(wires, context)
    network = Network(GENTLE)

    async def run():
        async with network.connect(scope.permit(LIVE), 443, tls=True) as connection:
            await connection.send(b"hello")
            assert await connection.receive(100) == b"world"
            return connection.peer_der

    try:
        der = wires.scanner(run)
    finally:
        asyncio_server.close()
    assert der == ssl.PEM_cert_to_DER_cert(certificate[0].read_text())


def test_ctrl_c_closes_with_a_fin(wires, scope):
    wires.devices(wires.far).tcp(80, pause=5.0)
    tap, network = wires.tap(), Network(GENTLE)

    async def run():
        asking = asyncio.create_task(fetch(network, scope.permit(LIVE)))
        await asyncio.sleep(0.4)
        began = time.monotonic()
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
        assert time.monotonic() - began < 0.5

    wires.scanner(run)
    flags = [frame.flags for frame in tap.to(LIVE)]
    assert flags.count(0x11) == 1
    assert 0x04 not in flags
    assert 0x14 not in flags


def test_cancelled_while_dialling_leaves_the_device_usable(wires, scope):
    wires.devices(wires.far).tcp(80)
    network = Network(GENTLE)

    async def run():
        dialling = asyncio.create_task(fetch(network, scope.permit(LIVE), 81))
        dialling.cancel()
        with pytest.raises(asyncio.CancelledError):
            await dialling
        return await fetch(network, scope.permit(LIVE))

    assert b"hi" in wires.scanner(run)


def test_udp_answers_count_only_from_the_asked_address(wires, scope):
    far = wires.devices(wires.far)
    far.wsd("f0", [LIVE])
    network = Network(GENTLE)
    payload = b"urn:uuid:" + b"1" * 36
    assert len(wires.scanner(lambda: network.udp_exchange(scope.permit(LIVE), 3702, payload, wait=1.0))) == 1
    # The same device, but its answers now come from another address.
    wires.nft(
        wires.near, "table ip lie {\n chain c {\n type filter hook prerouting priority 0;\n"
        f" iif n1 ip saddr {LIVE} udp sport 1-65535 ip saddr set 10.92.0.77\n}}\n}}\n",
    )  # fmt: skip
    assert wires.scanner(lambda: network.udp_exchange(scope.permit(LIVE), 3702, payload, wait=0.5)) == []
    assert network.counters.outside_scope == 1


def test_udp_tries_again_only_when_nobody_answers(wires, scope):
    far = wires.devices(wires.far)
    far.wsd("f0", [LIVE])
    far.udp_sink(3702, "10.92.0.6")
    network = Network(GENTLE)
    payload = b"urn:uuid:" + b"1" * 36
    assert (
        wires.scanner(lambda: network.udp_exchange(scope.permit("10.92.0.6"), 3702, payload, wait=0.2, tries=3)) == []
    )
    assert len(far.heard["10.92.0.6"]) == 3
    assert wires.scanner(lambda: network.udp_exchange(scope.permit(LIVE), 3702, payload, wait=0.2, tries=3))
    assert len(far.heard[LIVE]) == 1
    assert network.counters.udp_sent == 4


def multicast(network, scope, keep, **options):
    async def run():
        permit = scope.multicast_permit("s0", "10.91.0.2", [NEAR])
        answers = network.udp_multicast(
            permit, "239.255.255.250", 3702, [b"urn:uuid:" + b"2" * 36], wait=1.0, keep=keep, **{"tries": 2, **options}
        )
        return [answer async for answer in answers]

    return run


def test_multicast_leaves_by_the_named_link_with_ttl_one_and_foreign_answers_are_counted(wires, scope):
    near = wires.devices(wires.near)
    near.wsd("n0", [LINK, "10.91.0.41"])
    near.arp("n0", [LINK, "10.91.0.41"])
    wires.ip(wires.scan, "route", "delete", "default")  # the group needs no route, only the link
    tap, network = wires.tap(), Network(GENTLE)
    answers = wires.scanner(multicast(network, scope, keep=LINK.__eq__))
    assert {address for address, _ in answers} == {LINK}
    assert network.counters.outside_scope == 2
    sent = tap.to("239.255.255.250")
    assert len(sent) == 2
    assert {frame.raw[22] for frame in sent} == {1}, "TTL"
    network.close()


def test_a_flood_of_answers_is_cut_and_counted(wires, scope):
    near = wires.devices(wires.near)
    near.wsd("n0", [LINK], copies=200)
    near.arp("n0", [LINK])
    network = Network(GENTLE)
    answers = wires.scanner(multicast(network, scope, keep=bool, tries=1))
    assert len(answers) == 32
    assert network.counters.over_limit > 0
    network.close()


def test_late_answers_get_no_icmp_error_until_the_network_is_closed(wires, scope):
    near = wires.devices(wires.near)
    near.arp("n0", [LINK])
    tap, network = wires.tap(), Network(GENTLE)

    async def run():
        await multicast(network, scope, keep=bool, tries=1)()
        await asyncio.sleep(0)

    wires.scanner(run)
    port = int.from_bytes(tap.to("239.255.255.250")[0].raw[34:36], "big")
    from tests.discover.wires import inside, send_from

    inside(wires.near, lambda: send_from(LINK, b"late", ("10.91.0.2", port)))
    assert [frame for frame in tap.frames() if frame.protocol == 1] == []
    network.close()
    inside(wires.near, lambda: send_from(LINK, b"later", ("10.91.0.2", port)))
    assert [frame for frame in tap.frames() if frame.protocol == 1], "a closed one does: the test can fail"


def test_first_contact_on_the_link_pays_for_the_kernels_own_arp(wires, scope):
    near = wires.devices(wires.near)
    near.arp("n0", [LINK])
    near.tcp(80)
    tap, network = wires.tap(), Network(GENTLE)

    async def run():
        assert b"hi" in await fetch(network, scope.permit(LINK))
        with pytest.raises(DialError):
            await fetch(network, scope.permit("10.91.0.60"))
        await asyncio.sleep(1.5)

    wires.scanner(run)
    assert len([frame for frame in tap.to(LINK) if frame.arp_op == 1]) == 1
    silent = [frame for frame in tap.to("10.91.0.60") if frame.arp_op == 1]
    assert len(silent) == len(tap.to("10.91.0.60")) == 3
    assert network.counters.arp_requests == 4


def self_signed(folder):
    import datetime as dt

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import rsa

    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "camera")])
    start = dt.datetime(2014, 1, 1, tzinfo=dt.UTC)
    certificate = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key()).serial_number(7)
        .not_valid_before(start).not_valid_after(start + dt.timedelta(days=36500)).sign(key, hashes.SHA256())
    )  # fmt: skip
    paths = folder / "camera.pem", folder / "camera.key"
    paths[0].write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    paths[1].write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )  # fmt: skip
    return paths


class TlsServer:
    """Accepts one TLS connection at 10.92.0.5:443, reads, says `world`."""

    def __init__(self, wires, context):
        import socket
        import threading

        from tests.discover.wires import inside

        def listen():
            endpoint = socket.socket()
            endpoint.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            endpoint.bind((LIVE, 443))
            endpoint.listen(1)
            endpoint.settimeout(10)
            return endpoint

        self.endpoint = inside(wires.far, listen)

        def serve():
            peer, _ = self.endpoint.accept()
            with context.wrap_socket(peer, server_side=True) as tls:
                tls.recv(100)
                tls.sendall(b"world")

        self.thread = threading.Thread(target=serve)
        self.thread.start()

    def close(self):
        self.thread.join()
        self.endpoint.close()


def test_the_router_is_asked_like_any_other_device(wires, scope):
    error, _ = refusal(wires, Network(GENTLE), scope.permit(ROUTER), 81)
    assert error.reason == "connection-refused"
    assert mac_of(ROUTER).startswith("02:91")
