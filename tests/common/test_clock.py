import datetime as dt

from auditor.common import clock


def test_now_is_aware_and_utc():
    assert clock.now().utcoffset() == dt.timedelta(0)


def test_a_stamp_is_utc_with_z_wherever_the_moment_came_from():
    moment = dt.datetime(2026, 3, 29, 3, 30, 0, 123456, tzinfo=dt.timezone(dt.timedelta(hours=2)))
    assert clock.stamp(moment) == "2026-03-29T01:30:00.123Z"
