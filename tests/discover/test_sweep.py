"""The nmap sweep: what it sends through a router, and that no broken nmap output becomes silence."""

from __future__ import annotations

import collections
import os
import signal
import subprocess
from pathlib import Path

import pytest
from lxml import etree

from auditor.common.limits import NEVER_PORTS
from auditor.discover import base, sweep
from auditor.discover.sweep import XmlReader
from auditor.model import GENTLE, STANDARD, Look, LookResult, Ports, Sighting
from auditor.site import Exclusion
from tests.discover.wires import FAR, busiest, context, scope_of

pytestmark = pytest.mark.netns
HEAD = b'<?xml version="1.0" encoding="UTF-8"?>\n<!DOCTYPE nmaprun>\n<?xml-stylesheet href="file:///x"?>\n<nmaprun scanner="nmap">'
END = b'<runstats><finished time="1" exit="success"/><hosts up="1" down="0" total="1"/></runstats></nmaprun>'


def host(address, state="down", reason="no-response", inner="", attributes=""):
    return (
        f'<host{attributes}><status state="{state}" reason="{reason}"/><address addr="{address}" addrtype="ipv4"/>{inner}</host>'
    ).encode()


def ports(*states):
    found = "".join(f'<port protocol="tcp" portid="80"><state state="{s}" reason="{r}"/></port>' for s, r in states)
    return f"<ports>{found}</ports>"


def swept(wires, ctx, during=None):
    """Survey and sweep; return the sightings' addresses and the look of each address."""

    async def run():
        await base.survey(ctx)
        found = []
        async for item in sweep.run(ctx):
            found.append(item)
            if during:
                during(item)
        return found

    found = wires.scanner(run)
    return [item for item in found if isinstance(item, Sighting)], {i.address: i for i in found if isinstance(i, Look)}


def stub(monkeypatch, tmp_path, script):
    """Put another program in nmap's place; python-nmap still finds the real one."""
    path = tmp_path / "nmap"
    path.write_text("#!/bin/sh\n" + script)
    path.chmod(0o755)
    monkeypatch.setattr(sweep, "find_nmap", lambda: str(path))


def saying(*parts):
    return "cat > /dev/null\nprintf '%s' '" + b"".join(parts).decode() + "'\n"


@pytest.mark.parametrize("pace", [GENTLE, STANDARD], ids=["gentle", "standard"])
def test_through_a_router_the_living_are_found_and_the_limits_hold(wires, pace):
    wires.devices(wires.far).tcp(80)
    # Half of the living answer no echo request, so that the SYNs and the kernel's RSTs are measured too.
    wires.filter(wires.far, "input", "ip daddr 10.92.0.0/26 icmp type echo-request drop")
    scope = scope_of(FAR, exclude=[Exclusion.parse("10.92.0.9"), Exclusion.parse("10.92.0.130")])
    ctx, tap = context(scope, pace), wires.tap()
    sightings, looks = swept(wires, ctx)
    frames = tap.frames()
    assert {item.address for item in sightings} == {f"10.92.0.{last}" for last in range(128)} - {"10.92.0.9"}
    assert {item.mac for item in sightings} == {None}
    assert looks["10.92.0.5"].reason == "syn-ack"
    assert looks["10.92.0.70"].reason == "echo-reply"
    assert {(looks[f"10.92.0.{last}"].result, looks[f"10.92.0.{last}"].reason) for last in range(131, 256)} == {
        (LookResult.SILENT, "no-response")
    }
    assert busiest([frame.at for frame in frames]) <= pace.packets * 1.1
    syns = collections.defaultdict(list)
    for frame in frames:
        if frame.syn:
            syns[frame.to].append(frame.at)
    assert max(busiest(times) for times in syns.values()) <= pace.new_connections
    assert max(len(times) for times in syns.values()) == 2 * sweep.TRIES
    assert [frame for frame in frames if frame.to in ("10.92.0.9", "10.92.0.130")] == []
    assert [frame for frame in frames if frame.kind == "0806" and frame.to != "10.91.0.1"] == [], "no ARP of nmap's own"
    edges = [frame for frame in frames if frame.to in ("10.92.0.0", "10.92.0.255")]
    assert {frame.protocol for frame in edges} == {6}, "no echo request to a network or broadcast address"
    assert abs(ctx.network.counters.packets_sent - len(frames)) <= 0.1 * len(frames)
    assert ctx.limits == []


def test_drops_rejects_and_prohibitions_are_kept_apart(wires):
    wires.filter(
        wires.near, "forward", "ip daddr 10.92.0.1 drop", "ip daddr 10.92.0.2 reject with icmp type admin-prohibited",
        "ip daddr 10.92.0.3 reject with icmp type net-unreachable", "ip daddr 10.92.0.4 reject with icmp type host-unreachable",
        "ip daddr 10.92.0.5 meta l4proto tcp reject with tcp reset", "ip daddr 10.92.0.5 drop",
    )  # fmt: skip
    _, looks = swept(wires, context(scope_of("10.92.0.0/29"), STANDARD))
    assert {a[-1]: (look.result.value, look.reason) for a, look in looks.items() if a[-1] not in "07"} == {
        "1": ("silent", "no-response"), "2": ("filtered", "admin-prohibited"), "3": ("unreachable", "net-unreach"),
        "4": ("silent", "host-unreach"), "5": ("answered", "conn-refused"), "6": ("answered", "echo-reply"),
    }  # fmt: skip


