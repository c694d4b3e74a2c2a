"""Whole visits to scripted devices: what is asked, in what order, and when it stops."""

from __future__ import annotations

import asyncio
import datetime as dt
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auditor.model import GENTLE, Outcome, Ports, Status
from auditor.net import http as http_reader
from auditor.net.http import GET_TEMPLATE, SOAP_TEMPLATE
from auditor.net.rtsp import DESCRIBE_TEMPLATE, OPTIONS_TEMPLATE
from auditor.net.soap import DEVICE_SERVICE, onvif_messages
from auditor.probe import Limits, probe_device, sequence, upper_bound
from auditor.probe.registry import HTTP, ONVIF, RTSP
from auditor.probe.visit import LOGIN_OR_LIMIT
from tests.probe.fakes import (
    NOT_AUTHORISED,
    Fake,
    answering,
    by_request,
    device,
    envelope,
    page,
    ports,
    rtsp,
    silent,
)

QUICK = Limits(exchange=2.0, host=30.0, cool_down=0.2, listen=0.3)
USER_CHECK = page(
    b'<?xml version="1.0"?><userCheck><statusValue>401</statusValue><statusString>Unauthorized</statusString></userCheck>',
    'WWW-Authenticate: Digest realm="5d3b", domain="::", stale="FALSE"',
    status="401 Unauthorized",
)
TIME = envelope("<tds:GetSystemDateAndTimeResponse/>")
SERVICES = envelope("<tds:GetServicesResponse/>")
SCOPES = envelope("<tds:GetScopesResponse/>")
INFORMATION = envelope("<tds:GetDeviceInformationResponse/>")
LOGIN_PAGE = page(b'<script>window.location.href="/doc/page/login.asp?_1"</script>', "Server: App-webs/")
NOT_FOUND = page(status="404 Not Found")


def visit(fake, network, ports, **options):
    options.setdefault("limits", QUICK)
    return probe_device(network, fake.permit, ports, **options)


def hikvision_like(**changes):
    table = {
        "GET / ": LOGIN_PAGE,
        "GET /favicon.ico": page(b"\0\0\1\0"),
        "GET /ISAPI": USER_CHECK,
        "GetSystemDateAndTime": TIME,
        "GetServices": SERVICES,
        "GetScopes": NOT_AUTHORISED,
        "GetDeviceInformation": NOT_AUTHORISED,
    }
    return by_request(table | changes)


RTSP_CAMERA = answering(
    rtsp("200 OK", "Public: OPTIONS, DESCRIBE"),
    rtsp("401 Unauthorized", 'WWW-Authenticate: Digest realm="IP Camera(C1214)"', cseq=2),
    keep_open=True,
)


def run(coroutine):
    return asyncio.run(coroutine)


def asked(contact, status=None):
    return [
        (outcome.probe, outcome.request)
        for outcome in contact.outcomes
        if (status is None and outcome.status is not Status.NOT_ATTEMPTED) or outcome.status is status
    ]


async def whole_device(fake, web, *, stream=RTSP_CAMERA, tls=None, listening=False):
    """Give a device the ports of the default lists, closed ones included."""
    closed = [fake.closed_port() for _ in range(8)]

    async def silently(connection):
        await connection.request()

    return ports(
        http=(await fake.serve(web), *closed[:3]),
        rtsp=(await fake.serve(stream) if stream else closed[3],),
        https=(await fake.serve(web, tls=tls) if tls else closed[4], closed[5]),
        listen=(await fake.serve(silently) if listening else closed[6], closed[7]),
    )


