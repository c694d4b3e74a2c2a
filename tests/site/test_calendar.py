import datetime as dt
import zoneinfo

import pytest

from auditor.site import Problem, Window
from auditor.site.calendar import DAYS, read_clock, read_timezone


@pytest.mark.parametrize(("text", "minutes"), [("00:00", 0), ("6:05", 365), ("22:00", 1320), ("24:00", 1440)])
def test_times_of_day(text, minutes):
    assert read_clock(text) == minutes


@pytest.mark.parametrize(
    "text", ["", "22", "22:60", "24:01", "25:00", "-1:00", "22:0", "022:00", "\uff12\uff12:00", "22:00:00"]
)
def test_what_is_not_a_time_of_day(text):
    with pytest.raises(Problem, match="is not a time of day"):
        read_clock(text)


def at(text):
    return dt.datetime.fromisoformat(text)


def test_a_window_within_a_day_closes_at_its_last_minute():
    window = Window(("sat",), read_clock("09:00"), read_clock("17:00"))
    assert window.holds(at("2026-11-07T09:00"))
    assert window.holds(at("2026-11-07T16:59:59"))
    assert not window.holds(at("2026-11-07T17:00"))
    assert not window.holds(at("2026-11-07T08:59:59"))
    assert not window.holds(at("2026-11-08T10:00"))


def test_a_window_over_midnight_belongs_to_the_day_it_opens_on():
    window = Window(("sun",), read_clock("22:00"), read_clock("06:00"))
    assert window.holds(at("2026-11-08T22:00"))
    assert window.holds(at("2026-11-09T05:59"))
    assert not window.holds(at("2026-11-09T06:00"))
    assert not window.holds(at("2026-11-08T05:00"))
    assert not window.holds(at("2026-11-09T22:30"))
    assert str(window) == "sun 22:00-06:00"


def test_a_whole_day_and_a_window_until_midnight():
    whole = Window(DAYS, 0, 1440)
    assert whole.holds(at("2026-11-09T00:00"))
    assert whole.holds(at("2026-11-09T23:59:59"))
    assert str(whole) == "every day 00:00-24:00"
    evening = Window(("mon",), read_clock("22:00"), read_clock("00:00"))
    assert evening.holds(at("2026-11-09T23:59"))
    assert not evening.holds(at("2026-11-10T00:00"))


@pytest.mark.parametrize("name", ["Europe/Londn", "../etc/passwd", "/etc/localtime", "", "Europe"])
def test_what_is_not_a_time_zone(name):
    with pytest.raises(Problem, match="is not a time zone; write an IANA name"):
        read_timezone(name)


def test_without_time_zone_data_utc_works_and_others_say_what_is_missing(monkeypatch):
    def missing(name):
        raise zoneinfo.ZoneInfoNotFoundError(name)

    monkeypatch.setattr(zoneinfo, "ZoneInfo", missing)
    monkeypatch.setattr(zoneinfo, "available_timezones", set)
    assert read_timezone("UTC") is dt.UTC
    with pytest.raises(Problem, match="this machine has no time zone data; install tzdata"):
        read_timezone("Europe/London")
