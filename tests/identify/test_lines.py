import io
import json
import random
import tracemalloc

import pytest

from auditor.identify import LineError, identify_lines, spool
from auditor.identify import lines as module
from auditor.model import Identity, Outcome
from auditor.observe import observe, read_lines


def _line(device, mac="44:19:b6:00:00:05"):
    return json.dumps({"device": device, "probe": "mac", "facts": {"mac": mac}}).encode() + b"\n"


def _run(data, rules, **options):
    return list(identify_lines(read_lines(io.BytesIO(data)), rules, observe=observe, **options))


def test_one_identity_a_key_in_the_order_of_the_input(rules):
    server = (
        json.dumps({"device": "b", "probe": "http", "port": 80, "facts": {"http.server": "App-webs/"}}).encode() + b"\n"
    )
    found = _run(_line("b") + server + _line("a", "3c:ef:8c:00:00:05"), rules)
    assert [(item.device, item.maker, round(item.confidence, 3)) for item in found] == [
        ("b", "Hikvision", 0.997),
        ("a", "Dahua", 0.7),
    ]


def test_a_key_that_comes_back_is_an_error_and_the_rest_goes_on(rules):
    found = _run(_line("a") + _line("b") + _line("a") + _line("a") + _line("c"), rules)
    assert [item.number if isinstance(item, LineError) else item.device for item in found] == ["a", 3, 4, "b", "c"]
    assert "--unsorted" in next(item.reason for item in found if isinstance(item, LineError))


def test_unsorted_holds_the_lines_of_a_key_together(rules):
    server = json.dumps({"device": "a", "probe": "http", "facts": {"http.server": "App-webs/"}}).encode() + b"\n"
    found = _run(_line("a") + _line("b") + server, rules, unsorted=True)
    assert [(item.device, round(item.confidence, 3)) for item in found] == [("a", 0.997), ("b", 0.7)]


def test_bad_lines_pass_through_as_errors(rules):
    for options in ({}, {"unsorted": True}):
        found = _run(_line("a") + b"{broken\n" + _line("b"), rules, **options)
        assert sorted((item.number if isinstance(item, LineError) else 0) for item in found) == [0, 0, 2]


def test_answers_of_one_key_keep_apart(rules):
    public = "OPTIONS, DESCRIBE, ANNOUNCE, SETUP, PLAY, RECORD, PAUSE, TEARDOWN, SET_PARAMETER, GET_PARAMETER"
    lines = [{"rtsp.server": "Rtsp Server/3.0"}, {"rtsp.public": public}]
    data = b"".join(json.dumps({"device": "a", "probe": "rtsp", "facts": facts}).encode() + b"\n" for facts in lines)
    assert _run(data, rules)[0].maker is None


def test_a_flood_of_lines_for_one_key_is_bounded(rules, monkeypatch):
    monkeypatch.setattr(module, "MAX_LINES_PER_DEVICE", 3)
    found = _run(_line("a") * 5, rules)
    assert [item.number for item in found if isinstance(item, LineError)] == [4, 5]


def test_a_flood_of_facts_for_one_key_is_bounded(rules, monkeypatch):
    monkeypatch.setattr(module, "MAX_CHARACTERS_PER_DEVICE", 5000)
    body = json.dumps({"device": "a", "probe": "http", "facts": {"http.body": "x" * 2000}}).encode() + b"\n"
    for options in ({}, {"unsorted": True}):
        found = _run(body * 4 + _line("b"), rules, **options)
        assert [item.number if isinstance(item, LineError) else item.device for item in found] == [3, 4, "a", "b"]


def test_unsorted_gives_what_sorted_input_gives_in_the_order_of_the_first_lines(rules, monkeypatch):
    monkeypatch.setattr(spool, "_IN_MEMORY", 3000)
    lines = [
        json.dumps({"device": f"d{number % 40}", "probe": "http", "port": 80 + number // 40, "raw": f"HTTP/1.0 200 OK\r\nServer: {server}\r\n\r\n\ud800"}).encode()
        for number, server in enumerate(["App-webs/", "Boa/0.94", "nginx"] * 60)
    ]  # fmt: skip
    random.Random(4).shuffle(lines)
    order = list(dict.fromkeys(json.loads(line)["device"] for line in lines))
    together = [line for device in order for line in lines if json.loads(line)["device"] == device]
    assert _run(b"\n".join(lines), rules, unsorted=True) == _run(b"\n".join(together), rules)


def _peak(count, rules, *, unsorted):
    def many():
        for number in range(count):
            yield (
                number,
                Outcome(
                    f"d{number}",
                    "mac",
                    facts={"mac": f"44:19:b6:{number >> 16:02x}:{number >> 8 & 255:02x}:{number & 255:02x}"},
                ),
            )

    tracemalloc.start()
    try:
        assert sum(1 for _ in identify_lines(many(), rules, observe=observe, unsorted=unsorted)) == count
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("unsorted", [False, True])
def test_memory_does_not_grow_with_the_input(rules, monkeypatch, unsorted):
    monkeypatch.setattr(spool, "_RECENT", 2000)
    monkeypatch.setattr(spool, "_IN_MEMORY", 200_000)
    monkeypatch.setattr(spool, "_FAN", 4)  # files open at once have a buffer each
    # What the rules remember has bounds and a test of its own; without it this would take minutes under the tracer.
    monkeypatch.setattr(module, "identify", lambda device, observations, _: Identity(f"{device} {len(observations)}"))
    small, large = (_peak(count, rules, unsorted=unsorted) for count in (4_000, 20_000))
    assert large < small + 700_000  # bytes; five times as many devices


def test_same_input_gives_the_same_bytes(rules):
    data = b"".join(
        _line(str(number), mac)
        for number, mac in enumerate(["44:19:b6:00:00:05", "ac:cc:8e:00:00:05", "3c:ef:8c:00:00:05"])
    )
    first, second = ("\n".join(json.dumps(item.to_json()) for item in _run(data, rules)) for _ in range(2))
    assert first == second