def test_a_hikvision_like_camera_is_asked_everything_once_in_the_cheapest_order():
    async def scenario():
        async with device() as (fake, network):
            wanted = await whole_device(fake, hikvision_like(), listening=True)
            contact = await visit(fake, network, wanted, mac="44:19:b6:00:00:05")
            return contact, fake, wanted

    contact, fake, wanted = run(scenario())
    assert asked(contact, Status.ANSWERED) == [
        ("mac", None),
        ("http", "GET /"),
        ("http", "GET /favicon.ico"),
        ("rtsp", "OPTIONS"),
        ("rtsp", "DESCRIBE"),
        ("onvif", "GetSystemDateAndTime"),
        ("onvif", "GetServices"),
        ("onvif", "GetScopes"),
        ("onvif", "GetDeviceInformation"),
        ("http", "GET /ISAPI/System/deviceInfo"),
        ("tcp", "check"),
        ("tcp", "listen"),
    ]
    assert (contact.stopped, contact.ended, contact.silent_ports) == (None, "", 0)
    assert fake.connections == 10
    assert fake.peak == 1
    by_request = {outcome.request: outcome for outcome in contact.outcomes if outcome.status is Status.ANSWERED}
    assert by_request["GET /"].raw == LOGIN_PAGE
    assert by_request["GET /"].port == wanted.http[0]
    assert by_request["GET /"].vantage == "lab host"
    assert by_request["GET /"].at.endswith("Z")
    assert by_request["GET /"].device == fake.address
    assert by_request["GET /ISAPI/System/deviceInfo"].detail == LOGIN_OR_LIMIT
    assert by_request[None].facts == {"mac": "44:19:b6:00:00:05"}
    assert [(outcome.port, outcome.detail) for outcome in contact.outcomes if outcome.status is Status.REFUSED] == [
        (port, "connection-refused") for port in (*wanted.http[1:], *wanted.https, wanted.listen[1])
    ]


def test_what_the_device_received_is_what_the_probes_say_they_send():
    async def scenario():
        async with device() as (fake, network):
            wanted = await whole_device(fake, hikvision_like(), listening=True)
            await visit(fake, network, wanted)
            return fake, wanted

    fake, wanted = run(scenario())
    host = f"{fake.address}:{wanted.http[0]}"
    expected = [template.format(host=host) for template in HTTP.sends]
    expected += [template.format(url=f"rtsp://{fake.address}:{wanted.rtsp[0]}/") for template in RTSP.sends]
    for operation in ONVIF.asks:
        body, action = onvif_messages().body_for(operation)
        [template] = ONVIF.sends
        expected.append(template.format(host=host, action=action, length=len(body), body=body.decode()))
    assert sorted(raw.decode() for _, raw in fake.requests) == sorted(expected)
    assert GET_TEMPLATE.replace("{path}", "/") in HTTP.sends
    assert list(RTSP.sends) == [OPTIONS_TEMPLATE, DESCRIBE_TEMPLATE]
    assert SOAP_TEMPLATE.replace("{path}", DEVICE_SERVICE) in ONVIF.sends
    everything = b"".join(raw for _, raw in fake.requests).lower()
    for word in (b"authorization", b"cookie", b"usernametoken", b"wsse", b"password"):
        assert word not in everything


def test_a_dahua_like_camera_behind_a_login():
    realm = 'WWW-Authenticate: Digest realm="Login to 4K01FD2PAJ6E3FF", qop="auth"'
    refusal = page(b"", realm, status="401 Unauthorized")

    async def scenario():
        async with device() as (fake, network):
            wanted = await whole_device(fake, by_request({"GET / ": page(b"<title>WEB SERVICE</title>")}, refusal))
            return await visit(fake, network, wanted), fake, wanted

    contact, fake, wanted = run(scenario())
    # the icon is refused first; then only questions whose refusal tells something
    assert fake.lines(wanted.http[0]) == [
        "GET / HTTP/1.1",
        "GET /favicon.ico HTTP/1.1",
        "GetDeviceInformation",
        "GET /ISAPI/System/deviceInfo HTTP/1.1",
    ]
    assert contact.stopped is None