def test_a_killed_nmap_leaves_errors_and_no_silence(wires, monkeypatch):
    scope = scope_of("10.92.0.64/26", "10.92.0.192/26")
    ctx = context(scope, STANDARD)
    monkeypatch.setattr(sweep, "CHUNK", 64)
    spawn = sweep.asyncio.create_subprocess_exec
    started = []

    async def spy(*words, **options):
        process = await spawn(*words, **options)
        started.append(process)
        if len(started) == 5:  # the second step of the second chunk
            sweep.asyncio.get_running_loop().call_later(0.3, process.kill)
        return process

    monkeypatch.setattr(sweep.asyncio, "create_subprocess_exec", spy)
    sightings, looks = swept(wires, ctx)
    assert started[4].returncode == -signal.SIGKILL
    assert {item.address for item in sightings} == {f"10.92.0.{last}" for last in range(64, 128)}
    assert {looks[f"10.92.0.{last}"].result for last in range(192, 256)} == {LookResult.ERROR}
    assert any("did not finish" in limit for limit in ctx.limits)


BROKEN = {
    "M6 timed out": (saying(HEAD, host("10.92.0.1", "up", "echo-reply", attributes=' timedout="true"'), END), "not_attempted", "timed-out"),
    "M7 no route": (saying(HEAD, END), "error", "not-reported"),
    "M8 link down": (saying(HEAD, host("10.91.0.2", "up", "localhost-response"), END), "error", "not-reported"),
    "M9 everything is up": (saying(HEAD, host("10.92.0.1", "up", "user-set"), END), "not_attempted", "timed-out"),
    "M10 cut": (saying(HEAD, b'<hosthint><status state="up"'), "error", "sweep-incomplete"),
    "cut after a host": (saying(HEAD, host("10.92.0.2", "up", "echo-reply")), "error", "sweep-incomplete"),
    "not finished": (saying(HEAD, END.replace(b"success", b"error")), "error", "sweep-incomplete"),
    "damaged": (saying(HEAD, b"<host><status></host>", END), "error", "sweep-incomplete"),
    "fails with a good exit": ("cat > /dev/null\necho sorry >&2\nexit 0\n", None, None),
}  # fmt: skip


@pytest.mark.parametrize(("script", "result", "reason"), BROKEN.values(), ids=BROKEN.keys())
def test_a_broken_nmap_is_never_silence(wires, monkeypatch, tmp_path, script, result, reason):
    stub(monkeypatch, tmp_path, script)
    ctx = context(scope_of("10.92.0.1/32", "10.92.0.2/32"))
    _, looks = swept(wires, ctx)
    if result is None or (reason == "sweep-incomplete" and "10.92.0.2" not in looks):
        assert ctx.waiting.keys() == {"10.92.0.1", "10.92.0.2"}, "left to the connect sweep"
        assert any("connect sweep serves" in limit for limit in ctx.limits)
    else:
        assert (looks["10.92.0.1"].result.value, looks["10.92.0.1"].reason) == (result, reason)


def test_hosts_nmap_names_without_being_asked_are_not_believed(wires, monkeypatch, tmp_path):
    stub(
        monkeypatch,
        tmp_path,
        saying(HEAD, host("10.92.0.77", "up", "echo-reply"), host("10.92.0.1", "up", "echo-reply"), END),
    )
    sightings, looks = swept(wires, context(scope_of("10.92.0.1/32")))
    assert [item.address for item in sightings] == ["10.92.0.1"]
    assert looks.keys() == {"10.92.0.1"}


def test_an_nmap_that_never_ends_is_ended(wires, monkeypatch, tmp_path):
    stub(monkeypatch, tmp_path, f"echo $$ > {tmp_path}/pid\nexec sleep 300\n")
    monkeypatch.setattr(sweep, "_PATIENCE", 0.0)
    monkeypatch.setattr(sweep.asyncio, "timeout", lambda _: _real_timeout(1.0))
    ctx = context(scope_of("10.92.0.1/32"))
    swept(wires, ctx)
    assert any("still running" in limit for limit in ctx.limits)
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "pid").read_text()), 0)


_real_timeout = sweep.asyncio.timeout


