import io
import json

from auditor.identify import LineError, identify_lines
from auditor.identify import lines as module
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


def test_keys_are_remembered_when_packed(monkeypatch):
    monkeypatch.setattr(module, "_RECENT", 8)
    seen = module._Seen()
    for number in range(100):
        assert not seen.holds(str(number))
        seen.add(str(number))
    assert all(seen.holds(str(number)) for number in range(100))
    assert not seen.holds("100")
    assert len(seen._packed) < 6


def test_same_input_gives_the_same_bytes(rules):
    data = b"".join(
        _line(str(number), mac)
        for number, mac in enumerate(["44:19:b6:00:00:05", "ac:cc:8e:00:00:05", "3c:ef:8c:00:00:05"])
    )
    first, second = ("\n".join(json.dumps(item.to_json()) for item in _run(data, rules)) for _ in range(2))
    assert first == second