def test_401_everywhere_gets_three_requests_a_port_and_no_credentials():
    refusal = page(b"", 'WWW-Authenticate: Basic realm="x"', status="401 Unauthorized")

    async def scenario():
        async with device() as (fake, network):
            first, second = await fake.serve(answering(refusal)), await fake.serve(answering(refusal))
            stream = await fake.serve(answering(rtsp("401 Unauthorized", 'WWW-Authenticate: Basic realm="/"')))
            contact = await visit(fake, network, ports(http=(first, second), rtsp=(stream,)))
            return contact, fake, (first, second, stream)

    contact, fake, used = run(scenario())
    for port in used:
        assert 1 <= len(fake.lines(port)) <= 3
    assert "GET /favicon.ico HTTP/1.1" not in fake.lines()
    assert fake.lines(used[0]) == ["GET / HTTP/1.1", "GetDeviceInformation", "GET /ISAPI/System/deviceInfo HTTP/1.1"]
    assert not any(b"authorization" in raw.lower() for _, raw in fake.requests)
    refusals = [outcome for outcome in contact.outcomes if b" 401 " in outcome.raw]
    assert refusals
    assert {outcome.detail for outcome in refusals} == {LOGIN_OR_LIMIT}


def test_a_busy_refusal_is_not_asked_again():
    busy = page(b"Too many connections, try later", status="401 Unauthorized")

    async def scenario():
        async with device() as (fake, network):
            wanted = await whole_device(fake, answering(busy))
            return await visit(fake, network, wanted), fake, wanted

    contact, fake, wanted = run(scenario())
    assert fake.lines(wanted.http[0]) == ["GET / HTTP/1.1"]
    assert next(outcome for outcome in contact.outcomes if outcome.request == "GET /").detail == LOGIN_OR_LIMIT


def test_a_device_that_counts_attempts_is_asked_nothing_more():
    counting = envelope(
        "<s:Fault><s:Reason><s:Text>Sender not Authorized, you still have 5 attempt(s)</s:Text></s:Reason></s:Fault>"
    )

    async def scenario():
        async with device() as (fake, network):
            wanted = await whole_device(fake, hikvision_like(GetServices=counting), listening=True)
            return await visit(fake, network, wanted), fake

    contact, fake = run(scenario())
    assert fake.lines()[-1] == "GetServices"
    assert "5" in contact.ended
    assert next(outcome for outcome in contact.outcomes if outcome.request == "GetServices").detail.endswith(
        "5 attempt(s) left"
    )
    left = [outcome for outcome in contact.outcomes if outcome.status is Status.NOT_ATTEMPTED]
    assert len(left) == 7
    assert all(outcome.detail == contact.ended for outcome in left)


def test_a_printer_is_not_asked_for_onvif_or_isapi():
    web = page(b"<title>HP LaserJet</title><input type=password>", "Server: HP HTTP Server")

    async def scenario():
        async with device() as (fake, network):
            contact = await visit(fake, network, await whole_device(fake, by_request({"GET ": web}), stream=None))
            return contact, fake

    contact, fake = run(scenario())
    assert fake.lines() == ["GET / HTTP/1.1", "GET /favicon.ico HTTP/1.1"]
    assert contact.ended == ""


def test_an_unknown_embedded_device_is_asked_one_onvif_question():
    async def scenario():
        async with device() as (fake, network):
            wanted = await whole_device(fake, by_request({"GET / ": page(b"hello", "Server: thing/1")}), stream=None)
            return await visit(fake, network, wanted), fake

    contact, fake = run(scenario())
    assert fake.lines() == ["GET / HTTP/1.1", "GET /favicon.ico HTTP/1.1", "GetSystemDateAndTime"]
    assert [outcome.raw for outcome in contact.outcomes if outcome.probe == "onvif"] == [NOT_FOUND]