def test_nmap_gets_fixed_arguments_and_only_permitted_addresses(wires, monkeypatch, tmp_path):
    stub(monkeypatch, tmp_path, f'echo "$@" >> {tmp_path}/words\ncat >> {tmp_path}/hosts\n')
    scope = scope_of("10.92.0.0/29", exclude=[Exclusion.parse("10.92.0.3")])
    swept(wires, context(scope, ports=Ports(http=(8081,), rtsp=(9100,), https=(515,))))
    hosts = (tmp_path / "hosts").read_text().split()
    assert "10.92.0.3" not in hosts
    assert set(hosts) <= {permit.address for permit in scope.permits()}
    words = (tmp_path / "words").read_text().split()
    for banned in ("-sV", "-O", "-A", "-sC", "--script", "-R", "-PR", "-sU"):
        assert banned not in words
    for needed in ("-n", "--send-ip", "--disable-arp-ping", "--max-rate", "--min-rate", "--max-retries"):
        assert needed in words
    assert not any(f"-p{port}" in words for port in NEVER_PORTS)


def test_a_permit_withdrawn_between_two_runs_is_not_handed_to_nmap(wires, monkeypatch, tmp_path):
    scope = scope_of("10.92.0.1/32", "10.92.0.2/32", exclude=[Exclusion.parse("02:00:00:00:00:aa")])
    stub(monkeypatch, tmp_path, f"cat >> {tmp_path}/hosts\n" + saying(HEAD, host("10.92.0.1", "up", "echo-reply"), END))
    monkeypatch.setattr(sweep, "CHUNK", 1)
    ctx = context(scope)
    _, looks = swept(wires, ctx, during=lambda _: scope.learn_mac("10.92.0.2", "02:00:00:00:00:aa"))
    assert (tmp_path / "hosts").read_text().split() == ["10.92.0.1"]
    assert looks.keys() == {"10.92.0.1", "10.92.0.2"}
    assert looks["10.92.0.2"].reason == "excluded-mac"


def test_without_nmap_everything_is_left_to_the_connect_sweep(wires, monkeypatch):
    monkeypatch.setattr(sweep.NmapUnusable, "__doc__", "")
    import nmap

    def missing(*_, **__):
        raise nmap.PortScannerError("no")

    monkeypatch.setattr(nmap, "PortScanner", missing)
    ctx = context(scope_of("10.92.0.1/32"))
    assert swept(wires, ctx) == ([], {})
    assert ctx.waiting.keys() == {"10.92.0.1"}
    assert any("nmap is not installed" in limit for limit in ctx.limits)


def test_the_real_nmap_is_found_and_an_old_one_refused(monkeypatch):
    path = sweep.find_nmap()
    assert b"Nmap version" in subprocess.run([path, "-V"], capture_output=True, check=True).stdout
    import nmap

    monkeypatch.setattr(nmap.PortScanner, "nmap_version", lambda _: (6, 47))
    with pytest.raises(sweep.NmapUnusable, match=r"6\.47 is older"):
        sweep.find_nmap()


def read(data, size):
    reader, found = XmlReader(), []
    for start in range(0, len(data), size):
        found += list(reader.feed(data[start : start + size]))
    return reader, found


@pytest.mark.parametrize("size", [1, 7, 100000])
def test_xml_is_read_as_it_comes(size):
    document = HEAD + host("10.0.0.1", "up", "echo-reply") + host("10.0.0.2") + END
    reader, found = read(document, size)
    assert [(line.address, line.answered, line.reason) for line in found] == [
        ("10.0.0.1", True, "echo-reply"), ("10.0.0.2", False, "no-response"),
    ]  # fmt: skip
    assert reader.finished


def test_every_cut_of_the_xml_is_noticed():
    document = HEAD + host("10.0.0.1", "up", "echo-reply") + END
    for cut in range(len(document) - len(b"<hosts up='1' down='0' total='1'/></runstats></nmaprun>") - 3):
        try:
            reader, _ = read(document[:cut], 4096)
        except etree.XMLSyntaxError:
            continue
        assert not reader.finished, document[:cut]


def test_states_of_ports_decide_when_the_host_was_only_declared_up():
    for states, answered, reason in (
        ([("open", "syn-ack")], True, "syn-ack"), ([("closed", "reset")], True, "reset"),
        ([("filtered", "no-response")], False, "no-response"), ([("filtered", "no-response"), ("closed", "reset")], True, "reset"),
    ):  # fmt: skip
        _, (line,) = read(HEAD + host("10.0.0.1", "up", "user-set", ports(*states)), 4096)
        assert (line.answered, line.reason) == (answered, reason)
    extra = '<ports><extraports state="filtered" count="1"><extrareasons reason="admin-prohibiteds" count="1"/></extraports></ports>'
    _, (line,) = read(HEAD + host("10.0.0.1", "up", "user-set", extra), 4096)
    assert (line.answered, line.reason) == (False, "admin-prohibited")


def test_an_entity_in_the_xml_is_not_expanded():
    data = HEAD.replace(b"<!DOCTYPE nmaprun>", b'<!DOCTYPE nmaprun [<!ENTITY x SYSTEM "file:///etc/passwd">]>')
    data += b'<host><status state="up" reason="&x;"/><address addr="10.0.0.1" addrtype="ipv4"/></host>' + END
    with pytest.raises(etree.XMLSyntaxError):
        read(data, 4096)


def test_the_module_drives_nmap_through_python_nmap():
    assert "nmap.PortScanner()" in Path(sweep.__file__).read_text()