def test_an_open_sdk_port_makes_isapi_worth_asking():
    async def scenario():
        async with device() as (fake, network):

            async def listener(connection):
                await connection.request()

            wanted = ports(http=(await fake.serve(by_request({"GET / ": page(b"hi", "Server: nginx")})),))
            sdk = await fake.serve(listener, port=8000)
            await visit(fake, network, Ports(wanted.http, (), (), (sdk,)))
            return fake

    fake = run(scenario())
    assert fake.lines() == ["GET / HTTP/1.1", "GET /favicon.ico HTTP/1.1", "GET /ISAPI/System/deviceInfo HTTP/1.1"]
    assert not [raw for port, raw in fake.requests if port == 8000]


def test_listen_ports_are_sent_nothing_and_what_they_say_is_kept():
    async def greets(connection):
        await connection.send(b"\xff\x01hello")
        await connection.request()

    async def scenario():
        async with device() as (fake, network):
            talking, quiet = await fake.serve(greets), await fake.serve(silent)
            started = time.monotonic()
            contact = await visit(fake, network, ports(listen=(talking, quiet, fake.closed_port())))
            return contact, fake, time.monotonic() - started

    contact, fake, seconds = run(scenario())
    assert fake.requests == []
    first, second, third = contact.outcomes
    assert (first.status, first.raw) == (Status.ANSWERED, b"\xff\x01hello")
    assert (second.status, second.raw, second.detail) == (Status.ANSWERED, b"", "open; silent for 0.3 s")
    assert (third.status, third.detail) == (Status.REFUSED, "connection-refused")
    assert seconds < 3


def test_onvif_goes_to_8000_only_when_discovery_of_the_device_itself_names_it():
    def match(address, port):
        return envelope(f"<d:XAddrs>http://{address}:{port}/onvif/device_service</d:XAddrs>").split(b"\r\n\r\n")[1]

    async def scenario(xaddr_address, sender):
        async with device() as (fake, network):
            service = await fake.serve(hikvision_like(), port=8000)
            wanted = ports(http=(fake.closed_port(),), listen=(service,))
            named = xaddr_address or fake.address
            earlier = [Outcome(sender or fake.address, "wsd", raw=match(named, 8000))]
            await visit(fake, network, wanted, earlier=earlier)
            return fake.lines(8000)

    assert run(scenario(None, None))[:2] == ["GetSystemDateAndTime", "GetServices"]
    assert run(scenario("127.77.99.99", None)) == []
    assert run(scenario(None, "127.77.99.99")) == []


@pytest.mark.parametrize("port", [37777, 34567, 9100, 22, 1, 65535, 99999])
def test_no_other_port_that_discovery_names_is_asked(port):
    async def scenario():
        async with device() as (fake, network):
            xml = f"<d:XAddrs xmlns:d='x'>http://{fake.address}:{port}/onvif/device_service</d:XAddrs>"
            wanted = Ports(http=(fake.closed_port(),), https=(), rtsp=(), listen=(8000, 37777, 34567))
            return await visit(fake, network, wanted, earlier=[Outcome(fake.address, "wsd", raw=xml.encode())])

    assert not [outcome for outcome in run(scenario()).outcomes if outcome.probe == "onvif"]


def test_tls_brings_page_and_certificate_and_the_rest_only_without_plain_http(certificate):
    context, der = certificate

    async def scenario(plain):
        async with device() as (fake, network):
            closed = fake.closed_port()
            wanted = ports(
                http=(await fake.serve(hikvision_like()) if plain else closed,),
                https=(await fake.serve(hikvision_like(), tls=context),),
            )
            return await visit(fake, network, wanted), fake, wanted

    contact, fake, wanted = run(scenario(plain=True))
    assert fake.lines(wanted.https[0]) == ["GET / HTTP/1.1"]
    [certificate_outcome] = [outcome for outcome in contact.outcomes if outcome.probe == "tls"]
    assert (certificate_outcome.raw, certificate_outcome.tls) == (der, True)
    assert certificate_outcome.port == wanted.https[0]
    contact, fake, wanted = run(scenario(plain=False))
    lines = fake.lines(wanted.https[0])
    assert lines[:2] == ["GET / HTTP/1.1", "GET /favicon.ico HTTP/1.1"]
    assert "GET /ISAPI/System/deviceInfo HTTP/1.1" in lines
    assert "GetServices" in lines
    assert all(outcome.tls for outcome in contact.outcomes if outcome.port == wanted.https[0])


def test_a_page_that_only_redirects_to_tls_is_not_asked_further(certificate):
    context, _ = certificate

    async def scenario():
        async with device() as (fake, network), device() as (other, _):
            there = await other.serve(answering(page(b"elsewhere")))
            target = f"https://{other.address}:{there}/"
            redirect = page(b"", f"Location: {target}", status="302 Found")
            wanted = ports(
                http=(await fake.serve(answering(redirect)),), https=(await fake.serve(hikvision_like(), tls=context),)
            )
            contact = await visit(fake, network, wanted)
            return contact, fake, wanted, other

    _, fake, wanted, other = run(scenario())
    assert fake.lines(wanted.http[0]) == ["GET / HTTP/1.1"]
    assert "GET /ISAPI/System/deviceInfo HTTP/1.1" in fake.lines(wanted.https[0])
    assert other.connections == 0


def test_ports_that_speak_something_else_get_one_connection_and_no_guess(certificate):
    context, _ = certificate

    async def clear_text(connection):
        await connection.reader.read(4096)
        await connection.send(page(b"clear", status="400 Bad Request"))

    async def ssh(connection):
        await connection.send(b"SSH-2.0-dropbear\r\n")
        await connection.request()

    async def scenario():
        async with device() as (fake, network):
            asyncio.get_running_loop().set_exception_handler(lambda *_: None)  # the server side of broken handshakes
            wanted = ports(
                http=(await fake.serve(silent, tls=context), await fake.serve(answering(rtsp("400 Bad Request")))),
                https=(await fake.serve(clear_text),),
                rtsp=(await fake.serve(ssh),),
            )
            return await visit(fake, network, wanted), fake, wanted

    contact, fake, wanted = run(scenario())
    status = {outcome.port: outcome for outcome in contact.outcomes}
    assert status[wanted.http[1]].raw.startswith(b"RTSP/1.0 400")
    assert status[wanted.rtsp[0]].raw == b"SSH-2.0-dropbear\r\n"
    for port in (*wanted.http, *wanted.rtsp):
        assert fake.accepts.get(port, 0) <= 1
    assert fake.accepts[wanted.https[0]] == 2  # the handshake, and the bare hello that shows what answers there
    clear = [outcome for outcome in contact.outcomes if outcome.probe == "tls"]
    assert [(outcome.status, outcome.detail) for outcome in clear] == [(Status.UNREADABLE, "not TLS")]
    assert not [outcome for outcome in contact.outcomes if outcome.probe == "onvif"]


# --- leaving a device alone ---


def test_two_silent_ports_end_a_host():
    async def scenario():
        async with device() as (fake, network):
            dead = [fake.silent_port(), fake.silent_port()]
            wanted = ports(http=(dead[0], fake.closed_port()), rtsp=(dead[1],), listen=(await fake.serve(silent),))
            return await visit(fake, network, wanted), fake, wanted

    contact, fake, wanted = run(scenario())
    assert asked(contact, Status.TIMED_OUT) == [("http", "GET /"), ("rtsp", "OPTIONS")]
    assert contact.silent_ports == 2
    assert contact.stopped is None
    assert fake.connections == 0
    assert [
        (outcome.probe, outcome.port) for outcome in contact.outcomes if outcome.status is Status.NOT_ATTEMPTED
    ] == [
        ("http", wanted.http[1]),
        ("tcp", wanted.listen[0]),
    ]


def test_a_tarpit_ends_after_two_ports(monkeypatch):
    monkeypatch.setattr(http_reader, "FIRST_BYTE_DEADLINE", 0.5)

    async def scenario():
        async with device() as (fake, network):
            every = [await fake.serve(silent) for _ in range(9)]
            started = time.monotonic()
            contact = await visit(fake, network, ports(every[:4], every[4:6], every[6:7], every[7:]))
            return contact, fake, time.monotonic() - started

    contact, fake, seconds = run(scenario())
    assert fake.connections == 2
    assert contact.silent_ports == 2
    assert seconds < 3


def test_two_tarpit_ports_take_less_than_twenty_seconds_by_the_real_numbers():
    half_a_second_of_goodbye = 0.5
    assert 2 * (http_reader.FIRST_BYTE_DEADLINE + half_a_second_of_goodbye) + 2 < 20


@pytest.mark.parametrize("after", [3, 5])
def test_the_breaker_trips_when_a_device_begins_to_reset(after):
    async def scenario():
        async with device() as (fake, network):
            wanted = await whole_device(fake, hikvision_like(), listening=True)
            fake.reset_after = after
            return await visit(fake, network, wanted), fake

    contact, fake = run(scenario())
    assert fake.connections == after + 3  # two failures, one check
    assert "stopped answering during the audit" in contact.stopped
    assert contact.outcomes[-1].status is Status.NOT_ATTEMPTED
    checks = [outcome for outcome in contact.outcomes if outcome.request == "check"]
    assert len(checks) == 1
    assert checks[0].status is Status.REFUSED


def test_a_device_that_falls_silent_is_checked_once_after_the_rest(monkeypatch):
    monkeypatch.setattr(http_reader, "FIRST_BYTE_DEADLINE", 0.4)
    answers = {"GET / ": LOGIN_PAGE}

    async def scenario():
        async with device() as (fake, network):

            async def web(connection):
                whole = await connection.request()
                if b"GET / " in whole:
                    await connection.send(answers["GET / "])
                else:
                    await silent(connection)

            wanted = ports(http=(await fake.serve(web), fake.closed_port()), rtsp=(await fake.serve(silent),))
            limits = Limits(exchange=2.0, host=30.0, cool_down=0.8, listen=0.3)
            return await visit(fake, network, wanted, limits=limits), fake

    contact, fake = run(scenario())
    assert fake.connections == 4  # page, two silent questions, one check
    told = [dt.datetime.fromisoformat(outcome.at) for outcome in contact.outcomes if outcome.at]
    check = next(index for index, outcome in enumerate(contact.outcomes) if outcome.request == "check")
    assert (told[check] - told[check - 1]).total_seconds() > 0.8 + 0.25
    assert "0.8 s later it accepted a connection, and it was asked nothing more" in contact.stopped


def test_filtered_ports_of_a_healthy_device_do_not_stop_it():
    async def scenario():
        async with device() as (fake, network):
            wanted = ports(
                http=(await fake.serve(by_request({"GET / ": page(b"x", "Server: nginx")})), fake.silent_port()),
                rtsp=(fake.silent_port(),),
                listen=(fake.closed_port(),),
            )
            return await visit(fake, network, wanted), fake, wanted

    contact, fake, wanted = run(scenario())
    assert contact.stopped is None
    assert contact.silent_ports == 2
    assert contact.ended
    assert fake.accepts == {wanted.http[0]: 3}  # page, icon, check
    assert not [raw for _, raw in fake.requests if not raw.startswith(b"GET")]


def test_a_host_gets_only_so_many_seconds():
    async def slow(connection):
        await connection.request()
        await connection.drip(b"HTTP/1.1 200 OK\r\nServer: thing" + b"x" * 999, 0.1)

    async def scenario():
        async with device() as (fake, network):
            wanted = ports(http=[await fake.serve(slow) for _ in range(6)], rtsp=(fake.closed_port(),))
            started = time.monotonic()
            limits = Limits(exchange=1.0, host=2.5, cool_down=0.1, listen=0.1)
            contact = await visit(fake, network, wanted, limits=limits)
            return contact, fake, time.monotonic() - started

    contact, fake, seconds = run(scenario())
    assert fake.connections == 4  # one of them only saw whether the device was still there
    assert seconds < 6
    assert "2.5 s of contact" in contact.ended
    assert contact.stopped is None
    assert len(asked(contact, Status.NOT_ATTEMPTED)) >= 4
    assert all(outcome.truncated for outcome in contact.outcomes if outcome.raw)


def test_a_spent_budget_ends_a_visit_cleanly():
    async def scenario():
        tight = type(GENTLE)("test", 1e6, 1e6, 1e4, 1, 3)
        async with device(tight) as (fake, network):
            wanted = await whole_device(fake, hikvision_like())
            return await visit(fake, network, wanted), fake

    contact, fake = run(scenario())
    assert fake.connections == 3
    assert "spent" in contact.ended
    assert contact.stopped is None


def test_outcomes_are_handed_on_as_they_come_also_when_cancelled():
    heard = []

    async def scenario():
        async with device() as (fake, network):
            wanted = ports(http=(await fake.serve(hikvision_like()),), rtsp=(await fake.serve(silent),))
            two = asyncio.Event()

            def hear(outcome):
                heard.append(outcome)
                if len(heard) == 2:
                    two.set()

            task = asyncio.create_task(visit(fake, network, wanted, on_outcome=hear))
            await two.wait()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            await asyncio.sleep(0.05)
            return fake.open

    assert run(scenario()) == 0
    assert [outcome.request for outcome in heard] == ["GET /", "GET /favicon.ico"]


def test_a_withdrawn_permit_ends_a_visit():
    from auditor.model import Zone, ZoneRole
    from auditor.site import Exclusion, Scope

    async def scenario():
        async with device() as (fake, network):
            excluded = Exclusion(text="44:19:b6:00:00:05", mac="44:19:b6:00:00:05")
            scope = Scope([Zone("lab", ZoneRole.CORE, ("127.77.0.0/16",))], [excluded])
            permit = scope.permit(fake.address)
            wanted = await whole_device(fake, hikvision_like())

            def learn(_outcome):
                scope.learn_mac(fake.address, "44:19:b6:00:00:05")

            contact = await probe_device(network, permit, wanted, on_outcome=learn, limits=QUICK)
            return contact, fake

    contact, fake = run(scenario())
    assert fake.connections == 1
    assert {outcome.status for outcome in contact.outcomes[1:]} == {Status.NOT_PERMITTED}


def test_onvif_answers_with_a_dtd_are_kept_raw_and_harm_nothing():
    bomb = page(
        b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;">]>'
        b'<s:Envelope xmlns:s="x"><s:Body>&b;</s:Body></s:Envelope>'
    )

    async def scenario():
        async with device() as (fake, network):
            wanted = await whole_device(fake, hikvision_like(GetSystemDateAndTime=bomb, GetServices=bomb))
            xml = b'<!DOCTYPE x [<!ENTITY a "http://127.77.1.1/">]><x><XAddrs>&a;</XAddrs></x>'
            return await visit(fake, network, wanted, earlier=[Outcome(fake.address, "wsd", raw=xml)])

    contact = run(scenario())
    assert [outcome.raw for outcome in contact.outcomes if outcome.request == "GetServices"] == [bomb]


def test_arbitrary_bytes_never_break_a_visit():
    @settings(max_examples=15, deadline=None)
    @given(
        st.lists(st.binary(max_size=300), min_size=1, max_size=4),
        st.sampled_from(
            [b"", b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 401 x\r\nContent-Length: 3\r\n\r\n", b"RTSP/1.0 200 OK\r\n"]
        ),
        st.binary(max_size=200),
    )
    def check(raws, start, discovery):
        async def scenario():
            async with device() as (fake, network):
                handler = answering(*(start + raw for raw in raws))
                wanted = ports(http=(await fake.serve(handler),), rtsp=(await fake.serve(handler),))
                limits = Limits(exchange=0.5, host=5, cool_down=0.05, listen=0.05)
                earlier = [Outcome(fake.address, "wsd", raw=discovery)]
                return await visit(fake, network, wanted, limits=limits, earlier=earlier)

        assert asyncio.run(scenario()).outcomes

    check()


# --- order and cost ---


def test_order_of_asking():
    wanted = Ports()
    order = [(type(probe).__name__, port) for probe, port in sequence(wanted)]
    assert order[:2] == [("HttpProbe", 80), ("RtspProbe", 554)]
    assert [port for _, port in order] == [80, 554, 8080, 81, 88, 443, 8443, 8000, 37777, 34567]


def test_bound_holds_for_the_most_talkative_device_and_stays_under_the_budget(certificate):
    context, _ = certificate

    async def scenario():
        async with device() as (fake, network):
            web = hikvision_like(GetScopes=SCOPES, GetDeviceInformation=INFORMATION)
            wanted = ports(
                http=[await fake.serve(web) for _ in range(4)],
                https=[await fake.serve(web, tls=context) for _ in range(2)],
                rtsp=[await fake.serve(answering(rtsp("200 OK")))],
                listen=[await fake.serve(silent) for _ in range(3)],
            )
            started = time.monotonic()
            await visit(fake, network, wanted)
            return fake, network, wanted, time.monotonic() - started

    fake, network, wanted, seconds = run(scenario())
    bound = upper_bound(wanted)
    assert fake.connections == 17
    assert fake.connections <= bound.connections <= GENTLE.connections
    assert network.counters.packets_sent <= bound.packets
    assert seconds <= bound.seconds
    assert upper_bound(Ports()).connections == 22


def test_bound_never_exceeds_the_budget_of_a_device():
    many = Ports(http=tuple(range(1000, 1040)))
    assert upper_bound(many).connections == 30
    assert upper_bound(ports()).connections > 0


def test_a_fresh_fake_has_an_address_of_its_own():
    assert Fake().address != Fake().address


def test_what_the_authorisation_does_not_allow_is_not_asked():
    async def scenario():
        async with device() as (fake, network):
            wanted = await whole_device(fake, hikvision_like(), listening=True)
            contact = await visit(fake, network, wanted, mac="44:19:b6:00:00:05", methods=frozenset({"rtsp"}))
            return contact, fake, wanted

    contact, fake, wanted = run(scenario())
    assert asked(contact, Status.ANSWERED) == [("mac", None), ("rtsp", "OPTIONS"), ("rtsp", "DESCRIBE")]
    assert set(fake.accepts) == set(wanted.rtsp)
    refused = {(outcome.probe, outcome.port) for outcome in contact.outcomes if outcome.status is Status.NOT_PERMITTED}
    assert refused == {
        *(("http", port) for port in (*wanted.http, *wanted.https)),
        *(("tcp", port) for port in wanted.listen),
    }


def test_a_device_that_refuses_everything_from_now_on_is_left_alone():
    async def scenario():
        async with device() as (fake, network):
            web = await fake.serve(hikvision_like())
            stream = await fake.serve(RTSP_CAMERA)
            closed = [fake.closed_port() for _ in range(4)]
            wanted = ports(http=(web, *closed), rtsp=(stream,))

            def die(outcome):
                if outcome.request == "GET /ISAPI/System/deviceInfo":
                    fake.refuse_everything()

            contact = await visit(fake, network, wanted, on_outcome=die)
            return contact, network.counters.connections_tried, network.counters.connections_opened, closed

    contact, tried, opened, closed = run(scenario())
    assert contact.stopped is not None
    assert str(closed[0]) in contact.stopped
    assert tried - opened == 2, "one refusal and one look back"
    assert len(asked(contact, Status.NOT_ATTEMPTED)) == 3
